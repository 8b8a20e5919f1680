//! `widgets keys list`.

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use uuid::Uuid;
use widgets::keys::generate;

use super::{find, hash_of, id_of, keys, list, listed, text};
use crate::support::app::TestApp;

#[tokio::test]
async fn list_shows_every_key_in_the_state_the_functions_see() {
    let app = TestApp::start().await;
    let store = app.stack.store.url.as_str();
    let account = Uuid::new_v4().to_string();
    let number = || AttributeValue::N("1".to_owned());
    let mut ids = Vec::new();
    for (attributes, status, state) in [
        // Attributes that only decorate.
        (vec![], 200, "active"),
        (vec![("created_at", number())], 200, "active"),
        (vec![("created_at", text("yesterday"))], 200, "active"),
        (vec![("name", AttributeValue::Null(true))], 200, "active"),
        (vec![("prefix", number())], 200, "active"),
        (vec![("rotated_to", number())], 200, "active"),
        (vec![("rotated_to", text("\u{1b}[31m"))], 200, "active"),
        // Attributes that the functions read.
        (vec![("account_id", number())], 500, "unreadable"),
        (vec![("account_id", text("me"))], 500, "unreadable"),
        (vec![("role", number())], 500, "unreadable"),
        (vec![("role", text("admin")), ("created_at", number())], 500, "unreadable"),
        (vec![("expires_at", number())], 500, "unreadable"),
        (vec![("expires_at", text("tomorrow"))], 500, "unreadable"),
        (vec![("revoked_at", AttributeValue::Bool(false))], 401, "revoked"),
        (vec![("revoked_at", text("x")), ("role", text("admin"))], 401, "revoked"),
    ] {
        let key = generate().unwrap().reveal().to_owned();
        let (hash, id) = (hash_of(&key), id_of(&key));
        let put = app.store.put_item().table_name("ApiKeys").item("key_hash", text(&hash));
        let put = put.item("account_id", text(&account)).item("role", text("full"));
        let put = attributes.iter().cloned().fold(put, |put, (name, value)| put.item(name, value));
        put.send().await.unwrap();
        assert_eq!(listed(&app, &key).await, status, "{attributes:?}");

        let shown = find(&list(store, &[]).await, &id).clone();
        assert_eq!(shown["state"], state, "{attributes:?}: {shown}");
        assert_eq!(shown.as_object().unwrap().len(), 10, "{shown}");
        let printed = keys(store, &["list"]).await;
        let is_told = printed.stderr.contains(&format!("the key {id} has no "));
        assert_eq!(is_told, state == "unreadable", "{attributes:?}: {printed:?}");
        let row = printed.stdout.lines().find(|line| line.starts_with(&id)).unwrap();
        assert!(row.contains(&format!("  {state}")), "{attributes:?}: {row}");
        assert!(!row.contains('\u{1b}'), "{attributes:?}: {row}");
        if status == 500 {
            let log = app.logged("Assistant", &format!("the key {id} has no")).await;
            assert!(!log.contains(&hash[..17]), "{log}");
        }
        ids.push((id, shown["account"] == account));
    }
    // `--account` selects the keys with this account, whatever else they have.
    let of_account = list(store, &["--account", &account]).await;
    for (id, is_of_account) in &ids {
        let is_shown = of_account.iter().any(|key| key["id"] == **id);
        assert_eq!(is_shown, *is_of_account, "{id}: {of_account:?}");
    }
    assert_eq!(ids.iter().filter(|(_, is_of_account)| !is_of_account).count(), 2);
    // Every key can be revoked. The list then has no complaint about it.
    for (id, _) in &ids {
        assert!(keys(store, &["revoke", id]).await.is_success, "{id}");
    }
    let revoked = list(store, &[]).await.iter().filter(|key| key["state"] == "revoked").count();
    assert_eq!(revoked, ids.len());
    assert_eq!(keys(store, &["list"]).await.stderr, "");
}

#[tokio::test]
async fn oldest_key_is_first_whichever_account_has_it() {
    let app = TestApp::start().await;
    let mut expected = Vec::new();
    for (day, account) in [(1, Uuid::max()), (2, Uuid::from_u128(1)), (3, Uuid::max())] {
        let hash = hash_of(generate().unwrap().reveal());
        let put = app.store.put_item().table_name("ApiKeys").item("key_hash", text(&hash));
        let put = put.item("account_id", text(&account.to_string())).item("role", text("full"));
        let put = put.item("created_at", text(&format!("2024-01-0{day}T00:00:00.000Z")));
        put.send().await.unwrap();
        expected.push(hash[..16].to_owned());
    }
    let shown = list(&app.stack.store.url, &[]).await;
    let ids: Vec<&str> = shown.iter().map(|key| key["id"].as_str().unwrap()).collect();
    assert_eq!(ids[..3], expected, "{shown:?}");
}

#[tokio::test]
async fn key_on_the_last_scan_page_is_found() {
    let app = TestApp::start().await;
    let store = app.stack.store.url.as_str();
    let account = Uuid::new_v4().to_string();
    let long = text(&"n".repeat(60_000));
    for _ in 0..2 {
        let item = |_| {
            let key = generate().unwrap();
            let put = PutRequest::builder()
                .item("key_hash", text(&hash_of(key.reveal())))
                .item("account_id", text(&account))
                .item("name", long.clone());
            WriteRequest::builder().put_request(put.build().unwrap()).build()
        };
        let items = (0..25).map(item).collect();
        let batch = app.store.batch_write_item().request_items("ApiKeys", items);
        assert!(batch.send().await.unwrap().unprocessed_items().unwrap().is_empty());
    }
    let scan = app.store.scan().table_name("ApiKeys").consistent_read(true).into_paginator();
    let pages: Vec<_> = scan.send().collect::<Result<_, _>>().await.unwrap();
    assert!(pages.len() > 2, "{}", pages.len());
    let last = pages.last().unwrap().items().iter().filter(|item| item.contains_key("account_id"));
    let ids: Vec<&str> = last.map(|item| &item["key_hash"].as_s().unwrap()[..16]).collect();
    let (revoked, rotated) = (ids[0], ids[1]);

    let state = async |id: &str| {
        let list = list(store, &["--account", &account]).await;
        (list.len(), find(&list, id)["state"].as_str().unwrap().to_owned())
    };
    assert_eq!(state(revoked).await, (50, "active".to_owned()));
    assert!(keys(store, &["revoke", revoked]).await.is_success);
    assert_eq!(state(revoked).await, (50, "revoked".to_owned()));
    assert!(keys(store, &["rotate", rotated, "--overlap", "0s"]).await.is_success);
    assert_eq!(state(rotated).await, (51, "expired".to_owned()));
}
