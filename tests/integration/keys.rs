//! API keys: where they are taken from, and what becomes of those that are none.

use serde_json::json;
use widgets::keys;

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
        (two_keys.as_str(), &[("authorization", other.as_str())], "Invalid API key"),
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
    let account = shared::model::AccountId(uuid::Uuid::new_v4());
    let key = keys::generate().unwrap();
    let item = keys::KeyItem { key: &key, account, name: None };
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
