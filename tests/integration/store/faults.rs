//! Every operation with every fault, once and always.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use uuid::Uuid;

use super::{Operation, bodies, expect_unavailable};
use crate::support::{
    app::TestApp,
    dialect::{DIALECTS, Dialect},
    fault_proxy::{Call, Effect, Fault, FaultProxy},
};

/// The faults that take half a second or more.
const SLOW: [Fault; 4] =
    [Fault::Silent(Effect::None), Fault::Silent(Effect::Done), Fault::Trickle, Fault::Late];

/// Returns whether a call with `fault` takes effect although its answer is lost.
fn loses_the_answer(fault: Fault) -> bool {
    use Fault::*;
    match fault {
        None | Refused(..) | Quoting | Conflict | Held | Late => false,
        HalfAnswer | Trickle => true,
        Failed(effect) | Reset(effect) | Silent(effect) | Garbage(effect) => effect == Effect::Done,
    }
}

/// The planned faults of each account: the call, the faults of its next attempts, and the fault of
/// every later attempt.
type Plans = Arc<Mutex<HashMap<String, (Call<'static>, VecDeque<Fault>, Fault)>>>;

/// Starts a stack over a proxy that injects the planned faults of each account.
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

/// Requests `operation` while its call has `fault` once or always. Checks the answer, the stored
/// items and a retry.
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

    // A text that only the calls of this trial hold.
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
        expect_unavailable(dialect, &answer);
    }
    if operation.is_public() {
        let origin = if dialect.name == "assistant" { "*" } else { "https://a.example" };
        assert_eq!(answer.header("access-control-allow-origin"), origin);
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
            let (bodies, item) = (bodies(dialect), &after[0]);
            let is_new = |name: &str| item[name].as_s().unwrap().ends_with("new");
            assert!(bodies.changed.into_iter().all(is_new), "{what}: {item:?}");
            assert_eq!(item[bodies.unchanged], before[0][bodies.unchanged], "{what}");
            assert_eq!(item["version"].as_n().unwrap(), "2", "{what}");
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

/// The number of concurrent trials.
const AT_ONCE: usize = 16;

/// Runs the trial of every operation of each dialect with each of `faults`.
async fn trials(faults: &[Fault], is_always: bool, timeout: Option<Duration>) {
    let (app, _proxy, plans) = app_with_plans(AT_ONCE, timeout).await;
    let trials = DIALECTS.into_iter().flat_map(|dialect| {
        let operations = Operation::ALL.into_iter().filter(move |it| it.is_of(dialect));
        operations.flat_map(move |it| faults.iter().map(move |fault| (dialect, it, *fault)))
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
