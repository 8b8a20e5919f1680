//! Messages of an SQS queue.

use serde_json::{Value, json};
use uuid::Uuid;
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use super::{DIALECTS, about, by_http, create, id, update};
use crate::support::{
    app::{Item, TestApp, is_widget},
    fault_proxy::{Call, Effect, Fault, FaultProxy},
    payloads::{batch, failures, sqs_record},
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
        let of_nobody = update(&Uuid::now_v7().to_string(), dialect.change);
        let deletes_nobody = about("delete", &Uuid::now_v7().to_string());
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
            sqs_record("deletes-nobody", 1, &deletes_nobody),
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
        // A delete that finds nothing is done, and its line names no widget that was changed.
        let line = app.logged(dialect.function, r#""id":"deletes-nobody""#).await;
        assert!(line.contains(r#""level":"INFO""#) && !line.contains("widgetId"), "{line}");
        assert!(!app.log().contains("s3cret"));
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
        // The delete is done when it comes again; the update stays wrong.
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
            // The second delete removes the tombstone that the first one left.
            let is_kept = |item: &&Item| is_widget(item) || item.contains_key("widget_id");
            let mut kept = before.iter().filter(is_kept);
            assert!(kept.all(|item| after.contains(item)), "nothing is done twice");
        }
        assert_eq!(by_http(&app, dialect, &widget).await.0, 404);
        assert!(app.items().await.iter().all(|item| item["sk"].as_s() != Ok(&widget)));
    }
}
