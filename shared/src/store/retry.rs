//! What the SDK's retries need to know of DynamoDB that they do not, and what there is to know of them.

use std::cell::Cell;

use aws_sdk_dynamodb::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::FinalizerInterceptorContextRef},
    error::BoxError,
    operation::{
        delete_item::DeleteItemError, put_item::PutItemError, transact_write_items::TransactWriteItemsError,
        update_item::UpdateItemError,
    },
    types::CancellationReason,
};
use aws_smithy_runtime_api::client::{
    interceptors::context::InterceptorContext,
    retries::classifiers::{ClassifyRetry, RetryAction},
};

/// Has a write tried again that a transaction was in the way of, or that another write kept a transaction from. Neither
/// did anything (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html>).
#[derive(Debug)]
pub struct TransactionConflicts;

impl ClassifyRetry for TransactionConflicts {
    fn name(&self) -> &'static str {
        "transaction conflicts"
    }

    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else { return RetryAction::NoActionIndicated };
        let Some(error) = error.as_operation_error() else { return RetryAction::NoActionIndicated };
        let is_conflict = error.downcast_ref().is_some_and(PutItemError::is_transaction_conflict_exception)
            || error.downcast_ref().is_some_and(UpdateItemError::is_transaction_conflict_exception)
            || error.downcast_ref().is_some_and(DeleteItemError::is_transaction_conflict_exception)
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
    const PASSING: [&str; 3] = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    cancellation_reasons(error).iter().any(|reason| reason.code().is_some_and(|code| PASSING.contains(&code)))
}

/// Why a transaction was not made, by item in the order that they were sent in.
pub fn cancellation_reasons(error: &TransactWriteItemsError) -> &[CancellationReason] {
    match error {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => cancelled.cancellation_reasons(),
        _ => &[],
    }
}

tokio::task_local! {
    /// Whether a try of the call that is being made may have taken effect unseen.
    static IS_UNCLEAR: Cell<bool>;
}

/// Makes a call, and tells besides its outcome whether a try before the one that decided it may have taken effect though
/// nobody saw its answer.
pub async fn watched<T>(call: impl Future<Output = T>) -> (T, bool) {
    IS_UNCLEAR.scope(Cell::new(false), async { (call.await, IS_UNCLEAR.with(Cell::get)) }).await
}

/// Notes the tries whose outcome is not known: all but those that DynamoDB carried out or refused. A 5xx does not tell
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>).
#[derive(Debug)]
pub struct Watch;

impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "unclear outcomes"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let is_refused = || context.response().is_some_and(|response| response.status().is_client_error());
        if matches!(context.output_or_error(), Some(Err(_))) && !is_refused() {
            // A call that nobody watches is one that may be made twice.
            let _ = IS_UNCLEAR.try_with(|is_unclear| is_unclear.set(true));
        }
        Ok(())
    }
}
