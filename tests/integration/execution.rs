//! Function processes: overlapping requests, timeouts, crashes, panics and memory.

use std::{
    collections::BTreeMap,
    fs,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt, net::TcpListener, process::Command, sync::watch, time::timeout};
use uuid::Uuid;
use widgets::{
    keys::{NewKey, issue_development_key},
    local::{
        function_process::InvokeError,
        stack::{DEVELOPMENT_ACCOUNT, Options},
    },
};

use crate::support::{
    app::{TestApp, built, eventually, function, raw_member, rounds, variables},
    dialect::{ASSISTANT, DIALECTS, PATHWAY},
    fault_proxy::{Call, Effect, Fault, FaultProxy},
};

/// A variable that tells the processes of one test from those of the tests beside it.
pub const MARK: &str = "WIDGETS_TEST";

/// Marks the processes of a stack. Returns the mark.
pub fn mark_processes(options: &mut Options) -> String {
    let mark = Uuid::new_v4().to_string();
    for function in &mut options.template.functions {
        function.variables.insert(MARK.to_owned(), mark.clone());
    }
    mark
}

/// A stack over `proxy` whose processes can be found.
pub async fn marked_app(
    proxy: &FaultProxy,
    concurrency: usize,
    timeout: Option<Duration>,
) -> (TestApp, String) {
    let mut mark = String::new();
    let app = TestApp::start_over(proxy, |options| {
        options.concurrency = concurrency;
        for function in &mut options.template.functions {
            function.timeout = timeout.unwrap_or(function.timeout);
        }
        mark = mark_processes(options);
    })
    .await;
    (app, mark)
}

/// The processes that run with `mark`.
pub fn processes(mark: &str) -> Vec<String> {
    let variable = format!("{MARK}={mark}");
    let has_mark = |id: &String| {
        let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes())
    };
    let entries = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    entries.filter(has_mark).collect()
}

/// Sends a signal to processes.
async fn signal(signal: &str, processes: &[String]) {
    assert!(!processes.is_empty());
    assert!(Command::new("kill").arg(signal).args(processes).status().await.unwrap().success());
}

/// Kills processes and waits for their end.
pub async fn kill(processes: &[String]) {
    signal("-9", processes).await;
    let are_dead = || (!processes.iter().any(|id| is_alive(id))).then_some(());
    eventually("the end of the processes", are_dead).await;
}

/// Whether the process has not ended: it is there, and no zombie.
fn is_alive(id: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // pid (name) state …; the name may hold anything.
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
}

#[tokio::test]
async fn crashed_function_returns_502_and_is_restarted() {
    let proxy = FaultProxy::start().await;
    proxy.next(Call::CREATE, [Fault::Silent(Effect::None)]);
    let (app, mark) = marked_app(&proxy, 4, None).await;
    let (answer, ()) = tokio::join!(app.call("POST", PATHWAY.root, PATHWAY.body), async {
        proxy.wait_for_calls(Call::CREATE, 1).await;
        kill(&processes(&mark)).await;
    });
    assert_eq!((answer.status, answer.json()), (502, json!({"message": "Internal Server Error"})));
    app.create(&PATHWAY).await;
    // The request that died with its process was not retried.
    assert_eq!(proxy.call_count(Call::CREATE), 2);
}

#[tokio::test]
async fn function_that_dies_while_idle_is_replaced_unnoticed() {
    let proxy = FaultProxy::start().await;
    let (app, mark) = marked_app(&proxy, 4, None).await;
    for _ in 0..5 {
        app.create(&ASSISTANT).await;
        kill(&processes(&mark)).await;
    }
}

#[tokio::test]
async fn request_past_the_deadline_returns_503_and_the_process_lives_on() {
    let proxy = FaultProxy::start().await;
    proxy.next(Call::CREATE, [Fault::Silent(Effect::None)]);
    let (app, mark) = marked_app(&proxy, 4, Some(Duration::from_secs(1))).await;
    let answer = app.call("POST", PATHWAY.root, PATHWAY.body).await;
    assert_eq!(answer.error(), (503, json!("SERVICE_UNAVAILABLE")));
    let process = processes(&mark);
    app.create(&PATHWAY).await;
    assert_eq!(processes(&mark), process, "it lives on");
    app.logged("Pathway", "not done before the function's timeout").await;
}

#[tokio::test]
async fn function_past_its_timeout_is_killed_and_returns_504() {
    let proxy = FaultProxy::start().await;
    proxy.next(Call::CREATE, [Fault::Silent(Effect::None)]);
    let (app, mark) = marked_app(&proxy, 4, Some(Duration::from_secs(1))).await;
    let (answer, ()) = tokio::join!(app.call("POST", ASSISTANT.root, ASSISTANT.body), async {
        proxy.wait_for_calls(Call::CREATE, 1).await;
        // Not able to say anything any more.
        signal("-STOP", &processes(&mark)).await;
    });
    let expected = json!({"message": "Endpoint request timed out"});
    assert_eq!((answer.status, answer.json()), (504, expected));
    eventually("the end of the process", || processes(&mark).is_empty().then_some(())).await;
    app.create(&ASSISTANT).await;
    app.logged("Assistant", "stopped after its timeout").await;
}

#[tokio::test]
async fn function_that_cannot_start_returns_502_and_logs_why() {
    let app = TestApp::start_with(|options| {
        for function in &mut options.template.functions {
            function.variables.remove("WIDGETS_TABLE");
        }
    })
    .await;
    assert_eq!(app.call("POST", PATHWAY.root, PATHWAY.body).await.status, 502);
    app.logged("Pathway", "the environment variable WIDGETS_TABLE is not set").await;
}

#[tokio::test]
async fn environments_start_with_overlapping_requests_up_to_the_limit() {
    let proxy = FaultProxy::start().await;
    proxy.always(Call::CREATE, Fault::Silent(Effect::None));
    let (app, mark) = marked_app(&proxy, 2, None).await;
    let watch = async {
        proxy.wait_for_calls(Call::CREATE, 2).await;
        assert_eq!(processes(&mark).len(), 2);
        assert_eq!(proxy.call_count(Call::CREATE), 2);
        proxy.release();
    };
    let create = || app.call("POST", PATHWAY.root, PATHWAY.body);
    let (a, b, c, d, ()) = tokio::join!(create(), create(), create(), create(), watch);
    assert_eq!([a.status, b.status, c.status, d.status], [200; 4]);
    assert_eq!(processes(&mark).len(), 2);
}

#[tokio::test]
async fn panicking_handler_returns_500_and_its_process_serves_on() {
    let mut mark = String::new();
    let app = TestApp::start_with(|options| {
        for function in &mut options.template.functions {
            function.binary = "panicking".to_owned();
        }
        mark = mark_processes(options);
    })
    .await;
    for dialect in DIALECTS {
        app.create(&dialect).await;
        let environment = processes(&mark);
        for (count, when) in ["before", "after", "before"].into_iter().enumerate() {
            let headers = [("x-panic", when)];
            let answer = app.call_with(&headers, "POST", dialect.root, dialect.body).await;
            let id = answer.header("x-request-id");
            let expected = dialect.error(
                500,
                &format!("Internal Server Error (request {id})"),
                "INTERNAL_ERROR",
                &format!("something went wrong on our side (request {id})"),
            );
            assert_eq!((answer.status, answer.json()), (500, expected));
            app.logged(dialect.function, id).await;
            let log = app.log();
            let is_panic = |line: &&str| {
                line.starts_with(dialect.function) && line.contains(r#""message":"panic""#)
            };
            let panics: Vec<&str> = log.lines().filter(is_panic).collect();
            assert_eq!(panics.len(), count + 1);
            let place = "tests/panicking/main.rs:";
            assert!(panics.iter().all(|line| line.contains(place)), "{log}");
            assert!(!log.contains(&app.key), "{log}");
            app.create(&dialect).await;
        }
        // Where not even that can be said, the invocation fails, and it alone.
        let path = dialect.widget("x");
        let answer = app.call_with(&[("x-panic", "refusing")], "GET", &path, "").await;
        assert_eq!(answer.status, 502);
        app.create(&dialect).await;
        assert_eq!(processes(&mark), environment);
    }
}

#[tokio::test]
async fn unknown_event_fails_its_invocation_alone() {
    let proxy = FaultProxy::start().await;
    let function = function("assistant", proxy.url.as_str(), &[]).await;
    let request = json!({"version": "2.0", "rawPath": "/", "headers": {}, "requestContext": {"http": {"method": "GET"}}});
    for event in ["{}", "[", "", r#"{"Records":[{}]}"#] {
        let Err(InvokeError::Failed(failure)) = function.invoke(event.to_owned().into()).await
        else {
            panic!("{event}");
        };
        let failure: Value = serde_json::from_slice(&failure).unwrap();
        assert_eq!(failure["errorType"], "UnknownEvent", "{failure}");
        let answer = function.invoke(request.to_string().into()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["statusCode"], 404, "{answer}");
    }
}

#[tokio::test]
async fn invocation_id_is_echoed_and_a_rejected_answer_stops_nothing() {
    /// A Runtime API with two events, which are the same but for their ids, and where the first
    /// one's answer comes too late.
    #[derive(Clone, Default)]
    struct RuntimeApi {
        asked: Arc<AtomicUsize>,
        answers: watch::Sender<Vec<(String, HeaderMap)>>,
    }

    async fn next(State(api): State<RuntimeApi>) -> axum::response::Response {
        let count = api.asked.fetch_add(1, Ordering::SeqCst);
        if count == 2 {
            std::future::pending::<()>().await;
        }
        let headers = [
            ("lambda-runtime-aws-request-id", format!("event-{count}")),
            ("lambda-runtime-invocation-id", format!("invocation-{count}")),
            ("lambda-runtime-deadline-ms", "9999999999999".to_owned()),
            (
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:us-east-1:000000000000:function:Pathway".to_owned(),
            ),
        ];
        let event = json!({"version": "2.0", "rawPath": "/", "requestContext": {"http": {"method": "GET"}}});
        (headers, event.to_string()).into_response()
    }

    async fn respond(
        State(api): State<RuntimeApi>,
        Path(id): Path<String>,
        headers: HeaderMap,
    ) -> StatusCode {
        api.answers.send_modify(|answers| answers.push((id, headers)));
        if api.answers.borrow().len() == 1 { StatusCode::GONE } else { StatusCode::ACCEPTED }
    }

    let (proxy, api) = (FaultProxy::start().await, RuntimeApi::default());
    let routes = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(respond))
        .with_state(api.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let mut process = Command::new(&built().await["pathway"])
        .envs(variables("Pathway", proxy.url.as_str()))
        .env("AWS_LAMBDA_RUNTIME_API", address)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut both = api.answers.subscribe();
    let both = timeout(Duration::from_secs(30), both.wait_for(|answers| answers.len() == 2));
    let answers = both.await.expect("the function does not answer").unwrap().clone();
    for (count, (id, headers)) in answers.iter().enumerate() {
        assert_eq!(*id, format!("event-{count}"));
        assert_eq!(headers["lambda-runtime-invocation-id"], format!("invocation-{count}"));
    }
    process.kill().await.unwrap();
    let mut log = String::new();
    process.stdout.take().unwrap().read_to_string(&mut log).await.unwrap();
    assert!(
        log.contains("the answer was not taken") && log.contains("410 Gone (request event-0)"),
        "{log}"
    );
    server.abort();
}

#[tokio::test]
async fn process_memory_does_not_grow_with_requests() {
    let proxy = FaultProxy::start().await;
    let key = NewKey::parse("in-memory").unwrap();
    issue_development_key(&key, &proxy.store).await.unwrap();
    for dialect in DIALECTS {
        let mark = Uuid::new_v4().to_string();
        let function = function(dialect.name, &proxy.store.url, &[(MARK, &mark)]).await;
        let ask = async |method: &str, path: &str, header: (&str, &str)| {
            let event = json!({
                "version": "2.0",
                "rawPath": path,
                "headers": {"authorization": key.reveal(), "content-type": "application/json", header.0: header.1},
                "requestContext": {"http": {"method": method}},
                "body": if method == dialect.update { dialect.change } else { dialect.body },
            });
            let answer = function.invoke(event.to_string().into()).await.unwrap();
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            (answer["statusCode"].clone(), answer["body"].as_str().unwrap().to_owned())
        };
        let live = async |lives: usize| {
            for _ in 0..lives {
                let once = Uuid::new_v4().to_string();
                let (status, created) = ask("POST", dialect.root, ("idempotency-key", &once)).await;
                assert_eq!(status, 200, "{created}");
                let id = raw_member(&created, "id").trim_matches('"').to_owned();
                let widget = &*dialect.widget(&id);
                for (method, path, header, expected) in [
                    ("POST", dialect.root, ("idempotency-key", &*once), 200),
                    ("GET", widget, ("if-none-match", r#""1""#), 304),
                    (dialect.update, widget, ("if-match", r#""1""#), 200),
                    (dialect.update, widget, ("if-match", r#""1""#), 412),
                    ("GET", dialect.root, ("accept", "*/*"), 200),
                    ("DELETE", widget, ("accept", "*/*"), 200),
                    ("GET", widget, ("accept", "*/*"), 404),
                ] {
                    assert_eq!(ask(method, path, header).await.0, expected, "{method} {path}");
                }
                // What it leaves, which DynamoDB deletes some time later: lists would read it
                // along, and be longer each time.
                let partition = format!("{DEVELOPMENT_ACCOUNT}#{}", dialect.name);
                let delete = proxy.store.client().delete_item().table_name("Widgets");
                let delete = delete.key("pk", AttributeValue::S(partition));
                delete.key("sk", AttributeValue::S(id)).send().await.unwrap();
            }
            // Exact, which `status` is not on every kernel.
            let memory =
                fs::read_to_string(format!("/proc/{}/smaps_rollup", processes(&mark)[0])).unwrap();
            let resident = memory.lines().find_map(|line| line.strip_prefix("Rss:")).unwrap();
            resident.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap()
        };
        let (warm, lives) = (live(50).await, rounds(120));
        let later = live(lives).await;
        // 64 bytes a request would be more than that.
        let (name, requests) = (dialect.name, 8 * lives);
        assert!(later < warm + 48, "{name}: from {warm} to {later} KiB within {requests} requests");
    }
}

#[tokio::test]
async fn process_environment_is_what_lambda_sets_and_nothing_else() {
    let proxy = FaultProxy::start().await;
    let (app, mark) = marked_app(&proxy, 1, None).await;
    app.create(&ASSISTANT).await;
    let environment = fs::read_to_string(format!("/proc/{}/environ", processes(&mark)[0])).unwrap();
    let variables: BTreeMap<&str, &str> =
        environment.split_terminator('\0').filter_map(|it| it.split_once('=')).collect();
    for (name, value) in [
        ("AWS_LAMBDA_FUNCTION_NAME", "Assistant"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
        ("WIDGETS_TABLE", "Widgets"),
        ("API_KEYS_TABLE", "ApiKeys"),
        ("_HANDLER", "bootstrap"),
    ] {
        assert_eq!(variables.get(name), Some(&value), "{name}");
    }
    for name in [
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "LAMBDA_TASK_ROOT",
    ] {
        assert!(variables.get(name).is_some_and(|value| !value.is_empty()), "{name}");
    }
    assert!(!variables.contains_key("HOME") && !variables.contains_key("CARGO"), "{variables:?}");
}
