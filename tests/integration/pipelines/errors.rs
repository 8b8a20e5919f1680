//! Commands that fail: invalid ones, ones of another account, and ones that the store fails.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{about, command, count, create, create_once, id, invoke, invoke_error, update};
use crate::support::{
    app::TestApp,
    dialect::{DIALECTS, PATHWAY},
    fault_proxy::{Call, Fault, FaultProxy},
    payloads::{batch, failures, sqs_record},
};

/// Returns the violations of an error document, each as its path and its message.
fn violations(document: &Value) -> BTreeSet<String> {
    assert_eq!(document["errorType"], "ValidationError", "{document}");
    let violations = document["violations"].as_array().unwrap().iter();
    let text = |it: &Value, name: &str| it[name].as_str().unwrap().to_owned();
    violations.map(|it| format!("{} {}", text(it, "path"), text(it, "message"))).collect()
}

#[tokio::test]
async fn failed_command_returns_an_error_type_and_all_violations() {
    let app = TestApp::start().await;
    let document = invoke_error(&app, PATHWAY, r#"{"operation":"create","account":"x","widget_id":"y","idempotency_key":"","idempotencyKey":"k","body":{"allowed_domains":["*"],"messages_per_minute":-1}}"#).await;
    let expected = [
        "command has no member \"idempotencyKey\"",
        "account must be a UUID: invalid character: found `x` at 0",
        "widget_id must not be given here",
        "idempotency_key must not be empty",
        "body.allowed_domains[0] \"*\" must be more than a wildcard",
        "body.messages_per_minute must be at least 0",
        "body.config is required",
        "body.pathway_id is required unless agent_prompt is given",
    ];
    assert_eq!(violations(&document), expected.map(ToOwned::to_owned).into());
    assert!(document["errorMessage"].as_str().unwrap().ends_with("(and 7 more)"), "{document}");

    let unknown = r#"{"operation":"list","account":"d0000000-0000-4000-8000-000000000000"}"#;
    let no_uuid = "widget_id must be a UUID: invalid character: found `é` at 0";
    for (payload, expected) in [
        (unknown.to_owned(), &["operation must be one of create, read, update, delete"][..]),
        (r#"{"operation":7}"#.to_owned(), &["operation must be a string", "account is required"]),
        (command("read", ""), &["widget_id is required"]),
        (
            command("update", r#","widget_id":null"#),
            &["widget_id must be a UUID", "body is required"],
        ),
        (command("create", r#","body":"{}""#), &["body must be a JSON object"]),
        (about("delete", "é"), &[no_uuid]),
    ] {
        for dialect in DIALECTS {
            let document = invoke_error(&app, dialect, &payload).await;
            let expected = expected.iter().map(ToString::to_string).collect();
            assert_eq!(violations(&document), expected, "{payload}");
        }
    }

    for dialect in DIALECTS {
        let nobody = Uuid::now_v7().to_string();
        let message = format!("there is no widget with id {nobody}");
        for payload in
            [about("read", &nobody), about("delete", &nobody), update(&nobody, dialect.change)]
        {
            let document = invoke_error(&app, dialect, &payload).await;
            assert_eq!(document, json!({"errorType": "NotFound", "errorMessage": message}));
        }
        // A caller that waits for the answer learns that a widget is deleted already.
        let widget = id(&invoke(&app, dialect, &create(dialect.body)).await);
        invoke(&app, dialect, &about("delete", &widget)).await;
        invoke(&app, dialect, &create_once("k", dialect.body)).await;
        let other_body = create_once("k", &dialect.body.replace("[]", "[ ]"));
        for (payload, error) in [
            (&*about("delete", &widget), "NotFound"),
            (&other_body, "Conflict"),
            (r#"{"nothing":"known"}"#, "UnknownEvent"),
        ] {
            assert_eq!(invoke_error(&app, dialect, payload).await["errorType"], error, "{payload}");
        }
    }
}

#[tokio::test]
async fn store_failures_are_classified_and_reveal_no_internals() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for dialect in DIALECTS {
        for (fault, error, retryable) in [
            (Fault::Refused(503, "ServiceUnavailable"), "ServiceUnavailable", true),
            (Fault::Refused(400, "AccessDeniedException"), "InternalError", false),
        ] {
            proxy.always(Call::CREATE_ONCE, fault);
            let document = invoke_error(&app, dialect, &create(dialect.body)).await;
            let message = document["errorMessage"].as_str().unwrap();
            assert_eq!(document["errorType"], error);
            assert!(!message.contains("Dynamo") && !message.contains("Denied"), "{document}");
            let message_id = Uuid::new_v4().to_string();
            let records = [
                sqs_record(&message_id, 1, &create(dialect.body)),
                sqs_record("invalid", 1, &about("read", "x")),
            ];
            let returned = invoke(&app, dialect, &batch(&records)).await;
            assert_eq!(returned, failures(&[&message_id, "invalid"]));
            let line = app.logged(dialect.function, &message_id).await;
            let line: Value = serde_json::from_str(&line).unwrap();
            for (name, expected) in [
                ("level", json!("ERROR")),
                ("error", json!(error)),
                ("retryable", json!(retryable)),
            ] {
                assert_eq!(line[name], expected, "{line}");
            }
            let cause = line["cause"].as_str().unwrap();
            assert!(cause.starts_with("TransactWriteItems Widgets: "), "{line}");
            // Once the store works, the returned message succeeds, and takes effect once.
            proxy.always(Call::CREATE_ONCE, Fault::None);
            let before = count(&app, dialect).await;
            for _ in 0..2 {
                let returned = invoke(&app, dialect, &batch(&records[..1])).await;
                assert_eq!(returned, failures(&[]));
            }
            assert_eq!(count(&app, dialect).await, before + 1);
        }
    }
}
