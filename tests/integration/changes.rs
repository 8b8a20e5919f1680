//! Change events. Every committed change of a widget is published once, in the order of the
//! widget's versions. Nothing else is published.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::model::AccountId;
use tokio::time::timeout;
use widgets::{
    events::Changes,
    local::{binaries, stack::DEVELOPMENT_ACCOUNT, stream::Start, template::Template},
};

use crate::support::app::{Item, JSON, TestApp};
use crate::support::dialect::{DIALECTS, PATHWAY};

/// The pipe and the bus of the template, over the stack's store.
pub async fn follow(app: &TestApp) -> Changes {
    let template = Template::read(binaries::workspace()).unwrap();
    Changes::follow(&app.stack.store.config, &template, Start::Now).await.unwrap()
}

/// The next `count` events.
pub async fn next(changes: &mut Changes, count: usize) -> Vec<Value> {
    let mut events = Vec::new();
    let all = async {
        while events.len() < count {
            let published = changes.next().await.unwrap().into_iter();
            events.extend(published.map(|event| serde_json::to_value(event.unwrap()).unwrap()));
        }
    };
    let in_time = timeout(Duration::from_secs(30), all).await;
    in_time.unwrap_or_else(|_| panic!("fewer than {count} events"));
    events
}

/// What the template's text makes of a change.
fn detail(change: &str, dialect: &str, account: AccountId, item: &Item) -> Value {
    let template = Template::read(binaries::workspace()).unwrap();
    let text = |name: &str| item[name].as_s().unwrap().as_str();
    let mut detail = template.pipes[0].input_template.clone();
    for (variable, value) in [
        ("<$.dynamodb.Keys.sk.S>", text("sk")),
        ("<$.dynamodb.NewImage.version.N>", item["version"].as_n().unwrap()),
        ("<$.dynamodb.NewImage.updated_at.S>", text("updated_at")),
        ("<$.dynamodb.NewImage.change.S>", change),
        ("<$.dynamodb.NewImage.dialect.S>", dialect),
        ("<$.dynamodb.NewImage.account.S>", &account.to_string()),
    ] {
        assert!(detail.contains(variable), "{variable}");
        detail = detail.replace(variable, value);
    }
    serde_json::from_str(&detail).unwrap()
}

/// The item with this id.
async fn item(app: &TestApp, id: &str) -> Item {
    let is_it = |item: &Item| item["sk"].as_s().unwrap() == id;
    app.items().await.into_iter().find(is_it).unwrap()
}

#[tokio::test]
async fn each_committed_change_is_published_once_and_nothing_else_is() {
    let app = TestApp::start().await;
    let (other_key, other_account) = app.another_account().await;
    let mut changes = follow(&app).await;
    let mut expected = Vec::new();
    let account = DEVELOPMENT_ACCOUNT;
    for dialect in DIALECTS {
        let (root, update, change) = (dialect.root, dialect.update, dialect.change);
        let ask = async |method: &str, path: &str, header: (&str, &str), body: &str| {
            app.call_with(&[header], method, path, body.to_owned()).await
        };
        let nothing = ("accept", "*/*");
        // Made once, asked for twice.
        let once = ("idempotency-key", "once");
        let id = ask("POST", root, once, dialect.body).await.id();
        let replay = ask("POST", root, once, dialect.body).await;
        assert_eq!(replay.header("idempotency-replayed"), "true");
        let event =
            async |change: &str| detail(change, dialect.name, account, &item(&app, &id).await);
        expected.push(event("created").await);
        let widget = &*dialect.widget(&id);

        // What is read or refused changes nothing, and neither does an update to what is there.
        let stale = ("if-match", r#""7""#);
        for (method, path, header, body, status) in [
            ("GET", root, nothing, "", 200),
            ("GET", widget, nothing, "", 200),
            ("POST", root, once, change, dialect.invalid),
            ("POST", root, nothing, "{}", dialect.invalid),
            (update, widget, nothing, dialect.body, 200),
            (update, widget, stale, change, 412),
            ("DELETE", widget, stale, "", 412),
        ] {
            let answer = ask(method, path, header, body).await;
            assert_eq!(answer.status, status, "{method} {path} {header:?}");
        }
        // However it comes.
        assert_eq!(ask(update, widget, nothing, change).await.status, 200);
        expected.push(event("updated").await);
        let body: Value = serde_json::from_str(dialect.body).unwrap();
        let back =
            json!({"operation": "update", "account": account, "widget_id": id, "body": body});
        for _ in 0..2 {
            app.invoke(dialect.function, &back.to_string()).await.unwrap();
        }
        expected.push(event("updated").await);

        // Another account's are its own.
        let headers = [("authorization", &*other_key), JSON];
        let others = app.send("POST", root, &headers, dialect.body).await.id();
        let others = item(&app, &others).await;
        expected.push(detail("created", dialect.name, other_account, &others));

        let mut last = item(&app, &id).await;
        last.insert("version".to_owned(), AttributeValue::N("4".to_owned()));
        expected.push(detail("deleted", dialect.name, account, &last));
        assert_eq!(ask("DELETE", widget, nothing, "").await.status, 200);
        // The tombstone is removed at once, which is no change.
        assert!(app.items().await.iter().all(|item| *item["sk"].as_s().unwrap() != id));
        for (method, body) in [("DELETE", ""), ("GET", ""), (update, change)] {
            assert_eq!(ask(method, widget, nothing, body).await.status, 404);
        }
        // Neither is it one that DynamoDB deletes what has expired: the record of the key.
        for item in app.items().await.into_iter().filter(|item| item.contains_key("ttl")) {
            let key = item.into_iter().filter(|(name, _)| name == "pk" || name == "sk").collect();
            app.store.delete_item().table_name("Widgets").set_key(Some(key)).send().await.unwrap();
        }
    }
    // One that is last, so that nothing more can be on its way.
    let last = app.create(&PATHWAY).await.id();
    expected.push(detail("created", PATHWAY.name, account, &item(&app, &last).await));
    let events = next(&mut changes, expected.len()).await;
    let details: Vec<_> = events.iter().map(|event| event["detail"].clone()).collect();
    for (detail, expected) in details.iter().zip(&mut expected) {
        // Only the tombstone had the time of the delete.
        if detail["type"] == "widget.deleted" {
            assert!(detail["time"].as_str() >= expected["time"].as_str(), "{detail}");
            expected["time"] = detail["time"].clone();
        }
    }
    assert_eq!(details, expected);
    let versions = details.iter().map(|detail| detail["data"]["version"].as_str().unwrap());
    let of_each = DIALECTS.map(|_| ["1", "2", "3", "1", "4"]);
    let expected = [of_each.as_flattened(), &["1"]].concat();
    assert_eq!(versions.collect::<Vec<_>>(), expected);
    for event in &events {
        assert_eq!(event["source"], "widgets");
        assert_eq!(event["detail-type"], "Widget Changed");
        assert!(!event.to_string().contains(&app.key));
    }
}

#[tokio::test]
async fn concurrent_changes_are_published_in_version_order_per_widget() {
    let app = TestApp::start().await;
    let mut changes = follow(&app).await;
    let ids = [app.create(&PATHWAY).await.id(), app.create(&PATHWAY).await.id()];
    let updates = (0..20).map(|number| {
        let (path, app) = (PATHWAY.widget(&ids[number % 2]), &app);
        async move {
            let change = format!(r#"{{"messages_per_minute":{}}}"#, number + 100);
            assert_eq!(app.call("PATCH", &path, change).await.status, 200);
        }
    });
    join_all(updates).await;
    let events = next(&mut changes, 22).await;
    for id in &ids {
        let details = events.iter().map(|event| &event["detail"]);
        let versions = details
            .filter(|detail| detail["subject"] == **id)
            .map(|detail| detail["data"]["version"].as_str().unwrap().parse::<u64>().unwrap());
        assert!(versions.eq(1..=11), "{events:?}");
    }
}
