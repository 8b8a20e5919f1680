//! Tombstones of deleted widgets.

use std::collections::BTreeSet;

use super::{DIALECTS, about};
use crate::support::app::{TestApp, is_widget};

#[tokio::test]
async fn tombstone_holds_no_settings_and_is_never_shown() {
    let (app, meter) = TestApp::start_metered().await;
    for (dialect, public) in DIALECTS.into_iter().zip(["parameters", "config"]) {
        let created = app.call("POST", dialect.root, dialect.body).await;
        let kept = app.multiply(dialect.name, &created.id(), 1).await;
        let deleted = app.multiply(dialect.name, &created.id(), 300).await;
        for id in &deleted {
            app.invoke(dialect.function, &about("delete", id)).await.unwrap();
        }
        let left: Vec<_> = app
            .items()
            .await
            .into_iter()
            .filter(|item| deleted.contains(item["sk"].as_s().unwrap()))
            .collect();
        assert_eq!(left.len(), deleted.len());
        for item in &left {
            let names: BTreeSet<&str> = item.keys().map(String::as_str).collect();
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
            assert!(!is_widget(item));
        }
        let path = format!("{}/{}", dialect.root, deleted[0]);
        for path in [&path, &format!("{path}/{public}")] {
            assert_eq!(app.call("GET", path, "").await.status, 404);
        }
        // The newest of all are gone: a list gets past them in a few calls.
        meter.take();
        let page = if dialect.name == "pathway" { "?limit=1" } else { "?size=1" };
        let listed = app.call("GET", &format!("{}{page}", dialect.root), "").await;
        let calls = meter.take().len();
        assert!(listed.body.contains(&kept[0]), "{listed:?}");
        assert!(calls <= 12, "{calls} calls");
        let all = app.call("GET", dialect.root, "").await;
        assert!(all.body.contains(&created.id()) && all.body.contains(&kept[0]), "{all:?}");
        assert!(deleted.iter().all(|id| !all.body.contains(id)));
    }
}
