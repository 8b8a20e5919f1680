//! `widgets keys issue`, and a local stack that puts its key at each start.

use std::fs;

use shared::{auth::Role, model::AccountId};
use uuid::Uuid;
use widgets::{
    keys::{KeySpec, NewKey},
    local::stack::DEVELOPMENT_ACCOUNT,
};

use super::{id_of, key_spec, list, put};
use crate::{command::run, support::app::TestApp};

#[tokio::test]
async fn existing_key_is_unchanged_when_put_again() {
    let app = TestApp::start().await;
    let store = app.stack.store.url.as_str();
    let another = AccountId(Uuid::new_v4());
    let (valid, past) = (Some("2999-01-01T00:00:00Z"), Some("2026-01-01T00:00:00Z"));
    for (account, expires_at, refusal) in [
        (DEVELOPMENT_ACCOUNT, None, None),
        (DEVELOPMENT_ACCOUNT, valid, None),
        (DEVELOPMENT_ACCOUNT, past, Some("this key has expired, which nothing undoes")),
        (another, None, Some("this key belongs to another account")),
    ] {
        let key = NewKey::parse(&put(&app, account, Role::Read, expires_at).await).unwrap();
        let before = list(store, &[]).await;
        assert!(before.iter().any(|it| it["id"] == id_of(key.reveal())), "{before:?}");
        // A local stack puts its key at each start.
        let item = KeySpec { name: Some("local stack"), ..key_spec(&key) };
        let again = item.put(&app.stack.store.config, "ApiKeys").await;
        match refusal {
            Some(refusal) => assert_eq!(again.unwrap_err().to_string(), refusal),
            None => assert_eq!(again.unwrap().role(), Some(Role::Read)),
        }
        assert_eq!(list(store, &[]).await, before);
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
            let data = ["--data", data.to_str().unwrap()];
            let printed = run(&[&["keys"], arguments, &data].concat()).await;
            printed.expect_failure("no local stack has been in");
        }
    }
    let printed = run(&["keys", "issue", "--data", missing.to_str().unwrap()]).await;
    printed.expect_failure("is not there");
    assert!(!missing.exists() && fs::read_dir(&empty).unwrap().next().is_none());

    let data = ["--data", empty.to_str().unwrap()];
    let issued = run(&[&["keys", "issue"], &data[..]].concat()).await;
    let list = run(&[&["keys", "list", "--json"], &data[..]].concat()).await.json();
    assert_eq!(list[0]["id"], id_of(issued.key()));
}
