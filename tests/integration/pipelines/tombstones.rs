//! What a deleted widget leaves: nothing, or a tombstone if its removal failed.

use std::collections::BTreeSet;

use super::{DIALECTS, about};
use crate::support::{
    app::{TestApp, is_widget},
    fault_proxy::{Call, Effect, Fault, FaultProxy},
};

#[tokio::test]
async fn list_costs_the_same_however_many_widgets_were_deleted() {
    let (app, meter) = TestApp::start_metered().await;
    for dialect in DIALECTS {
        let created = app.call("POST", dialect.root, dialect.body).await;
        let list = format!("{}?limit=1&size=1", dialect.root);
        app.call("GET", &list, "").await;
        meter.take();
        assert_eq!(app.call("GET", &list, "").await.status, 200);
        let before = meter.take();

        let deleted = app.multiply(dialect.name, &created.id(), 100).await;
        for id in &deleted {
            app.invoke(dialect.function, &about("delete", id)).await.unwrap();
        }
        let items = app.items().await;
        assert!(items.iter().all(|item| !deleted.contains(item["sk"].as_s().unwrap())));
        meter.take();
        let listed = app.call("GET", &list, "").await;
        assert!(listed.body.contains(&created.id()), "{listed:?}");
        assert_eq!(meter.take(), before);
    }
}

#[tokio::test]
async fn delete_succeeds_whatever_becomes_of_its_tombstone() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for (dialect, public) in DIALECTS.into_iter().zip(["parameters", "config"]) {
        for fault in [
            Fault::Refused(400, "AccessDeniedException"),
            Fault::Refused(400, "ThrottlingException"),
            Fault::Failed(Effect::None),
            Fault::Reset(Effect::None),
            Fault::Silent(Effect::None),
            Fault::Garbage(Effect::None),
        ] {
            let created = app.call("POST", dialect.root, dialect.body).await;
            let path = format!("{}/{}", dialect.root, created.id());
            proxy.always(Call::REMOVE, fault);
            let before = proxy.call_count(Call::REMOVE);
            let deleted = app.call("DELETE", &path, "").await;
            assert_eq!((deleted.status, deleted.id()), (200, created.id()), "{fault:?}");
            assert_eq!(proxy.call_count(Call::REMOVE) - before, 1, "not tried again: {fault:?}");

            // The tombstone holds no settings and is never shown.
            let left = app.items().await;
            let tombstone = left.iter().find(|item| *item["sk"].as_s().unwrap() == created.id());
            let names: BTreeSet<&str> = tombstone.unwrap().keys().map(String::as_str).collect();
            let expected = [
                "pk",
                "sk",
                "version",
                "created_at",
                "updated_at",
                "account",
                "dialect",
                "change",
                "ttl",
            ];
            assert_eq!(names, BTreeSet::from(expected));
            assert!(!is_widget(tombstone.unwrap()));
            for path in [&path, &format!("{path}/{public}")] {
                assert_eq!(app.call("GET", path, "").await.status, 404);
            }
            assert!(!app.call("GET", dialect.root, "").await.body.contains(&created.id()));

            // The next delete of the widget removes it.
            proxy.always(Call::REMOVE, Fault::None);
            assert_eq!(app.call("DELETE", &path, "").await.status, 404);
            let left = app.items().await;
            assert!(left.iter().all(|item| *item["sk"].as_s().unwrap() != created.id()));
        }
        for cause in ["AccessDeniedException", "no answer within 250ms"] {
            let line = app.logged(dialect.function, cause).await;
            assert!(line.contains("a tombstone was left to its expiry"), "{line}");
            assert!(line.contains(r#""level":"WARN""#), "{line}");
        }
    }
}

#[tokio::test]
async fn list_passes_many_tombstones_in_a_few_calls() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    proxy.always(Call::REMOVE, Fault::Refused(400, "AccessDeniedException"));
    for dialect in DIALECTS {
        let created = app.call("POST", dialect.root, dialect.body).await;
        let kept = app.multiply(dialect.name, &created.id(), 1).await;
        let deleted = app.multiply(dialect.name, &created.id(), 300).await;
        for id in &deleted {
            app.invoke(dialect.function, &about("delete", id)).await.unwrap();
        }
        let before = proxy.call_count(Call::QUERY);
        let listed = app.call("GET", &format!("{}?limit=1&size=1", dialect.root), "").await;
        let calls = proxy.call_count(Call::QUERY) - before;
        assert!(listed.body.contains(&kept[0]), "{listed:?}");
        assert!(calls <= 12, "{calls} calls");
        let all = app.call("GET", dialect.root, "").await;
        assert!(all.body.contains(&created.id()) && all.body.contains(&kept[0]), "{all:?}");
        assert!(deleted.iter().all(|id| !all.body.contains(id)));
    }
}
