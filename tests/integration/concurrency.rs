//! Many events at once in one environment, as Lambda Managed Instances have it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::stream;
use serde_json::{Value, json};
use shared::{
    keys::{ApiKey, Role},
    model::AccountId,
};
use tokio::{
    io::AsyncReadExt,
    net::TcpListener,
    process::{Child, Command},
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};
use uuid::Uuid;
use widgets::keys::{self, KeySpec};

use crate::{
    app::{built, rounds, variables},
    fault_proxy::{Call, Effect, Fault, FaultProxy},
};

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a loop that asks for an event gets.
enum Next {
    Event(String, Value),
    /// A status, and nothing that an event has.
    Status(StatusCode),
    /// The beginning of an answer, and the end of the connection.
    Half,
}

/// What is known of the loops.
#[derive(Debug, Clone, Copy, Default)]
struct Loops {
    /// How many wait for an event.
    waiting: usize,
    /// How many have got something else than one, and should be no more.
    failed: usize,
    /// The most that ever were waiting or at work.
    most: usize,
}

/// How an invocation ended: `response` or `error`, and the document.
type Outcome = (String, Value);

#[derive(Default)]
struct RuntimeApi {
    queue: tokio::sync::Mutex<Option<mpsc::UnboundedReceiver<Next>>>,
    loops: watch::Sender<Loops>,
    at_work: watch::Sender<BTreeSet<String>>,
    outcomes: watch::Sender<BTreeMap<String, Vec<Outcome>>>,
}

impl RuntimeApi {
    fn note(&self, change: impl FnOnce(&mut Loops)) {
        let at_work = self.at_work.borrow().len();
        self.loops.send_modify(|loops| {
            change(loops);
            loops.most = loops.most.max(loops.waiting + at_work);
        });
    }
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> Response {
    api.note(|loops| loops.waiting += 1);
    let next = api.queue.lock().await.as_mut().unwrap().recv().await;
    let answer = match next.unwrap() {
        Next::Event(id, event) => {
            let function = "arn:aws:lambda:us-east-1:000000000000:function:Pathway";
            let headers = [
                ("lambda-runtime-aws-request-id", id.as_str()),
                ("lambda-runtime-deadline-ms", "9999999999999"),
                ("lambda-runtime-invoked-function-arn", function),
            ];
            let answer = (headers, event.to_string()).into_response();
            api.at_work.send_modify(|at_work| assert!(at_work.insert(id)));
            answer
        }
        Next::Status(status) => status.into_response(),
        Next::Half => {
            Body::from_stream(stream::iter([Ok("{"), Err("that is all")])).into_response()
        }
    };
    let is_event = answer.headers().contains_key("lambda-runtime-aws-request-id");
    api.note(|loops| {
        loops.waiting -= 1;
        loops.failed += usize::from(!is_event);
    });
    answer
}

async fn end(
    State(api): State<Arc<RuntimeApi>>,
    Path((id, kind)): Path<(String, String)>,
    document: Bytes,
) -> StatusCode {
    let document = serde_json::from_slice(&document).unwrap();
    api.at_work
        .send_modify(|at_work| assert!(at_work.remove(&id), "{id} ended and was not at work"));
    api.outcomes.send_modify(|outcomes| outcomes.entry(id).or_default().push((kind, document)));
    StatusCode::ACCEPTED
}

/// A function's process and its Runtime API, which hands an event to each loop that asks.
struct Environment {
    process: Child,
    api: Arc<RuntimeApi>,
    queue: mpsc::UnboundedSender<Next>,
    log: JoinHandle<String>,
    server: JoinHandle<()>,
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Environment {
    /// The Pathway function over the store at `endpoint`, allowed so many events at once.
    async fn start(binary: &str, endpoint: &str, max_concurrency: Option<&str>) -> Self {
        let mut variables = variables("Pathway", endpoint);
        variables.extend(
            max_concurrency.map(|it| ("AWS_LAMBDA_MAX_CONCURRENCY".to_owned(), it.to_owned())),
        );
        Self::start_with(binary, variables).await
    }

    async fn start_with(binary: &str, variables: Vec<(String, String)>) -> Self {
        let (queue, receiver) = mpsc::unbounded_channel();
        let api = Arc::new(RuntimeApi { queue: Some(receiver).into(), ..RuntimeApi::default() });
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{kind}", post(end))
            .with_state(Arc::clone(&api));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let mut process = Command::new(&built().await[binary])
            .env_clear()
            .envs(variables)
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut output = process.stdout.take().unwrap();
        let log = tokio::spawn(async move {
            let mut log = String::new();
            output.read_to_string(&mut log).await.unwrap();
            log
        });
        Self { process, api, queue, log, server }
    }

    /// Hands out an event, to be told apart by `id`.
    fn invoke(&self, id: &str, event: Value) {
        self.hand_out(Next::Event(id.to_owned(), event));
    }

    fn hand_out(&self, next: Next) {
        assert!(self.queue.send(next).is_ok());
    }

    /// How the invocation `id` ends.
    async fn outcome(&self, id: &str) -> Outcome {
        let mut outcomes = self.api.outcomes.subscribe();
        let ended =
            timeout(PATIENCE, outcomes.wait_for(|outcomes| outcomes.contains_key(id))).await;
        ended.unwrap_or_else(|_| panic!("{id} never ended")).unwrap()[id][0].clone()
    }

    /// The status and the body of the answer to the request that the invocation `id` was.
    async fn answer(&self, id: &str) -> (u64, Value) {
        let (kind, answer) = self.outcome(id).await;
        assert_eq!(
            (kind.as_str(), &answer["headers"]["x-request-id"]),
            ("response", &json!(id)),
            "{answer}"
        );
        (
            answer["statusCode"].as_u64().unwrap(),
            serde_json::from_str(answer["body"].as_str().unwrap()).unwrap(),
        )
    }

    /// Waits until the loops are so.
    async fn loops(&self, are_so: impl FnMut(&Loops) -> bool) -> Loops {
        let mut loops = self.api.loops.subscribe();
        *timeout(PATIENCE, loops.wait_for(are_so)).await.expect("the loops never were so").unwrap()
    }

    /// How many threads the process has.
    fn threads(&self) -> usize {
        fs::read_dir(format!("/proc/{}/task", self.process.id().unwrap())).unwrap().count()
    }

    /// Waits until the process ends by itself: with what status, and what it logged.
    async fn ended(mut self) -> (ExitStatus, Vec<Value>) {
        let status =
            timeout(PATIENCE, self.process.wait()).await.expect("the process lives on").unwrap();
        (status, self.lines().await)
    }

    /// Kills the process and tells what it logged.
    async fn log(mut self) -> Vec<Value> {
        self.process.kill().await.unwrap();
        self.lines().await
    }

    /// Each line of the log, all of which are JSON.
    async fn lines(&mut self) -> Vec<Value> {
        let log = (&mut self.log).await.unwrap();
        let parse = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        };
        log.lines().map(parse).collect()
    }
}

/// A key and whose it is.
struct Client {
    key: String,
    account: AccountId,
}

impl Client {
    async fn new(proxy: &FaultProxy, role: Role) -> Self {
        let (key, account) = (keys::generate().unwrap(), AccountId(Uuid::new_v4()));
        let item = KeySpec { key: &key, account, role, expires_at: None, name: None };
        item.put(&proxy.store.client(), "ApiKeys").await.unwrap();
        Self { key: key.reveal().to_owned(), account }
    }

    /// One whose key nobody issued.
    fn unknown() -> Self {
        Self {
            key: keys::generate().unwrap().reveal().to_owned(),
            account: AccountId(Uuid::new_v4()),
        }
    }

    /// A request to create a widget that says `mark`.
    fn creation(&self, mark: &str) -> Value {
        let body = json!({"agent_prompt": mark, "allowed_domains": [], "messages_per_minute": 10, "config": {}});
        self.request("POST", "/v1/widget", &body.to_string())
    }

    fn request(&self, method: &str, path: &str, body: &str) -> Value {
        json!({
            "version": "2.0",
            "rawPath": path,
            "routeKey": format!("{method} {path}"),
            "headers": {"authorization": self.key, "content-type": "application/json"},
            "requestContext": {"http": {"method": method}},
            "body": body,
        })
    }

    /// Whether a call to the store, which has this body, is about this client's key or widgets.
    fn makes(&self, call: &str) -> bool {
        let hash = ApiKey::parse(&self.key).unwrap().hash().to_string();
        call.contains(&hash) || call.contains(&self.account.to_string())
    }
}

fn with_panic(mut event: Value, when: &str) -> Value {
    event["headers"]["x-panic"] = json!(when);
    event
}

/// The one line of the log about the request `id`.
fn line_of<'a>(log: &'a [Value], id: &str) -> &'a Value {
    let mut lines = log.iter().filter(|line| line["requestId"] == id);
    let line = lines.next().unwrap_or_else(|| panic!("no line of {id}: {log:?}"));
    assert!(lines.next().is_none(), "two lines of {id}: {log:?}");
    line
}

#[tokio::test]
async fn as_many_events_as_allowed_are_at_work_at_once_and_none_is_taken_for_another() {
    let proxy = FaultProxy::start().await;
    let mut clients = Vec::new();
    for number in 0..8 {
        clients.push(match number % 3 {
            0 => Client::new(&proxy, Role::Full).await,
            1 => Client::new(&proxy, Role::Read).await,
            _ => Client::unknown(),
        });
    }
    // Every key is looked up, and no look-up is answered before there are eight different ones.
    let calls = Arc::new(Mutex::new(Vec::new()));
    let (looked_up, _) = watch::channel(BTreeSet::new());
    let (noted, in_work) = (Arc::clone(&calls), looked_up.clone());
    proxy.plan(move |call, body| {
        noted.lock().unwrap().push(body.to_owned());
        if call != Call::LOOK_UP_KEY {
            return Fault::None;
        }
        in_work.send_modify(|keys| keys.extend([body.to_owned()]));
        Fault::Silent(Effect::None)
    });
    let environment = Environment::start("pathway", proxy.url.as_str(), Some("8")).await;
    for (number, client) in clients.iter().enumerate() {
        environment
            .invoke(&format!("event-{number}"), client.creation(&format!("widget {number}")));
    }
    let mut looked_up = looked_up.subscribe();
    timeout(PATIENCE, looked_up.wait_for(|keys| keys.len() == 8))
        .await
        .expect("eight events at work")
        .unwrap();
    let vcpus = thread::available_parallelism().unwrap().get();
    assert_eq!(environment.threads(), vcpus.min(8));
    proxy.release();

    let statuses = [200, 403, 401];
    for number in 0..8 {
        let (status, body) = environment.answer(&format!("event-{number}")).await;
        assert_eq!(status, statuses[number % 3], "{body}");
        if status == 200 {
            assert_eq!(body["data"]["agent_prompt"], format!("widget {number}"));
        }
    }
    assert_eq!(environment.loops(|loops| loops.waiting == 8).await.most, 8);
    let log = environment.log().await;
    for (number, client) in clients.iter().enumerate() {
        let line = line_of(&log, &format!("event-{number}"));
        assert_eq!(line["status"], statuses[number % 3], "{line}");
        let account = (number % 3 != 2).then(|| client.account.to_string());
        assert_eq!(line["account"], json!(account), "{line}");
        let made = calls.lock().unwrap().iter().filter(|call| client.makes(call)).count();
        assert_eq!(line["storeCalls"], made, "{line}");
    }
    let cold = log.iter().filter(|line| line["coldStart"] == true).count();
    assert_eq!((cold, log.len()), (1, 8), "{log:?}");
}

#[tokio::test]
async fn what_panics_or_fails_disturbs_no_other_and_ends_no_loop() {
    let proxy = FaultProxy::start().await;
    proxy.always(Call::CREATE, Fault::Silent(Effect::None));
    let client = Client::new(&proxy, Role::Full).await;
    let environment = Environment::start("fragile", proxy.url.as_str(), Some("4")).await;
    for id in ["a", "b"] {
        environment.invoke(id, client.creation(id));
    }
    proxy.made_times(Call::CREATE, 2).await;
    for round in 0..3 {
        let id = |what: &str| format!("{what}-{round}");
        environment.invoke(&id("panic"), with_panic(client.creation("panic"), "before"));
        environment
            .invoke(&id("dumb"), with_panic(client.request("GET", "/v1/widget/x", ""), "refusing"));
        environment.invoke(&id("unknown"), json!({}));
        assert_eq!(environment.answer(&id("panic")).await.0, 500);
        for (what, error) in [("dumb", "InternalError"), ("unknown", "UnknownEvent")] {
            let (kind, failure) = environment.outcome(&id(what)).await;
            assert_eq!(
                (kind.as_str(), &failure["errorType"]),
                ("error", &json!(error)),
                "{failure}"
            );
        }
    }
    proxy.release();
    for id in ["a", "b"] {
        let (status, body) = environment.answer(id).await;
        assert_eq!((status, &body["data"]["agent_prompt"]), (200, &json!(id)));
    }
    assert_eq!(environment.loops(|loops| loops.waiting == 4).await.most, 4);
}

#[tokio::test]
async fn a_loop_that_ends_leaves_the_others_at_work_and_the_last_ends_the_process() {
    let proxy = FaultProxy::start().await;
    proxy.always(Call::CREATE, Fault::Silent(Effect::None));
    let client = Client::new(&proxy, Role::Full).await;
    let environment = Environment::start("pathway", proxy.url.as_str(), Some("4")).await;
    environment.invoke("held", client.creation("held"));
    proxy.made_times(Call::CREATE, 1).await;
    environment.hand_out(Next::Status(StatusCode::INTERNAL_SERVER_ERROR));
    environment.hand_out(Next::Status(StatusCode::OK));
    environment.hand_out(Next::Half);
    environment.loops(|loops| loops.failed == 3).await;
    proxy.release();
    assert_eq!(environment.answer("held").await.0, 200);
    environment.invoke("another", client.creation("another"));
    assert_eq!(environment.answer("another").await.0, 200);
    // A loop that asked again would wait now, and the process with it.
    environment.hand_out(Next::Status(StatusCode::INTERNAL_SERVER_ERROR));
    let (status, log) = environment.ended().await;
    assert_eq!(status.code(), Some(1));
    let causes: Vec<&str> = log
        .iter()
        .filter(|line| line["level"] == "ERROR")
        .flat_map(|it| it["cause"].as_str())
        .collect();
    for cause in ["status 500", "status 200", "connection closed"] {
        assert!(causes.iter().any(|it| it.contains(cause)), "{cause}: {causes:?}");
    }
}

#[tokio::test]
async fn without_a_number_above_one_it_is_one_event_at_a_time_in_one_thread() {
    let proxy = FaultProxy::start().await;
    let client = Client::new(&proxy, Role::Full).await;
    for allowed in
        [None, Some("1"), Some("0"), Some(""), Some("-2"), Some("2.5"), Some("many"), Some("1601")]
    {
        let environment = Environment::start("pathway", proxy.url.as_str(), allowed).await;
        let ids = ["a", "b", "c", "d"]
            .map(|id| format!("{id} {allowed:?}").replace(['"', ' ', '(', ')'], ""));
        for id in &ids {
            environment.invoke(id, client.creation(id));
        }
        for id in &ids {
            let (status, body) = environment.answer(id).await;
            assert_eq!((status, &body["data"]["agent_prompt"]), (200, &json!(id)));
        }
        let loops = environment.loops(|loops| loops.waiting == 1).await;
        assert_eq!((loops.most, environment.threads()), (1, 1), "{allowed:?}");
        let log = environment.log().await;
        let cold: Vec<&Value> = log.iter().map(|line| &line["coldStart"]).collect();
        assert_eq!(cold, [true, false, false, false], "{allowed:?}");
    }
}

#[tokio::test]
async fn under_load_every_event_is_answered_once_and_as_it_would_be_alone() {
    let proxy = FaultProxy::start().await;
    let mut clients = Vec::new();
    for number in 0..20 {
        let role = if number % 4 == 3 { Role::Read } else { Role::Full };
        clients.push(Client::new(&proxy, role).await);
    }
    let environment = Environment::start("pathway", proxy.url.as_str(), Some("16")).await;
    let events: Vec<(String, &Client, usize)> = (0..rounds(600))
        .map(|number| (format!("event-{number}"), &clients[number % clients.len()], number))
        .collect();
    for (id, client, number) in &events {
        match number % 3 {
            0 | 1 => environment.invoke(id, client.creation(id)),
            _ => environment
                .invoke(id, client.request("GET", &format!("/v1/widget/{}", Uuid::new_v4()), "")),
        }
    }
    let expected = |number: usize| match (number % 3, number % 4) {
        (2, _) => 404,
        (_, 3) => 403,
        _ => 200,
    };
    for (id, _, number) in &events {
        let (status, body) = environment.answer(id).await;
        assert_eq!(status, expected(*number), "{body}");
        if status == 200 {
            assert_eq!(body["data"]["agent_prompt"], *id);
        }
    }
    assert_eq!(environment.loops(|loops| loops.waiting == 16).await.most, 16);
    assert!(environment.api.outcomes.borrow().values().all(|outcomes| outcomes.len() == 1));
    let log = environment.log().await;
    assert_eq!(log.len(), events.len());
    for (id, client, number) in &events {
        let line = line_of(&log, id);
        assert_eq!(
            (&line["status"], &line["account"]),
            (&json!(expected(*number)), &json!(client.account.to_string()))
        );
    }
    assert_eq!(log.iter().filter(|line| line["coldStart"] == true).count(), 1);
    let created = events.iter().filter(|(_, _, number)| expected(*number) == 200).count();
    assert_eq!(proxy.made(Call::CREATE), created);
}

#[tokio::test]
async fn a_store_that_is_gone_keeps_no_thread_from_answering() {
    let client = Client::unknown();
    let environment = Environment::start("pathway", "http://127.0.0.1:1", Some("4")).await;
    let ids = ["a", "b", "c", "d", "e", "f"];
    for id in ids {
        environment.invoke(id, client.creation(id));
    }
    for id in ids {
        assert_eq!(environment.answer(id).await.0, 503);
    }
    environment.loops(|loops| loops.waiting == 4).await;
    let log = environment.log().await;
    for id in ids {
        assert_eq!(line_of(&log, id)["status"], 503);
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_configuration_is_told_once_and_ends_the_process() {
    let mut variables = variables("Pathway", "http://127.0.0.1:1");
    variables.retain(|(name, _)| name != "WIDGETS_TABLE");
    variables.push(("AWS_LAMBDA_MAX_CONCURRENCY".to_owned(), "4".to_owned()));
    let (status, log) = Environment::start_with("pathway", variables).await.ended().await;
    assert_eq!((status.code(), log.len()), (Some(1), 1), "{log:?}");
    assert_eq!(log[0]["message"], "the function cannot start");
    assert_eq!(log[0]["cause"], "the environment variable WIDGETS_TABLE is not set");
}
