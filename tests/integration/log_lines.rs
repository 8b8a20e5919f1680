//! Log lines and metrics: one line for each request and each command, counted by CloudWatch.

use serde_json::{Value, json};
use shared::model::Timestamp;
use uuid::Uuid;
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use crate::support::{
    app::{Answer, JSON, TestApp, keys_in_order},
    dialect::{DIALECTS, Dialect, PATHWAY},
    fault_proxy::{Call, Fault, FaultProxy},
    payloads::{batch, sqs_record},
};

/// The line of the request that was answered with this, as it was written.
async fn line(app: &TestApp, dialect: &Dialect, answer: &Answer) -> String {
    app.logged(dialect.function, &format!(r#""requestId":"{}""#, answer.header("x-request-id")))
        .await
}

/// Which metric CloudWatch counts a line in, by the rules of the embedded metric format; an error
/// is a rule that is broken.
fn counted(line: &str, dialect: &Dialect) -> Option<String> {
    let line: Value = serde_json::from_str(line).unwrap();
    let metadata = line.get("_aws")?;
    let timestamp = metadata["Timestamp"].as_i64().unwrap();
    let logged = Timestamp::parse(line["timestamp"].as_str().unwrap()).unwrap();
    assert!((logged.epoch_milliseconds() - timestamp).abs() < 1_000, "{line}");
    let directives = metadata["CloudWatchMetrics"].as_array().unwrap();
    assert_eq!(directives.len(), 1);
    assert_eq!(directives[0]["Namespace"], "Widgets");
    assert_eq!(directives[0]["Dimensions"], json!([["FunctionName", "Dialect"]]));
    assert_eq!(line["FunctionName"], dialect.function);
    assert_eq!(line["Dialect"], dialect.name);
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
    for dialect in DIALECTS {
        // The first request of an environment looks up the key.
        for (is_cold, store_calls) in [(true, 2), (false, 1)] {
            let answer = app.create(&dialect).await;
            let line = line(&app, &dialect, &answer).await;
            let members = "timestamp level message requestId route status account durationMs \
                storeCalls coldStart _aws FunctionName Dialect Created";
            assert_eq!(keys_in_order(&line).join(" "), members);
            let line: Value = serde_json::from_str(&line).unwrap();
            for (name, value) in [
                ("level", json!("INFO")),
                ("message", json!("request")),
                ("route", json!(format!("POST {}", dialect.root))),
                ("status", json!(200)),
                ("account", json!(DEVELOPMENT_ACCOUNT)),
                ("storeCalls", json!(store_calls)),
                ("coldStart", json!(is_cold)),
            ] {
                assert_eq!(line[name], value, "{name}");
            }
            assert!(line["durationMs"].as_f64().unwrap() > 0.0);
            assert_eq!(app.log().matches(answer.header("x-request-id")).count(), 1);
        }
        // Nobody knows whose request this is.
        let answer = app.send("GET", dialect.root, &[("authorization", "in-nobody")], "").await;
        let line = line(&app, &dialect, &answer).await;
        for part in [r#""status":401,"durationMs":"#, r#""storeCalls":1"#] {
            assert!(line.contains(part), "{line}");
        }
    }
}

#[tokio::test]
async fn metrics_count_each_create_update_delete_and_refusal_once() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let Dialect { name, root, update, body, change, invalid, .. } = dialect;
        let once = [("authorization", &*app.key), JSON, ("idempotency-key", "k")];
        let (none, key, once) = (&once[..0], &once[..2], &once[..]);
        let created = app.create(&dialect).await;
        let metric = async |answer: &Answer| counted(&line(&app, &dialect, answer).await, &dialect);
        assert_eq!(metric(&created).await.as_deref(), Some("Created"));
        let widget = &*dialect.widget(&created.id());
        let openapi = &*dialect.openapi_path();
        let no_route = &*dialect.widget("a/b/c");
        for (what, method, path, headers, body, status, counts) in [
            ("a create with a key", "POST", root, once, body, 200, Some("Created")),
            ("a replay", "POST", root, once, body, 200, None),
            ("an update", update, widget, key, change, 200, Some("Updated")),
            ("an update to the same values", update, widget, key, change, 200, None),
            ("a read", "GET", widget, key, "", 200, None),
            ("a list", "GET", root, key, "", 200, None),
            ("a description", "GET", openapi, none, "", 200, None),
            ("no key", "GET", widget, none, "", 401, Some("Refused")),
            ("no route", "GET", no_route, key, "", 404, Some("Refused")),
            ("no such method", "PURGE", widget, key, "", 405, Some("Refused")),
            ("another body", "POST", root, once, "{}", invalid, Some("Refused")),
            ("a delete", "DELETE", widget, key, "", 200, Some("Deleted")),
            ("another delete", "DELETE", widget, key, "", 404, Some("Refused")),
        ] {
            let answer = app.send(method, path, headers, body).await;
            assert_eq!(answer.status, status, "{name}, {what}: {answer:?}");
            assert_eq!(metric(&answer).await.as_deref(), counts, "{name}, {what}");
        }
    }
}

#[tokio::test]
async fn not_modified_read_is_not_counted_as_refused() {
    let app = TestApp::start().await;
    let created = app.create(&PATHWAY).await;
    let condition = [("if-none-match", created.header("etag"))];
    let answer = app.call_with(&condition, "GET", &PATHWAY.widget(&created.id()), "").await;
    assert_eq!(answer.status, 304);
    assert_eq!(counted(&line(&app, &PATHWAY, &answer).await, &PATHWAY), None);
}

#[tokio::test]
async fn each_command_of_a_batch_has_its_own_log_line_and_metric() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let widget = app.create(&dialect).await.id();
        let command = |operation: &str, more: &str| {
            format!(r#"{{"operation":"{operation}","account":"{DEVELOPMENT_ACCOUNT}"{more}}}"#)
        };
        let delete = command("delete", &format!(r#","widget_id":"{widget}""#));
        let messages = [
            (command("create", &format!(r#","body":{}"#, dialect.body)), Some("Created"), Some(2)),
            (command("create", r#","body":{}"#), Some("Refused"), None),
            (delete.clone(), Some("Deleted"), Some(1)),
            // To a queue, which may bring a message twice, it is done.
            (delete, None, Some(1)),
            ("{}".to_owned(), Some("Refused"), None),
        ];
        let messages = messages.map(|message| (Uuid::new_v4().to_string(), message));
        let record = |(id, (body, ..)): &(String, (String, _, _))| sqs_record(id, 1, body);
        let records: Vec<Value> = messages.iter().map(record).collect();
        app.invoke(dialect.function, &batch(&records)).await.unwrap();
        for (id, (body, counts, store_calls)) in &messages {
            let line = app.logged(dialect.function, &format!(r#""id":"{id}""#)).await;
            assert_eq!(counted(&line, &dialect).as_deref(), *counts, "{body}");
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
    let answer = app.create_pathway(PATHWAY.body).await;
    assert_eq!(answer.status, 503);
    let line = line(&app, &PATHWAY, &answer).await;
    let account = format!(r#""account":"{DEVELOPMENT_ACCOUNT}""#);
    for part in [r#""level":"ERROR""#, r#""storeCalls":3,"#, &account] {
        assert!(line.contains(part), "{line}");
    }
    assert!(!line.contains("_aws"), "{line}");
}
