//! A failing store. The client gets a correct success, or a 503 that it may retry, within the
//! function's timeout. A write takes effect once and completely, or not at all.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;
use widgets::local::{embedded_store::StoreLocation, stack::DEVELOPMENT_ACCOUNT};

use crate::{
    app::{ASSISTANT_BODY, Answer, PATHWAY_BODY, TestApp, raw_data},
    fault_proxy::{Call, Effect, Fault, FaultProxy},
};

/// The whole of a 503 in its dialect.
fn is_unavailable(dialect: Dialect, answer: &Answer) {
    let told = match dialect.name {
        "assistant" => json!({"detail": "Service temporarily unavailable, please try again"}),
        _ => {
            json!({"status": 503, "data": null, "errors": [{"error": "SERVICE_UNAVAILABLE", "message": "the service is temporarily unavailable: please try again"}]})
        }
    };
    assert_eq!((answer.status, answer.json()), (503, told), "{answer:?}");
    assert_eq!(
        (answer.header("retry-after"), answer.header("content-type")),
        ("1", "application/json")
    );
}

/// That both dialects' answers are.
fn are_unavailable(assistant: &Answer, pathway: &Answer) {
    let [of_assistant, of_pathway] = DIALECTS;
    is_unavailable(of_assistant, assistant);
    is_unavailable(of_pathway, pathway);
}

/// Asks until it is so, and fails the test if it never is.
async fn until(is_so: impl AsyncFn() -> bool) {
    let asking = async { while !is_so().await {} };
    timeout(Duration::from_secs(30), asking).await.expect("it never came");
}

/// A dialect's names and bodies for what both can do.
#[derive(Clone, Copy)]
struct Dialect {
    name: &'static str,
    root: &'static str,
    update: &'static str,
    public: &'static str,
    body: &'static str,
    change: &'static str,
    other_change: &'static str,
    /// An attribute of the item, before the change and after it.
    changes: (&'static str, &'static str, &'static str),
}

const DIALECTS: [Dialect; 2] = [
    Dialect {
        name: "assistant",
        root: "/api/v1/widget",
        update: "PUT",
        public: "parameters",
        body: r#"{"widget_type":"chat","user_opening_messages":[],"action_buttons":[],"assistant_id":"3c90c3cc-0d44-4b50-8888-8dd25736052a","name":"old","bubble_text":"old"}"#,
        change: r#"{"widget_type":"chat","name":"new","bubble_text":"new"}"#,
        other_change: r#"{"widget_type":"sms"}"#,
        changes: ("name", "bubble_text", "widget_type"),
    },
    Dialect {
        name: "pathway",
        root: "/v1/widget",
        update: "PATCH",
        public: "config",
        body: r#"{"agent_prompt":"old","allowed_domains":[],"messages_per_minute":1,"config":{},"webhook_url":"https://example.com/old"}"#,
        change: r#"{"agent_prompt":"new","webhook_url":"https://example.com/new"}"#,
        other_change: r#"{"agent_prompt":"other"}"#,
        changes: ("agent_prompt", "webhook_url", "config"),
    },
];

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    /// Whatever it is, with a key that the function does not know yet.
    LookUpKey,
    Create,
    CreateOnce,
    Read,
    Update,
    UpdateIf,
    UpdateNothing,
    Delete,
    DeleteIf,
    List,
    Limited,
    LastPage,
    OfAssistant,
    FindPublic,
    ReadPublic,
    Preflight,
}

impl Operation {
    const ALL: [Self; 16] = [
        Self::LookUpKey,
        Self::Create,
        Self::CreateOnce,
        Self::Read,
        Self::Update,
        Self::UpdateIf,
        Self::UpdateNothing,
        Self::Delete,
        Self::DeleteIf,
        Self::List,
        Self::Limited,
        Self::LastPage,
        Self::OfAssistant,
        Self::FindPublic,
        Self::ReadPublic,
        Self::Preflight,
    ];

    fn is_of(self, dialect: Dialect) -> bool {
        match self {
            Self::LastPage | Self::OfAssistant => dialect.name == "assistant",
            // The other has no such list, no update without a field, and a preflight that does not ask the store.
            Self::Limited | Self::UpdateNothing | Self::Preflight => dialect.name == "pathway",
            _ => true,
        }
    }

    fn is_public(self) -> bool {
        matches!(self, Self::FindPublic | Self::ReadPublic | Self::Preflight)
    }

    /// The call to the store that it is made of.
    fn call(self) -> Call<'static> {
        match self {
            Self::LookUpKey => Call::LOOK_UP_KEY,
            Self::Create => Call::CREATE,
            Self::CreateOnce => Call::CREATE_ONCE,
            Self::Read | Self::UpdateNothing | Self::ReadPublic => Call::READ,
            Self::Update | Self::UpdateIf => Call::UPDATE,
            Self::Delete | Self::DeleteIf => Call::DELETE,
            Self::List
            | Self::Limited
            | Self::LastPage
            | Self::OfAssistant
            | Self::FindPublic
            | Self::Preflight => Call::QUERY,
        }
    }

    fn creates(self) -> bool {
        matches!(self, Self::Create | Self::CreateOnce)
    }

    fn deletes(self) -> bool {
        matches!(self, Self::Delete | Self::DeleteIf)
    }

    async fn ask(self, app: &TestApp, dialect: Dialect, key: &str, id: &str) -> Answer {
        let (root, widget) = (dialect.root, format!("{}/{id}", dialect.root));
        let (method, path, body) = match self {
            Self::Create | Self::CreateOnce => ("POST", root.to_owned(), dialect.body),
            Self::Read => ("GET", widget, ""),
            Self::Update | Self::UpdateIf => (dialect.update, widget, dialect.change),
            Self::UpdateNothing => (dialect.update, widget, "{}"),
            Self::Delete | Self::DeleteIf => ("DELETE", widget, ""),
            Self::Limited => ("GET", format!("{root}?limit=1"), ""),
            Self::LookUpKey | Self::List => ("GET", root.to_owned(), ""),
            Self::LastPage => ("GET", format!("{root}?page=2&size=1"), ""),
            Self::OfAssistant => (
                "GET",
                "/api/v1/assistant/3c90c3cc-0d44-4b50-8888-8dd25736052a/widgets".to_owned(),
                "",
            ),
            Self::FindPublic | Self::ReadPublic => {
                ("GET", format!("{widget}/{}", dialect.public), "")
            }
            Self::Preflight => ("OPTIONS", format!("{widget}/{}", dialect.public), ""),
        };
        let mut headers = vec![
            ("authorization", key),
            ("content-type", "application/json"),
            ("origin", "https://a.example"),
        ];
        headers.extend(match self {
            Self::CreateOnce => Some(("idempotency-key", "once")),
            Self::UpdateIf | Self::DeleteIf => Some(("if-match", r#""1""#)),
            _ => None,
        });
        app.send(method, &path, &headers, body).await
    }
}

/// The faults that take half a second or more.
const SLOW: [Fault; 4] =
    [Fault::Silent(Effect::None), Fault::Silent(Effect::Done), Fault::Trickle, Fault::Late];

/// Whether a call that meets `fault` takes effect though its answer gets lost.
fn loses_the_answer(fault: Fault) -> bool {
    match fault {
        Fault::None
        | Fault::Refused(..)
        | Fault::Quoting
        | Fault::Conflict
        | Fault::Held
        | Fault::Late => false,
        Fault::HalfAnswer | Fault::Trickle => true,
        Fault::Failed(effect)
        | Fault::Reset(effect)
        | Fault::Silent(effect)
        | Fault::Garbage(effect) => effect == Effect::Done,
    }
}

/// What the calls of an account meet: one call, the next times it is made and from then on.
type Plans = Arc<Mutex<HashMap<String, (Call<'static>, VecDeque<Fault>, Fault)>>>;

/// A stack over a proxy where each account meets its own faults.
async fn app_with_plans(
    concurrency: usize,
    timeout: Option<Duration>,
) -> (TestApp, FaultProxy, Plans) {
    let proxy = FaultProxy::start().await;
    let plans = Plans::default();
    let of_proxy = Arc::clone(&plans);
    proxy.plan(move |call, body| {
        let mut plans = of_proxy.lock().unwrap();
        let planned = plans
            .iter_mut()
            .find(|(who, (planned, ..))| *planned == call && body.contains(who.as_str()));
        planned.map_or(Fault::None, |(_, (_, next, then))| next.pop_front().unwrap_or(*then))
    });
    let app = TestApp::start_over(&proxy, |options| {
        options.concurrency = concurrency;
        for function in &mut options.template.functions {
            function.timeout = timeout.unwrap_or(function.timeout);
        }
    });
    (app.await, proxy, plans)
}

/// Asks for `operation` while its call meets `fault` once or always, and checks the answer and what is kept then.
async fn trial(
    app: &TestApp,
    plans: &Plans,
    dialect: Dialect,
    operation: Operation,
    fault: Fault,
    is_always: bool,
) {
    let what = format!("{} {operation:?} {fault:?}, always: {is_always}", dialect.name);
    let (key, account) = app.another_account().await;
    let widgets = || app.stored_of(account, dialect.name);
    let id = match operation {
        // The function must not have seen the key.
        Operation::LookUpKey => Uuid::nil().to_string(),
        _ if operation.creates() => String::new(),
        _ => Operation::Create.ask(app, dialect, &key, "").await.id(),
    };
    let before = widgets().await;

    // By what the calls of this trial are told from the others'.
    let who = match operation {
        Operation::LookUpKey => shared::auth::ApiKey::parse(&key).unwrap().hash().to_string(),
        Operation::FindPublic | Operation::Preflight => id.clone(),
        _ => account.to_string(),
    };
    let (next, then) =
        if is_always { (VecDeque::new(), fault) } else { (VecDeque::from([fault]), Fault::None) };
    plans.lock().unwrap().insert(who.clone(), (operation.call(), next, then));
    let answer = operation.ask(app, dialect, &key, &id).await;
    let (_, left, _) = plans.lock().unwrap().remove(&who).unwrap();
    assert!(left.is_empty(), "{what}: not met");

    let is_lost = loses_the_answer(fault);
    let is_success = match fault {
        Fault::Late => true,
        _ if is_always => false,
        // Nothing is left of a deleted widget to answer with.
        _ => !(operation.deletes() && is_lost),
    };
    let is_done = is_success || is_lost;
    if is_success {
        let expected = if operation == Operation::Preflight { 204 } else { 200 };
        assert_eq!(answer.status, expected, "{what}: {answer:?}");
        assert!(!answer.headers.contains_key("idempotency-replayed"), "{what}: it is the first");
    } else {
        is_unavailable(dialect, &answer);
    }
    if operation.is_public() {
        assert_eq!(
            answer.header("access-control-allow-origin"),
            if dialect.name == "assistant" { "*" } else { "https://a.example" }
        );
    }

    let after = widgets().await;
    match operation {
        Operation::Create | Operation::CreateOnce => {
            assert_eq!(after.len(), usize::from(is_done), "{what}: {after:?}");
            if is_success {
                assert_eq!(after[0]["id"].as_s().unwrap(), &answer.id(), "{what}");
            }
        }
        Operation::Update | Operation::UpdateIf if is_done => {
            let (one, other, untouched) = dialect.changes;
            assert!(
                after[0][one].as_s().unwrap().ends_with("new")
                    && after[0][other].as_s().unwrap().ends_with("new"),
                "{what}"
            );
            assert_eq!(
                (&after[0][untouched], after[0]["version"].as_n().unwrap().as_str()),
                (&before[0][untouched], "2"),
                "{what}"
            );
            if is_success {
                assert_eq!(answer.header("etag"), r#""2""#, "{what}");
                assert!(answer.body.contains("new"), "{what}");
            }
        }
        _ if operation.deletes() && is_done => assert_eq!(after, [], "{what}"),
        _ => assert_eq!(after, before, "{what}"),
    }

    // The client tries again.
    let again = operation.ask(app, dialect, &key, &id).await;
    let expected = match operation {
        Operation::UpdateIf if is_done => 412,
        Operation::Preflight => 204,
        _ if operation.deletes() && is_done => 404,
        _ => 200,
    };
    assert_eq!(again.status, expected, "{what}: {again:?}");
    if operation == Operation::CreateOnce {
        assert_eq!(widgets().await.len(), 1, "{what}");
        assert_eq!(again.headers.contains_key("idempotency-replayed"), is_done, "{what}");
        if is_success {
            assert_eq!(again.body, answer.body, "{what}");
        }
    }
}

/// How many trials are made at a time.
const AT_ONCE: usize = 16;

/// All trials of `faults`.
async fn trials(faults: &[Fault], is_always: bool, timeout: Option<Duration>) {
    let (app, _proxy, plans) = app_with_plans(AT_ONCE, timeout).await;
    let trials = faults.iter().flat_map(|fault| {
        let operations = |dialect| {
            Operation::ALL
                .into_iter()
                .filter(move |operation| operation.is_of(dialect))
                .map(move |operation| (dialect, operation))
        };
        DIALECTS
            .into_iter()
            .flat_map(operations)
            .map(|(dialect, operation)| (dialect, operation, *fault))
    });
    stream::iter(trials)
        .for_each_concurrent(AT_ONCE, |(dialect, operation, fault)| {
            trial(&app, &plans, dialect, operation, fault, is_always)
        })
        .await;
}

#[tokio::test]
async fn transient_fault_is_retried_and_nothing_is_done_twice() {
    trials(&Fault::QUICK, false, None).await;
}

#[tokio::test]
async fn persistent_fault_returns_503_and_leaves_no_partial_write() {
    trials(&Fault::QUICK, true, None).await;
}

#[tokio::test]
async fn slow_or_lost_answer_is_retried_and_nothing_is_done_twice() {
    trials(&SLOW, false, None).await;
}

#[tokio::test]
async fn persistent_silence_returns_503_before_the_function_timeout() {
    trials(&SLOW, true, Some(Duration::from_secs(3))).await;
}

#[tokio::test]
async fn missing_widget_returns_404_unless_an_outcome_is_unknown() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for dialect in DIALECTS {
        let id = Uuid::now_v7().to_string();
        for (fault, status) in [
            (Fault::Refused(400, "ThrottlingException"), 404),
            (Fault::Conflict, 404),
            (Fault::Late, 404),
            // It could have been there, and be gone since.
            (Fault::Reset(Effect::None), 503),
        ] {
            for operation in
                [Operation::Update, Operation::UpdateIf, Operation::Delete, Operation::DeleteIf]
            {
                proxy.next(operation.call(), [fault]);
                let answer = operation.ask(&app, dialect, &app.key, &id).await;
                assert_eq!(answer.status, status, "{operation:?} {fault:?}: {answer:?}");
            }
        }
    }
}

/// Sees to it that two environments of the dialect's function are there and know the key.
async fn warm_up(app: &TestApp, dialect: Dialect) {
    let read = || Operation::List.ask(app, dialect, &app.key, "");
    let (a, b) = tokio::join!(read(), read());
    assert_eq!((a.status, b.status), (200, 200));
}

#[tokio::test]
async fn retried_update_never_overwrites_a_newer_change() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for dialect in DIALECTS {
        warm_up(&app, dialect).await;
        for (operation, effect, version) in [
            (Operation::Update, Effect::Done, r#""3""#),
            (Operation::UpdateIf, Effect::Done, r#""3""#),
            (Operation::Update, Effect::None, r#""2""#),
            (Operation::UpdateIf, Effect::None, r#""2""#),
        ] {
            let id = Operation::Create.ask(&app, dialect, &app.key, "").await.id();
            let path = format!("{}/{id}", dialect.root);
            let before = proxy.call_count(Call::UPDATE);
            proxy.next(Call::UPDATE, [Fault::Silent(effect)]);
            let (answer, other) =
                tokio::join!(operation.ask(&app, dialect, &app.key, &id), async {
                    proxy.wait_for_calls(Call::UPDATE, before + 1).await;
                    if effect == Effect::Done {
                        until(async || app.call("GET", &path, "").await.header("etag") == r#""2""#)
                            .await;
                    }
                    app.call(dialect.update, &path, dialect.other_change).await
                });
            assert_eq!((other.status, other.header("etag")), (200, version), "{other:?}");
            // Whether it was made is not to be seen any more.
            is_unavailable(dialect, &answer);
            let last = app.call("GET", &path, "").await;
            assert_eq!(
                (last.header("etag"), raw_data(&last.body)),
                (version, raw_data(&other.body))
            );
        }
    }
}

#[tokio::test]
async fn no_op_update_writes_nothing_even_as_a_retry() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for dialect in DIALECTS {
        let id = Operation::Create.ask(&app, dialect, &app.key, "").await.id();
        let path = format!("{}/{id}", dialect.root);
        let kept = app.stored(dialect.name, &id).await;
        let again = app.call(dialect.update, &path, dialect.body).await;
        assert_eq!((again.status, again.header("etag")), (200, r#""1""#), "{again:?}");
        assert_eq!(app.stored(dialect.name, &id).await, kept);
        let headers = [
            ("authorization", &*app.key),
            ("content-type", "application/json"),
            ("if-match", r#""2""#),
        ];
        let refused = app.send(dialect.update, &path, &headers, dialect.body).await;
        assert_eq!(refused.status, 412, "it is still for one version");

        // Somebody else changes another field before the second try, which finds its own done.
        let elsewhere = if dialect.name == "pathway" {
            r#"{"messages_per_minute":7}"#
        } else {
            r#"{"widget_type":"chat","description":"x"}"#
        };
        let before = proxy.call_count(Call::UPDATE);
        proxy.next(Call::UPDATE, [Fault::Silent(Effect::Done)]);
        let (answer, other) =
            tokio::join!(Operation::Update.ask(&app, dialect, &app.key, &id), async {
                proxy.wait_for_calls(Call::UPDATE, before + 1).await;
                until(async || app.call("GET", &path, "").await.header("etag") == r#""2""#).await;
                app.call(dialect.update, &path, elsewhere).await
            });
        assert_eq!((other.status, other.header("etag")), (200, r#""3""#), "{other:?}");
        assert_eq!((answer.status, answer.header("etag")), (200, r#""3""#), "{answer:?}");
        assert_eq!(raw_data(&answer.body), raw_data(&other.body));
    }
}

#[tokio::test]
async fn attempt_that_arrives_late_changes_nothing() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for dialect in DIALECTS {
        let id = Operation::Create.ask(&app, dialect, &app.key, "").await.id();
        proxy.next(Call::UPDATE, [Fault::Held]);
        let answer = Operation::Update.ask(&app, dialect, &app.key, &id).await;
        assert_eq!(
            (answer.status, answer.header("etag")),
            (200, r#""2""#),
            "the second try: {answer:?}"
        );
        let other = app.call(dialect.update, &format!("{}/{id}", dialect.root), dialect.body).await;
        assert_eq!(other.header("etag"), r#""3""#);
        let kept = app.stored(dialect.name, &id).await;
        proxy.deliver().await;
        assert_eq!(app.stored(dialect.name, &id).await, kept);

        for operation in [Operation::Create, Operation::CreateOnce] {
            proxy.next(operation.call(), [Fault::Held]);
            let answer = operation.ask(&app, dialect, &app.key, "").await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let widget = format!("{}/{}", dialect.root, answer.id());
            assert_eq!(app.call("DELETE", &widget, "").await.status, 200);
            proxy.deliver().await;
            assert_eq!(app.call("GET", &widget, "").await.status, 404, "it does not come back");
        }
    }
}

#[tokio::test]
async fn retried_create_returns_version_1_despite_a_newer_change() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for dialect in DIALECTS {
        warm_up(&app, dialect).await;
        let stored = async || app.stored_of(DEVELOPMENT_ACCOUNT, dialect.name).await;
        proxy.next(Call::CREATE, [Fault::Silent(Effect::Done)]);
        let (answer, other) =
            tokio::join!(Operation::Create.ask(&app, dialect, &app.key, ""), async {
                until(async || !stored().await.is_empty()).await;
                let id = stored().await[0]["id"].as_s().unwrap().clone();
                Operation::Update.ask(&app, dialect, &app.key, &id).await
            });
        assert_eq!((answer.status, answer.header("etag")), (200, r#""1""#), "{answer:?}");
        assert_eq!((other.status, other.header("etag"), other.id()), (200, r#""2""#, answer.id()));
        assert_eq!(stored().await.len(), 1);
        assert_eq!(stored().await[0]["version"].as_n().unwrap(), "2");
    }
}

#[tokio::test]
async fn updates_with_skewed_clocks_all_apply_in_timestamp_order() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for dialect in DIALECTS {
        let id = Operation::Create.ask(&app, dialect, &app.key, "").await.id();
        // Somebody's clock is far ahead.
        let mut item = app.stored(dialect.name, &id).await.unwrap();
        let ahead = "2999-01-01T00:00:00.000Z";
        item.insert("updated_at".to_owned(), AttributeValue::S(ahead.to_owned()));
        app.store.put_item().table_name("Widgets").set_item(Some(item)).send().await.unwrap();
        let path = format!("{}/{id}", dialect.root);
        for (change, version, time) in [
            (dialect.change, r#""2""#, "2999-01-01T00:00:00.001Z"),
            (dialect.other_change, r#""3""#, "2999-01-01T00:00:00.002Z"),
        ] {
            let before = proxy.call_count(Call::UPDATE);
            let answer = app.call(dialect.update, &path, change).await;
            assert_eq!((answer.status, answer.header("etag")), (200, version), "{answer:?}");
            assert_eq!(proxy.call_count(Call::UPDATE) - before, 2, "once more, by that clock");
            let item = app.stored(dialect.name, &id).await.unwrap();
            assert_eq!(item["updated_at"], AttributeValue::S(time.to_owned()));
        }
        let stale = Operation::UpdateIf.ask(&app, dialect, &app.key, &id).await;
        assert_eq!(stale.status, 412, "{stale:?}");
        let before = proxy.call_count(Call::UPDATE);
        // The first call is refused for its time; it is the second one that gets lost.
        proxy.next(Call::UPDATE, [Fault::None, Fault::Reset(Effect::Done)]);
        let answer = app.call(dialect.update, &path, dialect.body).await;
        assert_eq!(
            (answer.status, answer.header("etag"), proxy.call_count(Call::UPDATE) - before),
            (200, r#""4""#, 3)
        );
        if dialect.name == "pathway" {
            let clears =
                app.call("PATCH", &format!("/v1/widget/{id}"), r#"{"agent_prompt":null}"#).await;
            assert_eq!(clears.status, 400, "it has nothing else: {clears:?}");
        }
    }
}

#[tokio::test]
async fn write_makes_at_most_three_attempts_whoever_retries() {
    let throttle = Fault::Refused(400, "ThrottlingException");
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for dialect in DIALECTS {
        for (operation, call) in
            [(Operation::Create, Call::CREATE), (Operation::Update, Call::UPDATE)]
        {
            for faults in [
                // The SDK's strategy retries these.
                [throttle; 3],
                // After these the update's own loop takes over.
                [Fault::Failed(Effect::None); 3],
                [Fault::Reset(Effect::None); 3],
                [throttle, Fault::Failed(Effect::None), throttle],
                [Fault::Reset(Effect::None), throttle, throttle],
            ] {
                let id = Operation::Create.ask(&app, dialect, &app.key, "").await.id();
                let before = proxy.call_count(call);
                // A fourth attempt would succeed.
                proxy.next(call, faults);
                let answer = operation.ask(&app, dialect, &app.key, &id).await;
                is_unavailable(dialect, &answer);
                assert_eq!(proxy.call_count(call) - before, 3, "{operation:?} {faults:?}");
            }
        }
    }
}

#[tokio::test]
async fn unresponsive_store_returns_503_within_the_function_timeout() {
    for call in [Call::LOOK_UP_KEY, Call::CREATE] {
        let proxy = FaultProxy::start().await;
        let app = TestApp::start_over(&proxy, |_| {}).await;
        proxy.always(call, Fault::Silent(Effect::None));
        let (assistant, pathway) =
            tokio::join!(app.create_assistant(ASSISTANT_BODY), app.create_pathway(PATHWAY_BODY));
        are_unavailable(&assistant, &pathway);
        assert!(
            !app.log().contains("the function's timeout"),
            "its calls to the store end before it has to"
        );
    }
}

#[tokio::test]
async fn retryable_dynamodb_error_returns_503_and_logs_its_code() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for (status, name) in [
        (400, "ProvisionedThroughputExceededException"),
        (400, "RequestLimitExceeded"),
        (400, "TooManyRequestsException"),
        (400, "ReplicatedWriteConflictException"),
        (503, "ServiceUnavailable"),
    ] {
        proxy.always(Call::CREATE, Fault::Refused(status, name));
        are_unavailable(
            &app.create_assistant(ASSISTANT_BODY).await,
            &app.create_pathway(PATHWAY_BODY).await,
        );
        let line = app.logged("Assistant", name).await;
        assert!(line.contains(r#""level":"ERROR""#) && line.contains(r#""status":503"#), "{line}");
    }
}

#[tokio::test]
async fn unreachable_store_returns_503() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    assert_eq!(app.create_pathway(PATHWAY_BODY).await.status, 200);
    drop(proxy);
    are_unavailable(
        &app.create_assistant(ASSISTANT_BODY).await,
        &app.create_pathway(PATHWAY_BODY).await,
    );
}

#[tokio::test]
async fn permanent_dynamodb_error_returns_500_with_only_a_request_id() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for name in [
        "ValidationException",
        "AccessDeniedException",
        "ResourceNotFoundException",
        "ConditionalCheckFailedException",
    ] {
        proxy.always(Call::CREATE, Fault::Refused(400, name));
        let before = proxy.call_count(Call::CREATE);
        let assistant = app.create_assistant(ASSISTANT_BODY).await;
        let id = assistant.header("x-request-id").to_owned();
        assert_eq!(assistant.status, 500);
        assert_eq!(
            assistant.json(),
            json!({"detail": format!("Internal Server Error (request {id})")})
        );

        let pathway = app.create_pathway(PATHWAY_BODY).await;
        let id = pathway.header("x-request-id").to_owned();
        assert_eq!(
            pathway.json(),
            json!({"status": 500, "data": Value::Null, "errors": [{"error": "INTERNAL_ERROR", "message": format!("something went wrong on our side (request {id})")}]})
        );
        assert_eq!(proxy.call_count(Call::CREATE) - before, 2, "not tried again: {name}");
        assert!(app.logged("Pathway", &id).await.contains(name));
    }
}

#[tokio::test]
async fn store_of_an_earlier_version_gets_missing_indexes_with_its_items() {
    let folder = tempfile::tempdir().unwrap();
    let location = StoreLocation::Folder(folder.path().to_owned());
    let mut app = TestApp::start_with(|options| {
        options.store_location = location.clone();
        let table =
            options.template.tables.iter_mut().find(|table| table.name == "Widgets").unwrap();
        table.indexes.clear();
        let key = &table.key;
        table.attributes.retain(|it| key.iter().any(|part| part.attribute == it.name));
    })
    .await;
    let path =
        format!("/api/v1/widget/{}/parameters", app.create_assistant(ASSISTANT_BODY).await.id());
    app.stack.stop().await;

    app = TestApp::start_with(|options| options.store_location = location).await;
    assert_eq!(app.send("GET", &path, &[], "").await.status, 200);
    assert_eq!(app.call("GET", "/api/v1/widget?page=2", "").await.json()["data"]["total"], 1);
}

#[tokio::test]
async fn embedded_store_deletes_expired_items_at_startup() {
    let folder = tempfile::tempdir().unwrap();
    let location = StoreLocation::Folder(folder.path().to_owned());
    let start =
        async || TestApp::start_with(|options| options.store_location = location.clone()).await;
    let app = start().await;
    for key in ["expired", "valid"] {
        let headers = [("authorization", app.key.as_str()), ("idempotency-key", key)];
        assert_eq!(app.send("POST", "/v1/widget", &headers, PATHWAY_BODY).await.status, 200);
    }
    let mut record = app.items().await.into_iter().find(|item| item.contains_key("ttl")).unwrap();
    record.insert("ttl".to_owned(), AttributeValue::N("1000000000".to_owned()));
    app.store.put_item().table_name("Widgets").set_item(Some(record)).send().await.unwrap();
    app.stack.stop().await;

    let app = start().await;
    let records = async || app.items().await.iter().filter(|item| item.contains_key("ttl")).count();
    until(async || records().await < 2).await;
    assert_eq!((records().await, app.count().await), (1, 2));
}
