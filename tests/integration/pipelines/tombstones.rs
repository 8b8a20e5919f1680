//! Tombstones of deleted widgets.

use bench::copy_widget;
use std::collections::BTreeSet;

use super::{about, invoke};
use crate::support::{
    app::{TestApp, is_widget},
    dialect::DIALECTS,
};

#[tokio::test]
async fn tombstone_holds_no_settings_and_is_never_shown() {
    let (app, meter) = TestApp::start_metered().await;
    for dialect in DIALECTS {
        let created = app.call("POST", dialect.root, dialect.body).await.id();
        let newer = &copy_widget(&app.store, dialect.name, &created, 1).await.unwrap()[0];
        let deleted = copy_widget(&app.store, dialect.name, &created, 300).await.unwrap();
        for id in &deleted {
            invoke(&app, dialect, &about("delete", id)).await;
        }
        let mut tombstones = app.items().await;
        tombstones.retain(|item| deleted.contains(item["sk"].as_s().unwrap()));
        assert_eq!(tombstones.len(), deleted.len());
        let attributes = "pk sk version created_at updated_at account dialect change ttl";
        for item in &tombstones {
            let names: BTreeSet<&str> = item.keys().map(String::as_str).collect();
            assert_eq!(names, attributes.split(' ').collect());
            assert!(!is_widget(item));
        }
        for path in [dialect.widget(&deleted[0]), dialect.public_path(&deleted[0])] {
            assert_eq!(app.call("GET", &path, "").await.status, 404);
        }
        // The 300 newest are deleted: a list gets past them in a few calls.
        meter.take();
        let size = if dialect.name == "pathway" { "limit" } else { "size" };
        let page = app.call("GET", &format!("{}?{size}=1", dialect.list), "").await;
        let calls = meter.take().len();
        assert!(page.body.contains(newer), "{page:?}");
        assert!(calls <= 12, "{calls} calls");
        let all = app.call("GET", dialect.list, "").await;
        assert!([&created, newer].iter().all(|id| all.body.contains(*id)), "{all:?}");
        assert!(deleted.iter().all(|id| !all.body.contains(id)));
    }
}
