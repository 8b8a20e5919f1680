//! Commands without HTTP, in the payloads that AWS documents. Each command takes effect once, or
//! fails visibly.

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};
use uuid::Uuid;
use widgets::local::{binaries, stack::DEVELOPMENT_ACCOUNT};

use crate::support::{
    app::{
        ASSISTANT_BODY, ASSISTANT_CHANGE, PATHWAY_BODY, PATHWAY_CHANGE, TestApp, is_widget,
        raw_data,
    },
    fault_proxy::{Call, Effect, Fault, FaultProxy},
};

/// A dialect's function and names.
#[derive(Clone, Copy)]
struct Dialect {
    function: &'static str,
    name: &'static str,
    root: &'static str,
    body: &'static str,
    change: &'static str,
}

const DIALECTS: [Dialect; 2] = [
    Dialect {
        function: "Assistant",
        name: "assistant",
        root: "/api/v1/widget",
        body: ASSISTANT_BODY,
        change: ASSISTANT_CHANGE,
    },
    Dialect {
        function: "Pathway",
        name: "pathway",
        root: "/v1/widget",
        body: PATHWAY_BODY,
        change: PATHWAY_CHANGE,
    },
];

/// A command of the development account's, as text: a body stays as it is written.
fn command(operation: &str, more: &str) -> String {
    format!(r#"{{"operation":"{operation}","account":"{DEVELOPMENT_ACCOUNT}"{more}}}"#)
}

fn create(body: &str) -> String {
    command("create", &format!(r#","body":{body}"#))
}

fn update(id: &str, body: &str) -> String {
    command("update", &format!(r#","widget_id":"{id}","body":{body}"#))
}

fn about(operation: &str, id: &str) -> String {
    command(operation, &format!(r#","widget_id":"{id}""#))
}

/// A record as SQS sends it (<https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>).
pub fn sqs_record(id: &str, received: u32, body: &str) -> Value {
    json!({
        "messageId": id,
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": received.to_string(),
            "SentTimestamp": "1545082649183",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1545082649185"
        },
        "messageAttributes": {
            "myAttribute": {"stringValue": "myValue", "stringListValues": [], "binaryListValues": [], "dataType": "String"}
        },
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:my-queue",
        "awsRegion": "us-east-2"
    })
}

pub fn batch(records: &[Value]) -> String {
    json!({ "Records": records }).to_string()
}

/// What a queue is answered: which messages it is to bring again.
pub fn failures(ids: &[&str]) -> String {
    let failures: Vec<Value> = ids.iter().map(|id| json!({"itemIdentifier": id})).collect();
    json!({ "batchItemFailures": failures }).to_string()
}

/// An event as EventBridge sends it
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html>).
pub fn event(id: &str, detail: &str) -> String {
    format!(
        r#"{{"version":"0","id":"{id}","detail-type":"Pathway Command","source":"com.example.crm","account":"123456789012","time":"2026-11-21T04:00:00Z","region":"us-east-2","resources":[],"detail":{detail}}}"#
    )
}

/// The widget as HTTP tells it.
async fn by_http(app: &TestApp, dialect: Dialect, id: &str) -> (u16, String) {
    let read = app.call("GET", &format!("{}/{id}", dialect.root), "").await;
    (read.status, if read.status == 200 { raw_data(&read.body) } else { read.body })
}

fn id(widget: &str) -> String {
    serde_json::from_str::<Value>(widget).unwrap()["id"].as_str().unwrap().to_owned()
}

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
async fn eventbridge_event_runs_once_per_event_id() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let event_id = Uuid::new_v4().to_string();
        let created = event(&event_id, &create(dialect.body));
        let widget = app.invoke(dialect.function, &created).await.unwrap();
        assert_eq!(by_http(&app, dialect, &id(&widget)).await, (200, widget.clone()));
        assert_eq!(app.invoke(dialect.function, &created).await, Ok(widget.clone()));
        // A rule may put it into a queue, twice.
        let records = [sqs_record("a", 1, &created), sqs_record("b", 1, &created)];
        assert_eq!(app.invoke(dialect.function, &batch(&records)).await, Ok(failures(&[])));
        assert_eq!(app.stored_of(DEVELOPMENT_ACCOUNT, dialect.name).await.len(), 1);

        let deleted = event(&Uuid::new_v4().to_string(), &about("delete", &id(&widget)));
        assert_eq!(app.invoke(dialect.function, &deleted).await, Ok(widget));
        assert_eq!(
            app.invoke(dialect.function, &deleted).await,
            Ok("null".to_owned()),
            "it is deleted"
        );
        let line = app.logged(dialect.function, &format!(r#""id":"{event_id}""#)).await;
        assert!(line.contains(r#""trigger":"eventbridge""#), "{line}");
    }
}

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
async fn free_form_json_is_unchanged_through_every_trigger() {
    let app = TestApp::start().await;
    let free =
        r#"{"z":1.0,"a":[1e3,12345678901234567890123],"\u00e9":"\ud83d\ude00 \"x\"","a":{}}"#;
    let body = PATHWAY_BODY.replace(r#""config":{}"#, &format!(r#""config":{free}"#));
    let once =
        |key: &str| command("create", &format!(r#","idempotency_key":"{key}","body":{body}"#));
    for (index, payload) in
        [create(&body), event("e", &create(&body)), format!("[{}]", once("p"))].iter().enumerate()
    {
        let answer = app.invoke("Pathway", payload).await.unwrap();
        assert!(answer.contains(&format!(r#""config":{free},"#)), "{index}: {answer}");
    }
    assert_eq!(
        app.invoke("Pathway", &batch(&[sqs_record("m", 1, &create(&body))])).await,
        Ok(failures(&[]))
    );
    let kept = app.stored_of(DEVELOPMENT_ACCOUNT, "pathway").await;
    assert_eq!(kept.len(), 4);
    assert!(kept.iter().all(|item| item["config"].as_s().unwrap() == free));
}

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

#[tokio::test]
async fn tombstone_holds_no_settings_and_is_never_shown() {
    let (app, meter) = TestApp::start_metered().await;
    for (dialect, public) in DIALECTS.into_iter().zip(["parameters", "config"]) {
        let created = app.call("POST", dialect.root, dialect.body).await;
        let kept = app.multiply(dialect.name, &created.id(), 1).await;
        let deleted = app.multiply(dialect.name, &created.id(), 300).await;
        for id in &deleted {
            app.invoke(dialect.function, &about("delete", id)).await.unwrap();
        }
        let left: Vec<_> = app
            .items()
            .await
            .into_iter()
            .filter(|item| deleted.contains(item["sk"].as_s().unwrap()))
            .collect();
        assert_eq!(left.len(), deleted.len());
        for item in &left {
            let names: BTreeSet<&str> = item.keys().map(String::as_str).collect();
            let expected = [
                "pk",
                "sk",
                "version",
                "created_at",
                "updated_at",
                "account",
                "dialect",
                "change",
                "ttl",
            ];
            assert_eq!(names, BTreeSet::from(expected));
            assert!(!is_widget(item));
        }
        let path = format!("{}/{}", dialect.root, deleted[0]);
        for path in [&path, &format!("{path}/{public}")] {
            assert_eq!(app.call("GET", path, "").await.status, 404);
        }
        // The newest of all are gone: a list gets past them in a few calls.
        meter.take();
        let page = if dialect.name == "pathway" { "?limit=1" } else { "?size=1" };
        let listed = app.call("GET", &format!("{}{page}", dialect.root), "").await;
        let calls = meter.take().len();
        assert!(listed.body.contains(&kept[0]), "{listed:?}");
        assert!(calls <= 12, "{calls} calls");
        let all = app.call("GET", dialect.root, "").await;
        assert!(all.body.contains(&created.id()) && all.body.contains(&kept[0]), "{all:?}");
        assert!(deleted.iter().all(|id| !all.body.contains(id)));
    }
}

#[tokio::test]
async fn sample_events_of_this_repository_work() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let sample = |kind: &str| {
            let file =
                binaries::workspace().join(format!("tests/events/{kind}_{}.json", dialect.name));
            fs::read_to_string(file).unwrap()
        };
        let kept = async || app.stored_of(DEVELOPMENT_ACCOUNT, dialect.name).await.len();
        let widget = app.invoke(dialect.function, &sample("command")).await.unwrap();
        assert_eq!(by_http(&app, dialect, &id(&widget)).await, (200, widget));
        for _ in ["the first time", "again"] {
            app.invoke(dialect.function, &sample("eventbridge")).await.unwrap();
            let gone_back = failures(&["2e1424d4-f796-459a-8184-9c92662be6da"]);
            assert_eq!(app.invoke(dialect.function, &sample("sqs")).await, Ok(gone_back));
        }
        assert_eq!(kept().await, 3);
        let http: Value =
            serde_json::from_str(&app.invoke(dialect.function, &sample("create")).await.unwrap())
                .unwrap();
        assert_eq!(http["statusCode"], 401, "its key is not known here: {http}");
    }
}

/// The task of the README, as a state machine carries it out
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html>): `$$` is the
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
