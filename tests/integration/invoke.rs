//! Direct invocation and change events: Lambda's Invoke API, `widgets invoke` and
//! `widgets events`.

use std::{fs, process::Stdio, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};
use widgets::{
    events::Changes,
    local::{
        binaries, embedded_store::StoreLocation, store_access::local_config, stream::Start,
        template::Template,
    },
};

use crate::{
    command::{Serve, fill, widgets},
    execution::{kill, marked_app, processes},
    support::{
        app::{Answer, PATHWAY_BODY, TestApp, built},
        fault_proxy::{Call, Effect, Fault, FaultProxy},
    },
};

/// An event of API Gateway's for which a function needs neither a key nor the store.
const REQUEST: &str = r#"{"version":"2.0","rawPath":"/v1/nowhere/at/all","headers":{},"requestContext":{"http":{"method":"GET"}}}"#;

/// An event of no kind that a function knows.
const NO_EVENT: &str = r#"{"nothing":"known"}"#;

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);

async fn invoke(app: &TestApp, function: &str, headers: &[(&str, &str)], event: &str) -> Answer {
    app.send(
        "POST",
        &format!("/2015-03-31/functions/{function}/invocations"),
        headers,
        event.to_owned(),
    )
    .await
}

/// What API Gateway makes of a request that creates a widget.
fn creation(key: &str) -> String {
    json!({
        "version": "2.0",
        "rawPath": "/v1/widget",
        "headers": {"authorization": key, "content-type": "application/json"},
        "requestContext": {"http": {"method": "POST"}},
        "body": PATHWAY_BODY,
    })
    .to_string()
}

#[tokio::test]
async fn invoke_api_answers_as_lambda_does() {
    let app = TestApp::start().await;
    for name in [
        "Pathway",
        "pathway",
        "Pathway:$LATEST",
        "arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3APathway",
    ] {
        let answer =
            invoke(&app, name, &[("x-amz-invocation-type", "RequestResponse")], REQUEST).await;
        assert_eq!(
            (answer.status, &answer.json()["statusCode"]),
            (200, &json!(404)),
            "{name}: {answer:?}"
        );
        assert_eq!(answer.header("x-amz-executed-version"), "$LATEST");
        assert!(!answer.headers.contains_key("x-amz-function-error"), "{answer:?}");
    }

    for event in [NO_EVENT, "1", "null", ""] {
        let answer = invoke(&app, "Assistant", &[], event).await;
        assert_eq!(
            (answer.status, answer.header("x-amz-function-error")),
            (200, "Unhandled"),
            "{event}"
        );
        assert!(
            answer.json()["errorMessage"].is_string() && answer.json()["errorType"].is_string(),
            "{answer:?}"
        );
        app.logged("Assistant", answer.header("x-amzn-requestid")).await;
    }

    let kind = "x-amz-invocation-type";
    let large = format!("\"{}\"", "x".repeat(6 * 1024 * 1024));
    let large_for_nobody = &large[..1024 * 1024 + 1];
    for (function, headers, event, status, error) in [
        ("Nobody", &[][..], REQUEST, 404, "ResourceNotFoundException"),
        ("Pathway:7", &[], REQUEST, 404, "ResourceNotFoundException"),
        ("Pathway", &[], "{", 400, "InvalidRequestContentException"),
        ("Pathway", &[(kind, "Event")], "{", 400, "InvalidRequestContentException"),
        ("Pathway", &[(kind, "Later")], REQUEST, 400, "InvalidParameterValueException"),
        ("Pathway", &[], &large, 413, "RequestTooLargeException"),
        ("Pathway", &[(kind, "Event")], large_for_nobody, 413, "RequestTooLargeException"),
    ] {
        let answer = invoke(&app, function, headers, event).await;
        assert_eq!(
            (answer.status, answer.header("x-amzn-errortype")),
            (status, error),
            "{function}"
        );
        let (body, lower, upper) = (answer.json(), "message", "Message");
        assert!(
            body[lower].is_string() != body[upper].is_string() && body["Type"] == "User",
            "{body}"
        );
    }
}

#[tokio::test]
async fn asynchronous_invocation_is_executed_and_a_dry_run_is_not() {
    let app = TestApp::start().await;
    let event = creation(&app.key);
    let dry = invoke(&app, "Pathway", &[("x-amz-invocation-type", "DryRun")], &event).await;
    assert_eq!((dry.status, dry.body.as_str()), (204, ""));
    let answer = invoke(&app, "Pathway", &[("x-amz-invocation-type", "Event")], &event).await;
    assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    app.logged("Pathway", answer.header("x-amzn-requestid")).await;
    assert_eq!(app.count().await, 1);
    assert!(!app.log().contains(dry.header("x-amzn-requestid")), "{}", app.log());
}

#[tokio::test]
async fn invoke_from_a_web_page_or_a_tunnel_returns_404() {
    let app = TestApp::start().await;
    let nowhere = app.send("POST", "/nowhere", &[], NO_EVENT).await;
    assert_eq!(nowhere.status, 404);
    for header in
        [("origin", "http://127.0.0.1:3000"), ("origin", "null"), ("x-forwarded-for", "192.0.2.1")]
    {
        let answer = invoke(&app, "Pathway", &[header], NO_EVENT).await;
        assert_eq!((answer.status, &answer.body), (404, &nowhere.body), "{header:?}");
        assert!(!answer.headers.contains_key("x-amzn-errortype"), "{answer:?}");
    }
    let read = app.send("GET", "/2015-03-31/functions/Pathway/invocations", &[], "").await;
    assert_eq!((read.status, &read.body), (404, &nowhere.body));
}

#[tokio::test]
async fn crash_and_timeout_return_lambda_error_documents() {
    let proxy = FaultProxy::start().await;
    let (app, mark) = marked_app(&proxy, 4, Some(Duration::from_secs(1))).await;
    let event = creation(&app.key);
    for (signal, kind, words) in [
        ("-9", "Runtime.ExitError", "Runtime exited without providing a reason"),
        ("-STOP", "Sandbox.Timedout", "Task timed out after 1.00 seconds"),
    ] {
        proxy.next(Call::CREATE, [Fault::Silent(Effect::None)]);
        let before = proxy.call_count(Call::CREATE);
        let (answer, ()) = tokio::join!(invoke(&app, "Pathway", &[], &event), async {
            proxy.wait_for_calls(Call::CREATE, before + 1).await;
            if signal == "-9" {
                kill(&processes(&mark)).await;
            } else {
                assert!(
                    Command::new("kill")
                        .arg(signal)
                        .args(processes(&mark))
                        .status()
                        .await
                        .unwrap()
                        .success()
                );
            }
        });
        let id = answer.header("x-amzn-requestid");
        assert_eq!((answer.status, answer.header("x-amz-function-error")), (200, "Unhandled"));
        let message = format!("RequestId: {id} Error: {words}");
        assert_eq!(answer.json(), json!({"errorType": kind, "errorMessage": message}));
    }
}

#[tokio::test]
async fn invoke_command_prints_the_answer_and_fails_with_the_function() {
    let app = TestApp::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, event: &str| {
        let file = folder.path().join(name);
        fs::write(&file, event).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let (request, none, broken) =
        (file("request", REQUEST), file("none", NO_EVENT), file("broken", "{"));
    let url = app.stack.url.as_str();
    let run = async |function: &str, event: &str, url: &str| {
        let mut command = widgets(&["invoke", function, "--event", event, "--url", url]).await;
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        process.stdin.take().unwrap().write_all(REQUEST.as_bytes()).await.ok();
        let output = process.wait_with_output().await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };

    for (function, event) in [("Pathway", request.as_str()), ("pathway", "-")] {
        let (code, printed, told) = run(function, event, url).await;
        assert_eq!((code, told.as_str()), (Some(0), ""), "{event}");
        assert!(
            printed.starts_with(r#"{"statusCode":404,"#) && printed.ends_with("}\n"),
            "{printed}"
        );
    }

    let (code, printed, told) = run("Assistant", &none, url).await;
    assert_eq!(
        (code, told.as_str()),
        (Some(1), "widgets: the function Assistant failed (Unhandled)\n")
    );
    assert!(
        serde_json::from_str::<Value>(&printed).unwrap()["errorMessage"].is_string(),
        "{printed}"
    );

    let closed = "http://127.0.0.1:1";
    let missing = folder.path().join("missing").to_str().unwrap().to_owned();
    let store = app.stack.store.url.as_str();
    for (function, event, url, says) in [
        (
            "Nobody",
            &request,
            url,
            "Function not found: Nobody (the stack has Assistant and Pathway)",
        ),
        ("Pathway", &broken, url, "InvalidRequestContentException: "),
        ("Pathway", &missing, url, "missing cannot be read: "),
        (
            "Pathway",
            &request,
            closed,
            "no stack answers at http://127.0.0.1:1: connection refused (",
        ),
        ("Pathway", &request, store, "is no local stack"),
    ] {
        let (code, printed, told) = run(function, event, url).await;
        assert_eq!((code, printed.as_str()), (Some(1), ""), "{told}");
        assert!(
            told.starts_with("widgets: ") && told.contains(says) && told.lines().count() == 1,
            "{told}"
        );
    }
}

/// Writes what a change of a widget leaves in the table.
async fn change(store: &aws_sdk_dynamodb::Client, id: &str, change: &str, version: u32) {
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let put =
        store.put_item().table_name("Widgets").item("pk", text("a#pathway")).item("sk", text(id));
    let put = put
        .item("change", text(change))
        .item("account", text("a"))
        .item("dialect", text("pathway"));
    let put = put.item("version", AttributeValue::N(version.to_string()));
    put.item("updated_at", text("2026-01-01T00:00:00.000Z")).send().await.unwrap();
}

/// Writes something that is no change of a widget.
async fn no_change(store: &aws_sdk_dynamodb::Client) {
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let put = store
        .put_item()
        .table_name("Widgets")
        .item("pk", text("idempotency#x"))
        .item("sk", text("y"));
    put.send().await.unwrap();
}

/// The next `count` events: which widget's, what happened to it.
async fn published(changes: &mut Changes, count: usize) -> Vec<(String, String)> {
    let mut published = Vec::new();
    let following = async {
        while published.len() < count {
            for event in changes.next().await.unwrap() {
                let detail: Value = serde_json::from_str(event.unwrap().detail.get()).unwrap();
                let word = |name: &str| detail[name].as_str().unwrap().to_owned();
                published.push((word("id"), word("type")));
            }
        }
    };
    timeout(PATIENCE, following).await.expect("events");
    published
}

fn template() -> Template {
    Template::read(binaries::workspace()).unwrap()
}

#[tokio::test]
async fn changes_are_followed_in_order_from_now_or_from_the_start() {
    let app = TestApp::start().await;
    let config = &app.stack.store.config;
    change(&app.store, "w1", "created", 1).await;
    let mut changes = Changes::follow(config, &template(), Start::Now).await.unwrap();
    no_change(&app.store).await;
    change(&app.store, "w1", "updated", 2).await;
    change(&app.store, "w2", "created", 1).await;
    let delete = app
        .store
        .delete_item()
        .table_name("Widgets")
        .key("pk", AttributeValue::S("a#pathway".to_owned()));
    delete.key("sk", AttributeValue::S("w1".to_owned())).send().await.unwrap();
    change(&app.store, "w2", "deleted", 2).await;

    let expected =
        [("w1:2", "widget.updated"), ("w2:1", "widget.created"), ("w2:2", "widget.deleted")];
    let expected = expected.map(|(id, kind)| (id.to_owned(), kind.to_owned()));
    assert_eq!(published(&mut changes, 3).await, expected);
    let mut changes = Changes::follow(config, &template(), Start::Oldest).await.unwrap();
    let all = published(&mut changes, 4).await;
    assert_eq!((&all[0].0, &all[1..]), (&"w1:1".to_owned(), &expected[..]));
}

#[tokio::test]
async fn store_of_an_earlier_version_gets_its_missing_stream() {
    let folder = tempfile::tempdir().unwrap();
    let location = StoreLocation::Folder(folder.path().to_owned());
    let app = TestApp::start_with(|options| {
        options.store_location = location.clone();
        options.template.tables.iter_mut().for_each(|table| table.stream = None);
    })
    .await;
    let without = Changes::follow(&app.stack.store.config, &template(), Start::Now).await;
    assert_eq!(without.unwrap_err().to_string(), "the table Widgets has no stream");
    app.stack.stop().await;

    for _ in 0..2 {
        let app = TestApp::start_with(|options| options.store_location = location.clone()).await;
        let mut changes =
            Changes::follow(&app.stack.store.config, &template(), Start::Now).await.unwrap();
        change(&app.store, "w1", "created", 1).await;
        assert_eq!(published(&mut changes, 1).await[0].0, "w1:1");
        app.stack.stop().await;
    }
}

/// A `widgets events` that is running.
async fn events(arguments: &[&str]) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut command = widgets(&[&["events"], arguments].concat()).await;
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    (process, lines)
}

/// Makes changes, of `w1`, until `seen` has come.
async fn keep_changing<T>(store: &aws_sdk_dynamodb::Client, seen: impl Future<Output = T>) -> T {
    tokio::pin!(seen);
    let mut turn = tokio::time::interval(Duration::from_millis(50));
    let changing = async {
        for version in 2.. {
            tokio::select! {
                seen = &mut seen => return seen,
                _ = turn.tick() => change(store, "w1", "updated", version).await,
            }
        }
        unreachable!()
    };
    timeout(PATIENCE, changing).await.expect("what was waited for")
}

#[tokio::test]
async fn events_command_prints_one_event_per_line() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let serve = Serve::start(&["--data", data]).await;
    let store = aws_sdk_dynamodb::Client::new(&local_config(&serve.store));
    change(&store, "w1", "created", 1).await;

    for place in [["--data", data], ["--endpoint-url", &serve.store]] {
        let (_process, mut lines) = events(&[&place[..], &["--from-start"]].concat()).await;
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        let event: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&event["detail-type"], &event["source"], &event["detail"]["id"]),
            (&json!("Widget Changed"), &json!("widgets"), &json!("w1:1"))
        );
        assert!(
            line.starts_with(r#"{"version":"0","id":""#)
                && line.contains(r#""detail":{"specversion":"1.0","id":"#)
        );
    }

    let (_process, mut lines) = events(&["--data", data]).await;
    let line = keep_changing(&store, lines.next_line()).await.unwrap().unwrap();
    assert!(!line.contains(r#""id":"w1:1""#), "it began before it was started: {line}");
}

#[tokio::test]
async fn events_command_ends_silently_on_a_closed_pipe_or_sigint() {
    let app = TestApp::start().await;
    change(&app.store, "w1", "created", 1).await;
    let arguments = ["--endpoint-url", &app.stack.store.url, "--from-start"];

    let (process, lines) = events(&arguments).await;
    drop(lines);
    let output = keep_changing(&app.store, process.wait_with_output()).await.unwrap();
    let begun = format!("Following the changes in {}.\n", app.stack.store.url);
    assert_eq!(
        (output.status.code(), String::from_utf8(output.stderr).unwrap()),
        (Some(0), begun.clone())
    );

    let (process, mut lines) = events(&arguments).await;
    assert!(lines.next_line().await.unwrap().is_some());
    let id = process.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
    let output = timeout(PATIENCE, process.wait_with_output()).await.unwrap().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(0), begun));
}

#[tokio::test]
async fn events_command_stops_while_nobody_reads_its_events() {
    let app = TestApp::start().await;
    change(&app.store, "w1", "created", 1).await;
    let events = ["events", "--endpoint-url", &app.stack.store.url, "--from-start"];
    // As a terminal starts it, and as a script does what it puts in the background.
    for script in [r#"exec "$0" "$@""#, r#"trap "" INT; exec "$0" "$@""#] {
        let (_unread, out) = std::io::pipe().unwrap();
        let mut process = Command::new("sh")
            .args(["-c", script])
            .arg(&built().await["widgets"])
            .args(events)
            .stdout(fill(out.into()).await)
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        assert!(lines.next_line().await.unwrap().unwrap().starts_with("Following the changes"));
        let id = process.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
        let ended = timeout(PATIENCE, process.wait()).await.unwrap().unwrap();
        assert_eq!(ended.code(), Some(0), "{script}");
    }
}

#[tokio::test]
async fn events_command_without_a_stack_fails_and_does_not_block_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    for (arguments, says) in [
        (["--data", data], format!("no stack runs in {data}")),
        (
            ["--endpoint-url", "http://127.0.0.1:1"],
            "the table Widgets cannot be described: DynamoDB at http://127.0.0.1:1 cannot be reached: connection refused"
                .to_owned(),
        ),
    ] {
        let output = widgets(&[&["events"], &arguments[..]].concat()).await.output().await.unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{told}");
        assert!(
            told.starts_with("widgets: ") && told.contains(&says) && told.lines().count() == 1,
            "{told}"
        );
    }
    assert_eq!(
        folder.path().read_dir().unwrap().count(),
        0,
        "who only looks leaves nothing behind"
    );
    Serve::start(&["--data", data]).await;
}
