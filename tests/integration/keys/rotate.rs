//! `widgets keys rotate`.

use super::{ROTATE, id_of, keys};
use crate::support::fault_proxy::{Effect, Fault, FaultProxy};

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
