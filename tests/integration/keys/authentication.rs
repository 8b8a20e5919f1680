//! Authentication: where a request presents its key, and what the key allows.

use serde_json::json;
use shared::{auth::Role, model::AccountId};
use uuid::Uuid;
use widgets::{
    keys::{KeySpec, generate},
    local::stack::DEVELOPMENT_ACCOUNT,
};

use super::put;
use crate::support::app::{ASSISTANT_BODY, JSON, PATHWAY_BODY, TestApp};

#[tokio::test]
async fn both_dialects_accept_a_key_in_every_place() {
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
async fn request_without_a_valid_key_returns_401_and_writes_nothing() {
    let app = TestApp::start().await;
    let other = generate().unwrap().reveal().to_owned();
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
        (
            two_keys.as_str(),
            &[("authorization", other.as_str())],
            "Two different API keys in one request",
        ),
    ] {
        // A body that would be refused, to see that the key comes first.
        let answer = app.send("POST", path, headers, "{").await;
        assert_eq!(
            (answer.status, answer.json()),
            (401, json!({"detail": detail})),
            "{path} {headers:?}"
        );
        assert!(answer.headers.contains_key("www-authenticate"));
    }
    for headers in [&[][..], &[("authorization", other.as_str())]] {
        let answer = app.send("POST", "/v1/widget", headers, "{").await;
        assert_eq!(
            (answer.status, &answer.json()["errors"][0]["error"]),
            (401, &json!("UNAUTHORIZED"))
        );
    }
    assert_eq!(app.count().await, 0);
}

#[tokio::test]
async fn key_reaches_only_its_own_account_and_is_never_logged() {
    let app = TestApp::start().await;
    let account = AccountId(Uuid::new_v4());
    let key = generate().unwrap();
    let item = KeySpec { key: &key, account, role: Role::Full, expires_at: None, name: None };
    // Unknown first, to see that this is not remembered.
    let headers = [JSON, ("authorization", key.reveal())];
    assert_eq!(app.send("POST", "/api/v1/widget", &headers, ASSISTANT_BODY).await.status, 401);
    item.put(&app.stack.store.config, "ApiKeys").await.unwrap();

    let answer = app.send("POST", "/api/v1/widget", &headers, ASSISTANT_BODY).await;
    let data = &answer.json()["data"];
    assert_eq!(data["org_id"], account.to_string());
    assert!(
        app.stored("assistant", data["id"].as_str().unwrap()).await.is_none(),
        "not the development account's"
    );

    app.send(
        "POST",
        &format!("/v1/{}?api_key={}", key.reveal(), key.reveal()),
        &headers,
        ASSISTANT_BODY,
    )
    .await;
    app.logged("Pathway", "404").await;
    let log = app.log();
    assert!(!log.contains(key.reveal()) && !log.contains(&app.key), "{log}");

    let scanned = app.stack.store.client().scan().table_name("ApiKeys").send().await.unwrap();
    let kept = format!("{:?}", scanned.items());
    assert!(kept.contains(&account.to_string()) && !kept.contains(key.reveal()), "{kept}");
}

#[tokio::test]
async fn read_only_key_can_read_and_gets_403_on_writes() {
    let app = TestApp::start().await;
    let key = put(&app, DEVELOPMENT_ACCOUNT, Role::Read, None).await;
    let headers = [JSON, ("authorization", key.as_str())];
    let assistant = format!("/api/v1/widget/{}", app.create_assistant(ASSISTANT_BODY).await.id());
    let pathway = format!("/v1/widget/{}", app.create_pathway(PATHWAY_BODY).await.id());
    for path in ["/api/v1/widget", &assistant, "/v1/widgets", &pathway] {
        assert_eq!(app.send("GET", path, &headers, "").await.status, 200, "{path}");
    }
    for (method, path) in [("POST", "/api/v1/widget"), ("PUT", &assistant), ("DELETE", &assistant)]
    {
        // The body would be refused: the key comes first.
        let answer = app.send(method, path, &headers, "{}").await;
        assert_eq!(
            (answer.status, answer.json()),
            (403, json!({"detail": "This API key may only read"})),
            "{method}"
        );
    }
    for (method, path) in [("POST", "/v1/widget"), ("PATCH", &pathway), ("DELETE", &pathway)] {
        let answer = app.send(method, path, &headers, "{}").await;
        assert_eq!(
            (answer.status, &answer.json()["errors"][0]["error"]),
            (403, &json!("FORBIDDEN")),
            "{method}"
        );
    }
    assert_eq!(app.count().await, 2);
}
