//! Commands of `widgets keys` in a row, their failures and their credentials.

use std::{fs, time::Duration};

use serde_json::{Value, json};
use shared::model::{Hash, Timestamp};
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use super::{id_of, keys, list, listed, text};
use crate::{
    command::{Printed, widgets},
    support::{app::TestApp, dialect::PATHWAY, fault_proxy::FaultProxy},
};

const ACCOUNT: &str = "3c90c3cc-0d44-4b50-8888-8dd25736052a";

#[tokio::test]
async fn key_can_be_issued_listed_rotated_and_revoked() {
    let app = TestApp::start().await;
    let store = app.stack.store.url.as_str();
    let issue = async |options: &[&str]| {
        keys(store, &[&["issue", "--account", ACCOUNT], options].concat()).await
    };
    let rotate = async |key: &str, options: &[&str]| {
        keys(store, &[&["rotate", &id_of(key)], options].concat()).await
    };
    let none = keys(store, &["list", "--account", ACCOUNT]).await;
    assert_eq!(none.key(), "");
    assert!(none.stderr.contains(&format!("The account {ACCOUNT} has no keys in")), "{none:?}");
    assert!(list(store, &["--account", ACCOUNT]).await.is_empty());

    // Two keys, for a person and for a script.
    let for_person = issue(&["--name", "production"]).await;
    let first = for_person.key();
    assert!(for_person.stderr.contains(&id_of(first)), "{for_person:?}");
    let expires = "2999-01-31T01:00:00+01:00";
    let options = ["--json", "--name", "a\u{1b}[31m", "--role", "read", "--expires", expires];
    let for_script = issue(&options).await.json();
    let reader = for_script["key"].as_str().unwrap();
    let issued = json!({
        "key": reader, "id": id_of(reader), "prefix": reader[..7], "account": ACCOUNT, "role": "read",
        "name": "a\u{1b}[31m", "state": "active", "created_at": for_script["created_at"],
        "expires_at": "2999-01-31T00:00:00.000Z", "revoked_at": null, "rotated_to": null,
    });
    assert_eq!(for_script, issued);
    let created = Timestamp::parse(for_script["created_at"].as_str().unwrap()).unwrap();
    assert!(created <= Timestamp::now());
    assert_eq!((listed(&app, first).await, listed(&app, reader).await), (200, 200));

    // During the overlap of a rotation both keys work.
    let rotation = rotate(first, &["--overlap", "7d"]).await;
    let second = rotation.key();
    assert!([first, second].iter().all(|key| rotation.stderr.contains(&id_of(key))));
    assert_eq!((listed(&app, first).await, listed(&app, second).await), (200, 200));
    // Without an overlap the old key stops at once, unless it is cached. This one was never used.
    let unused = issue(&["--role", "read", "--expires", expires]).await;
    let unused = unused.key();
    let rotation = rotate(unused, &["--overlap", "0s", "--json"]).await.json();
    let third = rotation["key"].as_str().unwrap();
    assert_eq!((listed(&app, unused).await, listed(&app, third).await), (401, 200));
    let delete = app.send("DELETE", &PATHWAY.widget("x"), &[("authorization", third)], "").await;
    assert_eq!(delete.status, 403);
    let replaced = &rotation["replaces"];
    for (member, expected) in [("account", ACCOUNT), ("role", "read")] {
        assert_eq!((&rotation[member], &replaced[member]), (&json!(expected), &json!(expected)));
    }
    assert_eq!(rotation["expires_at"], "2999-01-31T00:00:00.000Z", "that of the old key");
    assert_eq!((&replaced["state"], &replaced["rotated_to"]), (&json!("expired"), &rotation["id"]));
    // The new key may get its own expiry. The old key keeps an expiry within the overlap.
    let soon = Timestamp::now().after(Duration::from_secs(60 * 60)).to_string();
    let ending = issue(&["--expires", &soon]).await;
    let options = ["--expires", "2999-12-31T00:00:00Z", "--json"];
    let rotation = rotate(ending.key(), &options).await.json();
    assert_eq!(rotation["expires_at"], "2999-12-31T00:00:00.000Z");
    assert_eq!(rotation["replaces"]["expires_at"], soon, "before the default overlap of 24 hours");

    // A second revocation reports the time of the first.
    let fourth = rotation["key"].as_str().unwrap();
    let revoke = ["revoke", &id_of(fourth), "--json"];
    let revocation = keys(store, &revoke).await.json();
    assert_eq!(revocation, json!({"id": id_of(fourth), "revoked_at": revocation["revoked_at"]}));
    assert_eq!(listed(&app, fourth).await, 401);
    assert_eq!(keys(store, &revoke).await.json(), revocation);
    let again = keys(store, &["revoke", &id_of(fourth)]).await;
    assert!(again.key().contains(revocation["revoked_at"].as_str().unwrap()), "{again:?}");
    let revocation = keys(store, &["revoke", &id_of(first).to_uppercase()]).await;
    assert!(revocation.key().contains("60 seconds"), "{revocation:?}");

    // The list shows all keys in the order of issue, and no key itself.
    let list = list(store, &["--account", ACCOUNT]).await;
    let members =
        |name: &str| list.iter().map(|key| key[name].as_str().unwrap()).collect::<Vec<_>>();
    let states = "revoked active active expired active active revoked";
    assert_eq!(members("state").join(" "), states);
    assert_eq!(members("id")[..4], [first, reader, second, unused].map(id_of));
    let as_text = keys(store, &["list"]).await;
    let lines: Vec<&str> = as_text.stdout.lines().collect();
    assert_eq!(lines.len(), 1 + 7 + 1, "with the development account's: {as_text:?}");
    assert_eq!(as_text.stderr, "");
    assert!(lines[0].starts_with("ID  ") && lines[0].ends_with("STATE"), "{as_text:?}");
    let row = |key: &str| *lines.iter().find(|line| line.starts_with(&id_of(key))).unwrap();
    for (key, part) in [
        (first, "…  3c90c3cc-0d44-4b50-8888-8dd25736052a  full  production "),
        (first, &*format!("  {}…  ", &first[..7])),
        (first, "Z  revoked 2"),
        (first, &format!(", rotated to {}", id_of(second))),
        (second, "Z  active"),
        (reader, "  read  a\u{fffd}[31m "),
        (reader, "Z  active until 2999-01-31T00:00:00.000Z"),
        (unused, "Z  expired 2"),
    ] {
        assert!(row(key).contains(part), "{part}: {as_text:?}");
    }
    let all = format!("{}{}", Value::from(list), as_text.stdout);
    for key in [first, reader, second, unused, third, fourth, &app.key] {
        assert!(!all.contains(&key[8..]), "{all}");
    }
}

#[tokio::test]
async fn failed_key_command_says_why_and_changes_nothing() {
    let app = TestApp::start().await;
    let store = app.stack.store.url.as_str();
    let issued = async || keys(store, &["issue"]).await.key().to_owned();
    let (revoked, rotated, expired) = (issued().await, issued().await, issued().await);
    assert!(keys(store, &["revoke", &id_of(&revoked)]).await.is_success);
    let next = id_of(keys(store, &["rotate", &id_of(&rotated)]).await.key());
    assert!(keys(store, &["rotate", &id_of(&expired), "--overlap", "0s"]).await.is_success);
    // Written by hand: two keys with one id, and an unreadable key.
    for (hash, role) in [
        ("0123456789abcdef00", "full"),
        ("0123456789abcdef01", "full"),
        ("fedcba9876543210", "admin"),
    ] {
        let put = app.store.put_item().table_name("ApiKeys").item("key_hash", text(hash));
        let put = put.item("account_id", text(&DEVELOPMENT_ACCOUNT.to_string()));
        put.item("role", text(role)).send().await.unwrap();
    }
    let before = keys(store, &["list", "--json"]).await;
    let unreadable = "the key fedcba9876543210 has no role that can be read";
    assert!(before.is_success && before.stderr.contains(unreadable), "{before:?}");

    let nobody = "0000000000000000";
    let no_key = "no key has the id 0000000000000000 in the table ApiKeys";
    let no_id = "ID must be the 16 hex characters";
    let no_table = "there is no table Nowhere in us-east-1";
    for (arguments, reason) in [
        (&["revoke", nobody][..], no_key),
        (&["rotate", nobody], no_key),
        (&["revoke", "0123456789abcdef"], "several keys have the id 0123456789abcdef"),
        (&["revoke", &id_of(&revoked)[..15]], no_id),
        (&["revoke", &revoked], no_id),
        (&["rotate", &revoked], no_id),
        (&["rotate", &id_of(&revoked)], "is revoked"),
        (&["rotate", &id_of(&expired)], "has expired"),
        (&["rotate", &id_of(&rotated)], &format!("{next} replaces it")),
        (&["rotate", "fedcba9876543210"], unreadable),
        (&["rotate", &next, "--overlap", "367d"], "more than a year"),
        (&["rotate", &next, "--overlap", "1"], "time unit needed"),
        (&["rotate", &next, "--expires", "2020-01-01T00:00:00Z"], "this is in the past"),
        (&["issue", "--expires", "9999-12-31T23:59:59-23:00"], "expected a date"),
        (&["list", "--table", "Nowhere"], no_table),
        (&["issue", "--table", "Nowhere"], no_table),
    ] {
        let printed = keys(store, arguments).await;
        assert!(!printed.is_success && printed.stdout.is_empty(), "{arguments:?}: {printed:?}");
        assert!(printed.stderr.contains(reason), "{arguments:?}: {printed:?}");
        assert!(!printed.stderr.contains(&revoked), "{arguments:?}: {printed:?}");
    }
    assert_eq!(keys(store, &["list", "--json"]).await.json(), before.json());
    let revocation = keys(store, &["revoke", "fedcba9876543210"]).await;
    assert!(revocation.is_success, "revoking needs only the id: {revocation:?}");
}

#[tokio::test]
async fn aws_login_session_signs_requests() {
    let proxy = FaultProxy::start().await;
    let folder = tempfile::tempdir().unwrap();
    let session = "arn:aws:iam::012345678901:user/operator";
    let config = folder.path().join("config");
    let profile = format!("[profile operator]\nlogin_session = {session}\nregion = eu-west-1\n");
    fs::write(&config, profile).unwrap();
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
        .env("AWS_CONFIG_FILE", config)
        .env("AWS_LOGIN_CACHE_DIRECTORY", folder.path())
        .env("AWS_PROFILE", "operator");
    let printed = Printed::new(command.output().await.unwrap());
    assert!(printed.is_success, "{printed:?}");
    assert_eq!(printed.stderr, "There are no keys in the table ApiKeys.\n");
    assert!(proxy.signature().contains("Credential=ASOPERATOR/"), "{}", proxy.signature());
}
