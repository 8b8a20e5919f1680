//! `widgets keys rotate`.

use super::{ROTATE, id_of, keys, list};
use crate::support::{
    app::TestApp,
    fault_proxy::{Effect, Fault, FaultProxy},
};

#[tokio::test]
async fn refused_rotation_gives_advice_that_helps() {
    let app = TestApp::start().await;
    let url = app.stack.store.url.as_str();
    for (overlap, is_revoked, ends_at_once) in
        [("1h", false, true), ("0s", false, false), ("1h", true, false)]
    {
        let id = id_of(keys(url, &["issue"]).await.key());
        let next = id_of(keys(url, &["rotate", &id, "--overlap", overlap]).await.key());
        if is_revoked {
            assert!(keys(url, &["revoke", &id]).await.is_success);
        }
        let printed = keys(url, &["rotate", &id]).await;
        let successor = format!("`widgets keys rotate {next}` replaces that one");
        printed.expect_failure(&format!("{next} replaces it. {successor}"));
        let revoke = format!("`widgets keys revoke {id}`");
        assert_eq!(printed.stderr.contains(&revoke), ends_at_once, "{printed:?}");
    }

    // This key does not work any more and has no successor.
    let id = id_of(keys(url, &["issue"]).await.key());
    assert!(keys(url, &["revoke", &id]).await.is_success);
    let printed = keys(url, &["rotate", &id]).await;
    printed.expect_failure(&format!(
        "widgets: the key {id} is revoked: `widgets keys issue` makes a new one\n"
    ));
}

#[tokio::test]
async fn failed_rotation_says_why() {
    let proxy = FaultProxy::start().await;
    let url = proxy.url.as_str();
    let id = id_of(keys(url, &["issue"]).await.key());
    let before = list(url, &[]).await;
    proxy.always(ROTATE, Fault::Conflict);
    let printed = keys(url, &["rotate", &id]).await;
    printed.expect_failure("nothing was changed, try again\n");
    assert_eq!(list(url, &[]).await, before);

    // Another command changes the key after this one has read it.
    for (faster, reason) in [
        (&["rotate", "--overlap", "1h"][..], "was rotated already: {} replaces it"),
        (&["rotate", "--overlap", "0s"], "has expired: {} replaces it"),
        (&["revoke"], "is revoked: `widgets keys issue` makes a new one"),
    ] {
        let proxy = FaultProxy::start().await;
        let url = proxy.url.as_str();
        let id = id_of(keys(url, &["issue"]).await.key());
        proxy.next(ROTATE, [Fault::Silent(Effect::None)]);
        let faster = async {
            proxy.wait_for_calls(ROTATE, 1).await;
            let arguments = [&faster[..1], &[&id, "--json"], &faster[1..]].concat();
            let printed = keys(&proxy.store.url, &arguments).await;
            proxy.release();
            printed
        };
        let arguments = ["rotate", &id];
        let (late, faster) = tokio::join!(keys(url, &arguments), faster);
        assert!(faster.is_success, "{faster:?}");
        let reason = reason.replace("{}", faster.json()["id"].as_str().unwrap());
        late.expect_failure(&format!("the key {id} {reason}"));
    }
}
