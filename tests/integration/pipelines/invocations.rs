//! Invocations with a command or a batch of commands: direct, by Step Functions and by a pipe.

use std::fs;

use serde_json::{Value, json};
use widgets::local::{binaries, stack::DEVELOPMENT_ACCOUNT};

use super::{
    about, by_http, command, count, create, create_once, id, invoke, invoke_error, update,
};
use crate::support::{
    app::TestApp,
    dialect::{DIALECTS, PATHWAY},
    payloads::{event, failures, sqs_record},
};

#[tokio::test]
async fn direct_invocation_returns_the_widget_as_http_shows_it() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let created = invoke(&app, dialect, &create(dialect.body)).await;
        let widget = id(&created);
        assert_eq!(by_http(&app, dialect, &widget).await, (200, created.clone()));
        assert_eq!(invoke(&app, dialect, &about("read", &widget)).await, created);
        let updated = invoke(&app, dialect, &update(&widget, dialect.change)).await;
        assert_ne!(updated, created);
        assert_eq!(by_http(&app, dialect, &widget).await, (200, updated.clone()));
        assert_eq!(invoke(&app, dialect, &about("delete", &widget)).await, updated);
        assert_eq!(by_http(&app, dialect, &widget).await.0, 404);
        // Without an idempotency key each invocation creates another widget.
        let another = invoke(&app, dialect, &create(dialect.body)).await;
        assert_ne!(id(&another), widget);
        let more = r#","idempotency_key":"one","widget_id":null,"body":"#;
        let once = command("create", &format!("{more}{}", dialect.body));
        let first = invoke(&app, dialect, &once).await;
        assert_eq!(invoke(&app, dialect, &once).await, first);
    }
}

#[tokio::test]
async fn pipe_batch_succeeds_or_fails_as_a_whole_and_is_idempotent() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let (create, once) = (create(dialect.body), |key| create_once(key, dialect.body));
        let all = format!("[{},{},{}]", once("1"), event("2", &create), once("3"));
        let widgets = invoke(&app, dialect, &all).await;
        assert_eq!(serde_json::from_str::<Vec<Value>>(&widgets).unwrap().len(), 3);
        assert_eq!(invoke(&app, dialect, &all).await, widgets);
        // A pipe from a queue without an input template passes on the records of SQS.
        let records = json!([sqs_record("4", 1, &create), sqs_record("5", 1, "[]")]).to_string();
        assert_eq!(invoke(&app, dialect, &records).await, failures(&["5"]));
        // Without a key, a retry would create another widget.
        let document = invoke_error(&app, dialect, &format!("[{},{create}]", once("1"))).await;
        let expected = json!([{"path": "[1].idempotency_key", "message": "is required"}]);
        assert_eq!(document["violations"], expected, "{document}");
        assert_eq!(count(&app, dialect).await, 4);
    }
}

/// Runs the task of docs/pipelines.md as a state machine does
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html>). `$$` is the
/// execution, `$` its input.
#[tokio::test]
async fn documented_state_machine_task_creates_once_and_catches_errors() {
    let app = TestApp::start().await;
    let document = fs::read_to_string(binaries::workspace().join("docs/pipelines.md")).unwrap();
    let task =
        document.split("```json\n").find(|block| block.contains("states:::lambda:invoke")).unwrap();
    let task: Value = serde_json::from_str(task.split("```").next().unwrap()).unwrap();
    let payload = |body: &str| {
        let mut payload = task["Parameters"]["Payload"].clone();
        let members = payload.as_object_mut().unwrap();
        members["account"] = json!(DEVELOPMENT_ACCOUNT.to_string());
        assert_eq!(members.remove("body.$"), Some(json!("$.widget")));
        members.insert("body".to_owned(), serde_json::from_str(body).unwrap());
        assert_eq!(members.remove("idempotency_key.$"), Some(json!("$$.Execution.Id")));
        // The longest id of an execution.
        let name = "n".repeat(80);
        let execution =
            format!("arn:aws:states:ap-southeast-1:123456789012:execution:{name}:{name}");
        members.insert("idempotency_key".to_owned(), json!(execution));
        payload.to_string()
    };
    let catches = |field: &str, failure: &Value| {
        let errors = task[field][0]["ErrorEquals"].as_array().unwrap();
        errors.contains(&failure["errorType"])
    };
    let created = invoke(&app, PATHWAY, &payload(PATHWAY.body)).await;
    let retried = invoke(&app, PATHWAY, &payload(PATHWAY.body)).await;
    assert_eq!(retried, created, "a retry belongs to the same execution");
    assert_eq!(app.count().await, 1);
    // The state machine gets the error document as `Cause`.
    let failure = invoke_error(&app, PATHWAY, &payload("{}")).await;
    assert!(catches("Catch", &failure) && !catches("Retry", &failure), "{failure}");
    assert!(!failure["violations"].as_array().unwrap().is_empty(), "{failure}");
}
