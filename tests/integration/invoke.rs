//! Direct invocation and change events: Lambda's Invoke API, `widgets invoke` and
//! `widgets events`.

use std::{fs, process::Stdio, time::Duration};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};
use widgets::{
    events::Changes,
    local::{binaries, embedded_store::StoreLocation, stream::Start, template::Template},
};

use crate::{
    command::{Printed, Serve, fill, run, widgets},
    execution::{kill, marked_app, processes},
    support::{
        app::{Answer, TestApp, built},
        dialect::PATHWAY,
        fault_proxy::{Call, Effect, Fault, FaultProxy},
    },
};

/// An HTTP request that needs neither a key nor the store.
const REQUEST: &str = r#"{"version":"2.0","rawPath":"/v1/nowhere/at/all","headers":{},"requestContext":{"http":{"method":"GET"}}}"#;

/// An event of an unknown kind.
const NO_EVENT: &str = r#"{"nothing":"known"}"#;

/// The time after which a test fails.
const PATIENCE: Duration = Duration::from_secs(30);

const INVOCATION_TYPE: &str = "x-amz-invocation-type";

async fn invoke(app: &TestApp, function: &str, headers: &[(&str, &str)], event: &str) -> Answer {
    let path = format!("/2015-03-31/functions/{function}/invocations");
    app.send("POST", &path, headers, event.to_owned()).await
}

/// Returns the event of a request that creates a widget, as API Gateway sends it.
fn creation(key: &str) -> String {
    json!({
        "version": "2.0",
        "rawPath": PATHWAY.root,
        "headers": {"authorization": key, "content-type": "application/json"},
        "requestContext": {"http": {"method": "POST"}},
        "body": PATHWAY.body,
    })
    .to_string()
}

#[tokio::test]
async fn invoke_api_answers_as_lambda_does() {
    let app = TestApp::start().await;
    let arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3APathway";
    for name in ["Pathway", "pathway", "Pathway:$LATEST", arn] {
        let answer = invoke(&app, name, &[(INVOCATION_TYPE, "RequestResponse")], REQUEST).await;
        assert_eq!((answer.status, &answer.json()["statusCode"]), (200, &json!(404)), "{name}");
        assert_eq!(answer.header("x-amz-executed-version"), "$LATEST");
        assert!(!answer.headers.contains_key("x-amz-function-error"), "{answer:?}");
    }

    for event in [NO_EVENT, "1", "null", ""] {
        let answer = invoke(&app, "Assistant", &[], event).await;
        assert_eq!((answer.status, answer.header("x-amz-function-error")), (200, "Unhandled"));
        let document = answer.json();
        assert!(document["errorMessage"].is_string(), "{event}: {document}");
        assert!(document["errorType"].is_string(), "{event}: {document}");
        app.logged("Assistant", answer.header("x-amzn-requestid")).await;
    }

    let (event, later) = ((INVOCATION_TYPE, "Event"), (INVOCATION_TYPE, "Later"));
    let large = format!("\"{}\"", "x".repeat(6 * 1024 * 1024));
    let large_event = &large[..1024 * 1024 + 1];
    for (function, headers, payload, status, error) in [
        ("Nobody", &[][..], REQUEST, 404, "ResourceNotFoundException"),
        ("Pathway:7", &[], REQUEST, 404, "ResourceNotFoundException"),
        ("Pathway", &[], "{", 400, "InvalidRequestContentException"),
        ("Pathway", &[event], "{", 400, "InvalidRequestContentException"),
        ("Pathway", &[later], REQUEST, 400, "InvalidParameterValueException"),
        ("Pathway", &[], &large, 413, "RequestTooLargeException"),
        ("Pathway", &[event], large_event, 413, "RequestTooLargeException"),
    ] {
        let answer = invoke(&app, function, headers, payload).await;
        assert_eq!(answer.status, status, "{function}");
        assert_eq!(answer.header("x-amzn-errortype"), error, "{function}");
        let body = answer.json();
        assert_ne!(body["message"].is_string(), body["Message"].is_string(), "{body}");
        assert_eq!(body["Type"], "User");
    }
}

#[tokio::test]
async fn asynchronous_invocation_is_executed_and_a_dry_run_is_not() {
    let app = TestApp::start().await;
    let event = creation(&app.key);
    let dry = invoke(&app, "Pathway", &[(INVOCATION_TYPE, "DryRun")], &event).await;
    assert_eq!((dry.status, dry.body.as_str()), (204, ""));
    let answer = invoke(&app, "Pathway", &[(INVOCATION_TYPE, "Event")], &event).await;
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
                let stop = Command::new("kill").arg(signal).args(processes(&mark)).status().await;
                assert!(stop.unwrap().success());
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
    let invoke = async |function: &str, event: &str, url: &str| {
        let mut command = widgets(&["invoke", function, "--event", event, "--url", url]).await;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        process.stdin.take().unwrap().write_all(REQUEST.as_bytes()).await.ok();
        Printed::new(process.wait_with_output().await.unwrap())
    };

    let marked = file("marked", &format!("\u{feff}{REQUEST}"));
    let events = [("Pathway", request.as_str()), ("pathway", "-"), ("pathway", &marked)];
    for (function, event) in events {
        let printed = invoke(function, event, url).await;
        assert!(printed.is_success && printed.stderr.is_empty(), "{printed:?}");
        assert!(printed.stdout.starts_with(r#"{"statusCode":404,"#), "{printed:?}");
        assert!(printed.stdout.ends_with("}\n"), "{printed:?}");
    }

    let failed = invoke("Assistant", &none, url).await;
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert_eq!(failed.stderr, "widgets: the function Assistant failed (Unhandled)\n");
    assert!(failed.json()["errorMessage"].is_string(), "{failed:?}");

    let closed = "http://127.0.0.1:1";
    let missing = folder.path().join("missing").to_str().unwrap().to_owned();
    let store = app.stack.store.url.as_str();
    let unknown = "Function not found: Nobody (the stack has Assistant and Pathway)";
    let unanswered = "no stack answers at http://127.0.0.1:1 (";
    for (function, event, url, reason) in [
        ("Nobody", &request, url, unknown),
        ("Pathway", &broken, url, "InvalidRequestContentException: "),
        ("Pathway", &missing, url, "missing cannot be read: "),
        ("Pathway", &request, closed, unanswered),
        ("Pathway", &request, closed, "--url names another): connection refused\n"),
        ("Pathway", &request, store, "is no local stack"),
    ] {
        invoke(function, event, url).await.expect_failure(reason);
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// Writes the item of a changed widget.
async fn change(store: &Client, id: &str, change: &str, version: u32) {
    let put = store.put_item().table_name("Widgets");
    let put = put.item("pk", text("a#pathway")).item("sk", text(id)).item("change", text(change));
    let put = put.item("account", text("a")).item("dialect", text("pathway"));
    let put = put.item("version", AttributeValue::N(version.to_string()));
    put.item("updated_at", text("2026-01-01T00:00:00.000Z")).send().await.unwrap();
}

/// Returns the ids and types of the next `count` events.
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
    // An idempotency record, and the expiry of a tombstone, are no changes of a widget.
    let put = app.store.put_item().table_name("Widgets");
    put.item("pk", text("idempotency#x")).item("sk", text("y")).send().await.unwrap();
    change(&app.store, "w1", "updated", 2).await;
    change(&app.store, "w2", "created", 1).await;
    let delete = app.store.delete_item().table_name("Widgets");
    delete.key("pk", text("a#pathway")).key("sk", text("w1")).send().await.unwrap();
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

/// Starts `widgets events`.
async fn events(arguments: &[&str]) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut command = widgets(&[&["events"], arguments].concat()).await;
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    (process, lines)
}

/// Changes `w1` again and again until `seen` is ready.
async fn keep_changing<T>(store: &Client, seen: impl Future<Output = T>) -> T {
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
    let store = serve.client();
    change(&store, "w1", "created", 1).await;

    for place in [["--data", data], ["--endpoint-url", &serve.store]] {
        let (_process, mut lines) = events(&[&place[..], &["--from-start"]].concat()).await;
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        let event: Value = serde_json::from_str(&line).unwrap();
        for (path, expected) in
            [("/detail-type", "Widget Changed"), ("/source", "widgets"), ("/detail/id", "w1:1")]
        {
            assert_eq!(event.pointer(path), Some(&json!(expected)), "{line}");
        }
        assert!(line.starts_with(r#"{"version":"0","id":""#), "{line}");
        assert!(line.contains(r#""detail":{"specversion":"1.0","id":"#), "{line}");
    }

    let (_process, mut lines) = events(&["--data", data]).await;
    let line = keep_changing(&store, lines.next_line()).await.unwrap().unwrap();
    assert!(!line.contains(r#""id":"w1:1""#), "an older change: {line}");
}

#[tokio::test]
async fn events_command_ends_silently_on_a_closed_pipe_or_sigint() {
    let app = TestApp::start().await;
    change(&app.store, "w1", "created", 1).await;
    let arguments = ["--endpoint-url", &app.stack.store.url, "--from-start"];

    let begun = format!("Following the changes in {}.\n", app.stack.store.url);

    let (process, mut lines) = events(&arguments).await;
    assert!(lines.next_line().await.unwrap().is_some());
    let id = process.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
    let output = timeout(PATIENCE, process.wait_with_output()).await.unwrap().unwrap();
    let printed = Printed::new(output);
    assert!(printed.code == Some(0) && printed.stderr == begun, "{printed:?}");

    // Last, because its changes could fill the pipe of a command that nobody reads.
    let (process, lines) = events(&arguments).await;
    drop(lines);
    let output = keep_changing(&app.store, process.wait_with_output()).await.unwrap();
    let printed = Printed::new(output);
    assert!(printed.is_success && printed.stderr == begun, "{printed:?}");
}

#[tokio::test]
async fn events_command_stops_while_nobody_reads_its_events() {
    let app = TestApp::start().await;
    change(&app.store, "w1", "created", 1).await;
    let events = ["events", "--endpoint-url", &app.stack.store.url, "--from-start"];
    // A terminal starts a command as the first does, a script in the background as the second.
    for script in [r#"exec "$0" "$@""#, r#"trap "" INT; exec "$0" "$@""#] {
        let (_unread, out) = std::io::pipe().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(&built().await["widgets"]).args(events);
        command.stdout(fill(out.into()).await).stderr(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        assert!(lines.next_line().await.unwrap().unwrap().starts_with("Following the changes"));
        let id = process.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
        let status = timeout(PATIENCE, process.wait()).await.unwrap().unwrap();
        assert_eq!(status.code(), Some(0), "{script}");
    }
}

#[tokio::test]
async fn events_command_without_a_stack_fails_and_does_not_block_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let elsewhere = "http://127.0.0.1:1";
    let unreached = "DynamoDB at http://127.0.0.1:1 cannot be reached: connection refused";
    for (arguments, reason) in [
        (["--data", data], &*format!("no stack runs in {data}")),
        (
            ["--endpoint-url", elsewhere],
            &*format!("the table Widgets cannot be described: {unreached}"),
        ),
    ] {
        run(&[&["events"], &arguments[..]].concat()).await.expect_failure(reason);
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "the command creates nothing");
    Serve::start(&["--data", data]).await;
}
