//! Invocations with a command or a batch of commands: direct, by Step Functions and by a pipe.

use std::fs;

use serde_json::{Value, json};
use widgets::local::{binaries, stack::DEVELOPMENT_ACCOUNT};

use super::{DIALECTS, about, by_http, command, create, id, update};
use crate::support::{
    app::{PATHWAY_BODY, TestApp},
    payloads::{event, failures, sqs_record},
};

#[tokio::test]
async fn direct_invocation_returns_the_widget_as_http_shows_it() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let created = app.invoke(dialect.function, &create(dialect.body)).await.unwrap();
        let widget = id(&created);
        assert_eq!(by_http(&app, dialect, &widget).await, (200, created.clone()));
        assert_eq!(
            app.invoke(dialect.function, &about("read", &widget)).await,
            Ok(created.clone())
        );
        let updated = app.invoke(dialect.function, &update(&widget, dialect.change)).await.unwrap();
        assert_ne!(updated, created);
        assert_eq!(by_http(&app, dialect, &widget).await, (200, updated.clone()));
        assert_eq!(app.invoke(dialect.function, &about("delete", &widget)).await, Ok(updated));
        assert_eq!(by_http(&app, dialect, &widget).await.0, 404);
        // Each invocation is another one, but for a key of their own.
        let another = app.invoke(dialect.function, &create(dialect.body)).await.unwrap();
        assert_ne!(id(&another), widget);
        let once = command(
            "create",
            &format!(r#","idempotency_key":"one","widget_id":null,"body":{}"#, dialect.body),
        );
        let first = app.invoke(dialect.function, &once).await.unwrap();
        assert_eq!(app.invoke(dialect.function, &once).await, Ok(first));
    }
}

#[tokio::test]
async fn pipe_batch_succeeds_or_fails_as_a_whole_and_is_idempotent() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let once = |key: &str| {
            command("create", &format!(r#","idempotency_key":"{key}","body":{}"#, dialect.body))
        };
        let all = format!("[{},{},{}]", once("1"), event("2", &create(dialect.body)), once("3"));
        let widgets = app.invoke(dialect.function, &all).await.unwrap();
        assert_eq!(serde_json::from_str::<Vec<Value>>(&widgets).unwrap().len(), 3);
        assert_eq!(app.invoke(dialect.function, &all).await, Ok(widgets));
        // As SQS has them, when the pipe's source is a queue without a template.
        let records = json!([sqs_record("4", 1, &create(dialect.body)), sqs_record("5", 1, "[]")])
            .to_string();
        assert_eq!(app.invoke(dialect.function, &records).await, Ok(failures(&["5"])));
        // A command without a key would be done again each time.
        let told = app
            .invoke(dialect.function, &format!("[{},{}]", once("1"), create(dialect.body)))
            .await
            .unwrap_err();
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(
            told["violations"],
            json!([{"path": "[1].idempotency_key", "message": "is required"}]),
            "{told}"
        );
        assert_eq!(app.stored_of(DEVELOPMENT_ACCOUNT, dialect.name).await.len(), 4);
    }
}

/// Runs the task of the README as a state machine does
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html>). `$$` is the
/// execution, `$` its input.
#[tokio::test]
async fn documented_state_machine_task_creates_once_and_catches_errors() {
    let app = TestApp::start().await;
    let readme = fs::read_to_string(binaries::workspace().join("README.md")).unwrap();
    let task =
        readme.split("```json\n").find(|block| block.contains("states:::lambda:invoke")).unwrap();
    let task: Value = serde_json::from_str(task.split("```").next().unwrap()).unwrap();
    let payload = |body: &str| {
        let mut payload = task["Parameters"]["Payload"].clone();
        let members = payload.as_object_mut().unwrap();
        members["account"] = json!(DEVELOPMENT_ACCOUNT.to_string());
        assert_eq!(members.remove("body.$"), Some(json!("$.widget")));
        members.insert("body".to_owned(), serde_json::from_str(body).unwrap());
        assert_eq!(members.remove("idempotency_key.$"), Some(json!("$$.Execution.Id")));
        // The longest that there is.
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
    let created = app.invoke("Pathway", &payload(PATHWAY_BODY)).await.unwrap();
    assert_eq!(
        app.invoke("Pathway", &payload(PATHWAY_BODY)).await,
        Ok(created),
        "a retry is the same execution's"
    );
    assert_eq!(app.count().await, 1);
    // What the state machine has in `Cause` is the payload that the function failed with.
    let cause = app.invoke("Pathway", &payload("{}")).await.unwrap_err();
    let failure: Value = serde_json::from_str(&cause).unwrap();
    assert!(catches("Catch", &failure) && !catches("Retry", &failure), "{cause}");
    assert!(!failure["violations"].as_array().unwrap().is_empty(), "{cause}");
}
