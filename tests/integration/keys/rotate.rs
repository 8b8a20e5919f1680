//! `widgets keys rotate`.

use super::{ROTATE, id_of, keys};
use crate::support::{
    app::TestApp,
    fault_proxy::{Effect, Fault, FaultProxy},
};

#[tokio::test]
async fn refused_rotation_gives_advice_that_helps() {
    let app = TestApp::start().await;
    let store = app.stack.store.url.as_str();
    for (before, ends_at_once) in [
        (&["rotate", "--overlap", "1h"][..], true),
        (&["rotate", "--overlap", "0s"], false),
        (&["rotate", "--overlap", "1h", "revoke"], false),
    ] {
        let id = id_of(keys(store, &["issue"]).await.out.trim());
        let rotation = keys(store, &[&["rotate", &id], &before[1..3]].concat()).await;
        let next = id_of(rotation.out.trim());
        if let Some(revoke) = before.get(3) {
            assert!(keys(store, &[revoke, &id]).await.is_success);
        }
        let refusal = keys(store, &["rotate", &id]).await;
        let says = format!("{next} replaces it. `widgets keys rotate {next}` replaces that one");
        assert!(!refusal.is_success && refusal.told.contains(&says), "{before:?}: {refusal:?}");
        let revoke = format!("`widgets keys revoke {id}`");
        assert_eq!(refusal.told.contains(&revoke), ends_at_once, "{before:?}: {refusal:?}");
    }
    // A key that is over and has no successor.
    let id = id_of(keys(store, &["issue"]).await.out.trim());
    assert!(keys(store, &["revoke", &id]).await.is_success);
    let refusal = keys(store, &["rotate", &id]).await;
    assert_eq!(
        refusal.told,
        format!("widgets: the key {id} is revoked: `widgets keys issue` makes a new one\n")
    );
}

#[tokio::test]
async fn failed_rotation_says_why() {
    let proxy = FaultProxy::start().await;
    let url = proxy.url.as_str();
    let issued = keys(url, &["issue"]).await;
    let id = id_of(issued.out.trim());
    let before = keys(url, &["list", "--json"]).await.json();
    proxy.always(ROTATE, Fault::Conflict);
    let printed = keys(url, &["rotate", &id]).await;
    assert!(!printed.is_success && printed.out.is_empty(), "{printed:?}");
    assert!(printed.told.trim_end().ends_with("nothing was changed, try again"), "{printed:?}");
    assert_eq!(keys(url, &["list", "--json"]).await.json(), before);

    // Something else is done to the key between the look at it and the rotation.
    for (faster, says) in [
        (&["rotate", "--overlap", "1h"][..], "was rotated already: {} replaces it"),
        (&["rotate", "--overlap", "0s"], "has expired: {} replaces it"),
        (&["revoke"], "is revoked: `widgets keys issue` makes a new one"),
    ] {
        let proxy = FaultProxy::start().await;
        let url = proxy.url.as_str();
        let issued = keys(url, &["issue"]).await;
        let id = id_of(issued.out.trim());
        proxy.next(ROTATE, [Fault::Silent(Effect::None)]);
        let faster = async {
            proxy.wait_for_calls(ROTATE, 1).await;
            let printed =
                keys(&proxy.store.url, &[&faster[..1], &[&id, "--json"], &faster[1..]].concat())
                    .await;
            proxy.release();
            printed
        };
        let arguments = ["rotate", &id];
        let (late, faster) = tokio::join!(keys(url, &arguments), faster);
        assert!(
            faster.is_success && !late.is_success && late.out.is_empty(),
            "{faster:?} {late:?}"
        );
        let says = says.replace("{}", faster.json()["id"].as_str().unwrap());
        assert!(late.told.contains(&format!("the key {id} {says}")), "{says}: {late:?}");
    }
}
