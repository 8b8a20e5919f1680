//! Authentication: where a request presents its key, and what the key allows.

use serde_json::json;
use shared::{auth::Role, model::AccountId};
use uuid::Uuid;
use widgets::{
    keys::{KeySpec, generate},
    local::stack::DEVELOPMENT_ACCOUNT,
};

use super::{key_spec, put};
use crate::support::{
    app::{JSON, TestApp},
    dialect::{ASSISTANT, DIALECTS},
};

#[tokio::test]
async fn both_dialects_accept_a_key_in_every_place() {
    let app = TestApp::start().await;
    let bearer = format!("Bearer {}", app.key);
    for dialect in DIALECTS {
        let with_query = format!("{}?api_key={}", dialect.root, app.key);
        for (path, headers) in [
            (with_query.as_str(), &[JSON][..]),
            (dialect.root, &[JSON, ("authorization", &app.key)]),
            (dialect.root, &[JSON, ("Authorization", &bearer)]),
            (&with_query, &[JSON, ("authorization", &bearer)]),
        ] {
            let answer = app.send("POST", path, headers, dialect.body).await;
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn request_without_a_valid_key_returns_401_and_writes_nothing() {
    let app = TestApp::start().await;
    let other = generate().unwrap().reveal().to_owned();
    let (none, invalid) = ("Not authenticated", "Invalid API key");
    let two_keys = format!("?api_key={}", app.key);
    for (query, headers, detail) in [
        ("", &[][..], none),
        ("?api_key=", &[], none),
        ("", &[("authorization", "Bearer ")], none),
        ("?api_key=nope", &[], invalid),
        ("?api_key=%00%FF", &[], invalid),
        ("", &[("authorization", other.as_str())], invalid),
        ("", &[("authorization", "Basic dTpw")], invalid),
        ("", &[("authorization", "é")], invalid),
        (&two_keys, &[("authorization", &other)], "Two different API keys in one request"),
    ] {
        for dialect in DIALECTS {
            // The body is invalid too: the key is checked first.
            let path = format!("{}{query}", dialect.root);
            let answer = app.send("POST", &path, headers, "{").await;
            assert_eq!(answer.status, 401, "{path} {headers:?}: {answer:?}");
            match dialect.name {
                "assistant" => {
                    assert_eq!(answer.json(), json!({"detail": detail}), "{path} {headers:?}");
                    assert!(answer.headers.contains_key("www-authenticate"));
                }
                _ => assert_eq!(answer.json()["errors"][0]["error"], "UNAUTHORIZED"),
            }
        }
    }
    assert_eq!(app.count().await, 0);
}

#[tokio::test]
async fn key_reaches_only_its_own_account_and_is_never_logged() {
    let app = TestApp::start().await;
    let account = AccountId(Uuid::new_v4());
    let key = generate().unwrap();
    let headers = [JSON, ("authorization", key.reveal())];
    let create = async || app.send("POST", ASSISTANT.root, &headers, ASSISTANT.body).await;
    // An unknown key is not cached.
    assert_eq!(create().await.status, 401);
    let item = KeySpec { account, ..key_spec(&key) };
    item.put(&app.stack.store.config, "ApiKeys").await.unwrap();

    let created = create().await;
    assert_eq!(created.json()["data"]["org_id"], account.to_string());
    let stored = app.stored(ASSISTANT.name, &created.id()).await;
    assert_eq!(stored, None, "not in the development account");

    let path = format!("/v1/{}?api_key={}", key.reveal(), key.reveal());
    app.send("POST", &path, &headers, ASSISTANT.body).await;
    app.logged("Pathway", "404").await;
    let log = app.log();
    assert!(!log.contains(key.reveal()) && !log.contains(&app.key), "{log}");

    let scanned = app.store.scan().table_name("ApiKeys").send().await.unwrap();
    let items = format!("{:?}", scanned.items());
    assert!(items.contains(&account.to_string()) && !items.contains(key.reveal()), "{items}");
}

#[tokio::test]
async fn read_only_key_can_read_and_gets_403_on_writes() {
    let app = TestApp::start().await;
    let key = put(&app, DEVELOPMENT_ACCOUNT, Role::Read, None).await;
    let headers = [JSON, ("authorization", key.as_str())];
    for dialect in DIALECTS {
        let widget = dialect.widget(&app.call("POST", dialect.root, dialect.body).await.id());
        for path in [dialect.root, dialect.list, &widget] {
            assert_eq!(app.send("GET", path, &headers, "").await.status, 200, "{path}");
        }
        for (method, path) in
            [("POST", dialect.root), (dialect.update, &widget), ("DELETE", &widget)]
        {
            // The body is invalid too: the key is checked first.
            let answer = app.send(method, path, &headers, "{}").await;
            assert_eq!(answer.status, 403, "{method}: {answer:?}");
            match dialect.name {
                "assistant" => {
                    assert_eq!(answer.json(), json!({"detail": "This API key may only read"}))
                }
                _ => assert_eq!(answer.json()["errors"][0]["error"], "FORBIDDEN"),
            }
        }
    }
    assert_eq!(app.count().await, DIALECTS.len());
}
