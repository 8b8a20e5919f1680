//! A new key that is not printed, or whose write has an unknown outcome.

use std::{io::pipe, process::Stdio};

use serde_json::{Value, json};
use uuid::Uuid;

use super::{PUT, REVOKE, ROTATE, SCAN, id_of, keys, list, listed, newest};
use crate::{
    command::{Printed, widgets},
    support::{
        app::TestApp,
        fault_proxy::{Effect, Fault, FaultProxy},
    },
};

/// Runs `widgets keys` with these outputs.
async fn keys_with(
    store: &str,
    arguments: &[&str],
    stdout: impl Into<Stdio>,
    stderr: impl Into<Stdio>,
) -> Printed {
    let mut command = widgets(&[&["keys"], arguments, &["--endpoint-url", store]].concat()).await;
    let process = command.stdout(stdout).stderr(stderr).spawn().unwrap();
    Printed::new(process.wait_with_output().await.unwrap())
}

#[tokio::test]
async fn new_key_is_printed_even_if_stderr_is_closed() {
    let app = TestApp::start().await;
    let store = app.stack.store.url.as_str();
    // A pipe without a reader.
    let closed = || pipe().unwrap().1;
    let without_stderr =
        async |arguments: &[&str]| keys_with(store, arguments, Stdio::piped(), closed()).await;
    let issued = without_stderr(&["issue"]).await;
    assert_eq!(listed(&app, issued.key()).await, 200);
    let rotated = without_stderr(&["rotate", &id_of(issued.key())]).await;
    assert_eq!(listed(&app, rotated.key()).await, 200);
    let none = without_stderr(&["list", "--account", &Uuid::new_v4().to_string()]).await;
    assert_eq!(none.key(), "");

    // A key that cannot be printed is named by its id.
    let without_stdout =
        async |arguments: &[&str]| keys_with(store, arguments, closed(), Stdio::piped()).await;
    for arguments in [&["issue"][..], &["rotate", &id_of(rotated.key())]] {
        let printed = without_stdout(arguments).await;
        printed.expect_failure("is in the table but cannot be shown");
        let keys = list(store, &[]).await;
        printed.expect_failure(newest(&keys)["id"].as_str().unwrap());
    }
    // `head` closes the pipe early.
    let cut_off = without_stdout(&["list"]).await;
    assert!(cut_off.is_success && cut_off.stderr.is_empty(), "{cut_off:?}");
}

#[tokio::test]
async fn key_of_unknown_outcome_is_named_and_a_rejected_one_is_not() {
    let proxy = FaultProxy::start().await;
    let url = proxy.url.as_str();

    // An answer that is lost once is retried.
    proxy.next(PUT, [Fault::Reset(Effect::Done)]);
    let first = keys(url, &["issue", "--name", "production"]).await;
    proxy.next(ROTATE, [Fault::Reset(Effect::Done)]);
    let second = keys(url, &["rotate", &id_of(first.key())]).await;
    let mut latest = id_of(second.key());
    assert_eq!(list(url, &[]).await[1]["id"], latest);

    for fault in [Fault::Reset(Effect::Done), Fault::Garbage(Effect::Done)] {
        let known = list(url, &[]).await;
        proxy.always(PUT, fault);
        let issue = keys(url, &["issue"]).await;
        proxy.always(ROTATE, fault);
        let rotation = keys(url, &["rotate", &latest]).await;
        proxy.always(ROTATE, Fault::None);
        let mut unseen = list(url, &[]).await;
        unseen.retain(|key| known.iter().all(|other| other["id"] != key["id"]));
        assert_eq!(unseen.len(), 2, "{fault:?}: {unseen:?}");
        for printed in [&issue, &rotation] {
            assert!(!printed.is_success && printed.stdout.is_empty(), "{fault:?}: {printed:?}");
            let is_named = |key: &&Value| printed.stderr.contains(key["id"].as_str().unwrap());
            assert_eq!(unseen.iter().filter(is_named).count(), 1, "{unseen:?} {printed:?}");
        }
        // The command that it suggests works.
        let (_, suggestion) = rotation.stderr.split_once("`widgets keys rotate ").unwrap();
        let (suggestion, _) = suggestion.split_once('`').unwrap();
        let options: Vec<&str> = suggestion.split(' ').collect();
        let repaired = keys(url, &[&["rotate"], &options[..], &["--json"]].concat()).await.json();
        assert_eq!(repaired["name"], "production", "{fault:?}");
        assert_eq!(repaired["replaces"]["state"], "expired", "{fault:?}");
        latest = repaired["id"].as_str().unwrap().to_owned();
    }

    // A rejected retry does not tell whether the first attempt took effect.
    let throttled = Fault::Refused(400, "ThrottlingException");
    proxy.next(PUT, [Fault::Reset(Effect::Done), throttled, throttled]);
    let printed = keys(url, &["issue"]).await;
    assert!(!printed.is_success && printed.stdout.is_empty(), "{printed:?}");
    let keys_now = list(url, &[]).await;
    assert!(printed.stderr.contains(newest(&keys_now)["id"].as_str().unwrap()), "{printed:?}");

    // A key that was rejected is not in the table, so it is not named.
    let denied = ("AccessDeniedException", "your AWS credentials do not allow it: as told");
    let expired = "AWS does not take your credentials, which may have expired: as told";
    let busy = "DynamoDB is throttled: try again in a minute";
    for (call, arguments, (code, reason)) in [
        (PUT, &["issue"][..], denied),
        (ROTATE, &["rotate", &latest], denied),
        (REVOKE, &["revoke", &latest], denied),
        (SCAN, &["list"], denied),
        (SCAN, &["list"], ("ExpiredTokenException", expired)),
        (SCAN, &["list"], ("ThrottlingException", busy)),
        (SCAN, &["list"], ("ValidationException", "ValidationException: as told")),
    ] {
        proxy.always(call, Fault::Refused(400, code));
        keys(url, arguments).await.expect_failure(&format!("{reason}\n"));
    }
    proxy.always(SCAN, Fault::None);
    assert_eq!(json!(list(url, &[]).await), json!(keys_now));
}
