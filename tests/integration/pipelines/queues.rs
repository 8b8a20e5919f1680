//! Messages of an SQS queue.

use serde_json::{Value, json};
use uuid::Uuid;
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use super::{about, by_http, count, create, id, invoke, update};
use crate::support::{
    app::TestApp,
    dialect::DIALECTS,
    fault_proxy::{Call, Effect, Fault, FaultProxy},
    payloads::{batch, event, failures, sqs_record},
};

#[tokio::test]
async fn only_bad_messages_return_to_the_queue_and_good_ones_run_once() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let wrong =
            create(r#"{"allowed_domains":["https://s3cret.example"],"widget_type":"s3cret"}"#);
        let wrong_field = match dialect.name {
            "assistant" => "body.widget_type",
            _ => "body.allowed_domains[0]",
        };
        let big = create(&format!(r#"{{"config":"{}"}}"#, "x".repeat(256 * 1024)));
        let deep = create(&format!(r#"{{"config":{}1{}}}"#, "[".repeat(200), "]".repeat(200)));
        let of_nobody = about("delete", &Uuid::now_v7().to_string());
        let no_event = r#"{"detail-type":"Pathway Command","detail":{"operation":"read"}}"#;
        let no_operation = "command has a member of another name; operation is required";
        let too_large = "body must have at most 262144 bytes";
        let too_deep = "body is not valid JSON: nested too deeply";
        // The id, the body, and the cause in the log line.
        let bad = [
            ("is-no-json", "s3cret", "command is not valid JSON"),
            ("is-empty", "", "command is not valid JSON"),
            ("is-no-object", "[]", "command must be a JSON object"),
            ("is-no-command", r#"{"s3cret":1}"#, no_operation),
            ("is-no-event", no_event, "id is required"),
            ("has-violations", &wrong, wrong_field),
            ("is-too-large", &big, too_large),
            ("is-too-deep", &deep, too_deep),
            ("is-of-nobody", &of_nobody, "there is no widget with id"),
        ];
        let received = |id: &str| if id == "has-violations" { 3 } else { 1 };
        let [good, also_good] = [(); 2].map(|()| Uuid::new_v4().to_string());
        let mut records = vec![sqs_record(&good, 1, &create(dialect.body))];
        records.extend(bad.map(|(id, body, _)| sqs_record(id, received(id), body)));
        records.push(sqs_record(&good, 2, &create(dialect.body)));
        records.push(sqs_record(&also_good, 1, &create(dialect.body)));
        let before = count(&app, dialect).await;
        for _ in ["the first delivery", "the second"] {
            let returned = invoke(&app, dialect, &batch(&records)).await;
            assert_eq!(returned, failures(&bad.map(|(id, ..)| id)));
            assert_eq!(count(&app, dialect).await, before + 2);
        }
        // The log says why a message fails, and nothing of what it holds.
        for (id, _, cause) in bad {
            let line = app.logged(dialect.function, &format!(r#""id":"{id}""#)).await;
            let line: Value = serde_json::from_str(&line).unwrap();
            let error = if id == "is-of-nobody" { "NotFound" } else { "ValidationError" };
            for (name, expected) in [("level", "ERROR"), ("trigger", "sqs"), ("error", error)] {
                assert_eq!(line[name], expected, "{line}");
            }
            assert_eq!(line["retryable"], json!(false), "{line}");
            assert!(line["cause"].as_str().unwrap().contains(cause), "{line}");
            assert_eq!(line["receiveCount"], received(id));
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
        let change = update(&created, dialect.change);
        let records = [
            sqs_record("1", 1, &change),
            sqs_record("2", 1, &update(&created, dialect.body)),
            sqs_record("3", 1, &about("read", &created)),
        ];
        assert_eq!(invoke(&app, dialect, &batch(&records)).await, failures(&[]));
        let read = app.call("GET", &dialect.widget(&created), "").await;
        assert_eq!(read.header("etag"), r#""3""#);
        let records =
            batch(&[sqs_record("4", 1, &about("delete", &created)), sqs_record("5", 1, &change)]);
        // A message that deletes a widget may be delivered again.
        for _ in ["the first delivery", "the second"] {
            assert_eq!(invoke(&app, dialect, &records).await, failures(&["5"]));
            assert_eq!(by_http(&app, dialect, &created).await.0, 404);
        }
    }
}

#[tokio::test]
async fn message_with_a_lost_answer_succeeds_on_redelivery() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for dialect in DIALECTS {
        let widget = id(&invoke(&app, dialect, &create(dialect.body)).await);
        for payload in [update(&widget, dialect.change), about("delete", &widget)] {
            let records = batch(&[sqs_record("m", 1, &payload)]);
            proxy.always(Call::UPDATE, Fault::Reset(Effect::Done));
            assert_eq!(invoke(&app, dialect, &records).await, failures(&["m"]));
            proxy.always(Call::UPDATE, Fault::None);
            let before = app.items().await;
            assert_eq!(invoke(&app, dialect, &records).await, failures(&[]));
            let after = app.items().await;
            assert!(before.iter().all(|item| after.contains(item)), "nothing is done twice");
        }
        assert_eq!(by_http(&app, dialect, &widget).await.0, 404);
    }
}
