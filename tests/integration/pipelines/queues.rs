//! Messages of an SQS queue.

use serde_json::{Value, json};
use uuid::Uuid;
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use super::{DIALECTS, about, by_http, create, id, update};
use crate::support::{
    app::TestApp,
    fault_proxy::{Call, Effect, Fault, FaultProxy},
    payloads::{batch, event, failures, sqs_record},
};

#[tokio::test]
async fn only_bad_messages_return_to_the_queue_and_good_ones_run_once() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let [good, also_good] = [(); 2].map(|()| Uuid::new_v4().to_string());
        let wrong =
            create(r#"{"allowed_domains":["https://s3cret.example"],"widget_type":"s3cret"}"#);
        let big = create(&format!(r#"{{"config":"{}"}}"#, "x".repeat(256 * 1024)));
        let deep = create(&format!(r#"{{"config":{}1{}}}"#, "[".repeat(200), "]".repeat(200)));
        let of_nobody = about("delete", &Uuid::now_v7().to_string());
        let records = [
            sqs_record(&good, 1, &create(dialect.body)),
            sqs_record("is-no-json", 1, "s3cret"),
            sqs_record("is-empty", 1, ""),
            sqs_record("is-no-object", 1, "[]"),
            sqs_record("is-no-command", 1, r#"{"s3cret":1}"#),
            sqs_record(
                "is-no-event",
                1,
                r#"{"detail-type":"Pathway Command","detail":{"operation":"read"}}"#,
            ),
            sqs_record("has-faults", 3, &wrong),
            sqs_record("is-too-large", 1, &big),
            sqs_record("is-too-deep", 1, &deep),
            sqs_record("is-of-nobody", 1, &of_nobody),
            sqs_record(&good, 2, &create(dialect.body)),
            sqs_record(&also_good, 1, &create(dialect.body)),
        ];
        let bad = [
            "is-no-json",
            "is-empty",
            "is-no-object",
            "is-no-command",
            "is-no-event",
            "has-faults",
            "is-too-large",
            "is-too-deep",
            "is-of-nobody",
        ];
        let kept = app.stored_of(DEVELOPMENT_ACCOUNT, dialect.name).await.len();
        for _ in ["the first time", "when all of it comes again"] {
            assert_eq!(app.invoke(dialect.function, &batch(&records)).await, Ok(failures(&bad)));
            assert_eq!(app.stored_of(DEVELOPMENT_ACCOUNT, dialect.name).await.len(), kept + 2);
        }
        // Why a message ends among the dead is in the log, and nothing of what it holds.
        for (id, kind, cause) in [
            ("is-no-json", "ValidationError", "command is not valid JSON"),
            ("is-empty", "ValidationError", "command is not valid JSON"),
            ("is-no-object", "ValidationError", "command must be a JSON object"),
            (
                "is-no-command",
                "ValidationError",
                "command has a member of another name; operation is required",
            ),
            ("is-no-event", "ValidationError", "id is required"),
            (
                "has-faults",
                "ValidationError",
                if dialect.name == "pathway" {
                    "body.allowed_domains[0]"
                } else {
                    "body.widget_type"
                },
            ),
            ("is-too-large", "ValidationError", "body must have at most 262144 bytes"),
            ("is-too-deep", "ValidationError", "body is not valid JSON: nested too deeply"),
            ("is-of-nobody", "NotFound", "there is no widget with id"),
        ] {
            let line = app.logged(dialect.function, &format!(r#""id":"{id}""#)).await;
            let line: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(
                (&line["level"], &line["trigger"], &line["error"], &line["retryable"]),
                (&json!("ERROR"), &json!("sqs"), &json!(kind), &json!(false)),
                "{line}"
            );
            assert!(line["cause"].as_str().unwrap().contains(cause), "{line}");
            assert_eq!(line["receiveCount"], if id == "has-faults" { 3 } else { 1 });
        }
        assert!(!app.log().contains("s3cret"));
    }
}

#[tokio::test]
async fn byte_order_mark_before_a_command_is_ignored() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let command = create(dialect.body);
        let event = event(&Uuid::new_v4().to_string(), &command);
        let records = [
            sqs_record("a-command", 1, &format!("\u{feff}{command}")),
            sqs_record("an-event", 1, &format!("\u{feff} {event}")),
            sqs_record("two-marks", 1, &format!("\u{feff}\u{feff}{command}")),
            sqs_record("a-mark-alone", 1, "\u{feff}"),
        ];
        let gone_back = failures(&["two-marks", "a-mark-alone"]);
        assert_eq!(app.invoke(dialect.function, &batch(&records)).await, Ok(gone_back));
        assert_eq!(app.stored_of(DEVELOPMENT_ACCOUNT, dialect.name).await.len(), 2);
    }
}

#[tokio::test]
async fn integer_over_4300_digits_in_a_command_is_refused() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let with = |digits: usize| {
            let member = format!(r#"{{"unknown":{},"#, "9".repeat(digits));
            create(&dialect.body.replacen('{', &member, 1))
        };
        let records = [sqs_record("most", 1, &with(4300)), sqs_record("more", 1, &with(4301))];
        assert_eq!(app.invoke(dialect.function, &batch(&records)).await, Ok(failures(&["more"])));
        let failed = app.invoke(dialect.function, &with(4301)).await.unwrap_err();
        let expected =
            json!([{"path": "body", "message": "must have no integer of more than 4300 digits"}]);
        let failed: Value = serde_json::from_str(&failed).unwrap();
        assert_eq!(
            (&failed["errorType"], &failed["violations"]),
            (&json!("ValidationError"), &expected)
        );
    }
}

#[tokio::test]
async fn messages_of_a_batch_run_in_order() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let created = app.call("POST", dialect.root, dialect.body).await.id();
        let records = [
            sqs_record("1", 1, &update(&created, dialect.change)),
            sqs_record("2", 1, &update(&created, dialect.body)),
            sqs_record("3", 1, &about("read", &created)),
        ];
        assert_eq!(app.invoke(dialect.function, &batch(&records)).await, Ok(failures(&[])));
        let read = app.call("GET", &format!("{}/{created}", dialect.root), "").await;
        assert_eq!(read.header("etag"), r#""3""#);
        let records = [
            sqs_record("4", 1, &about("delete", &created)),
            sqs_record("5", 1, &update(&created, dialect.change)),
        ];
        assert_eq!(app.invoke(dialect.function, &batch(&records)).await, Ok(failures(&["5"])));
        assert_eq!(by_http(&app, dialect, &created).await.0, 404);
        // The one that deleted it may come again; one of a widget that never was stays wrong.
        assert_eq!(app.invoke(dialect.function, &batch(&records)).await, Ok(failures(&["5"])));
    }
}

#[tokio::test]
async fn message_with_a_lost_answer_succeeds_on_redelivery() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for dialect in DIALECTS {
        let widget = id(&app.invoke(dialect.function, &create(dialect.body)).await.unwrap());
        for payload in [update(&widget, dialect.change), about("delete", &widget)] {
            let records = [sqs_record("m", 1, &payload)];
            proxy.always(Call::UPDATE, Fault::Reset(Effect::Done));
            assert_eq!(app.invoke(dialect.function, &batch(&records)).await, Ok(failures(&["m"])));
            proxy.always(Call::UPDATE, Fault::None);
            let before = app.items().await;
            assert_eq!(app.invoke(dialect.function, &batch(&records)).await, Ok(failures(&[])));
            let after = app.items().await;
            assert!(before.iter().all(|item| after.contains(item)), "nothing is done twice");
        }
        assert_eq!(by_http(&app, dialect, &widget).await.0, 404);
    }
}
