//! The pathway dialect: `/v1/widget`, an envelope around every answer, `PATCH` to update.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use shared::model::Timestamp;
use uuid::Uuid;
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use crate::support::app::{PATHWAY_BODY, TestApp, eventually, keys_in_order, raw_data, raw_member};

/// The request of the service's documentation with real UUIDs.
const DOCUMENTED: &str = r#"{
  "pathway_id": "a0f0d4ed-f5f5-4f16-b3f9-22166594d7a7",
  "allowed_domains": ["example.com", "subdomain.example.com"],
  "messages_per_minute": 10,
  "config": {"theme": "light", "position": "bottom-right"},
  "agent_id": "46f37229-7d12-44be-b343-6e68274cfbea"
}"#;

const WIDGET_KEYS: [&str; 10] = [
    "id",
    "pathway_id",
    "agent_id",
    "agent_prompt",
    "allowed_domains",
    "messages_per_minute",
    "config",
    "webhook_url",
    "created_at",
    "updated_at",
];

#[tokio::test]
async fn documented_request_creates_documented_widget() {
    let app = TestApp::start().await;
    let answer = app.create_pathway(DOCUMENTED).await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(keys_in_order(&answer.body), ["status", "data", "errors"]);
    assert_eq!(keys_in_order(&raw_data(&answer.body)), WIDGET_KEYS);
    let body = answer.json();
    assert_eq!((&body["status"], &body["errors"]), (&json!(200), &Value::Null));

    let sent: Value = serde_json::from_str(DOCUMENTED).unwrap();
    let data = &body["data"];
    for (key, value) in sent.as_object().unwrap() {
        assert_eq!(&data[key], value, "{key}");
    }
    assert_eq!((&data["agent_prompt"], &data["webhook_url"]), (&Value::Null, &Value::Null));
    let id: Uuid = data["id"].as_str().unwrap().parse().unwrap();
    let created_at = data["created_at"].as_str().unwrap();
    assert_eq!(data["updated_at"], created_at);
    assert_eq!(
        (created_at.len(), &created_at[10..11], &created_at[19..20], &created_at[23..]),
        (24, "T", ".", "Z")
    );

    let item = app.stored("pathway", &id.to_string()).await.unwrap();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    assert_eq!(item["pk"], text(&format!("{DEVELOPMENT_ACCOUNT}#pathway")));
    assert_eq!(item["version"], AttributeValue::N("1".to_owned()));
    assert_eq!((&item["created_at"], &item["updated_at"]), (&text(created_at), &text(created_at)));
    assert_eq!(item["pathway_id"], text("a0f0d4ed-f5f5-4f16-b3f9-22166594d7a7"));
    assert_eq!(item["agent_id"], text("46f37229-7d12-44be-b343-6e68274cfbea"));
    assert_eq!(
        item["allowed_domains"],
        AttributeValue::L(vec![text("example.com"), text("subdomain.example.com")])
    );
    assert_eq!(item["messages_per_minute"], AttributeValue::N("10".to_owned()));
    assert_eq!(item["config"], text(r#"{"theme": "light", "position": "bottom-right"}"#));
    assert_eq!(item.len(), 14, "null is absence: {item:?}");
}

#[tokio::test]
async fn published_example_works_without_a_content_type() {
    let app = TestApp::start().await;
    let body = r#"{"agent_prompt":"Be kind.","allowed_domains":["*.vercel.app","localhost:3000"],"messages_per_minute":0,"config":"<any>","webhook_url":"http://localhost:9/x","extra":[]}"#;
    let answer = app.send("POST", "/v1/widget", &[("Authorization", &app.key)], body).await;

    assert_eq!(answer.status, 200);
    let data = &answer.json()["data"];
    assert_eq!((&data["pathway_id"], &data["agent_prompt"]), (&Value::Null, &json!("Be kind.")));
    assert_eq!(
        (&data["config"], &data["webhook_url"]),
        (&json!("<any>"), &json!("http://localhost:9/x"))
    );
    assert_eq!(data["allowed_domains"], json!(["*.vercel.app", "localhost:3000"]));
}

#[tokio::test]
async fn numbers_and_free_form_json_round_trip_byte_for_byte() {
    let app = TestApp::start().await;
    let config = r#"{"z":1.0,"a":1e3,"n":12345678901234567890,"nest":[null,{"x":null,"é":"\u00fc 😀"}],"timeoutSeconds":7200.0}"#;
    for rate in ["10", "1.0", "1e3", "0.25", "12345678901234567890", "1e-200", "-0"] {
        let body = format!(
            r#"{{"pathway_id":"a0f0d4ed-f5f5-4f16-b3f9-22166594d7a7","allowed_domains":[],"messages_per_minute":{rate},"config":{config}}}"#
        );
        let answer = app.create_pathway(body).await;
        assert_eq!(answer.status, 200, "{rate}: {}", answer.body);
        assert_eq!(raw_member(&answer.body, "messages_per_minute"), rate);
        assert_eq!(raw_member(&answer.body, "config"), config);
        let item =
            app.stored("pathway", answer.json()["data"]["id"].as_str().unwrap()).await.unwrap();
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

    assert_eq!(answer.status, 400);
    assert_eq!(keys_in_order(&answer.body), ["status", "data", "errors"]);
    let body = answer.json();
    assert_eq!((&body["status"], &body["data"]), (&json!(400), &Value::Null));
    let errors = body["errors"].as_array().unwrap();
    assert!(errors.iter().all(|error| error["error"] == "INVALID_PARAMETER"));
    let messages: Vec<&str> =
        errors.iter().map(|error| error["message"].as_str().unwrap()).collect();
    assert_eq!(
        messages,
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
    assert_eq!(app.count().await, 0);
}

#[tokio::test]
async fn every_error_answer_has_the_envelope_with_errors() {
    let app = TestApp::start().await;
    let key = app.key.clone();
    let authorized = [("authorization", key.as_str())];
    for (method, path, headers, body, status, error) in [
        ("POST", "/v1/widget", &authorized[..], "", 400, "INVALID_PARAMETER"),
        ("POST", "/v1/widget", &authorized, "{", 400, "INVALID_PARAMETER"),
        ("POST", "/v1/widget", &authorized, "[]", 400, "INVALID_PARAMETER"),
        ("POST", "/v1/widget", &authorized, "null", 400, "INVALID_PARAMETER"),
        ("POST", "/v1/widget", &authorized, "{}", 400, "INVALID_PARAMETER"),
        ("POST", "/v1/widget", &[], PATHWAY_BODY, 401, "UNAUTHORIZED"),
        ("POST", "/v1/nope", &authorized, PATHWAY_BODY, 404, "NOT_FOUND"),
        ("GET", "/v1/widget/custom_components", &authorized, "", 404, "NOT_FOUND"),
        ("PUT", "/v1/widget", &authorized, PATHWAY_BODY, 405, "METHOD_NOT_ALLOWED"),
        ("OPTIONS", "/v1/widget", &[], "", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/v1/widgets", &[], "", 401, "UNAUTHORIZED"),
        ("GET", "/v1/widgets?limit=0", &authorized, "", 400, "INVALID_PARAMETER"),
        ("GET", "/v1/widgets?limit=101&cursor=x", &authorized, "", 400, "INVALID_PARAMETER"),
        ("DELETE", "/v1/widgets", &authorized, "", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/v1/widget/nope", &authorized, "", 400, "INVALID_PARAMETER"),
        ("GET", "/v1/widget/01a1fae4-9d78-70d4-b7de-b1fe66815968", &[], "", 401, "UNAUTHORIZED"),
        (
            "GET",
            "/v1/widget/01a1fae4-9d78-70d4-b7de-b1fe66815968",
            &authorized,
            "",
            404,
            "NOT_FOUND",
        ),
        (
            "PATCH",
            "/v1/widget/01a1fae4-9d78-70d4-b7de-b1fe66815968",
            &authorized,
            "{}",
            404,
            "NOT_FOUND",
        ),
        (
            "PATCH",
            "/v1/widget/01a1fae4-9d78-70d4-b7de-b1fe66815968",
            &authorized,
            r#"{"config":1}"#,
            404,
            "NOT_FOUND",
        ),
        (
            "PATCH",
            "/v1/widget/01a1fae4-9d78-70d4-b7de-b1fe66815968",
            &authorized,
            "",
            400,
            "INVALID_PARAMETER",
        ),
        (
            "DELETE",
            "/v1/widget/01a1fae4-9d78-70d4-b7de-b1fe66815968",
            &authorized,
            "",
            404,
            "NOT_FOUND",
        ),
        (
            "PUT",
            "/v1/widget/01a1fae4-9d78-70d4-b7de-b1fe66815968",
            &authorized,
            "{}",
            405,
            "METHOD_NOT_ALLOWED",
        ),
        (
            "GET",
            "/v1/widget/01a1fae4-9d78-70d4-b7de-b1fe66815968/config",
            &[],
            "",
            404,
            "NOT_FOUND",
        ),
        ("GET", "/v1/widget/nope/config", &[], "", 400, "INVALID_PARAMETER"),
        (
            "POST",
            "/v1/widget/01a1fae4-9d78-70d4-b7de-b1fe66815968/config",
            &[],
            "",
            405,
            "METHOD_NOT_ALLOWED",
        ),
        (
            "GET",
            "/v1/widget/01a1fae4-9d78-70d4-b7de-b1fe66815968/threads",
            &authorized,
            "",
            404,
            "NOT_FOUND",
        ),
        ("POST", "/v1/widget/custom_components", &authorized, "{}", 404, "NOT_FOUND"),
        ("DELETE", "/v1/widget/custom_components/x", &authorized, "", 404, "NOT_FOUND"),
        ("POST", "/v1/openapi.json", &[], "", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/v1//widget", &authorized, "", 404, "NOT_FOUND"),
        ("GET", "/v1/widget//", &authorized, "", 404, "NOT_FOUND"),
    ] {
        let answer = app.send(method, path, headers, body).await;
        let json = answer.json();
        assert_eq!(
            (answer.status, &json["status"]),
            (status, &json!(status)),
            "{method} {path} {body}"
        );
        assert_eq!(
            (&json["data"], &json["errors"][0]["error"]),
            (&Value::Null, &json!(error)),
            "{method} {path} {body}"
        );
        assert!(!json["errors"][0]["message"].as_str().unwrap().is_empty());
        assert_eq!(answer.header("content-type"), "application/json");
        assert!(!answer.header("x-request-id").is_empty());
        assert_eq!(answer.headers.contains_key("allow"), status == 405);
    }
    assert_eq!(app.count().await, 0);
}

#[tokio::test]
async fn read_and_delete_return_the_widget_as_created() {
    let app = TestApp::start().await;
    let created = app
        .create_pathway(PATHWAY_BODY.replace("10", "1.50").replace("{}", r#"{"z":1.0,"a": [1e3]}"#))
        .await;
    let path = format!("/v1/widget/{}", created.id());
    let read = app.call("GET", &path, "").await;
    assert_eq!((read.status, &read.body), (200, &created.body));
    let deleted = app.call("DELETE", &path, "").await;
    assert_eq!((deleted.status, &deleted.body), (200, &created.body));
    for method in ["GET", "DELETE"] {
        let gone = app.call(method, &path, "").await;
        assert_eq!(
            (gone.status, &gone.json()["errors"][0]["error"]),
            (404, &json!("NOT_FOUND")),
            "{method}"
        );
        assert!(gone.body.contains(&created.id()), "{gone:?}");
    }
    assert_eq!(app.count().await, 0);
}

#[tokio::test]
async fn update_changes_named_fields_and_updated_at() {
    let app = TestApp::start().await;
    let created = app.create_pathway(DOCUMENTED).await;
    let path = format!("/v1/widget/{}", created.id());
    let created_at = created.json()["data"]["created_at"].as_str().unwrap().to_owned();
    eventually("the next millisecond", || {
        (Timestamp::now().to_string() > created_at).then_some(())
    })
    .await;
    let updated = app
        .call(
            "PATCH",
            &path,
            r#"{"messages_per_minute":1e3,"agent_id":null,"agent_prompt":"Be kind.","config":[1.0],"extra":1}"#,
        )
        .await;

    assert_eq!(updated.status, 200);
    assert_eq!(keys_in_order(&raw_data(&updated.body)), WIDGET_KEYS);
    let (before, after) = (created.json()["data"].clone(), updated.json()["data"].clone());
    for kept in ["id", "pathway_id", "allowed_domains", "webhook_url", "created_at"] {
        assert_eq!(after[kept], before[kept], "{kept}");
    }
    assert_eq!((&after["agent_id"], &after["agent_prompt"]), (&Value::Null, &json!("Be kind.")));
    assert_eq!(
        (raw_member(&updated.body, "messages_per_minute"), raw_member(&updated.body, "config")),
        ("1e3".into(), "[1.0]".into())
    );
    assert!(after["updated_at"].as_str() > before["updated_at"].as_str(), "{after}");
    assert_eq!(app.call("GET", &path, "").await.body, updated.body);

    // Nothing is named: nothing changes.
    for nothing in ["{}", r#"{"extra":1,"id":"mine","created_at":null}"#] {
        let answer = app.call("PATCH", &path, nothing).await;
        assert_eq!((answer.status, answer.body), (200, updated.body.clone()), "{nothing}");
    }
    let item = app.stored("pathway", &created.id()).await.unwrap();
    assert_eq!(
        (&item["version"], item.contains_key("agent_id")),
        (&AttributeValue::N("2".to_owned()), false)
    );
}

#[tokio::test]
async fn widget_always_keeps_a_pathway_or_a_prompt() {
    let app = TestApp::start().await;
    let path = format!("/v1/widget/{}", app.create_pathway(PATHWAY_BODY).await.id());
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
        let errors = json!([{"error": "INVALID_PARAMETER", "message": message}]);
        assert_eq!((answer.status, &answer.json()["errors"]), (400, &errors), "{body}");
        assert_eq!(
            app.call("GET", &path, "").await.body,
            before.body,
            "nothing of it was written: {body}"
        );
    }
}

#[tokio::test]
async fn update_reports_all_violations_at_once() {
    let app = TestApp::start().await;
    let answer = app
        .call(
            "PATCH",
            "/v1/widget/nope",
            r#"{"allowed_domains":null,"config":null,"messages_per_minute":-1,"webhook_url":"x"}"#,
        )
        .await;
    let body = answer.json();
    let messages: Vec<&str> = body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["message"].as_str().unwrap())
        .collect();
    assert_eq!(
        messages,
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
async fn widget_of_another_account_returns_404() {
    let app = TestApp::start().await;
    let id = app.create_pathway(PATHWAY_BODY).await.id();
    let key = app.another_key().await;
    let headers = [("authorization", key.as_str())];
    for (method, body) in
        [("GET", ""), ("PATCH", "{}"), ("PATCH", r#"{"config":1}"#), ("DELETE", "")]
    {
        let answer = app.send(method, &format!("/v1/widget/{id}"), &headers, body).await;
        assert_eq!(
            (answer.status, &answer.json()["errors"][0]["error"]),
            (404, &json!("NOT_FOUND")),
            "{method}"
        );
    }
    assert_eq!(app.send("GET", "/v1/widgets", &headers, "").await.json()["data"], json!([]));
    assert_eq!(app.call("GET", &format!("/v1/widget/{id}"), "").await.status, 200);
}

#[tokio::test]
async fn trailing_slash_makes_no_difference() {
    let app = TestApp::start().await;
    let created = app.call("POST", "/v1/widget/", PATHWAY_BODY).await;
    let path = format!("/v1/widget/{}/", created.id());
    assert_eq!(app.call("GET", &path, "").await.body, created.body);
    assert_eq!(app.call("GET", "/v1/widgets/", "").await.json()["data"][0], created.json()["data"]);
    assert_eq!(
        app.call("DELETE", "/v1/widget/", "").await.status,
        405,
        "an id that was forgotten deletes nothing"
    );
    assert_eq!(app.call("DELETE", &path, "").await.status, 200);
    let head = app.call("HEAD", "/v1/widgets", "").await;
    assert_eq!((head.status, head.header("allow")), (405, "GET"));
}

#[tokio::test]
async fn concurrent_updates_cannot_clear_both_pathway_and_prompt() {
    let app = TestApp::start().await;
    for _ in 0..25 {
        let both = PATHWAY_BODY.replacen('{', r#"{"agent_prompt":"Be kind.","#, 1);
        let path = format!("/v1/widget/{}", app.create_pathway(both).await.id());
        let (one, other) = tokio::join!(
            app.call("PATCH", &path, r#"{"pathway_id":null}"#),
            app.call("PATCH", &path, r#"{"agent_prompt":null}"#)
        );
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400]);
        let left = app.call("GET", &path, "").await.json()["data"].clone();
        assert_eq!(left["pathway_id"].is_null(), one.status == 200, "{left}");
        assert_eq!(left["agent_prompt"].is_null(), other.status == 200, "{left}");
    }
}

#[tokio::test]
async fn domain_that_no_page_has_is_refused_and_stays_readable_if_stored() {
    let app = TestApp::start().await;
    let unmatched = ["a.0x10", "0x7f000001", "xn--a.com"];
    let mut body: Value = serde_json::from_str(PATHWAY_BODY).unwrap();
    body["allowed_domains"] = json!(unmatched);
    let refused = app.create_pathway(body.to_string()).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    let errors = refused.json()["errors"].as_array().unwrap().clone();
    assert_eq!(errors.len(), unmatched.len());
    for (index, (error, entry)) in errors.iter().zip(unmatched).enumerate() {
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with(&format!("allowed_domains[{index}] {entry:?} ")), "{message}");
    }

    let id = app.create_pathway(PATHWAY_BODY).await.id();
    let mut item = app.stored("pathway", &id).await.unwrap();
    let entries = unmatched.map(|entry| AttributeValue::S(entry.to_owned())).to_vec();
    item.insert("allowed_domains".to_owned(), AttributeValue::L(entries));
    let put = app.stack.store.client().put_item().table_name("Widgets");
    put.set_item(Some(item)).send().await.unwrap();
    let widget = format!("/v1/widget/{id}");
    let read = app.call("GET", &widget, "").await;
    assert_eq!((read.status, &read.json()["data"]["allowed_domains"]), (200, &json!(unmatched)));
    assert_eq!(app.call("GET", "/v1/widgets", "").await.status, 200);
    let public = format!("{widget}/config");
    let asked = app.send("GET", &public, &[("origin", "http://127.0.0.1")], "").await;
    assert_eq!(asked.status, 403, "{asked:?}");
    let updated = app.call("PATCH", &widget, r#"{"config":{}}"#).await;
    assert_eq!(updated.status, 200, "what an update does not name is not judged: {updated:?}");
}
