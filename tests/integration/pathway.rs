//! The pathway dialect: `/v1/widget`, an envelope around every answer, `PATCH` to update.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use shared::model::Timestamp;
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use crate::support::app::{TestApp, eventually, keys_in_order, raw_data, raw_member};
use crate::support::dialect::PATHWAY;

/// The request of the service's documentation with real UUIDs.
const DOCUMENTED: &str = r#"{
  "pathway_id": "a0f0d4ed-f5f5-4f16-b3f9-22166594d7a7",
  "allowed_domains": ["example.com", "subdomain.example.com"],
  "messages_per_minute": 10,
  "config": {"theme": "light", "position": "bottom-right"},
  "agent_id": "46f37229-7d12-44be-b343-6e68274cfbea"
}"#;

/// The keys of a widget in the documented order.
const WIDGET_KEYS: &str = "id pathway_id agent_id agent_prompt allowed_domains \
    messages_per_minute config webhook_url created_at updated_at";

#[tokio::test]
async fn documented_request_creates_documented_widget() {
    let app = TestApp::start().await;
    let answer = app.create_pathway(DOCUMENTED).await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(keys_in_order(&answer.body), ["status", "data", "errors"]);
    assert_eq!(keys_in_order(&raw_data(&answer.body)).join(" "), WIDGET_KEYS);
    let body = answer.json();
    assert_eq!((&body["status"], &body["errors"]), (&json!(200), &Value::Null));

    let sent: Value = serde_json::from_str(DOCUMENTED).unwrap();
    let data = &body["data"];
    for (key, value) in sent.as_object().unwrap() {
        assert_eq!(&data[key], value, "{key}");
    }
    assert!(data["agent_prompt"].is_null() && data["webhook_url"].is_null());
    let created_at = data["created_at"].as_str().unwrap();
    assert_eq!(data["updated_at"], created_at);
    assert_eq!(Timestamp::parse(created_at).unwrap().to_string(), created_at);
    assert_eq!(
        (created_at.len(), &created_at[10..11], &created_at[19..20], &created_at[23..]),
        (24, "T", ".", "Z")
    );

    let item = app.stored("pathway", &answer.id()).await.unwrap();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let domains = vec![text("example.com"), text("subdomain.example.com")];
    for (name, value) in [
        ("pk", text(&format!("{DEVELOPMENT_ACCOUNT}#pathway"))),
        ("version", AttributeValue::N("1".to_owned())),
        ("created_at", text(created_at)),
        ("updated_at", text(created_at)),
        ("pathway_id", text("a0f0d4ed-f5f5-4f16-b3f9-22166594d7a7")),
        ("agent_id", text("46f37229-7d12-44be-b343-6e68274cfbea")),
        ("allowed_domains", AttributeValue::L(domains)),
        ("messages_per_minute", AttributeValue::N("10".to_owned())),
        ("config", text(r#"{"theme": "light", "position": "bottom-right"}"#)),
    ] {
        assert_eq!(item[name], value, "{name}");
    }
    assert_eq!(item.len(), 14, "null is absence: {item:?}");
}

#[tokio::test]
async fn published_example_works_without_a_json_content_type() {
    let app = TestApp::start().await;
    let body = r#"{"agent_prompt":"Be kind.","allowed_domains":["*.vercel.app","localhost:3000"],"messages_per_minute":0,"config":"<any>","webhook_url":"http://localhost:9/x","extra":[]}"#;
    let mut expected: Value = serde_json::from_str(body).unwrap();
    expected["extra"].take();
    expected["pathway_id"].take();
    // API Gateway encodes a body in base64 whose content type it does not call text.
    for more in [&[][..], &[("content-type", "application/octet-stream")]] {
        let headers = [&[("Authorization", &*app.key)], more].concat();
        let answer = app.send("POST", "/v1/widget", &headers, body).await;
        assert_eq!(answer.status, 200, "{more:?}");
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&answer.data()[key], value, "{key}");
        }
    }
}

#[tokio::test]
async fn numbers_and_free_form_json_round_trip_byte_for_byte() {
    let app = TestApp::start().await;
    let config = r#"{"z":1.0,"a":1e3,"n":12345678901234567890,"nest":[null,{"x":null,"é":"\u00fc 😀"}],"timeoutSeconds":7200.0}"#;
    for rate in ["10", "1.0", "1e3", "0.25", "12345678901234567890", "1e-200", "-0"] {
        let body = PATHWAY.body.replace("10", rate).replace("{}", config);
        let answer = app.create_pathway(body).await;
        assert_eq!(answer.status, 200, "{rate}: {}", answer.body);
        assert_eq!(raw_member(&answer.body, "messages_per_minute"), rate);
        assert_eq!(raw_member(&answer.body, "config"), config);
        let item = app.stored("pathway", &answer.id()).await.unwrap();
        let (AttributeValue::N(kept) | AttributeValue::S(kept)) = &item["messages_per_minute"]
        else {
            panic!("{item:?}")
        };
        assert_eq!(kept, rate);
    }
}

#[tokio::test]
async fn all_violations_are_reported_at_once_and_name_their_field() {
    let app = TestApp::start().await;
    let body = r#"{"pathway_id":"nope","allowed_domains":["ok.com","https://example.com","a*b.com"],"messages_per_minute":-1,"config":{"timeoutSeconds":0},"agent_id":5,"webhook_url":"http://example.com"}"#;
    let answer = app.create_pathway(body).await;

    assert_eq!(keys_in_order(&answer.body), ["status", "data", "errors"]);
    let body = answer.json();
    assert_eq!((answer.status, &body["status"], &body["data"]), (400, &json!(400), &Value::Null));
    let errors = PATHWAY.violations(&answer);
    assert!(errors.iter().all(|error| error["error"] == "INVALID_PARAMETER"));
    assert_eq!(
        answer.messages(),
        [
            "pathway_id must be a UUID: invalid character: found `n` at 0",
            r#"allowed_domains[1] "https://example.com" must be a host name without a scheme"#,
            r#"allowed_domains[2] "a*b.com" may have a wildcard as its leftmost label only"#,
            "messages_per_minute must be at least 0",
            "config.timeoutSeconds must be above 0",
            "agent_id must be a UUID",
            "webhook_url must be an absolute https:// URL, or http:// to localhost",
        ]
    );
    assert_eq!(app.create_pathway("").await.messages(), ["body is required"]);
    assert_eq!(app.count().await, 0);
}

#[tokio::test]
async fn every_error_answer_has_the_envelope_with_errors() {
    let app = TestApp::start().await;
    let key = [("authorization", &*app.key)];
    let (none, key) = (&[][..], &key[..]);
    let id = "01a1fae4-9d78-70d4-b7de-b1fe66815968";
    for (method, path, headers, body, status, error) in [
        ("POST", "/widget", key, "", 400, "INVALID_PARAMETER"),
        ("POST", "/widget", key, "{", 400, "INVALID_PARAMETER"),
        ("POST", "/widget", key, "[]", 400, "INVALID_PARAMETER"),
        ("POST", "/widget", key, "null", 400, "INVALID_PARAMETER"),
        ("POST", "/widget", key, "{}", 400, "INVALID_PARAMETER"),
        ("POST", "/widget", none, PATHWAY.body, 401, "UNAUTHORIZED"),
        ("POST", "/nope", key, PATHWAY.body, 404, "NOT_FOUND"),
        ("GET", "/widget/custom_components", key, "", 404, "NOT_FOUND"),
        ("PUT", "/widget", key, PATHWAY.body, 405, "METHOD_NOT_ALLOWED"),
        ("OPTIONS", "/widget", none, "", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/widgets", none, "", 401, "UNAUTHORIZED"),
        ("GET", "/widgets?limit=0", key, "", 400, "INVALID_PARAMETER"),
        ("GET", "/widgets?limit=101&cursor=x", key, "", 400, "INVALID_PARAMETER"),
        ("DELETE", "/widgets", key, "", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/widget/nope", key, "", 400, "INVALID_PARAMETER"),
        ("GET", "/widget/{id}", none, "", 401, "UNAUTHORIZED"),
        ("GET", "/widget/{id}", key, "", 404, "NOT_FOUND"),
        ("PATCH", "/widget/{id}", key, "{}", 404, "NOT_FOUND"),
        ("PATCH", "/widget/{id}", key, r#"{"config":1}"#, 404, "NOT_FOUND"),
        ("PATCH", "/widget/{id}", key, "", 400, "INVALID_PARAMETER"),
        ("DELETE", "/widget/{id}", key, "", 404, "NOT_FOUND"),
        ("PUT", "/widget/{id}", key, "{}", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/widget/{id}/config", none, "", 404, "NOT_FOUND"),
        ("GET", "/widget/nope/config", none, "", 400, "INVALID_PARAMETER"),
        ("POST", "/widget/{id}/config", none, "", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/widget/{id}/threads", key, "", 404, "NOT_FOUND"),
        ("POST", "/widget/custom_components", key, "{}", 404, "NOT_FOUND"),
        ("DELETE", "/widget/custom_components/x", key, "", 404, "NOT_FOUND"),
        ("POST", "/openapi.json", none, "", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "//widget", key, "", 404, "NOT_FOUND"),
        ("GET", "/widget//", key, "", 404, "NOT_FOUND"),
    ] {
        let what = format!("{method} {path} {body}");
        let answer =
            app.send(method, &format!("/v1{}", path.replace("{id}", id)), headers, body).await;
        assert_eq!(answer.error(), (status, json!(error)), "{what}");
        let json = answer.json();
        assert_eq!((&json["status"], &json["data"]), (&json!(status), &Value::Null), "{what}");
        assert!(!answer.messages()[0].is_empty(), "{what}");
        assert_eq!(answer.header("content-type"), "application/json");
        assert!(!answer.header("x-request-id").is_empty());
        assert_eq!(answer.headers.contains_key("allow"), status == 405, "{what}");
    }
    assert_eq!(app.count().await, 0);
}

#[tokio::test]
async fn update_changes_named_fields_and_updated_at() {
    let app = TestApp::start().await;
    let created = app.create_pathway(DOCUMENTED).await;
    let path = PATHWAY.widget(&created.id());
    let before = created.data();
    let is_later =
        || (json!(Timestamp::now()).as_str() > before["created_at"].as_str()).then_some(());
    eventually("the next millisecond", is_later).await;
    let change = r#"{"messages_per_minute":1e3,"agent_id":null,"agent_prompt":"Be kind.","config":[1.0],"extra":1}"#;
    let updated = app.call("PATCH", &path, change).await;

    assert_eq!(updated.status, 200);
    assert_eq!(keys_in_order(&raw_data(&updated.body)).join(" "), WIDGET_KEYS);
    let after = updated.data();
    for kept in ["id", "pathway_id", "allowed_domains", "webhook_url", "created_at"] {
        assert_eq!(after[kept], before[kept], "{kept}");
    }
    assert_eq!((&after["agent_id"], &after["agent_prompt"]), (&Value::Null, &json!("Be kind.")));
    assert_eq!(raw_member(&updated.body, "messages_per_minute"), "1e3");
    assert_eq!(raw_member(&updated.body, "config"), "[1.0]");
    assert!(after["updated_at"].as_str() > before["updated_at"].as_str(), "{after}");
    assert_eq!(app.call("GET", &path, "").await.body, updated.body);

    // Nothing is named: nothing changes.
    for nothing in ["{}", r#"{"extra":1,"id":"mine","created_at":null}"#] {
        let answer = app.call("PATCH", &path, nothing).await;
        assert_eq!((answer.status, &answer.body), (200, &updated.body), "{nothing}");
    }
    let item = app.stored("pathway", &created.id()).await.unwrap();
    assert_eq!(item["version"], AttributeValue::N("2".to_owned()));
    assert!(!item.contains_key("agent_id"), "null is absence");
}

#[tokio::test]
async fn widget_always_keeps_a_pathway_or_a_prompt() {
    let app = TestApp::start().await;
    let path = PATHWAY.widget(&app.create(&PATHWAY).await.id());
    let no_pathway = "pathway_id is required unless agent_prompt is given";
    let no_prompt = "agent_prompt is required unless pathway_id is given";
    for (body, refused) in [
        (r#"{"pathway_id":null}"#, Some(no_pathway)),
        (r#"{"pathway_id":null,"agent_prompt":null}"#, Some(no_pathway)),
        (r#"{"agent_prompt":null}"#, None),
        (r#"{"pathway_id":null,"agent_prompt":"Be kind."}"#, None),
        (r#"{"agent_prompt":null}"#, Some(no_prompt)),
        (r#"{"agent_prompt":null,"messages_per_minute":3}"#, Some(no_prompt)),
        (r#"{"pathway_id":null}"#, None),
        (r#"{"agent_prompt":null,"pathway_id":"a0f0d4ed-f5f5-4f16-b3f9-22166594d7a7"}"#, None),
        (r#"{"agent_prompt":"Both."}"#, None),
        (r#"{"pathway_id":null}"#, None),
    ] {
        let before = app.call("GET", &path, "").await;
        let answer = app.call("PATCH", &path, body).await;
        let Some(message) = refused else {
            assert_eq!(answer.status, 200, "{body}: {answer:?}");
            continue;
        };
        assert_eq!(answer.error(), (400, json!("INVALID_PARAMETER")), "{body}");
        assert_eq!(answer.messages(), [message], "{body}");
        let after = app.call("GET", &path, "").await;
        assert_eq!(after.body, before.body, "nothing of it was written: {body}");
    }
}

#[tokio::test]
async fn update_reports_all_violations_at_once() {
    let app = TestApp::start().await;
    let body =
        r#"{"allowed_domains":null,"config":null,"messages_per_minute":-1,"webhook_url":"x"}"#;
    let answer = app.call("PATCH", "/v1/widget/nope", body).await;
    assert_eq!(
        answer.messages(),
        [
            "id must be a UUID: invalid character: found `n` at 0",
            "allowed_domains must not be null",
            "messages_per_minute must be at least 0",
            "config must not be null",
            "webhook_url must be an absolute https:// URL, or http:// to localhost",
        ]
    );
}

#[tokio::test]
async fn trailing_slash_makes_no_difference() {
    let app = TestApp::start().await;
    let created = app.call("POST", "/v1/widget/", PATHWAY.body).await;
    let path = format!("/v1/widget/{}/", created.id());
    assert_eq!(app.call("GET", &path, "").await.body, created.body);
    assert_eq!(app.call("GET", "/v1/widgets/", "").await.data()[0], created.data());
    // An id that was forgotten deletes nothing.
    assert_eq!(app.call("DELETE", "/v1/widget/", "").await.status, 405);
    assert_eq!(app.call("DELETE", &path, "").await.status, 200);
    let head = app.call("HEAD", "/v1/widgets", "").await;
    assert_eq!((head.status, head.header("allow")), (405, "GET"));
}

#[tokio::test]
async fn concurrent_updates_cannot_clear_both_pathway_and_prompt() {
    let app = TestApp::start().await;
    for _ in 0..25 {
        let both = PATHWAY.body.replacen('{', r#"{"agent_prompt":"Be kind.","#, 1);
        let path = PATHWAY.widget(&app.create_pathway(both).await.id());
        let (one, other) = tokio::join!(
            app.call("PATCH", &path, r#"{"pathway_id":null}"#),
            app.call("PATCH", &path, r#"{"agent_prompt":null}"#)
        );
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400]);
        let left = app.call("GET", &path, "").await.data();
        assert_eq!(left["pathway_id"].is_null(), one.status == 200, "{left}");
        assert_eq!(left["agent_prompt"].is_null(), other.status == 200, "{left}");
    }
}
