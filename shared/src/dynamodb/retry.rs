//! What the SDK's retries need to know of DynamoDB that they do not, and what there is to know of them.

use std::cell::Cell;

use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        http::HttpResponse,
        interceptors::{BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef},
    },
    error::BoxError,
    operation::{
        put_item::PutItemError, transact_write_items::TransactWriteItemsError,
        update_item::UpdateItemError,
    },
    types::CancellationReason,
};
use aws_smithy_runtime_api::client::{
    interceptors::context::InterceptorContext,
    retries::classifiers::{ClassifyRetry, RetryAction},
};

use crate::observed::note_store_call;

/// Has a write tried again that a transaction was in the way of, or that another write kept a transaction from. Neither
/// did anything (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html>).
#[derive(Debug)]
pub struct TransactionConflicts;

impl ClassifyRetry for TransactionConflicts {
    fn name(&self) -> &'static str {
        "transaction conflicts"
    }

    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else {
            return RetryAction::NoActionIndicated;
        };
        let Some(error) = error.as_operation_error() else { return RetryAction::NoActionIndicated };
        let is_conflict = error
            .downcast_ref()
            .is_some_and(PutItemError::is_transaction_conflict_exception)
            || error.downcast_ref().is_some_and(UpdateItemError::is_transaction_conflict_exception)
            || error.downcast_ref().is_some_and(is_kept_off);
        if is_conflict { RetryAction::throttling_error() } else { RetryAction::NoActionIndicated }
    }
}

/// Has a call tried again whose answer is a success that cannot be read: something else answered in DynamoDB's place.
#[derive(Debug)]
pub struct UnreadableAnswers;

impl ClassifyRetry for UnreadableAnswers {
    fn name(&self) -> &'static str {
        "unreadable answers"
    }

    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let is_success = context.response().is_some_and(|response| response.status().is_success());
        match context.output_or_error() {
            Some(Err(_)) if is_success => RetryAction::transient_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }
}

/// Whether a transaction was not made for a reason that passes.
pub fn is_kept_off(error: &TransactWriteItemsError) -> bool {
    const PASSING: [&str; 3] =
        ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    cancellation_reasons(error)
        .iter()
        .any(|reason| reason.code().is_some_and(|code| PASSING.contains(&code)))
}

/// Why a transaction was not made, by item in the order that they were sent in.
pub fn cancellation_reasons(error: &TransactWriteItemsError) -> &[CancellationReason] {
    match error {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            cancelled.cancellation_reasons()
        }
        _ => &[],
    }
}

/// Whether nobody knows what became of a try: all but those that DynamoDB carried out or refused. A 5xx does not tell
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>).
fn is_unclear<T, E>(outcome: Option<Result<T, E>>, response: Option<&HttpResponse>) -> bool {
    let is_refused = || response.is_some_and(|response| response.status().is_client_error());
    matches!(outcome, Some(Err(_))) && !is_refused()
}

/// A call that is watched.
struct Watched {
    /// Whether one of its tries may have taken effect unseen.
    is_unclear: Cell<bool>,
    /// Whether the SDK is to make it again then.
    is_repeated: bool,
}

tokio::task_local! {
    static WATCHED: Watched;
}

/// Makes a call, and tells besides its outcome whether a try before the one that decided it may have taken effect though
/// nobody saw its answer.
pub async fn watched<T>(call: impl Future<Output = T>) -> (T, bool) {
    watch(true, call).await
}

/// The same, but that the SDK does not make the call again after such a try.
pub async fn watched_unrepeated<T>(call: impl Future<Output = T>) -> (T, bool) {
    watch(false, call).await
}

async fn watch<T>(is_repeated: bool, call: impl Future<Output = T>) -> (T, bool) {
    let watched = Watched { is_unclear: Cell::new(false), is_repeated };
    WATCHED
        .scope(watched, async { (call.await, WATCHED.with(|watched| watched.is_unclear.get())) })
        .await
}

/// Notes all tries, and those whose outcome is not known.
#[derive(Debug)]
pub struct Watch;

impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "tries and their outcomes"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        note_store_call();
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if is_unclear(context.output_or_error(), context.response()) {
            // A call that nobody watches is one that may be made twice.
            let _ = WATCHED.try_with(|watched| watched.is_unclear.set(true));
        }
        Ok(())
    }
}

/// Keeps the SDK from making a call again that is not to be, once a try's outcome is not known.
#[derive(Debug)]
pub struct Unrepeated;

impl ClassifyRetry for Unrepeated {
    fn name(&self) -> &'static str {
        "unrepeated calls"
    }

    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let is_over = || WATCHED.try_with(|watched| !watched.is_repeated).unwrap_or(false);
        if is_unclear(context.output_or_error(), context.response()) && is_over() {
            RetryAction::RetryForbidden
        } else {
            RetryAction::NoActionIndicated
        }
    }
}
