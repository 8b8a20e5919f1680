//! `Idempotency-Key`: a POST takes effect once, however often it is sent.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::model::Timestamp;

use crate::support::{
    app::{ASSISTANT_BODY, Answer, Item, PATHWAY_BODY, TestApp},
    fault_proxy::{Call, Effect, Fault, FaultProxy},
};

/// Both dialects' root, smallest body, and verb of an update.
const DIALECTS: [(&str, &str, &str); 2] =
    [("/api/v1/widget", ASSISTANT_BODY, "PUT"), ("/v1/widget", PATHWAY_BODY, "PATCH")];

async fn post(app: &TestApp, key: &str, path: &str, idempotency_key: &str, body: &str) -> Answer {
    let headers = [
        ("authorization", key),
        ("content-type", "application/json"),
        ("idempotency-key", idempotency_key),
    ];
    app.send("POST", path, &headers, body.to_owned()).await
}

fn is_replay(answer: &Answer) -> bool {
    let value = answer.headers.get("idempotency-replayed");
    value.inspect(|value| assert_eq!(*value, "true")).is_some()
}

/// What is remembered of requests.
async fn idempotency_records(app: &TestApp) -> Vec<Item> {
    app.items().await.into_iter().filter(|item| !item.contains_key("id")).collect()
}

#[tokio::test]
async fn replay_returns_the_first_answer_even_after_update_and_delete() {
    let app = TestApp::start().await;
    for (root, body, update) in DIALECTS {
        let first = post(&app, &app.key, root, "once", body).await;
        assert_eq!(
            (first.status, is_replay(&first), first.version()),
            (200, false, 1),
            "{first:?}"
        );
        let widget = format!("{root}/{}", first.id());
        let again = async || {
            let again = post(&app, &app.key, root, "once", body).await;
            assert_eq!(
                (again.status, is_replay(&again), again.header("etag")),
                (200, true, first.header("etag")),
                "{again:?}"
            );
            assert_eq!(
                (&again.body, again.header("content-type")),
                (&first.body, "application/json")
            );
            assert_ne!(
                again.header("x-request-id"),
                first.header("x-request-id"),
                "a request of its own"
            );
        };
        again().await;
        let change = body.replace("chat", "sms").replace("10", "11");
        assert_eq!(app.call(update, &widget, change).await.version(), 2);
        again().await;
        assert_eq!(app.call("DELETE", &widget, "").await.status, 200);
        again().await;
        assert_eq!(app.count().await, 0, "nothing is created again");
    }
}

#[tokio::test]
async fn reused_key_with_another_body_returns_422() {
    let app = TestApp::start().await;
    for (root, body, _) in DIALECTS {
        let first = post(&app, &app.key, root, "once", body).await;
        for other in [body.replace("chat", "sms").replace("10", "11"), format!("{body} ")] {
            let refused = post(&app, &app.key, root, "once", &other).await;
            assert_eq!((refused.status, is_replay(&refused)), (422, false));
            let words = match root {
                "/v1/widget" => {
                    json!({"status": 422, "data": Value::Null, "errors": [{"error": "IDEMPOTENCY_KEY_REUSED", "message": "the idempotency-key came with another body before: bodies are compared byte for byte"}]})
                }
                _ => {
                    json!({"detail": "This Idempotency-Key came with another body before: bodies are compared byte for byte"})
                }
            };
            assert_eq!(refused.json(), words);
        }
        assert_eq!(post(&app, &app.key, root, "once", body).await.body, first.body);
    }
    assert_eq!(app.count().await, 2);
}

#[tokio::test]
async fn same_key_in_another_account_or_dialect_is_a_different_key() {
    let app = TestApp::start().await;
    let other = app.another_key().await;
    let mut ids = HashSet::new();
    for key in [&app.key, &other] {
        for (root, body, _) in DIALECTS {
            let created = post(&app, key, root, "once", body).await;
            assert!(created.status == 200 && !is_replay(&created), "{created:?}");
            ids.insert(created.id());
        }
    }
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn rejected_request_leaves_no_record_and_its_key_stays_usable() {
    let app = TestApp::start().await;
    let reader = app.reading_key().await;
    let huge = format!("\"{}\"", "a".repeat(256 * 1024));
    for (root, body, _) in DIALECTS {
        let (invalid, key) =
            (if root == "/v1/widget" { 400 } else { 422 }, format!("key of {root}"));
        for (api_key, sent, status) in [
            (&app.key, "{}", invalid),
            (&app.key, "{", invalid),
            (&app.key, "[]", invalid),
            (&app.key, &huge, 413),
            (&reader, body, 403),
            (&"in-unknown".to_owned(), body, 401),
        ] {
            let refused = post(&app, api_key, root, &key, sent).await;
            assert_eq!(refused.status, status, "{refused:?}");
        }
        let records = idempotency_records(&app).await.len();
        let created = post(&app, &app.key, root, &key, body).await;
        assert!(created.status == 200 && !is_replay(&created), "{created:?}");
        assert_eq!(idempotency_records(&app).await.len(), records + 1);
        // Of a key that was used, what is wrong with the body comes first.
        assert_eq!(post(&app, &app.key, root, &key, "{}").await.status, invalid);
    }
    assert_eq!(idempotency_records(&app).await.len(), 2);
}

#[tokio::test]
async fn key_length_is_1_to_255_and_is_reported_with_other_violations() {
    let app = TestApp::start().await;
    let (long, longest) = ("k".repeat(256), "é".repeat(255));
    for (root, body, _) in DIALECTS {
        for key in ["k", "a, b", "\"quoted\"", &longest] {
            let (first, again) = (
                post(&app, &app.key, root, key, body).await,
                post(&app, &app.key, root, key, body).await,
            );
            assert_eq!(
                (first.status, is_replay(&first), is_replay(&again)),
                (200, false, true),
                "{first:?}"
            );
            assert_eq!(first.body, again.body);
        }
    }
    let count = app.count().await;
    let refused = post(&app, &app.key, "/api/v1/widget", &long, ASSISTANT_BODY).await;
    let fault = json!({"type": "string_too_long", "loc": ["header", "idempotency-key"], "msg": "String should have at most 255 characters", "input": long, "ctx": {"max_length": 255}});
    assert_eq!((refused.status, refused.json()), (422, json!({ "detail": [fault] })));
    let refused = post(&app, &app.key, "/api/v1/widget", "", "{}").await;
    let told: Vec<Value> = refused.json()["detail"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| json!([fault["type"], fault["loc"]]))
        .collect();
    assert_eq!(told[0], json!(["string_too_short", ["header", "idempotency-key"]]));
    assert_eq!(told.len(), 4, "the body's too: {told:?}");

    let refused =
        post(&app, &app.key, "/v1/widget", &long, &PATHWAY_BODY.replace("10", "-1")).await;
    let told = |message: &str| json!({"error": "INVALID_PARAMETER", "message": message});
    let faults = [
        told("idempotency-key must have at most 255 characters"),
        told("messages_per_minute must be at least 0"),
    ];
    assert_eq!((refused.status, &refused.json()["errors"]), (400, &json!(faults)));
    assert_eq!(post(&app, &app.key, "/v1/widget", "", PATHWAY_BODY).await.status, 400);
    assert_eq!(app.count().await, count);
}

#[tokio::test]
async fn key_expires_after_24_hours_even_if_its_record_still_exists() {
    let app = TestApp::start().await;
    for (root, body, _) in DIALECTS {
        let first = post(&app, &app.key, root, "once", body).await;
        let record = idempotency_records(&app)
            .await
            .into_iter()
            .find(|record| record["widget_id"] == AttributeValue::S(first.id()))
            .unwrap();
        let expires: u64 = record["ttl"].as_n().unwrap().parse().unwrap();
        let created =
            Timestamp::parse(record["created_at"].as_s().unwrap()).unwrap().epoch_seconds();
        assert_eq!(expires, created + 24 * 60 * 60);

        let set_ttl = async |ttl: u64| {
            let mut record = record.clone();
            record.insert("ttl".to_owned(), AttributeValue::N(ttl.to_string()));
            app.store.put_item().table_name("Widgets").set_item(Some(record)).send().await.unwrap();
        };
        let now = Timestamp::now().epoch_seconds();
        set_ttl(now + 60).await;
        assert!(is_replay(&post(&app, &app.key, root, "once", body).await));
        set_ttl(now).await;
        let second = post(&app, &app.key, root, "once", body).await;
        assert!(
            second.status == 200 && !is_replay(&second) && second.id() != first.id(),
            "{second:?}"
        );
        // From then on it is the second request's.
        let again = post(&app, &app.key, root, "once", body).await;
        assert!(is_replay(&again) && again.body == second.body, "{again:?}");
    }
}

#[tokio::test]
async fn concurrent_requests_with_one_key_create_once_and_share_the_answer() {
    let app = TestApp::start_with(|options| options.concurrency = 8).await;
    for (root, body, _) in DIALECTS {
        let before = app.count().await;
        let answers = join_all((0..50).map(|_| post(&app, &app.key, root, "once", body))).await;
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
    for (root, body, _) in DIALECTS {
        let first = post(&app, &app.key, root, "once", body).await;
        proxy.always(Call::CREATE_ONCE, Fault::Conflict);
        let again = post(&app, &app.key, root, "once", body).await;
        assert!(again.status == 200 && is_replay(&again) && again.body == first.body, "{again:?}");
        assert_eq!(post(&app, &app.key, root, "once", &format!("{body} ")).await.status, 422);
        assert_eq!(post(&app, &app.key, root, "another", body).await.status, 503);
        // Where not even what the others made can be read.
        proxy.plan(|call, _| match call {
            Call::CREATE_ONCE => Fault::Conflict,
            Call::READ => Fault::Refused(400, "ThrottlingException"),
            _ => Fault::None,
        });
        assert_eq!(post(&app, &app.key, root, "once", body).await.status, 503);
        proxy.next(Call::CREATE_ONCE, []);
    }
}

#[tokio::test]
async fn idempotency_record_holds_neither_key_nor_body() {
    let app = TestApp::start().await;
    let body = ASSISTANT_BODY.replace('}', r#","name":"not to be remembered"}"#);
    assert_eq!(post(&app, &app.key, "/api/v1/widget", "my secret key", &body).await.status, 200);
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
    let created = app.create_pathway(PATHWAY_BODY).await;
    let headers = [("authorization", app.key.as_str()), ("idempotency-key", "once")];
    for (version, rate) in [(2, 7), (3, 8)] {
        let change = json!({ "messages_per_minute": rate }).to_string();
        let updated =
            app.send("PATCH", &format!("/v1/widget/{}", created.id()), &headers, change).await;
        assert_eq!(
            (updated.version(), &updated.json()["data"]["messages_per_minute"]),
            (version, &json!(rate))
        );
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
    for (root, body, _) in DIALECTS {
        let created = post(&app, &app.key, root, "once", body).await;
        assert_eq!(*tokens.lock().unwrap().last().unwrap(), created.id());
    }
}

#[tokio::test]
async fn concurrent_requests_with_one_key_and_different_bodies_create_once() {
    let app = TestApp::start_with(|options| options.concurrency = 6).await;
    for (root, body, _) in DIALECTS {
        let before = app.count().await;
        let bodies: Vec<String> = (0..30).map(|n| format!("{body}{}", " ".repeat(n % 3))).collect();
        let answers =
            join_all(bodies.iter().map(|body| post(&app, &app.key, root, "once", body))).await;
        let winner = bodies
            .iter()
            .zip(&answers)
            .find(|(_, answer)| answer.status == 200 && !is_replay(answer))
            .unwrap();
        for (body, answer) in bodies.iter().zip(&answers) {
            assert_eq!(answer.status, if body == winner.0 { 200 } else { 422 }, "{answer:?}");
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
    for (root, body, _) in DIALECTS {
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
                let answer = post(&app, &app.key, root, "once", body).await;
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
    let numbers = r#"{"z":1.0,"a":1e3,"n":123456789012345678901234567890,"é":"\u00e9\ud83d\ude00","empty":{ }}"#;
    for (root, body) in [
        (
            "/api/v1/widget",
            format!(
                r#"{{ "style_params": {numbers}, "action_buttons":[1.50,null,[ ]], "remove_branding":"yes", "user_opening_messages":null, "widget_type":null, "name":"x", "name":"\u0079" }}"#
            ),
        ),
        (
            "/v1/widget",
            format!(
                r#"{{ "config": {numbers}, "messages_per_minute": 1.50, "allowed_domains":["Example.COM"], "agent_prompt":"\u00e9", "agent_id":"urn:uuid:3C90C3CC-0D44-4B50-8888-8DD25736052A" }}"#
            ),
        ),
    ] {
        let first = post(&app, &app.key, root, "once", &body).await;
        let again = post(&app, &app.key, root, "once", &body).await;
        assert_eq!((first.status, is_replay(&again), &again.body), (200, true, &first.body));
        assert!(first.body.contains(numbers), "{}", first.body);
    }
}
