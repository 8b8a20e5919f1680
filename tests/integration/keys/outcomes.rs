//! A new key that is not printed, or whose write has an unknown outcome.

use std::{io::pipe, process::Stdio};

use serde_json::{Value, json};
use uuid::Uuid;

use super::{PUT, REVOKE, ROTATE, SCAN, id_of, keys, listed};
use crate::{
    command::widgets,
    support::{
        app::TestApp,
        fault_proxy::{Effect, Fault, FaultProxy},
    },
};

#[tokio::test]
async fn new_key_is_printed_even_if_stderr_is_closed() {
    let app = TestApp::start().await;
    let store = app.stack.store.url.as_str();
    let closed = || {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        writer
    };
    let unheard = async |arguments: &[&str]| {
        let arguments = [&["keys"], arguments, &["--endpoint-url", store]].concat();
        let output =
            widgets(&arguments).await.stdout(Stdio::piped()).stderr(closed()).spawn().unwrap();
        let output = output.wait_with_output().await.unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let issued = unheard(&["issue"]).await;
    assert_eq!(listed(&app, issued.trim()).await, [200; 2]);
    let rotated = unheard(&["rotate", &id_of(issued.trim())]).await;
    assert_eq!(listed(&app, rotated.trim()).await, [200; 2]);
    assert_eq!(unheard(&["list", "--account", &Uuid::new_v4().to_string()]).await, "");

    // Where the key itself cannot be shown, it is named.
    let unseen = async |arguments: &[&str]| {
        let arguments = [&["keys"], arguments, &["--endpoint-url", store]].concat();
        let output =
            widgets(&arguments).await.stdout(closed()).stderr(Stdio::piped()).spawn().unwrap();
        let output = output.wait_with_output().await.unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    for arguments in [&["issue"][..], &["rotate", &id_of(rotated.trim())]] {
        let (is_success, told) = unseen(arguments).await;
        assert!(!is_success && told.contains("is in the table but cannot be shown"), "{told}");
        let newest = keys(store, &["list", "--json"]).await.json();
        let newest = newest
            .as_array()
            .unwrap()
            .iter()
            .max_by_key(|key| key["created_at"].to_string())
            .unwrap()
            .clone();
        assert!(
            told.contains(newest["id"].as_str().unwrap()) && told.lines().count() == 1,
            "{told} {newest}"
        );
    }
    assert_eq!(unseen(&["list"]).await, (true, String::new()), "as `head` leaves it");
}

#[tokio::test]
async fn key_of_unknown_outcome_is_named_and_a_rejected_one_is_not() {
    let proxy = FaultProxy::start().await;
    let url = proxy.url.as_str();
    let list = async || keys(url, &["list", "--json"]).await.json();

    // An answer that is lost once is no failure.
    proxy.next(PUT, [Fault::Reset(Effect::Done)]);
    let first = keys(url, &["issue", "--name", "production"]).await;
    proxy.next(ROTATE, [Fault::Reset(Effect::Done)]);
    let second = keys(url, &["rotate", &id_of(first.out.trim())]).await;
    let second = second.out.trim();
    assert_eq!(list().await[1]["id"], id_of(second));

    let mut newest = id_of(second);
    for fault in [Fault::Reset(Effect::Done), Fault::Garbage(Effect::Done)] {
        let known = list().await;
        proxy.always(PUT, fault);
        let issue = keys(url, &["issue"]).await;
        proxy.always(ROTATE, fault);
        let rotation = keys(url, &["rotate", &newest]).await;
        proxy.always(ROTATE, Fault::None);
        let list = list().await;
        let ids = |list: &Value| {
            list.as_array().unwrap().iter().map(|key| key["id"].to_string()).collect::<Vec<_>>()
        };
        let unseen: Vec<String> =
            ids(&list).into_iter().filter(|id| !ids(&known).contains(id)).collect();
        assert_eq!(unseen.len(), 2, "{fault:?}: {list}");
        for printed in [&issue, &rotation] {
            assert!(!printed.is_success && printed.out.is_empty(), "{fault:?}: {printed:?}");
            let named =
                unseen.iter().filter(|id| printed.told.contains(id.trim_matches('"'))).count();
            assert_eq!(named, 1, "{fault:?}: {unseen:?} {printed:?}");
        }
        // What it says is to be done then.
        let (_, way) = rotation.told.split_once("`widgets keys rotate ").unwrap();
        let (way, _) = way.split_once('`').unwrap();
        let way = keys(
            url,
            &[&["rotate"], &way.split(' ').collect::<Vec<_>>()[..], &["--json"]].concat(),
        )
        .await
        .json();
        assert_eq!(
            (&way["name"], &way["replaces"]["state"]),
            (&json!("production"), &json!("expired")),
            "{fault:?}"
        );
        newest = way["id"].as_str().unwrap().to_owned();
    }

    // A refusal tells nothing of the attempts before it.
    let throttled = Fault::Refused(400, "ThrottlingException");
    proxy.next(PUT, [Fault::Reset(Effect::Done), throttled, throttled]);
    let printed = keys(url, &["issue"]).await;
    let newest_of_all = list().await;
    let newest_of_all =
        newest_of_all.as_array().unwrap().iter().max_by_key(|key| key["created_at"].to_string());
    let id = newest_of_all.unwrap()["id"].as_str().unwrap().to_owned();
    assert!(
        !printed.is_success && printed.out.is_empty() && printed.told.contains(&id),
        "{printed:?}"
    );

    // What was refused is not there: nothing is said of it.
    for (call, arguments, code, says) in [
        (
            PUT,
            &["issue"][..],
            "AccessDeniedException",
            "your AWS credentials do not allow it: as told",
        ),
        (
            ROTATE,
            &["rotate", &newest],
            "AccessDeniedException",
            "your AWS credentials do not allow it: as told",
        ),
        (
            REVOKE,
            &["revoke", &newest],
            "AccessDeniedException",
            "your AWS credentials do not allow it: as told",
        ),
        (SCAN, &["list"], "AccessDeniedException", "your AWS credentials do not allow it: as told"),
        (
            SCAN,
            &["list"],
            "ExpiredTokenException",
            "AWS does not take your credentials, which may have expired: as told",
        ),
        (SCAN, &["list"], "ThrottlingException", "DynamoDB is throttled: try again in a minute"),
        (SCAN, &["list"], "ValidationException", "ValidationException: as told"),
    ] {
        proxy.always(call, Fault::Refused(400, code));
        let printed = keys(url, arguments).await;
        assert!(!printed.is_success && printed.out.is_empty(), "{arguments:?}: {printed:?}");
        assert!(
            printed.told.trim_end().ends_with(says) && printed.told.lines().count() == 1,
            "{printed:?}"
        );
    }
}
