//! API keys: where they are taken from, and what becomes of those that are none.

use serde_json::json;
use shared::{
    keys::Role,
    model::{AccountId, Timestamp},
};
use uuid::Uuid;
use widgets::{keys, stack::DEVELOPMENT_ACCOUNT};

use crate::app::{ASSISTANT_BODY, PATHWAY_BODY, TestApp};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn both_dialects_take_a_key_from_every_place() {
    let app = TestApp::start().await;
    let bearer = format!("Bearer {}", app.key);
    for (path, body) in [("/api/v1/widget", ASSISTANT_BODY), ("/v1/widget", PATHWAY_BODY)] {
        let with_query = format!("{path}?api_key={}", app.key);
        for (path, headers) in [
            (with_query.as_str(), &[JSON][..]),
            (path, &[JSON, ("authorization", &app.key)]),
            (path, &[JSON, ("Authorization", &bearer)]),
            (&with_query, &[JSON, ("authorization", &bearer)]),
        ] {
            let answer = app.send("POST", path, headers, body).await;
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn without_a_valid_key_nothing_is_read_or_written() {
    let app = TestApp::start().await;
    let other = keys::generate().unwrap().0;
    let two_keys = format!("/api/v1/widget?api_key={}", app.key);
    for (path, headers, detail) in [
        ("/api/v1/widget", &[][..], "Not authenticated"),
        ("/api/v1/widget?api_key=", &[], "Not authenticated"),
        ("/api/v1/widget", &[("authorization", "Bearer ")], "Not authenticated"),
        ("/api/v1/widget?api_key=nope", &[], "Invalid API key"),
        ("/api/v1/widget?api_key=%00%FF", &[], "Invalid API key"),
        ("/api/v1/widget", &[("authorization", other.as_str())], "Invalid API key"),
        ("/api/v1/widget", &[("authorization", "Basic dTpw")], "Invalid API key"),
        ("/api/v1/widget", &[("authorization", "é")], "Invalid API key"),
        (two_keys.as_str(), &[("authorization", other.as_str())], "Two different API keys in one request"),
    ] {
        // A body that would be refused, to see that the key comes first.
        let answer = app.send("POST", path, headers, "{").await;
        assert_eq!((answer.status, answer.json()), (401, json!({"detail": detail})), "{path} {headers:?}");
        assert!(answer.headers.contains_key("www-authenticate"));
    }
    for headers in [&[][..], &[("authorization", other.as_str())]] {
        let answer = app.send("POST", "/v1/widget", headers, "{").await;
        assert_eq!((answer.status, &answer.json()["errors"][0]["error"]), (401, &json!("UNAUTHORIZED")));
    }
    assert_eq!(app.count().await, 0);
}

#[tokio::test]
async fn a_key_reaches_its_own_account_and_no_log_line() {
    let app = TestApp::start().await;
    let account = AccountId(Uuid::new_v4());
    let key = keys::generate().unwrap();
    let item = keys::KeyItem { key: &key, account, role: Role::Full, expires_at: None, name: None };
    // Unknown first, to see that this is not remembered.
    let headers = [JSON, ("authorization", key.0.as_str())];
    assert_eq!(app.send("POST", "/api/v1/widget", &headers, ASSISTANT_BODY).await.status, 401);
    item.put(&app.stack.store.client(), "ApiKeys").await.unwrap();

    let answer = app.send("POST", "/api/v1/widget", &headers, ASSISTANT_BODY).await;
    let data = &answer.json()["data"];
    assert_eq!(data["org_id"], account.to_string());
    assert!(app.stored("assistant", data["id"].as_str().unwrap()).await.is_none(), "not the development account's");

    app.send("POST", &format!("/v1/{}?api_key={}", key.0, key.0), &headers, ASSISTANT_BODY).await;
    app.logged("Pathway", "404").await;
    let log = app.log();
    assert!(!log.contains(&key.0) && !log.contains(&app.key), "{log}");

    let scanned = app.stack.store.client().scan().table_name("ApiKeys").send().await.unwrap();
    let kept = format!("{:?}", scanned.items());
    assert!(kept.contains(&account.to_string()) && !kept.contains(&key.0), "{kept}");
}

/// Puts another key into the table.
async fn put(app: &TestApp, account: AccountId, role: Role, expires_at: Option<&str>) -> String {
    let key = keys::generate().unwrap();
    let expires_at = expires_at.map(|moment| Timestamp::parse(moment).unwrap());
    let item = keys::KeyItem { key: &key, account, role, expires_at, name: None };
    item.put(&app.stack.store.client(), "ApiKeys").await.unwrap();
    key.0
}

#[tokio::test]
async fn a_key_that_may_only_read_reads_and_gets_a_403_where_it_would_write() {
    let app = TestApp::start().await;
    let key = put(&app, DEVELOPMENT_ACCOUNT, Role::Read, None).await;
    let headers = [JSON, ("authorization", key.as_str())];
    let assistant = format!("/api/v1/widget/{}", app.create_assistant(ASSISTANT_BODY).await.id());
    let pathway = format!("/v1/widget/{}", app.create_pathway(PATHWAY_BODY).await.id());
    for path in ["/api/v1/widget", &assistant, "/v1/widgets", &pathway] {
        assert_eq!(app.send("GET", path, &headers, "").await.status, 200, "{path}");
    }
    for (method, path) in [("POST", "/api/v1/widget"), ("PUT", &assistant), ("DELETE", &assistant)] {
        // The body would be refused: the key comes first.
        let answer = app.send(method, path, &headers, "{}").await;
        assert_eq!((answer.status, answer.json()), (403, json!({"detail": "This API key may only read"})), "{method}");
    }
    for (method, path) in [("POST", "/v1/widget"), ("PATCH", &pathway), ("DELETE", &pathway)] {
        let answer = app.send(method, path, &headers, "{}").await;
        assert_eq!((answer.status, &answer.json()["errors"][0]["error"]), (403, &json!("FORBIDDEN")), "{method}");
    }
    assert_eq!(app.count().await, 2);
}

#[tokio::test]
async fn a_key_that_has_expired_is_none_and_one_that_has_not_is_one() {
    let app = TestApp::start().await;
    let expired = put(&app, DEVELOPMENT_ACCOUNT, Role::Full, Some("2026-01-01T00:00:00Z")).await;
    let valid = put(&app, DEVELOPMENT_ACCOUNT, Role::Full, Some("2999-01-01T00:00:00+02:00")).await;
    for (key, status) in [(&expired, 401), (&valid, 200), (&expired, 401), (&valid, 200)] {
        let answer = app.send("GET", "/v1/widgets", &[("authorization", key)], "").await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}
