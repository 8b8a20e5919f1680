//! What a deleted widget leaves: nothing, or a tombstone if its removal failed.

use bench::copy_widget;
use std::collections::BTreeSet;

use super::{about, invoke};
use crate::support::{
    app::{TestApp, is_widget},
    dialect::{DIALECTS, Dialect},
    fault_proxy::{Call, Effect, Fault, FaultProxy},
};

/// Returns the path of a list's first page of one widget.
fn first_page(dialect: Dialect) -> String {
    let size = if dialect.name == "assistant" { "size" } else { "limit" };
    format!("{}?{size}=1", dialect.list)
}

#[tokio::test]
async fn list_costs_the_same_however_many_widgets_were_deleted() {
    let (app, meter) = TestApp::start_metered().await;
    for dialect in DIALECTS {
        let created = app.create(&dialect).await.id();
        let page = &*first_page(dialect);
        app.call("GET", page, "").await;
        meter.take();
        assert_eq!(app.call("GET", page, "").await.status, 200);
        let before = meter.take();

        let deleted = copy_widget(&app.store, dialect.name, &created, 100).await.unwrap();
        for id in &deleted {
            invoke(&app, dialect, &about("delete", id)).await;
        }
        let items = app.items().await;
        assert!(items.iter().all(|item| !deleted.contains(item["sk"].as_s().unwrap())));
        meter.take();
        let listed = app.call("GET", page, "").await;
        assert!(listed.body.contains(&created), "{listed:?}");
        assert_eq!(meter.take(), before);
    }
}

#[tokio::test]
async fn delete_succeeds_whatever_becomes_of_its_tombstone() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for dialect in DIALECTS {
        for fault in [
            Fault::Refused(400, "AccessDeniedException"),
            Fault::Refused(400, "ThrottlingException"),
            Fault::Failed(Effect::None),
            Fault::Reset(Effect::None),
            Fault::Silent(Effect::None),
            Fault::Garbage(Effect::None),
        ] {
            let id = app.create(&dialect).await.id();
            let path = dialect.widget(&id);
            proxy.always(Call::REMOVE, fault);
            let before = proxy.call_count(Call::REMOVE);
            let deleted = app.call("DELETE", &path, "").await;
            assert_eq!((deleted.status, &deleted.id()), (200, &id), "{fault:?}");
            assert_eq!(proxy.call_count(Call::REMOVE) - before, 1, "{fault:?} is not retried");

            // The tombstone holds no settings and is never shown.
            let find = async || app.items().await.into_iter().find(|it| it["sk"].as_s() == Ok(&id));
            let tombstone = find().await.unwrap();
            let names: BTreeSet<&str> = tombstone.keys().map(String::as_str).collect();
            let attributes = "pk sk version created_at updated_at account dialect change ttl";
            assert_eq!(names, attributes.split(' ').collect());
            assert!(!is_widget(&tombstone));
            for path in [&path, &dialect.public_path(&id)] {
                assert_eq!(app.call("GET", path, "").await.status, 404);
            }
            assert!(!app.call("GET", dialect.list, "").await.body.contains(&id));

            // The next delete of the widget removes it.
            proxy.always(Call::REMOVE, Fault::None);
            assert_eq!(app.call("DELETE", &path, "").await.status, 404);
            assert_eq!(find().await, None);
        }
        for cause in ["AccessDeniedException", "no answer within 250ms"] {
            let line = app.logged(dialect.function, cause).await;
            assert!(line.contains("a tombstone was left to its expiry"), "{line}");
            assert!(line.contains(r#""level":"WARN""#) && line.contains(r#""widgetId""#), "{line}");
        }
    }
}

#[tokio::test]
async fn list_passes_many_tombstones_in_a_few_calls() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    proxy.always(Call::REMOVE, Fault::Refused(400, "AccessDeniedException"));
    for dialect in DIALECTS {
        let created = app.create(&dialect).await.id();
        let newer = &copy_widget(&app.store, dialect.name, &created, 1).await.unwrap()[0];
        // The deleted widgets are the newest.
        let deleted = copy_widget(&app.store, dialect.name, &created, 300).await.unwrap();
        for id in &deleted {
            invoke(&app, dialect, &about("delete", id)).await;
        }
        let before = proxy.call_count(Call::QUERY);
        let page = app.call("GET", &first_page(dialect), "").await;
        let calls = proxy.call_count(Call::QUERY) - before;
        assert!(page.body.contains(newer), "{page:?}");
        assert!(calls <= 12, "{calls} calls");
        let all = app.call("GET", dialect.list, "").await;
        assert!([&created, newer].iter().all(|id| all.body.contains(*id)), "{all:?}");
        assert!(deleted.iter().all(|id| !all.body.contains(id)));
    }
}
