//! The embedded store: indexes that are missing, and items that have expired.

use aws_sdk_dynamodb::types::AttributeValue;
use widgets::local::embedded_store::StoreLocation;

use super::until;
use crate::support::{
    app::TestApp,
    dialect::{ASSISTANT, PATHWAY},
};

#[tokio::test]
async fn store_of_an_earlier_version_gets_missing_indexes_with_its_items() {
    let folder = tempfile::tempdir().unwrap();
    let location = StoreLocation::Folder(folder.path().to_owned());
    let mut app = TestApp::start_with(|options| {
        options.store_location = location.clone();
        let table =
            options.template.tables.iter_mut().find(|table| table.name == "Widgets").unwrap();
        table.indexes.clear();
        let key = &table.key;
        table
            .attributes
            .retain(|it| key.iter().any(|part| part.attribute_name == it.attribute_name));
    })
    .await;
    let created = app.call("POST", ASSISTANT.root, ASSISTANT.body).await;
    app.stack.stop().await;

    app = TestApp::start_with(|options| options.store_location = location).await;
    let path = ASSISTANT.public_path(&created.id());
    assert_eq!(app.send("GET", &path, &[], "").await.status, 200);
    let page = app.call("GET", &format!("{}?page=2", ASSISTANT.list), "").await;
    assert_eq!(page.json()["data"]["total"], 1);
}

#[tokio::test]
async fn embedded_store_deletes_expired_items_at_startup() {
    let folder = tempfile::tempdir().unwrap();
    let location = StoreLocation::Folder(folder.path().to_owned());
    let start =
        async || TestApp::start_with(|options| options.store_location = location.clone()).await;
    let app = start().await;
    for key in ["expired", "valid"] {
        let headers = [("authorization", app.key.as_str()), ("idempotency-key", key)];
        let created = app.send("POST", PATHWAY.root, &headers, PATHWAY.body).await;
        assert_eq!(created.status, 200, "{created:?}");
    }
    let mut record = app.items().await.into_iter().find(|item| item.contains_key("ttl")).unwrap();
    record.insert("ttl".to_owned(), AttributeValue::N("1000000000".to_owned()));
    app.store.put_item().table_name("Widgets").set_item(Some(record)).send().await.unwrap();
    app.stack.stop().await;

    let app = start().await;
    let records = async || app.items().await.iter().filter(|item| item.contains_key("ttl")).count();
    until(async || records().await < 2).await;
    assert_eq!((records().await, app.count().await), (1, 2));
}
