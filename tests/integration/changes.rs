//! Change events. Every committed change of a widget is published once, in the order of the
//! widget's versions. Nothing else is published.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::timeout;
use widgets::{
    events::Changes,
    local::{binaries, stack::DEVELOPMENT_ACCOUNT, stream::Start, template::Template},
};

use crate::support::app::{
    ASSISTANT_BODY, ASSISTANT_CHANGE, PATHWAY_BODY, PATHWAY_CHANGE, TestApp,
};

const DIALECTS: [(&str, &str, &str, &str, &str); 2] = [
    ("assistant", "/api/v1/widget", "PUT", ASSISTANT_BODY, ASSISTANT_CHANGE),
    ("pathway", "/v1/widget", "PATCH", PATHWAY_BODY, PATHWAY_CHANGE),
];

/// The pipe and the bus of the template, over the stack's store.
async fn follow(app: &TestApp) -> Changes {
    let template = Template::read(binaries::workspace()).unwrap();
    Changes::follow(&app.stack.store.config, &template, Start::Now).await.unwrap()
}

/// The next `count` events.
async fn next(changes: &mut Changes, count: usize) -> Vec<Value> {
    let mut events = Vec::new();
    let all = async {
        while events.len() < count {
            let published = changes.next().await.unwrap().into_iter();
            events.extend(published.map(|event| serde_json::to_value(event.unwrap()).unwrap()));
        }
    };
    timeout(Duration::from_secs(30), all)
        .await
        .unwrap_or_else(|_| panic!("fewer than {count} events"));
    events
}

/// What the template's text makes of a change.
fn detail(
    change: &str,
    dialect: &str,
    account: &str,
    item: &HashMap<String, AttributeValue>,
) -> Value {
    let template = Template::read(binaries::workspace()).unwrap();
    let text = |name: &str| item[name].as_s().unwrap().as_str();
    let mut detail = template.pipes[0].input_template.clone();
    for (variable, value) in [
        ("<$.dynamodb.Keys.sk.S>", text("sk")),
        ("<$.dynamodb.NewImage.version.N>", item["version"].as_n().unwrap()),
        ("<$.dynamodb.NewImage.updated_at.S>", text("updated_at")),
        ("<$.dynamodb.NewImage.change.S>", change),
        ("<$.dynamodb.NewImage.dialect.S>", dialect),
        ("<$.dynamodb.NewImage.account.S>", account),
    ] {
        assert!(detail.contains(variable), "{variable}");
        detail = detail.replace(variable, value);
    }
    serde_json::from_str(&detail).unwrap()
}

/// The item with this id, widget or what one left.
async fn item(app: &TestApp, id: &str) -> HashMap<String, AttributeValue> {
    let is_it = |item: &HashMap<String, AttributeValue>| item["sk"].as_s().unwrap() == id;
    app.items().await.into_iter().find(is_it).unwrap()
}

#[tokio::test]
async fn each_committed_change_is_published_once_and_nothing_else_is() {
    let app = TestApp::start().await;
    let (other_key, other_account) = app.another_account().await;
    let mut changes = follow(&app).await;
    let mut expected = Vec::new();
    let account = DEVELOPMENT_ACCOUNT.to_string();
    for (dialect, root, update, body, change) in DIALECTS {
        let ask = async |method: &str, path: &str, header: (&str, &str), body: &str| {
            let headers =
                [("authorization", app.key.as_str()), ("content-type", "application/json"), header];
            app.send(method, path, &headers, body.to_owned()).await
        };
        let nothing = ("accept", "*/*");
        // Made once, asked for twice.
        let once = ("idempotency-key", dialect);
        let id = ask("POST", root, once, body).await.id();
        assert_eq!(ask("POST", root, once, body).await.header("idempotency-replayed"), "true");
        expected.push(detail("created", dialect, &account, &item(&app, &id).await));
        let widget = format!("{root}/{id}");

        // What is read or refused changes nothing, and neither does an update to what is there.
        for (method, path, header, body, status) in [
            ("GET", root, nothing, "", 200),
            ("GET", &*widget, nothing, "", 200),
            ("POST", root, once, change, if dialect == "pathway" { 400 } else { 422 }),
            ("POST", root, nothing, "{}", if dialect == "pathway" { 400 } else { 422 }),
            (update, &widget, nothing, body, 200),
            (update, &widget, ("if-match", r#""7""#), change, 412),
            ("DELETE", &widget, ("if-match", r#""7""#), "", 412),
        ] {
            assert_eq!(
                ask(method, path, header, body).await.status,
                status,
                "{method} {path} {header:?}"
            );
        }
        // However it comes.
        assert_eq!(ask(update, &widget, nothing, change).await.status, 200);
        expected.push(detail("updated", dialect, &account, &item(&app, &id).await));
        let function = if dialect == "pathway" { "Pathway" } else { "Assistant" };
        let back = json!({"operation": "update", "account": account, "widget_id": id, "body": serde_json::from_str::<Value>(body).unwrap()});
        for _ in 0..2 {
            app.invoke(function, &back.to_string()).await.unwrap();
        }
        expected.push(detail("updated", dialect, &account, &item(&app, &id).await));

        // Another account's are its own.
        let headers = [("authorization", &*other_key), ("content-type", "application/json")];
        let others = app.send("POST", root, &headers, body).await.id();
        expected.push(detail(
            "created",
            dialect,
            &other_account.to_string(),
            &item(&app, &others).await,
        ));

        let mut last = item(&app, &id).await;
        last.insert("version".to_owned(), AttributeValue::N("4".to_owned()));
        expected.push(detail("deleted", dialect, &account, &last));
        assert_eq!(ask("DELETE", &widget, nothing, "").await.status, 200);
        // Removed at once, which is no change; and neither is what DynamoDB removes when it
        // expires.
        assert!(app.items().await.iter().all(|item| *item["sk"].as_s().unwrap() != id));
        for (method, body) in [("DELETE", ""), ("GET", ""), (update, change)] {
            assert_eq!(ask(method, &widget, nothing, body).await.status, 404);
        }
        for item in app.items().await.into_iter().filter(|item| item.contains_key("ttl")) {
            let key = item.into_iter().filter(|(name, _)| name == "pk" || name == "sk").collect();
            app.store.delete_item().table_name("Widgets").set_key(Some(key)).send().await.unwrap();
        }
    }
    // One that is last, so that nothing more can be on its way.
    let last = app.create_pathway(PATHWAY_BODY).await.id();
    expected.push(detail("created", "pathway", &account, &item(&app, &last).await));
    let events = next(&mut changes, expected.len()).await;
    let details: Vec<_> = events.iter().map(|event| event["detail"].clone()).collect();
    for (detail, expected) in details.iter().zip(&mut expected) {
        // When a widget was deleted stands in its tombstone alone.
        if detail["type"] == "widget.deleted" {
            assert!(detail["time"].as_str() >= expected["time"].as_str(), "{detail}");
            expected["time"] = detail["time"].clone();
        }
    }
    assert_eq!(details, expected);
    let versions = ["1", "2", "3", "1", "4", "1", "2", "3", "1", "4", "1"];
    assert_eq!(
        details.iter().map(|detail| &detail["data"]["version"]).collect::<Vec<_>>(),
        versions
    );
    for event in &events {
        assert_eq!(
            (&event["source"], &event["detail-type"]),
            (&json!("widgets"), &json!("Widget Changed"))
        );
        assert!(!event.to_string().contains(&app.key));
    }
}

#[tokio::test]
async fn concurrent_changes_are_published_in_version_order_per_widget() {
    let app = TestApp::start().await;
    let mut changes = follow(&app).await;
    let ids =
        [app.create_pathway(PATHWAY_BODY).await.id(), app.create_pathway(PATHWAY_BODY).await.id()];
    let updates = (0..20).map(|number| {
        let (path, app) = (format!("/v1/widget/{}", ids[number % 2]), &app);
        async move {
            let change = format!(r#"{{"messages_per_minute":{}}}"#, number + 100);
            assert_eq!(app.call("PATCH", &path, change).await.status, 200);
        }
    });
    join_all(updates).await;
    let events = next(&mut changes, 22).await;
    for id in &ids {
        let of_it =
            events.iter().map(|event| &event["detail"]).filter(|detail| detail["subject"] == **id);
        let versions: Vec<u64> = of_it
            .map(|detail| detail["data"]["version"].as_str().unwrap().parse().unwrap())
            .collect();
        assert_eq!(versions, (1..=11).collect::<Vec<_>>());
    }
}
