//! The error of a failed invocation, as Lambda passes it on to the invoker: a type by which a state
//! machine catches it
//! (<https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html>), a
//! sentence, and the violations as data.

use serde::Serialize;

use crate::error::Error;
use crate::telemetry::{Level, log};
use crate::validation::{PathDisplay, Violation, WithoutValues, shorten};

/// The most bytes of the violations as JSON: a state machine keeps 32,768 characters of an error
/// (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_TaskFailedEventDetails.html>).
const MAX_VIOLATIONS_BYTES: usize = 24 * 1024;

/// The most characters of a message, which may quote what was sent.
const MAX_MESSAGE_CHARACTERS: usize = 250;

/// The most violations in a log line.
const MAX_LOGGED_VIOLATIONS: usize = 10;

/// The `errorType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ErrorType {
    /// The command breaks rules.
    ValidationError,
    /// The account has no such widget.
    NotFound,
    /// The idempotency key came with another body before.
    Conflict,
    /// The store is throttled, slow or out of reach. A retry may succeed.
    ServiceUnavailable,
    /// A fault of this service.
    InternalError,
    /// The payload is not an event that the function knows.
    UnknownEvent,
}

impl ErrorType {
    /// Returns whether a retry may succeed.
    pub fn is_retryable(self) -> bool {
        self == Self::ServiceUnavailable
    }

    /// Returns whether the fault is the client's.
    pub fn is_client_error(self) -> bool {
        !matches!(self, Self::ServiceUnavailable | Self::InternalError)
    }
}

impl From<&Error> for ErrorType {
    fn from(error: &Error) -> Self {
        match error {
            Error::Invalid(_)
            | Error::Malformed(_)
            | Error::WidgetTooLarge
            | Error::AnswerTooLarge => Self::ValidationError,
            Error::WidgetNotFound(_) => Self::NotFound,
            Error::IdempotencyKeyReused => Self::Conflict,
            Error::Unavailable(_) => Self::ServiceUnavailable,
            // No command fails with an error of HTTP.
            Error::MissingApiKey
            | Error::InvalidApiKey
            | Error::ConflictingApiKeys
            | Error::ReadOnlyApiKey
            | Error::RouteNotFound
            | Error::MethodNotAllowed { .. }
            | Error::BodyTooLarge
            | Error::BodyNotUtf8
            | Error::IntegerTooLong
            | Error::PreconditionFailed { .. }
            | Error::OriginNotAllowed { .. }
            | Error::Internal(_) => Self::InternalError,
        }
    }
}

/// The error document of a failed invocation.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvocationError {
    error_type: ErrorType,
    error_message: String,
    /// What is wrong with a command, as far as there is room.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    violations: Vec<ViolationBody>,
}

/// A violation as data.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct ViolationBody {
    path: String,
    message: String,
}

impl InvocationError {
    /// Makes the document of a command that failed in the invocation `request_id`.
    pub fn new(error: &Error, request_id: &str) -> Self {
        let error_type = ErrorType::from(error);
        let error_message = match error {
            Error::Invalid(_) | Error::Malformed(_) => summarize(error.violations()),
            Error::AnswerTooLarge => {
                "the widgets of all commands are over 6 MB: bring fewer at a time".to_owned()
            }
            _ if error_type == ErrorType::InternalError => return Self::internal(request_id),
            error => error.to_string(),
        };
        let violations = violation_bodies(error.violations());
        Self { error_type, error_message, violations }
    }

    /// Makes the document of a fault of this service, which says nothing of the inside.
    pub fn internal(request_id: &str) -> Self {
        let error_message = format!("something went wrong on our side (request {request_id})");
        Self { error_type: ErrorType::InternalError, error_message, violations: Vec::new() }
    }

    /// Makes the document of an unknown payload and writes its log line; `what` is what it is
    /// instead.
    pub fn unknown_event(what: &str, request_id: &str) -> Self {
        let cause = format!("{what} (request {request_id})");
        log::write_message(Level::Error, "unknown event", &cause);
        let error_message = format!("the payload is {what}");
        Self { error_type: ErrorType::UnknownEvent, error_message, violations: Vec::new() }
    }
}

/// Writes the first violation, and how many more there are.
fn summarize(violations: &[Violation]) -> String {
    let first = violations.first().map(|it| format!("{} {}", path(it), it.kind));
    shorten(&first.unwrap_or_default(), MAX_MESSAGE_CHARACTERS) + &and_more(violations, 1)
}

/// Writes how many violations there are behind the `first`.
fn and_more(violations: &[Violation], first: usize) -> String {
    match violations.len().saturating_sub(first) {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    }
}

/// Returns as many violations as there is room for.
fn violation_bodies(violations: &[Violation]) -> Vec<ViolationBody> {
    let mut size = 0;
    let fits = |body: &ViolationBody| {
        size += serde_json::to_vec(body).map_or(0, |json| json.len());
        size <= MAX_VIOLATIONS_BYTES
    };
    let bodies = violations.iter().map(|it| ViolationBody {
        path: path(it).to_string(),
        message: shorten(&it.kind.to_string(), MAX_MESSAGE_CHARACTERS),
    });
    bodies.take_while(fits).collect()
}

/// Writes where in a command a violation is. `body` is a member of a command.
fn path(violation: &Violation) -> PathDisplay<'_> {
    PathDisplay { path: &violation.path, root: "command" }
}

/// Returns what the log says of `error`: nothing of what was sent.
pub fn log_cause(error: &Error) -> String {
    let violations = error.violations();
    if violations.is_empty() {
        let cause = error.cause().map(str::to_owned);
        return cause.unwrap_or_else(|| InvocationError::new(error, "").error_message);
    }
    let logged = violations.iter().take(MAX_LOGGED_VIOLATIONS);
    let logged: Vec<String> =
        logged.map(|it| format!("{} {}", path(it), WithoutValues(&it.kind))).collect();
    logged.join("; ") + &and_more(violations, MAX_LOGGED_VIOLATIONS)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::pathway::Settings;
    use crate::model::{AccountId, WidgetSettings};
    use crate::validation::{Location, json, prefix_path};

    fn invalid(body: &str) -> Error {
        let violations =
            Settings::parse(json::document(body.as_bytes()).unwrap(), AccountId(Uuid::nil()))
                .unwrap_err();
        Error::Invalid(prefix_path(Location::Field("body"), violations))
    }

    const TWO_VIOLATIONS: &str = r#"{"agent_prompt":"x","allowed_domains":["ok.example","https://secret"],"messages_per_minute":1}"#;

    #[test]
    fn violations_are_reported_as_data_and_in_a_sentence() {
        assert_eq!(
            serde_json::to_string(&InvocationError::new(&invalid(TWO_VIOLATIONS), "r1")).unwrap(),
            r#"{"errorType":"ValidationError","errorMessage":"body.allowed_domains[1] \"https://secret\" must be a host name without a scheme (and 1 more)","violations":[{"path":"body.allowed_domains[1]","message":"\"https://secret\" must be a host name without a scheme"},{"path":"body.config","message":"is required"}]}"#
        );
    }

    #[test]
    fn the_log_has_nothing_of_what_was_sent() {
        assert_eq!(
            log_cause(&invalid(TWO_VIOLATIONS)),
            "body.allowed_domains[1] must be a host name without a scheme; body.config is required"
        );
    }

    #[test]
    fn the_document_fits_into_what_a_state_machine_keeps() {
        for sent in ["é", r"\\", r#"\""#, "x"] {
            let entries = vec![format!(r#""://{}""#, sent.repeat(1000)); 90].join(",");
            let body = format!(r#"{{"allowed_domains":[{entries}]}}"#);
            let document =
                serde_json::to_string(&InvocationError::new(&invalid(&body), "r1")).unwrap();
            assert!(document.chars().count() < 32_768, "{sent}: {}", document.chars().count());
            assert!(document.contains(r#""path":"body.allowed_domains[9]""#), "{document}");
            assert!(log_cause(&invalid(&body)).len() < 1_000);
        }
    }
}
