//! Retries: who repeats what, how often, for how long, and what an unknown outcome becomes.
//!
//! An attempt whose answer was lost (a timeout, a cut connection, a 5xx) may have taken effect: its
//! outcome is unknown. DynamoDB answers a throttle and a failed condition without doing anything.
//!
//! | call | attempts | by | at most | an unknown outcome |
//! |---|---|---|---|---|
//! | `GetItem`, `Query` | 3 | strategy | 4 s | is retried: a read changes nothing |
//! | create: `PutItem` | 3 in all | strategy, once more | 5 s | is retried: see `store/create.rs` |
//! | create with a key: `TransactWriteItems` | 3 | strategy | 4 s | is retried with its token |
//! | update: `UpdateItem` | 3 in all | strategy, loop | 5 s | is retried by the loop, or a 503 |
//! | delete: `UpdateItem` | 3 | strategy | 4 s | is retried; if that is refused, a 503 |
//! | delete, then: `DeleteItem` | 1 | nobody | 0.25 s | is logged; the tombstone expires |
//! | opening the connection in INIT | 1 | nobody | 1 s | is logged; the function starts |
//!
//! The strategy is the SDK's. The loop is that of `store/update.rs`: it takes over after an unknown
//! outcome, because the next attempt needs another condition to undo nobody's change. A create is
//! called once more after an unknown outcome, with a mark that it was retried. All share one
//! budget: [`RetryPolicy::max_attempts`] counts every attempt, whoever makes it. Each attempt
//! has 1.5 s, 1 s of it to connect. Backoffs are random, up to 50 ms before the second attempt and
//! 500 ms before any.
//!
//! Around a call:
//!
//! | what | retried by | how often |
//! |---|---|---|
//! | an HTTP request | its client | as it likes; a 503 says `Retry-After: 1` |
//! | a message of a queue or from the bus | SQS | 5 deliveries, 60 s apart, then a dead letter |
//! | an asynchronous invocation | Lambda | twice, unless its invoker configures it otherwise |
//! | the batch of a pipe | that pipe | as it is configured |
//!
//! An invocation gives up 0.5 s before the function's timeout of 10 s: an HTTP request is a 503, a
//! command fails as `ServiceUnavailable`. A request on one widget makes two calls, for the API key
//! and for the widget, and a delete a third. The worst store there is costs it 9 s, so it is
//! answered before that.

use std::cell::Cell;
use std::time::Duration;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::config::interceptors::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};

use crate::telemetry::request_stats;

/// The time to open a connection.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The time to open the first connection, during INIT.
pub(super) const WARM_UP_TIMEOUT: Duration = Duration::from_secs(1);
/// The time of an attempt.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1500);
/// The time of a call with all its attempts by the SDK.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(4);
/// The time to remove a tombstone. The client of the delete waits for it, so it is short.
pub const REMOVAL_TIMEOUT: Duration = Duration::from_millis(250);
/// The longest backoff before the second attempt.
pub(super) const FIRST_BACKOFF: Duration = Duration::from_millis(50);
/// The longest backoff before any attempt.
pub(super) const MAX_BACKOFF: Duration = Duration::from_millis(500);

/// The codes of refusals that pass, besides throttles: a slow request, and a write that conflicted
/// with a transaction or with a write in another region. None did anything.
pub(super) const TRANSIENT_CODES: &[&str] = &[
    "RequestTimeout",
    "RequestTimeoutException",
    "TransactionConflictException",
    "ReplicatedWriteConflictException",
];

/// How a call is retried.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// The most attempts.
    pub max_attempts: u32,
    /// Whether to go on after an attempt whose outcome is unknown.
    pub after_unknown_outcome: bool,
}

impl RetryPolicy {
    /// Retries whatever may succeed.
    pub const DEFAULT: Self = Self { max_attempts: 3, after_unknown_outcome: true };
}

/// Returns the backoff before an attempt, if `attempts_left` are left. `jitter` is random.
pub fn backoff(attempts_left: u32, jitter: u8) -> Duration {
    let attempts = RetryPolicy::DEFAULT.max_attempts - attempts_left;
    FIRST_BACKOFF * u32::from(jitter) / 255 * attempts
}

/// What became of the attempts of a call.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attempts {
    /// How many there were.
    pub count: u32,
    /// Whether one of them may have taken effect although its answer was lost.
    pub is_outcome_unknown: bool,
}

tokio::task_local! {
    static TRACKED: (RetryPolicy, Cell<Attempts>);
}

/// Makes a call by `policy` and counts its attempts.
pub(super) async fn track<T>(policy: RetryPolicy, call: impl Future<Output = T>) -> (T, Attempts) {
    let tracked = (policy, Cell::default());
    TRACKED.scope(tracked, async { (call.await, TRACKED.with(|(_, it)| it.get())) }).await
}

/// Counts the attempts of a call.
#[derive(Debug)]
pub(super) struct AttemptTracker;

impl Intercept for AttemptTracker {
    fn name(&self) -> &'static str {
        "attempt tracker"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        request_stats::record_store_call();
        update_attempts(|attempts| Attempts { count: attempts.count + 1, ..attempts });
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let is_failure = matches!(context.output_or_error(), Some(Err(_)));
        if is_failure && is_outcome_unknown(context.response()) {
            update_attempts(|attempts| Attempts { is_outcome_unknown: true, ..attempts });
        }
        Ok(())
    }
}

fn update_attempts(update: impl FnOnce(Attempts) -> Attempts) {
    // It cannot fail: `track` is around every call.
    let _ = TRACKED.try_with(|(_, attempts)| attempts.update(update));
}

/// Returns whether an attempt that failed may have taken effect: unless DynamoDB refused it. A 5xx
/// does not tell
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>).
fn is_outcome_unknown(response: Option<&HttpResponse>) -> bool {
    !response.is_some_and(|response| response.status().is_client_error())
}

/// What the SDK's classifiers do not know. In this order:
///
/// * A retry that the [`RetryPolicy`] excludes is forbidden.
/// * A transaction that conflicted with a write is retried: it did nothing
///   (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html>).
/// * A success that cannot be parsed is retried: something else answered in DynamoDB's place.
#[derive(Debug)]
pub(super) struct RetryRules;

impl ClassifyRetry for RetryRules {
    fn name(&self) -> &'static str {
        "retry rules"
    }

    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else {
            return RetryAction::NoActionIndicated;
        };
        let is_unknown = is_outcome_unknown(context.response());
        let is_excluded = TRACKED.try_with(|(policy, attempts)| {
            attempts.get().count >= policy.max_attempts
                || is_unknown && !policy.after_unknown_outcome
        });
        let refusal = error.as_operation_error().and_then(|it| it.downcast_ref());
        let is_success = context.response().is_some_and(|it| it.status().is_success());
        if is_excluded.unwrap_or(false) {
            RetryAction::RetryForbidden
        } else if refusal.is_some_and(is_transient_cancellation) {
            RetryAction::throttling_error()
        } else if is_success {
            RetryAction::transient_error()
        } else {
            RetryAction::NoActionIndicated
        }
    }
}

/// Returns whether a transaction was cancelled for a reason that passes: another transaction or
/// write was in its way, or a throttle.
pub fn is_transient_cancellation(error: &TransactWriteItemsError) -> bool {
    const PASSING: [&str; 3] =
        ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    cancellation_reasons(error)
        .iter()
        .any(|reason| reason.code().is_some_and(|code| PASSING.contains(&code)))
}

/// Returns why a transaction was cancelled, by item in the order in which they were sent.
pub fn cancellation_reasons(error: &TransactWriteItemsError) -> &[CancellationReason] {
    match error {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            cancelled.cancellation_reasons()
        }
        _ => &[],
    }
}
