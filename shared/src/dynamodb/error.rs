//! Why a call failed, and what of that the log may say.

use std::error::Error as StdError;
use std::fmt;

use aws_runtime::retries::classifiers::THROTTLING_ERRORS;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;

use super::retry::{Attempts, TRANSIENT_CODES};
use crate::error::{Causes, Error};

/// The codes whose message names tables, roles and reasons only. The messages of throttles do so,
/// too. Other messages may quote what was sent: a validation error names the value that it refuses.
const CODES_THAT_QUOTE_NOTHING: [&str; 3] =
    ["AccessDeniedException", "ResourceNotFoundException", "TransactionCanceledException"];

/// The failure of a call. `Debug` shows what the log may say: the SDK's own would print DynamoDB's
/// answer, and with it what is stored.
pub struct CallError<E> {
    /// What became of the attempts.
    pub attempts: Attempts,
    pub(super) source: SdkError<E, HttpResponse>,
}

impl<E> CallError<E> {
    /// Returns DynamoDB's refusal, if that is why the call failed.
    pub fn refusal(&self) -> Option<&E> {
        self.source.as_service_error()
    }
}

impl<E: StdError + ProvideErrorMetadata + 'static> CallError<E> {
    /// Converts the failure of `operation`. What a client may retry becomes [`Error::Unavailable`],
    /// and everything else [`Error::Internal`].
    pub fn into_error(self, operation: &str) -> Error {
        let text = self.describe(operation);
        if self.is_transient() { Error::Unavailable(text) } else { Error::Internal(text) }
    }

    /// Converts a failure of `operation` that a client may retry.
    pub fn into_unavailable(self, operation: &str) -> Error {
        Error::Unavailable(self.describe(operation))
    }

    /// A client may retry what the SDK retries, and what did not get as far as an answer
    /// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>).
    fn is_transient(&self) -> bool {
        match &self.source {
            SdkError::TimeoutError(_)
            | SdkError::DispatchFailure(_)
            | SdkError::ResponseError(_) => true,
            // Every error of DynamoDB has a code: without one, something else answered in its
            // place.
            SdkError::ServiceError(context) => context.err().code().is_none_or(|code| {
                context.raw().status().is_server_error()
                    || THROTTLING_ERRORS.contains(&code)
                    || TRANSIENT_CODES.contains(&code)
            }),
            _ => false,
        }
    }

    /// Returns what the log says: the operation and the error's code, or its chain of causes.
    pub fn describe(&self, operation: &str) -> String {
        if let SdkError::ServiceError(context) = &self.source
            && let Some(code) = context.err().code()
        {
            let status = context.raw().status().as_u16();
            let request = context.raw().request_id().unwrap_or("unknown");
            let quotes_nothing =
                CODES_THAT_QUOTE_NOTHING.contains(&code) || THROTTLING_ERRORS.contains(&code);
            let message = context.err().message().filter(|_| quotes_nothing);
            let message = message.map(|message| format!(": {message}")).unwrap_or_default();
            return format!(
                "{operation}: {code} (status {status}, DynamoDB request {request}){message}"
            );
        }
        format!("{operation}: {}", Causes(&self.source))
    }
}

impl<E: StdError + ProvideErrorMetadata + 'static> fmt::Debug for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe("CallError"))
    }
}
