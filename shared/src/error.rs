//! Everything that can go wrong with a request.

use std::{error::Error as StdError, fmt};

use aws_runtime::retries::classifiers::{THROTTLING_ERRORS, TRANSIENT_ERRORS};
use aws_sdk_dynamodb::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};

use crate::{
    json::{JsonText, NotJson},
    model::WidgetId,
    validation::{Fault, Part, Violation},
};

/// Why a request gets no success. What the client reads of it is each dialect's `errors`; what the log says of ours is
/// the text in [`Error::Unavailable`] and [`Error::Internal`], which never reaches a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// No API key came with the request.
    NoKey,
    /// The key is unknown, revoked or has expired.
    InvalidKey,
    /// Two different keys came with the request.
    TwoKeys,
    /// The key may read and not write.
    ReadOnlyKey,
    /// No operation has this path.
    NoSuchRoute,
    /// The path has operations, but not this method.
    MethodNotAllowed {
        /// The methods it has, as the `Allow` header lists them.
        allow: &'static str,
    },
    /// The body is over [`crate::http::MAX_BODY_BYTES`].
    BodyTooLarge,
    /// The body's bytes are not UTF-8.
    BodyNotUtf8,
    /// The request breaks rules: all of those it breaks.
    Invalid(Vec<Violation>),
    /// The account has no such widget.
    NoSuchWidget(WidgetId),
    /// The widget that is to be deleted was, a while ago.
    AlreadyDeleted(WidgetId),
    /// The widget is none of the versions that `If-Match` and `If-None-Match` ask for.
    PreconditionFailed,
    /// The idempotency key came with another body before.
    IdempotencyKeyReused,
    /// The widget would be over the 400 KB that DynamoDB keeps as one.
    WidgetTooLarge,
    /// The widget's allowed domains do not have the page that asks.
    OriginNotAllowed,
    /// The answer would be over [`crate::http::MAX_ANSWER_BYTES`].
    AnswerTooLarge,
    /// The store is throttled, failing, slow or out of reach: worth another try.
    Unavailable(String),
    /// A fault of ours.
    Internal(String),
}

impl Error {
    /// After how many seconds a client may try again, where that is worth it.
    pub const RETRY_AFTER_SECONDS: u32 = 1;

    /// What the log says of it; `None` where it is its client's doing.
    pub fn into_cause(self) -> Option<String> {
        match self {
            Self::Unavailable(cause) | Self::Internal(cause) => Some(cause),
            _ => None,
        }
    }

    /// A failure of the store, as worth another try or not. The text names DynamoDB's code, its message where that quotes
    /// nothing, and the chain of causes, never the SDK's `Debug`, which holds what was sent and stored.
    pub fn from_store<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: StdError + ProvideErrorMetadata + 'static,
    {
        let text = describe(operation, error);
        if is_transient(error) { Self::Unavailable(text) } else { Self::Internal(text) }
    }

    /// A failure of the store that is known to pass.
    pub fn unavailable<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: StdError + ProvideErrorMetadata + 'static,
    {
        Self::Unavailable(describe(operation, error))
    }

    /// A refusal by the store that does not tell what became of the request: a try before it may have taken effect, and
    /// nobody saw its answer.
    pub fn unclear(operation: &str) -> Self {
        Self::Unavailable(format!("{operation}: refused after a try whose answer got lost"))
    }
}

impl From<NotJson> for Error {
    fn from(error: NotJson) -> Self {
        match error {
            NotJson::Encoding => Self::BodyNotUtf8,
            NotJson::Syntax { offset, message } => Self::Invalid(vec![Violation {
                part: Part::Body,
                path: Vec::new(),
                fault: Fault::Malformed { offset, message },
                input: JsonText::default(),
            }]),
        }
    }
}

impl From<Vec<Violation>> for Error {
    fn from(violations: Vec<Violation>) -> Self {
        Self::Invalid(violations)
    }
}

/// What the SDK itself retries is what a client may retry too, plus everything that did not get as far as an answer
/// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html).
fn is_transient<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => {
            true
        }
        SdkError::ServiceError(context) => match context.err().code() {
            Some(code) => {
                context.raw().status().is_server_error()
                    || THROTTLING_ERRORS.contains(&code)
                    || TRANSIENT_ERRORS.contains(&code)
                    || code == "ReplicatedWriteConflictException"
                    || code == "TransactionConflictException"
            }
            // Every error of DynamoDB's has a code: something else answered in its place.
            None => true,
        },
        _ => false,
    }
}

/// Codes of errors whose message is about the table, the role and the reasons' codes, as those of throttles are about the load.
/// Others' may quote what was sent: a validation names the value that it refuses.
const QUOTE_NOTHING: [&str; 3] =
    ["AccessDeniedException", "ResourceNotFoundException", "TransactionCanceledException"];

/// The operation and the error's kind, code and causes. `Debug` of an SDK error would print the response, and with it what
/// is stored.
fn describe<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> String
where
    E: StdError + ProvideErrorMetadata + 'static,
{
    if let SdkError::ServiceError(context) = error
        && let Some(code) = context.err().code()
    {
        let status = context.raw().status().as_u16();
        let request = context.raw().request_id().unwrap_or("unknown");
        let quotes_nothing = QUOTE_NOTHING.contains(&code) || THROTTLING_ERRORS.contains(&code);
        let message = context.err().message().filter(|_| quotes_nothing);
        let message = message.map(|message| format!(": {message}")).unwrap_or_default();
        return format!(
            "{operation}: {code} (status {status}, DynamoDB request {request}){message}"
        );
    }
    format!("{operation}: {}", Causes(error))
}

/// An error and its causes, outermost first.
pub(crate) struct Causes<'a>(pub(crate) &'a (dyn StdError + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
