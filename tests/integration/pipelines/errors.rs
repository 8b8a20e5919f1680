//! Commands that fail: invalid ones, ones of another account, and ones that the store fails.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use super::{DIALECTS, about, by_http, command, create, id, update};
use crate::support::{
    app::TestApp,
    fault_proxy::{Call, Fault, FaultProxy},
    payloads::{batch, failures, sqs_record},
};

#[tokio::test]
async fn failed_command_returns_an_error_type_and_all_violations() {
    let app = TestApp::start().await;
    let failed = async |function: &str, payload: &str| -> Value {
        serde_json::from_str(&app.invoke(function, payload).await.unwrap_err()).unwrap()
    };
    let violations = |told: &Value| -> BTreeSet<String> {
        let told = told["violations"].as_array().unwrap().iter();
        told.map(|it| {
            format!("{} {}", it["path"].as_str().unwrap(), it["message"].as_str().unwrap())
        })
        .collect()
    };
    let told = failed("Pathway", r#"{"operation":"create","account":"x","widget_id":"y","idempotency_key":"","idempotencyKey":"k","body":{"allowed_domains":["*"],"messages_per_minute":-1}}"#).await;
    assert_eq!(told["errorType"], "ValidationError");
    assert_eq!(
        violations(&told),
        BTreeSet::from(
            [
                "command has no member \"idempotencyKey\"",
                "account must be a UUID: invalid character: found `x` at 0",
                "widget_id must not be given here",
                "idempotency_key must not be empty",
                "body.allowed_domains[0] \"*\" must be more than a wildcard",
                "body.messages_per_minute must be at least 0",
                "body.config is required",
                "body.pathway_id is required unless agent_prompt is given",
            ]
            .map(ToOwned::to_owned)
        ),
        "{told}"
    );
    assert!(told["errorMessage"].as_str().unwrap().ends_with("(and 7 more)"), "{told}");
    for (payload, expected) in [
        (
            r#"{"operation":"list","account":"d0000000-0000-4000-8000-000000000000"}"#.to_owned(),
            &["operation must be one of create, read, update, delete"][..],
        ),
        (r#"{"operation":7}"#.to_owned(), &["operation must be a string", "account is required"]),
        (command("read", ""), &["widget_id is required"]),
        (
            command("update", r#","widget_id":null"#),
            &["widget_id must be a UUID", "body is required"],
        ),
        (command("create", r#","body":"{}""#), &["body must be a JSON object"]),
        (
            command("delete", r#","widget_id":"é""#),
            &["widget_id must be a UUID: invalid character: found `é` at 0"],
        ),
    ] {
        for dialect in DIALECTS {
            let told = failed(dialect.function, &payload).await;
            assert_eq!(told["errorType"], "ValidationError", "{told}");
            assert_eq!(
                violations(&told),
                expected.iter().map(ToString::to_string).collect(),
                "{payload}"
            );
        }
    }
    for dialect in DIALECTS {
        let nobody = Uuid::now_v7().to_string();
        for payload in
            [about("read", &nobody), about("delete", &nobody), update(&nobody, dialect.change)]
        {
            let told = failed(dialect.function, &payload).await;
            assert_eq!(
                told,
                json!({"errorType": "NotFound", "errorMessage": format!("there is no widget with id {nobody}")})
            );
        }
        let once =
            |body: &str| command("create", &format!(r#","idempotency_key":"k","body":{body}"#));
        app.invoke(dialect.function, &once(dialect.body)).await.unwrap();
        let told = failed(dialect.function, &once(&dialect.body.replace("[]", "[ ]"))).await;
        assert_eq!(told["errorType"], "Conflict", "{told}");
        // Deleted is as good as never there to whoever waits for an answer.
        let widget = id(&app.invoke(dialect.function, &create(dialect.body)).await.unwrap());
        app.invoke(dialect.function, &about("delete", &widget)).await.unwrap();
        assert_eq!(
            failed(dialect.function, &about("delete", &widget)).await["errorType"],
            "NotFound"
        );
        assert_eq!(
            failed(dialect.function, r#"{"nothing":"known"}"#).await["errorType"],
            "UnknownEvent"
        );
    }
}

#[tokio::test]
async fn store_failures_are_classified_and_reveal_no_internals() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for dialect in DIALECTS {
        for (fault, kind, retryable) in [
            (Fault::Refused(503, "ServiceUnavailable"), "ServiceUnavailable", true),
            (Fault::Refused(400, "AccessDeniedException"), "InternalError", false),
        ] {
            proxy.always(Call::CREATE_ONCE, fault);
            let told: Value = serde_json::from_str(
                &app.invoke(dialect.function, &create(dialect.body)).await.unwrap_err(),
            )
            .unwrap();
            let message = told["errorMessage"].as_str().unwrap();
            assert_eq!(told["errorType"], kind);
            assert!(!message.contains("Dynamo") && !message.contains("Denied"), "{told}");
            let message_id = Uuid::new_v4().to_string();
            let records = [
                sqs_record(&message_id, 1, &create(dialect.body)),
                sqs_record("good", 1, &about("read", "x")),
            ];
            assert_eq!(
                app.invoke(dialect.function, &batch(&records)).await,
                Ok(failures(&[&message_id, "good"]))
            );
            let line: Value =
                serde_json::from_str(&app.logged(dialect.function, &message_id).await).unwrap();
            assert_eq!(
                (&line["level"], &line["error"], &line["retryable"]),
                (&json!("ERROR"), &json!(kind), &json!(retryable))
            );
            assert!(
                line["cause"].as_str().unwrap().starts_with("TransactWriteItems Widgets: "),
                "{line}"
            );
            // When it is over, the message that went back is done, once.
            proxy.always(Call::CREATE_ONCE, Fault::None);
            let kept = app.stored_of(DEVELOPMENT_ACCOUNT, dialect.name).await.len();
            for _ in 0..2 {
                assert_eq!(
                    app.invoke(dialect.function, &batch(&records[..1])).await,
                    Ok(failures(&[]))
                );
            }
            assert_eq!(app.stored_of(DEVELOPMENT_ACCOUNT, dialect.name).await.len(), kept + 1);
        }
    }
}

#[tokio::test]
async fn command_reaches_only_widgets_of_its_account() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let widget = id(&app.invoke(dialect.function, &create(dialect.body)).await.unwrap());
        let other = Uuid::new_v4().to_string();
        for payload in
            [about("read", &widget), update(&widget, dialect.change), about("delete", &widget)]
        {
            let of_another = payload.replace(&DEVELOPMENT_ACCOUNT.to_string(), &other);
            assert!(
                app.invoke(dialect.function, &of_another).await.unwrap_err().contains("NotFound"),
                "{of_another}"
            );
        }
        assert_eq!(by_http(&app, dialect, &widget).await.0, 200);
    }
}
