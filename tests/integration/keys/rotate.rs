//! `widgets keys rotate`.

use super::{ROTATE, id_of, keys, list};
use crate::support::fault_proxy::{Effect, Fault, FaultProxy};

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
