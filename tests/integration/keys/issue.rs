//! `widgets keys issue`, and a local stack that puts its key at each start.

use std::fs;

use shared::{auth::Role, model::AccountId};
use uuid::Uuid;
use widgets::{
    keys::{KeySpec, NewKey},
    local::stack::DEVELOPMENT_ACCOUNT,
};

use super::{id_of, keys, put, run};
use crate::support::app::TestApp;

#[tokio::test]
async fn existing_key_is_unchanged_when_put_again() {
    let app = TestApp::start().await;
    let store = app.stack.store.url.as_str();
    let list = async || keys(store, &["list", "--json"]).await.json();
    let another = AccountId(Uuid::new_v4());
    for (account, expires_at, refusal) in [
        (DEVELOPMENT_ACCOUNT, None, None),
        (DEVELOPMENT_ACCOUNT, Some("2999-01-01T00:00:00Z"), None),
        (
            DEVELOPMENT_ACCOUNT,
            Some("2026-01-01T00:00:00Z"),
            Some("this key has expired, which nothing undoes"),
        ),
        (another, None, Some("this key belongs to another account")),
    ] {
        let key = NewKey::parse(&put(&app, account, Role::Read, expires_at).await).unwrap();
        let before = list().await;
        // As a local stack does at each start.
        let item = KeySpec {
            key: &key,
            account: DEVELOPMENT_ACCOUNT,
            role: Role::Full,
            expires_at: None,
            name: Some("local stack"),
        };
        let again = item.put(&app.stack.store.config, "ApiKeys").await;
        match refusal {
            Some(refusal) => assert_eq!(again.unwrap_err().to_string(), refusal),
            None => assert_eq!(
                (again.unwrap().role, list().await.to_string().contains(&id_of(key.reveal()))),
                (Ok(Role::Read), true)
            ),
        }
        assert_eq!(list().await, before);
    }
}

#[tokio::test]
async fn only_issue_accepts_a_folder_without_a_stack() {
    let folder = tempfile::tempdir().unwrap();
    let (missing, empty) = (folder.path().join("missing"), folder.path().join("empty"));
    fs::create_dir(&empty).unwrap();
    let id = "0123456789abcdef";
    for arguments in [&["list"][..], &["list", "--json"], &["revoke", id], &["rotate", id]] {
        for data in [&missing, &empty] {
            let printed =
                run(&[&["keys"], arguments, &["--data", data.to_str().unwrap()]].concat()).await;
            assert!(
                !printed.is_success && printed.told.contains("no local stack has been in"),
                "{printed:?}"
            );
        }
    }
    let printed = run(&["keys", "issue", "--data", missing.to_str().unwrap()]).await;
    assert!(
        !printed.is_success && printed.told.contains("is not there") && printed.out.is_empty(),
        "{printed:?}"
    );
    assert!(!missing.exists() && fs::read_dir(&empty).unwrap().next().is_none());

    let data = ["--data", empty.to_str().unwrap()];
    let key = run(&[&["keys", "issue"], &data[..]].concat()).await;
    let list = run(&[&["keys", "list", "--json"], &data[..]].concat()).await.json();
    assert_eq!(list[0]["id"], id_of(key.out.trim()));
}
