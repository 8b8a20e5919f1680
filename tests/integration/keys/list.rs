//! `widgets keys list`.

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use serde_json::json;
use shared::{auth::ApiKey, model::AccountId};
use uuid::Uuid;
use widgets::keys::generate;

use super::{id_of, keys, listed};
use crate::support::app::TestApp;

#[tokio::test]
async fn list_shows_every_key_in_the_state_the_functions_see() {
    let app = TestApp::start().await;
    let store = app.stack.store.url.as_str();
    let account = AccountId(Uuid::new_v4()).to_string();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let number = || AttributeValue::N("1".to_owned());
    let mut ids = Vec::new();
    for (attributes, status, state) in [
        // What only decorates.
        (vec![], 200, "active"),
        (vec![("created_at", number())], 200, "active"),
        (vec![("created_at", text("yesterday"))], 200, "active"),
        (vec![("name", AttributeValue::Null(true))], 200, "active"),
        (vec![("prefix", number())], 200, "active"),
        (vec![("rotated_to", number())], 200, "active"),
        (vec![("rotated_to", text("\u{1b}[31m"))], 200, "active"),
        // What the functions go by.
        (vec![("account_id", number())], 500, "unreadable"),
        (vec![("account_id", text("me"))], 500, "unreadable"),
        (vec![("role", number())], 500, "unreadable"),
        (vec![("role", text("admin")), ("created_at", number())], 500, "unreadable"),
        (vec![("expires_at", number())], 500, "unreadable"),
        (vec![("expires_at", text("tomorrow"))], 500, "unreadable"),
        (vec![("revoked_at", AttributeValue::Bool(false))], 401, "revoked"),
        (
            vec![("revoked_at", text("2026-01-01T00:00:00Z")), ("role", text("admin"))],
            401,
            "revoked",
        ),
    ] {
        let key = generate().unwrap().reveal().to_owned();
        let hash = ApiKey::parse(&key).unwrap().hash().to_string();
        let put = app.store.put_item().table_name("ApiKeys").item("key_hash", text(&hash));
        let put = put.item("account_id", text(&account)).item("role", text("full"));
        let put = attributes.iter().cloned().fold(put, |put, (name, value)| put.item(name, value));
        put.send().await.unwrap();
        assert_eq!(listed(&app, &key).await, [status; 2], "{attributes:?}");

        let shown = keys(store, &["list", "--json"]).await;
        let of_it = shown
            .json()
            .as_array()
            .unwrap()
            .iter()
            .find(|shown| shown["id"] == id_of(&key))
            .cloned()
            .unwrap();
        assert_eq!(
            (&of_it["state"], of_it.as_object().unwrap().len()),
            (&json!(state), 10),
            "{attributes:?}: {of_it}"
        );
        let is_told = shown.told.contains(&format!("the key {} has no ", id_of(&key)));
        assert_eq!(is_told, state == "unreadable", "{attributes:?}: {shown:?}");
        let shown = keys(store, &["list"]).await;
        let row = shown.out.lines().find(|line| line.starts_with(&id_of(&key))).unwrap();
        assert!(
            row.contains(&format!("  {state}")) && !row.contains('\u{1b}'),
            "{attributes:?}: {row}"
        );
        if status == 500 {
            let log = app.logged("Assistant", &format!("the key {} has no", id_of(&key))).await;
            assert!(!log.contains(&hash[..17]), "{log}");
        }
        ids.push((id_of(&key), state, of_it["account"] == account));
    }
    // An account's are those that have it, whatever else they have.
    let of_account =
        keys(store, &["list", "--json", "--account", &account]).await.json().to_string();
    for (id, _, is_of_account) in &ids {
        assert_eq!(of_account.contains(id), *is_of_account, "{id}: {of_account}");
    }
    assert_eq!(ids.iter().filter(|(.., is_of_account)| !is_of_account).count(), 2);
    // Each can be revoked, and then nothing more is said of it.
    for (id, ..) in &ids {
        assert!(keys(store, &["revoke", id]).await.is_success, "{id}");
    }
    let shown = keys(store, &["list", "--json"]).await;
    let revoked =
        shown.json().as_array().unwrap().iter().filter(|key| key["state"] == "revoked").count();
    assert_eq!((revoked, shown.told.as_str()), (ids.len(), ""));
}

#[tokio::test]
async fn key_on_the_last_scan_page_is_found() {
    let app = TestApp::start().await;
    let store = app.stack.store.url.as_str();
    let account = AccountId(Uuid::new_v4()).to_string();
    let long = AttributeValue::S("n".repeat(60_000));
    for _ in 0..2 {
        let item = |_| {
            let hash = ApiKey::parse(generate().unwrap().reveal()).unwrap().hash().to_string();
            let attributes = [
                ("key_hash", AttributeValue::S(hash)),
                ("account_id", AttributeValue::S(account.clone())),
            ];
            let put = PutRequest::builder()
                .set_item(Some(attributes.map(|(name, value)| (name.to_owned(), value)).into()));
            WriteRequest::builder()
                .put_request(put.item("name", long.clone()).build().unwrap())
                .build()
        };
        let batch =
            app.store.batch_write_item().request_items("ApiKeys", (0..25).map(item).collect());
        assert!(batch.send().await.unwrap().unprocessed_items().unwrap().is_empty());
    }
    let pages: Vec<_> = app
        .store
        .scan()
        .table_name("ApiKeys")
        .consistent_read(true)
        .into_paginator()
        .send()
        .collect::<Result<_, _>>()
        .await
        .unwrap();
    assert!(pages.len() > 2, "{}", pages.len());
    let last = pages.last().unwrap().items().iter().filter(|item| item.contains_key("account_id"));
    let ids: Vec<&str> = last.map(|item| &item["key_hash"].as_s().unwrap()[..16]).collect();
    let (revoked, rotated) = (ids[0], ids[1]);

    let state = async |id: &str| {
        let list = keys(store, &["list", "--json", "--account", &account]).await.json();
        let of_id = list.as_array().unwrap().iter().find(|key| key["id"] == id).cloned().unwrap();
        (list.as_array().unwrap().len(), of_id["state"].as_str().unwrap().to_owned())
    };
    assert_eq!(state(revoked).await, (50, "active".to_owned()));
    assert!(keys(store, &["revoke", revoked]).await.is_success);
    assert_eq!(state(revoked).await, (50, "revoked".to_owned()));
    assert!(keys(store, &["rotate", rotated, "--overlap", "0s"]).await.is_success);
    assert_eq!(state(rotated).await, (51, "expired".to_owned()));
}
