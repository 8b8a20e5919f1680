//! Commands of `widgets keys` in a row, their failures and their credentials.

use std::{fs, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use shared::model::{Hash, Timestamp};
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use super::{id_of, keys, listed};
use crate::{
    command::widgets,
    support::{app::TestApp, fault_proxy::FaultProxy},
};

#[tokio::test]
async fn key_can_be_issued_listed_rotated_and_revoked() {
    let app = TestApp::start().await;
    let store = app.stack.store.url.as_str();
    let account = "3c90c3cc-0d44-4b50-8888-8dd25736052a";
    let of_account = async || keys(store, &["list", "--json", "--account", account]).await.json();
    assert_eq!(of_account().await, json!([]));
    let none = keys(store, &["list", "--account", account]).await;
    assert!(
        none.is_success
            && none.out.is_empty()
            && none.told.contains(&format!("The account {account} has no keys in")),
        "{none:?}"
    );

    // Two keys, for a person and for a script.
    let expires = "2999-01-31T01:00:00+01:00";
    let for_person = keys(store, &["issue", "--account", account, "--name", "production"]).await;
    let first = for_person.out.trim();
    assert!(for_person.told.contains(&id_of(first)), "{for_person:?}");
    let options = [
        "issue",
        "--json",
        "--account",
        account,
        "--name",
        "a\u{1b}[31m",
        "--role",
        "read",
        "--expires",
        expires,
    ];
    let for_script = keys(store, &options).await.json();
    let reader = for_script["key"].as_str().unwrap().to_owned();
    let issued = json!({
        "key": reader, "id": id_of(&reader), "prefix": reader[..7], "account": account, "role": "read",
        "name": "a\u{1b}[31m", "state": "active", "created_at": for_script["created_at"],
        "expires_at": "2999-01-31T00:00:00.000Z", "revoked_at": null, "rotated_to": null,
    });
    assert_eq!(for_script, issued);
    assert!(
        Timestamp::parse(for_script["created_at"].as_str().unwrap()).unwrap() <= Timestamp::now()
    );
    assert_eq!((listed(&app, first).await, listed(&app, &reader).await), ([200; 2], [200; 2]));

    // A rotation: both work. What it makes has what the old one had.
    let rotation = keys(store, &["rotate", &id_of(first), "--overlap", "7d"]).await;
    let second = rotation.out.trim();
    assert!(
        rotation.told.contains(&id_of(first)) && rotation.told.contains(&id_of(second)),
        "{rotation:?}"
    );
    assert_eq!((listed(&app, first).await, listed(&app, second).await), ([200; 2], [200; 2]));
    // Without an overlap the old one ends at once where it is not in memory: it was not used yet.
    let unused =
        keys(store, &["issue", "--account", account, "--role", "read", "--expires", expires]).await;
    let unused = unused.out.trim();
    let rotation =
        keys(store, &["rotate", &id_of(unused), "--overlap", "0s", "--json"]).await.json();
    let third = rotation["key"].as_str().unwrap();
    assert_eq!((listed(&app, unused).await, listed(&app, third).await), ([401; 2], [200; 2]));
    assert_eq!(
        app.send("DELETE", "/v1/widget/x", &[("authorization", third)], "").await.status,
        403
    );
    let of_rotation = |member: &str| (&rotation[member], &rotation["replaces"][member]);
    assert_eq!(of_rotation("account"), (&json!(account), &json!(account)));
    assert_eq!(of_rotation("role"), (&json!("read"), &json!("read")));
    assert_eq!(rotation["expires_at"], "2999-01-31T00:00:00.000Z", "the old one's own end");
    assert_eq!(
        (&rotation["replaces"]["state"], &rotation["replaces"]["rotated_to"]),
        (&json!("expired"), &rotation["id"])
    );
    // A new end for the new one, and the old one ends before the overlap does if it would have
    // anyway.
    let soon = Timestamp::now().after(Duration::from_secs(60 * 60)).to_string();
    let ending = keys(store, &["issue", "--account", account, "--expires", &soon]).await;
    let ending =
        ["rotate", &id_of(ending.out.trim()), "--expires", "2999-12-31T00:00:00Z", "--json"];
    let rotation = keys(store, &ending).await.json();
    assert_eq!(rotation["expires_at"], "2999-12-31T00:00:00.000Z");
    assert_eq!(rotation["replaces"]["expires_at"], soon, "before the 24 hours that an overlap has");

    // Revoked, twice.
    let fourth = rotation["key"].as_str().unwrap();
    let revoke = ["revoke", &id_of(fourth), "--json"];
    let revocation = keys(store, &revoke).await.json();
    assert_eq!(revocation, json!({"id": id_of(fourth), "revoked_at": revocation["revoked_at"]}));
    assert_eq!(listed(&app, fourth).await, [401; 2]);
    assert_eq!(keys(store, &revoke).await.json(), revocation, "since when it was");
    let again = keys(store, &["revoke", &id_of(fourth)]).await;
    assert!(
        again.is_success && again.out.contains(revocation["revoked_at"].as_str().unwrap()),
        "{again:?}"
    );
    let revocation = keys(store, &["revoke", &id_of(first).to_uppercase()]).await;
    assert!(revocation.is_success && revocation.out.contains("60 seconds"), "{revocation:?}");

    // All of them, in the order in which they were issued, and none of them itself.
    let list = of_account().await;
    let members = |name: &str| {
        list.as_array().unwrap().iter().map(|key| key[name].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        members("state"),
        ["revoked", "active", "active", "expired", "active", "active", "revoked"]
    );
    assert_eq!(members("id")[..4], [first, &reader, second, unused].map(id_of));
    let as_text = keys(store, &["list"]).await;
    let lines: Vec<&str> = as_text.out.lines().collect();
    assert!(
        lines.len() == 1 + 7 + 1 && as_text.told.is_empty(),
        "the development account has one too: {as_text:?}"
    );
    assert!(lines[0].starts_with("ID  ") && lines[0].ends_with("STATE"), "{as_text:?}");
    let row = |key: &str| *lines.iter().find(|line| line.starts_with(&id_of(key))).unwrap();
    for (key, part) in [
        (first, "…  3c90c3cc-0d44-4b50-8888-8dd25736052a  full  production "),
        (first, &*format!("  {}…  ", &first[..7])),
        (first, "Z  revoked 2"),
        (first, &format!(", rotated to {}", id_of(second))),
        (second, "Z  active"),
        (&reader, "  read  a\u{fffd}[31m "),
        (&reader, "Z  active until 2999-01-31T00:00:00.000Z"),
        (unused, "Z  expired 2"),
    ] {
        assert!(row(key).contains(part), "{part}: {as_text:?}");
    }
    let list = list.to_string();
    for key in [first, &reader, second, unused, third, fourth, &app.key] {
        assert!(
            !list.contains(&key[8..]) && !as_text.out.contains(&key[8..]),
            "{as_text:?} {list}"
        );
    }
}

#[tokio::test]
async fn failed_key_command_says_why_and_changes_nothing() {
    let app = TestApp::start().await;
    let store = app.stack.store.url.as_str();
    let issued = async || keys(store, &["issue"]).await.out.trim().to_owned();
    let (revoked, rotated, expired) = (issued().await, issued().await, issued().await);
    assert!(keys(store, &["revoke", &id_of(&revoked)]).await.is_success);
    let next = id_of(keys(store, &["rotate", &id_of(&rotated)]).await.out.trim());
    assert!(keys(store, &["rotate", &id_of(&expired), "--overlap", "0s"]).await.is_success);
    // Made by hand: two that have one id, and one that nobody can read.
    for (hash, role) in [
        ("0123456789abcdef00", "full"),
        ("0123456789abcdef01", "full"),
        ("fedcba9876543210", "admin"),
    ] {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let put = app.store.put_item().table_name("ApiKeys").item("key_hash", text(hash));
        put.item("account_id", text(&DEVELOPMENT_ACCOUNT.to_string()))
            .item("role", text(role))
            .send()
            .await
            .unwrap();
    }
    let before = keys(store, &["list", "--json"]).await;
    assert!(
        before.is_success
            && before.told.contains("the key fedcba9876543210 has no role that can be read"),
        "{before:?}"
    );

    for (arguments, says) in [
        (
            &["revoke", "0000000000000000"][..],
            "no key has the id 0000000000000000 in the table ApiKeys",
        ),
        (
            &["rotate", "0000000000000000"],
            "no key has the id 0000000000000000 in the table ApiKeys",
        ),
        (&["revoke", "0123456789abcdef"], "several keys have the id 0123456789abcdef"),
        (&["revoke", &id_of(&revoked)[..15]], "ID must be the 16 hex characters"),
        (&["revoke", &revoked], "ID must be the 16 hex characters"),
        (&["rotate", &revoked], "ID must be the 16 hex characters"),
        (&["rotate", &id_of(&revoked)], "is revoked"),
        (&["rotate", &id_of(&expired)], "has expired"),
        (&["rotate", &id_of(&rotated)], &format!("{next} replaces it")),
        (&["rotate", "fedcba9876543210"], "the key fedcba9876543210 has no role that can be read"),
        (&["rotate", &next, "--overlap", "367d"], "more than a year"),
        (&["rotate", &next, "--overlap", "1"], "time unit needed"),
        (&["rotate", &next, "--expires", "2020-01-01T00:00:00Z"], "this is in the past"),
        (&["issue", "--expires", "9999-12-31T23:59:59-23:00"], "expected a date"),
        (&["list", "--table", "Nowhere"], "there is no table Nowhere in us-east-1"),
        (&["issue", "--table", "Nowhere"], "there is no table Nowhere in us-east-1"),
    ] {
        let printed = keys(store, arguments).await;
        assert!(!printed.is_success && printed.out.is_empty(), "{arguments:?}: {printed:?}");
        assert!(
            printed.told.contains(says) && !printed.told.contains(&revoked),
            "{arguments:?}: {printed:?}"
        );
    }
    assert_eq!(keys(store, &["list", "--json"]).await.json(), before.json());
    assert!(
        keys(store, &["revoke", "fedcba9876543210"]).await.is_success,
        "which takes no more than its id"
    );
}

#[tokio::test]
async fn aws_login_session_signs_requests() {
    let proxy = FaultProxy::start().await;
    let folder = tempfile::tempdir().unwrap();
    let session = "arn:aws:iam::012345678901:user/operator";
    let config = folder.path().join("config");
    fs::write(
        &config,
        format!("[profile operator]\nlogin_session = {session}\nregion = eu-west-1\n"),
    )
    .unwrap();
    let token = json!({
        "accessToken": {
            "accessKeyId": "ASOPERATOR", "secretAccessKey": "secret", "sessionToken": "session",
            "accountId": "012345678901", "expiresAt": "2999-01-01T00:00:00Z",
        },
        "tokenType": "aws_sigv4", "refreshToken": "none", "clientId": "arn:aws:signin:::devtools/same-device",
        "dpopKey": "none",
    });
    let file = folder.path().join(format!("{}.json", Hash::of(session.as_bytes())));
    fs::write(file, token.to_string()).unwrap();
    let mut command = widgets(&["keys", "list", "--endpoint-url", proxy.url.as_str()]).await;
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"] {
        command.env_remove(name);
    }
    command
        .env("AWS_SHARED_CREDENTIALS_FILE", folder.path().join("none"))
        .env("AWS_CONFIG_FILE", config);
    command.env("AWS_LOGIN_CACHE_DIRECTORY", folder.path()).env("AWS_PROFILE", "operator");
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "There are no keys in the table ApiKeys.\n"
    );
    assert!(proxy.signature().contains("Credential=ASOPERATOR/"), "{}", proxy.signature());
}
