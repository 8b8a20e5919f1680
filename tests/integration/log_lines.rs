//! Log lines and metrics: one line for each request and each command, counted by CloudWatch.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use shared::{
    auth::{ApiKey, attribute},
    model::Timestamp,
};
use uuid::Uuid;
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use crate::support::{
    app::{
        ASSISTANT_BODY, ASSISTANT_CHANGE, Answer, PATHWAY_BODY, PATHWAY_CHANGE, TestApp,
        keys_in_order,
    },
    fault_proxy::{Call, Fault, FaultProxy},
};

/// A dialect: its function, its name, where its widgets are, and what makes and changes one.
const DIALECTS: [(&str, &str, &str, &str, &str, &str); 2] = [
    ("Assistant", "assistant", "/api/v1/widget", ASSISTANT_BODY, "PUT", ASSISTANT_CHANGE),
    ("Pathway", "pathway", "/v1/widget", PATHWAY_BODY, "PATCH", PATHWAY_CHANGE),
];

/// The line of the request that was answered with this, as it was written.
async fn line(app: &TestApp, function: &str, answer: &Answer) -> String {
    app.logged(function, &format!(r#""requestId":"{}""#, answer.header("x-request-id"))).await
}

/// Which metric CloudWatch counts a line in, by the rules of the embedded metric format; an error
/// is a rule that is broken.
fn counted(line: &str, function: &str, dialect: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).unwrap();
    let metadata = line.get("_aws")?;
    let timestamp = metadata["Timestamp"].as_i64().unwrap();
    let logged = Timestamp::parse(line["timestamp"].as_str().unwrap()).unwrap();
    assert!((logged.epoch_milliseconds() - timestamp).abs() < 1_000, "{line}");
    let directives = metadata["CloudWatchMetrics"].as_array().unwrap();
    assert_eq!(directives.len(), 1);
    assert_eq!(directives[0]["Namespace"], "Widgets");
    assert_eq!(directives[0]["Dimensions"], json!([["FunctionName", "Dialect"]]));
    assert_eq!((&line["FunctionName"], &line["Dialect"]), (&json!(function), &json!(dialect)));
    let metrics = directives[0]["Metrics"].as_array().unwrap();
    assert_eq!(metrics.len(), 1);
    assert_eq!(metrics[0]["Unit"], "Count");
    let name = metrics[0]["Name"].as_str().unwrap();
    assert_eq!(line[name], 1);
    Some(name.to_owned())
}

#[tokio::test]
async fn each_request_writes_one_log_line_with_route_account_and_cost() {
    let app = TestApp::start().await;
    for (function, _, root, body, ..) in DIALECTS {
        // The first request of an environment looks up the key.
        for (is_cold, store_calls) in [(true, 2), (false, 1)] {
            let answer = app.call("POST", root, body).await;
            let line = line(&app, function, &answer).await;
            let members = [
                "timestamp",
                "level",
                "message",
                "requestId",
                "route",
                "status",
                "account",
                "keyId",
                "widgetId",
                "durationMs",
            ];
            let more = ["storeCalls", "coldStart", "_aws", "FunctionName", "Dialect", "Created"];
            assert_eq!(keys_in_order(&line), [&members[..], &more].concat());
            let line: Value = serde_json::from_str(&line).unwrap();
            let told =
                ["level", "message", "route", "status", "account", "storeCalls", "coldStart"]
                    .map(|it| &line[it]);
            let expected = json!([
                "INFO",
                "request",
                format!("POST {root}"),
                200,
                DEVELOPMENT_ACCOUNT.to_string(),
                store_calls,
                is_cold
            ]);
            assert_eq!(json!(told), expected);
            assert!(line["durationMs"].as_f64().unwrap() > 0.0);
            assert_eq!(app.log().matches(answer.header("x-request-id")).count(), 1);
        }
        // Nobody knows whose request this is.
        let answer = app.send("GET", root, &[("authorization", "in-nobody")], "").await;
        let line = line(&app, function, &answer).await;
        assert!(
            line.contains(r#""status":401,"durationMs":"#) && line.contains(r#""storeCalls":1"#),
            "{line}"
        );
    }
}

#[tokio::test]
async fn line_of_a_change_names_the_widget_and_the_key_that_changed_it() {
    let app = TestApp::start().await;
    let other_key = "in-other".to_owned();
    let hash = ApiKey::parse(&other_key).unwrap().hash().to_string();
    let put = app.store.put_item().table_name("ApiKeys");
    let put = put.item(attribute::KEY_HASH, AttributeValue::S(hash));
    let account = AttributeValue::S(DEVELOPMENT_ACCOUNT.to_string());
    put.item(attribute::ACCOUNT_ID, account).send().await.unwrap();
    for (function, _, root, body, update, change) in DIALECTS {
        let ask = async |key: &str, method: &str, path: &str, body: &str| {
            let headers = [
                ("authorization", key),
                ("content-type", "application/json"),
                ("idempotency-key", "k"),
            ];
            let answer = app.send(method, path, &headers, body.to_owned()).await;
            let line: Value = serde_json::from_str(&line(&app, function, &answer).await).unwrap();
            (answer, json!([line["widgetId"], line["keyId"]]))
        };
        let (created, told) = ask(&app.key, "POST", root, body).await;
        let id = created.id();
        let widget = format!("{root}/{id}");
        let (own, other) = (key_id(&app.key), key_id(&other_key));
        assert_eq!(told, json!([id, own]));
        for (what, key, method, path, body, expected) in [
            ("a replay", &app.key, "POST", root, body, json!([null, own])),
            ("an update", &other_key, update, &*widget, change, json!([id, other])),
            ("an update to the same", &app.key, update, &widget, change, json!([null, own])),
            ("a read", &app.key, "GET", &widget, "", json!([null, own])),
            ("a delete", &other_key, "DELETE", &widget, "", json!([id, other])),
            ("another delete", &app.key, "DELETE", &widget, "", json!([null, own])),
            ("an unknown key", &"in-nobody".to_owned(), "GET", root, "", json!([null, null])),
        ] {
            assert_eq!(ask(key, method, path, body).await.1, expected, "{function}, {what}");
        }
        // A command has no key.
        let command = |operation: &str, more: &str| {
            format!(r#"{{"operation":"{operation}","account":"{DEVELOPMENT_ACCOUNT}"{more}}}"#)
        };
        let created = command("create", &format!(r#","body":{body}"#));
        let created: Value =
            serde_json::from_str(&app.invoke(function, &created).await.unwrap()).unwrap();
        let id = created["id"].as_str().unwrap();
        let about = format!(r#","widget_id":"{id}""#);
        app.invoke(function, &command("read", &about)).await.unwrap();
        app.invoke(function, &command("delete", &about)).await.unwrap();
        for operation in ["create", "delete"] {
            let part = format!(
                r#""operation":"{operation}","account":"{DEVELOPMENT_ACCOUNT}","widgetId":"{id}","durationMs""#
            );
            app.logged(function, &part).await;
        }
        let named = app.log().matches(&format!(r#""widgetId":"{id}""#)).count();
        assert_eq!(named, 2, "the read names no widget");
    }
}

/// Returns the id by which operators call a key.
fn key_id(key: &str) -> String {
    ApiKey::parse(key).unwrap().hash().to_string()[..16].to_owned()
}

#[tokio::test]
async fn metrics_count_each_create_update_delete_and_refusal_once() {
    let app = TestApp::start().await;
    for (function, dialect, root, body, update, change) in DIALECTS {
        let once = [
            ("authorization", app.key.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", "k"),
        ];
        let created = app.call("POST", root, body).await;
        let widget = format!("{root}/{}", created.id());
        let metric =
            async |answer: &Answer| counted(&line(&app, function, answer).await, function, dialect);
        assert_eq!(metric(&created).await.as_deref(), Some("Created"));
        assert_eq!(
            metric(&app.send("POST", root, &once, body).await).await.as_deref(),
            Some("Created")
        );
        for (what, method, path, headers, body, status, counts) in [
            ("a replay", "POST", root, &once[..], body, 200, None),
            ("an update", update, widget.as_str(), &once[..2], change, 200, Some("Updated")),
            ("an update to the same values", update, &widget, &once[..2], change, 200, None),
            ("a read", "GET", &widget, &once[..2], "", 200, None),
            ("a list", "GET", root, &once[..2], "", 200, None),
            (
                "a description",
                "GET",
                &format!("{}/openapi.json", root.trim_end_matches("/widget")),
                &[],
                "",
                200,
                None,
            ),
            ("no key", "GET", &widget, &[], "", 401, Some("Refused")),
            ("no route", "GET", &format!("{root}/a/b/c"), &once[..2], "", 404, Some("Refused")),
            ("no such method", "PURGE", &widget, &once[..2], "", 405, Some("Refused")),
            (
                "another body",
                "POST",
                root,
                &once[..],
                "{}",
                if root == "/v1/widget" { 400 } else { 422 },
                Some("Refused"),
            ),
            ("a delete", "DELETE", &widget, &once[..2], "", 200, Some("Deleted")),
            ("another delete", "DELETE", &widget, &once[..2], "", 404, Some("Refused")),
        ] {
            let answer = app.send(method, path, headers, body).await;
            assert_eq!(answer.status, status, "{dialect}, {what}: {answer:?}");
            assert_eq!(metric(&answer).await.as_deref(), counts, "{dialect}, {what}");
        }
    }
}

#[tokio::test]
async fn not_modified_read_is_not_counted_as_refused() {
    let app = TestApp::start().await;
    let created = app.create_pathway(PATHWAY_BODY).await;
    let headers = [("authorization", app.key.as_str()), ("if-none-match", created.header("etag"))];
    let answer = app.send("GET", &format!("/v1/widget/{}", created.id()), &headers, "").await;
    assert_eq!(answer.status, 304);
    assert_eq!(counted(&line(&app, "Pathway", &answer).await, "Pathway", "pathway"), None);
}

#[tokio::test]
async fn each_command_of_a_batch_has_its_own_log_line_and_metric() {
    let app = TestApp::start().await;
    for (function, dialect, root, body, ..) in DIALECTS {
        let widget = app.call("POST", root, body).await.id();
        let command = |operation: &str, more: &str| {
            format!(r#"{{"operation":"{operation}","account":"{DEVELOPMENT_ACCOUNT}"{more}}}"#)
        };
        let delete = command("delete", &format!(r#","widget_id":"{widget}""#));
        let messages = [
            (command("create", &format!(r#","body":{body}"#)), Some("Created"), Some(2)),
            (command("create", r#","body":{}"#), Some("Refused"), None),
            (delete.clone(), Some("Deleted"), Some(1)),
            // To a queue, which may deliver a message twice, it is done.
            (delete, None, Some(1)),
            ("{}".to_owned(), Some("Refused"), None),
        ];
        let messages = messages.map(|(body, counts, store_calls)| {
            (Uuid::new_v4().to_string(), body, counts, store_calls)
        });
        let record = |(id, body, ..): &(String, String, _, _)| json!({"messageId": id, "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:1:q", "body": body});
        let records: Vec<Value> = messages.iter().map(record).collect();
        app.invoke(function, &json!({"Records": records}).to_string()).await.unwrap();
        for (id, body, counts, store_calls) in &messages {
            let line = app.logged(function, &format!(r#""id":"{id}""#)).await;
            assert_eq!(counted(&line, function, dialect).as_deref(), *counts, "{body}");
            assert_eq!(app.log().matches(id).count(), 1);
            let line: Value = serde_json::from_str(&line).unwrap();
            // A command that was not to be understood was for nobody, and asked the store for
            // nothing.
            let account = store_calls.map(|_| DEVELOPMENT_ACCOUNT.to_string());
            assert_eq!(line["account"], json!(account), "{body}");
            assert_eq!(line["storeCalls"].as_u64() > Some(0), store_calls.is_some(), "{body}");
        }
    }
}

#[tokio::test]
async fn store_failure_is_not_counted_as_refused_and_logs_all_attempts() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    assert_eq!(app.call("GET", "/v1/widgets", "").await.status, 200);
    proxy.plan(|call, _| match call {
        Call::CREATE => Fault::Refused(400, "ThrottlingException"),
        _ => Fault::None,
    });
    let answer = app.create_pathway(PATHWAY_BODY).await;
    assert_eq!(answer.status, 503);
    let line = line(&app, "Pathway", &answer).await;
    assert!(line.contains(r#""level":"ERROR""#) && line.contains(r#""storeCalls":3,"#), "{line}");
    assert!(line.contains(&format!(r#""account":"{DEVELOPMENT_ACCOUNT}""#)), "{line}");
    assert!(!line.contains("_aws"), "{line}");
}
