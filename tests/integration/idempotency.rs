//! `Idempotency-Key`: a POST takes effect once, however often it is sent.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::model::Timestamp;
use uuid::Uuid;

use crate::support::{
    app::{Answer, Item, JSON, TestApp, raw_member},
    dialect::{ASSISTANT, DIALECTS, Dialect, PATHWAY},
    fault_proxy::{Call, Effect, Fault, FaultProxy},
};

/// Creates a widget with an idempotency key.
async fn post(app: &TestApp, dialect: &Dialect, idempotency_key: &str, body: &str) -> Answer {
    let headers = [("idempotency-key", idempotency_key)];
    app.call_with(&headers, "POST", dialect.root, body.to_owned()).await
}

fn is_replay(answer: &Answer) -> bool {
    answer.find_header("idempotency-replayed").inspect(|value| assert_eq!(*value, "true")).is_some()
}

/// Checks that a request created a widget, which is not a replay.
fn expect_created(answer: &Answer) {
    assert!(answer.status == 200 && !is_replay(answer), "{answer:?}");
}

/// Checks that an answer is a replay of `first`.
fn expect_replay(answer: &Answer, first: &Answer) {
    assert!(answer.status == 200 && is_replay(answer), "{answer:?}");
    assert_eq!(answer.body, first.body);
}

/// What is remembered of requests.
async fn idempotency_records(app: &TestApp) -> Vec<Item> {
    app.items().await.into_iter().filter(|item| !item.contains_key("id")).collect()
}

#[tokio::test]
async fn replay_returns_the_first_answer_even_after_update_and_delete() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let first = post(&app, &dialect, "once", dialect.body).await;
        expect_created(&first);
        assert_eq!(first.version(), 1);
        let widget = dialect.widget(&first.id());
        let again = async || {
            let again = post(&app, &dialect, "once", dialect.body).await;
            expect_replay(&again, &first);
            assert_eq!(again.header("etag"), first.header("etag"));
            assert_eq!(again.header("content-type"), "application/json");
            // A request of its own.
            assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
        };
        again().await;
        let updated = app.call(dialect.update, &widget, dialect.change).await;
        assert_eq!(updated.version(), 2);
        again().await;
        assert_eq!(app.call("DELETE", &widget, "").await.status, 200);
        again().await;
        assert_eq!(app.count().await, 0, "nothing is created again");
    }
}

#[tokio::test]
async fn reused_key_with_another_body_returns_422() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let first = post(&app, &dialect, "once", dialect.body).await;
        let refusal = dialect.error(
            422,
            "This Idempotency-Key came with another body before: bodies are compared byte for byte",
            "IDEMPOTENCY_KEY_REUSED",
            "the idempotency-key came with another body before: bodies are compared byte for byte",
        );
        for other in [dialect.marked(Uuid::nil()), format!("{} ", dialect.body)] {
            let refused = post(&app, &dialect, "once", &other).await;
            assert_eq!((refused.status, is_replay(&refused)), (422, false));
            assert_eq!(refused.json(), refusal);
        }
        expect_replay(&post(&app, &dialect, "once", dialect.body).await, &first);
    }
    assert_eq!(app.count().await, DIALECTS.len());
}

#[tokio::test]
async fn rejected_request_leaves_no_record_and_its_key_stays_usable() {
    let app = TestApp::start().await;
    let reader = app.reading_key().await;
    let huge = format!("\"{}\"", "a".repeat(256 * 1024));
    for dialect in DIALECTS {
        let key = format!("key of {}", dialect.name);
        for (api_key, body, status) in [
            (&*app.key, "{}", dialect.invalid),
            (&app.key, "{", dialect.invalid),
            (&app.key, "[]", dialect.invalid),
            (&app.key, &huge, 413),
            (&reader, dialect.body, 403),
            ("in-unknown", dialect.body, 401),
        ] {
            let headers = [("authorization", api_key), JSON, ("idempotency-key", &key)];
            let refused = app.send("POST", dialect.root, &headers, body.to_owned()).await;
            assert_eq!(refused.status, status, "{refused:?}");
        }
        let records = idempotency_records(&app).await.len();
        expect_created(&post(&app, &dialect, &key, dialect.body).await);
        assert_eq!(idempotency_records(&app).await.len(), records + 1);
        // Of a key that was used, what is wrong with the body comes first.
        assert_eq!(post(&app, &dialect, &key, "{}").await.status, dialect.invalid);
    }
    assert_eq!(idempotency_records(&app).await.len(), DIALECTS.len());
}

#[tokio::test]
async fn key_length_is_1_to_255_and_is_reported_with_other_violations() {
    let app = TestApp::start().await;
    let (long, longest) = ("k".repeat(256), "é".repeat(255));
    for dialect in DIALECTS {
        for key in ["k", "a, b", "\"quoted\"", &longest] {
            let first = post(&app, &dialect, key, dialect.body).await;
            expect_created(&first);
            expect_replay(&post(&app, &dialect, key, dialect.body).await, &first);
        }
    }
    let count = app.count().await;
    let refused = post(&app, &ASSISTANT, &long, ASSISTANT.body).await;
    let violation = json!({"type": "string_too_long", "loc": ["header", "idempotency-key"], "msg": "String should have at most 255 characters", "input": long, "ctx": {"max_length": 255}});
    assert_eq!(refused.detail(), (422, json!([violation])));
    let refused = post(&app, &ASSISTANT, "", "{}").await;
    let violations = ASSISTANT.violations(&refused);
    assert_eq!(violations[0]["type"], "string_too_short");
    assert_eq!(violations[0]["loc"], json!(["header", "idempotency-key"]));
    assert_eq!(violations.len(), 4, "the body's too: {violations:?}");

    let refused = post(&app, &PATHWAY, &long, &PATHWAY.body.replace("10", "-1")).await;
    assert_eq!(refused.error(), (400, json!("INVALID_PARAMETER")));
    let messages = [
        "idempotency-key must have at most 255 characters",
        "messages_per_minute must be at least 0",
    ];
    assert_eq!(refused.messages(), messages);
    assert_eq!(post(&app, &PATHWAY, "", PATHWAY.body).await.status, 400);
    assert_eq!(app.count().await, count);
}

#[tokio::test]
async fn key_expires_after_24_hours_even_if_its_record_still_exists() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let create = async || post(&app, &dialect, "once", dialect.body).await;
        let first = create().await;
        let mut records = idempotency_records(&app).await.into_iter();
        let is_first = |it: &Item| it["widget_id"] == AttributeValue::S(first.id());
        let record = records.find(is_first).unwrap();
        let expires: u64 = record["ttl"].as_n().unwrap().parse().unwrap();
        let created = Timestamp::parse(record["created_at"].as_s().unwrap()).unwrap();
        assert_eq!(expires, created.epoch_seconds() + 24 * 60 * 60);

        let set_ttl = async |ttl: u64| {
            let mut record = record.clone();
            record.insert("ttl".to_owned(), AttributeValue::N(ttl.to_string()));
            app.put(record).await;
        };
        let now = Timestamp::now().epoch_seconds();
        set_ttl(now + 60).await;
        expect_replay(&create().await, &first);
        set_ttl(now).await;
        let second = create().await;
        expect_created(&second);
        assert_ne!(second.id(), first.id());
        // From then on it is the second request's.
        expect_replay(&create().await, &second);
    }
}

#[tokio::test]
async fn concurrent_requests_with_one_key_create_once_and_share_the_answer() {
    let app = TestApp::start_with(|options| options.concurrency = 8).await;
    for dialect in DIALECTS {
        let before = app.count().await;
        let create = || post(&app, &dialect, "once", dialect.body);
        let answers = join_all((0..50).map(|_| create())).await;
        assert_eq!(answers.iter().filter(|answer| !is_replay(answer)).count(), 1);
        for answer in &answers {
            assert_eq!((answer.status, &answer.body), (200, &answers[0].body));
        }
        assert_eq!(app.count().await, before + 1);
    }
}

#[tokio::test]
async fn transaction_conflict_resolves_to_the_recorded_answer() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for dialect in DIALECTS {
        let first = post(&app, &dialect, "once", dialect.body).await;
        proxy.always(Call::CREATE_ONCE, Fault::Conflict);
        expect_replay(&post(&app, &dialect, "once", dialect.body).await, &first);
        let other_body = format!("{} ", dialect.body);
        assert_eq!(post(&app, &dialect, "once", &other_body).await.status, 422);
        assert_eq!(post(&app, &dialect, "another", dialect.body).await.status, 503);
        // Where not even what the others made can be read.
        proxy.plan(|call, _| match call {
            Call::CREATE_ONCE => Fault::Conflict,
            Call::READ => Fault::Refused(400, "ThrottlingException"),
            _ => Fault::None,
        });
        assert_eq!(post(&app, &dialect, "once", dialect.body).await.status, 503);
        proxy.next(Call::CREATE_ONCE, []);
    }
}

#[tokio::test]
async fn idempotency_record_holds_neither_key_nor_body() {
    let app = TestApp::start().await;
    let body = ASSISTANT.body.replace('}', r#","name":"not to be remembered"}"#);
    assert_eq!(post(&app, &ASSISTANT, "my secret key", &body).await.status, 200);
    let records = idempotency_records(&app).await;
    let mut names: Vec<&String> = records[0].keys().collect();
    names.sort();
    assert_eq!(names, ["body_hash", "created_at", "pk", "sk", "ttl", "widget_id"]);
    let told = format!("{records:?}{}", app.log());
    assert!(!told.contains("secret") && !told.contains("remembered"), "{told}");
}

#[tokio::test]
async fn idempotency_key_is_ignored_except_on_post() {
    let app = TestApp::start().await;
    let widget = PATHWAY.widget(&app.create(&PATHWAY).await.id());
    for (version, rate) in [(2, 7), (3, 8)] {
        let change = json!({ "messages_per_minute": rate }).to_string();
        let updated = app.call_with(&[("idempotency-key", "once")], "PATCH", &widget, change).await;
        assert_eq!(updated.version(), version);
        assert_eq!(updated.data()["messages_per_minute"], rate);
    }
    assert_eq!(idempotency_records(&app).await, []);
}

#[tokio::test]
async fn transaction_client_token_is_the_widget_id() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    let tokens = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&tokens);
    proxy.plan(move |call, body| {
        if call == Call::CREATE_ONCE {
            let body: Value = serde_json::from_str(body).unwrap();
            seen.lock().unwrap().push(body["ClientRequestToken"].as_str().unwrap().to_owned());
        }
        Fault::None
    });
    for dialect in DIALECTS {
        let created = post(&app, &dialect, "once", dialect.body).await;
        assert_eq!(*tokens.lock().unwrap().last().unwrap(), created.id());
    }
}

#[tokio::test]
async fn concurrent_requests_with_one_key_and_different_bodies_create_once() {
    let app = TestApp::start_with(|options| options.concurrency = 6).await;
    for dialect in DIALECTS {
        let before = app.count().await;
        let body = |n: usize| format!("{}{}", dialect.body, " ".repeat(n % 3));
        let bodies: Vec<String> = (0..30).map(body).collect();
        let answers = join_all(bodies.iter().map(|it| post(&app, &dialect, "once", it))).await;
        let is_first = |answer: &Answer| answer.status == 200 && !is_replay(answer);
        let winner = &bodies[answers.iter().position(is_first).unwrap()];
        for (body, answer) in bodies.iter().zip(&answers) {
            assert_eq!(answer.status, if body == winner { 200 } else { 422 }, "{answer:?}");
        }
        assert_eq!(app.count().await, before + 1);
    }
}

#[tokio::test]
async fn concurrent_requests_with_one_key_create_once_over_a_failing_store() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |options| options.concurrency = 6).await;
    const FAULTS: [Fault; 4] = [
        Fault::Conflict,
        Fault::Failed(Effect::Done),
        Fault::Reset(Effect::Done),
        Fault::Reset(Effect::None),
    ];
    for dialect in DIALECTS {
        let before = app.count().await;
        let mut count = 0;
        proxy.plan(move |call, _| {
            count += usize::from(call == Call::CREATE_ONCE);
            if call == Call::CREATE_ONCE && count % 5 != 0 {
                FAULTS[count % 5 - 1]
            } else {
                Fault::None
            }
        });
        let insist = async || {
            for _ in 0..100 {
                let answer = post(&app, &dialect, "once", dialect.body).await;
                if answer.status != 503 {
                    return answer;
                }
            }
            panic!("never answered")
        };
        let answers = join_all((0..50).map(|_| insist())).await;
        for answer in &answers {
            assert_eq!((answer.status, &answer.body), (200, &answers[0].body), "{answer:?}");
        }
        assert!(answers.iter().filter(|answer| !is_replay(answer)).count() <= 1);
        assert_eq!(app.count().await, before + 1);
    }
}

#[tokio::test]
async fn replay_is_byte_identical_however_the_body_was_written() {
    let app = TestApp::start().await;
    let numbers = r#"{"z":1.0,"a":1e3,"big":1E+400,"neg":-0.0,"n":123456789012345678901234567890,"é":"\u00e9\ud83d\ude00","empty":{ }}"#;
    let assistant = format!(
        r#"{{ "style_params": {numbers}, "action_buttons":[1.50, null ,[ ],{numbers}], "remove_branding":"yes", "user_opening_messages":null, "widget_type":null, "name":"x", "name":"\u0079" }}"#
    );
    let pathway = format!(
        r#"{{ "config": {numbers}, "messages_per_minute": 1.50, "allowed_domains":["Example.COM"], "agent_prompt":"\u00e9", "agent_id":"urn:uuid:3C90C3CC-0D44-4B50-8888-8DD25736052A" }}"#
    );
    let buttons = format!("[1.50, null ,[ ],{numbers}]");
    for (dialect, body, free_form) in [
        (ASSISTANT, assistant, &[("style_params", numbers), ("action_buttons", &*buttons)][..]),
        (PATHWAY, pathway, &[("config", numbers), ("messages_per_minute", "1.50")]),
    ] {
        let first = post(&app, &dialect, "once", &body).await;
        expect_created(&first);
        expect_replay(&post(&app, &dialect, "once", &body).await, &first);
        for (name, text) in free_form {
            assert_eq!(raw_member(&first.body, name), *text, "{name}");
        }
    }
}
