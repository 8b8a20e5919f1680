//! Why an invocation failed, as Lambda tells whoever made it: a type by which a state machine catches it
//! (<https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html>), a sentence, and what is wrong as data.

use std::fmt::{self, Write};

use serde::Serialize;

use crate::{
    error::Error,
    validation::{PathText, Violation, WithoutValues},
};

/// The most bytes of all violations that are told, as JSON: a state machine keeps 32,768 characters of a failure
/// (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_TaskFailedEventDetails.html>).
const MAX_TOLD_BYTES: usize = 24 * 1024;

/// The most characters of a fault that is told, which may quote what was sent.
const MAX_CHARACTERS: usize = 250;

/// The most violations that a log line has.
const MAX_LOGGED: usize = 10;

/// What kind of failure it is: its `errorType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Kind {
    /// The command breaks rules. The same one will always.
    ValidationError,
    /// The account has no such widget.
    NotFound,
    /// The idempotency key came with another body before.
    Conflict,
    /// The store is throttled, slow or out of reach. The same command may well be done another time.
    ServiceUnavailable,
    /// A fault of ours.
    InternalError,
    /// The payload is nothing that this function is for.
    UnknownEvent,
}

impl Kind {
    /// Whether the same command may be done another time without anybody having done anything about it.
    pub fn is_retryable(self) -> bool {
        self == Self::ServiceUnavailable
    }

    /// Whether it is the doing of whoever sent it.
    pub fn is_theirs(self) -> bool {
        !matches!(self, Self::ServiceUnavailable | Self::InternalError)
    }
}

impl From<&Error> for Kind {
    fn from(error: &Error) -> Self {
        match error {
            Error::Invalid(_) | Error::WidgetTooLarge | Error::AnswerTooLarge => {
                Self::ValidationError
            }
            Error::NoSuchWidget(_) | Error::AlreadyDeleted(_) => Self::NotFound,
            Error::IdempotencyKeyReused => Self::Conflict,
            Error::Unavailable(_) => Self::ServiceUnavailable,
            // The others are about HTTP, which no command comes by.
            Error::Internal(_)
            | Error::NoKey
            | Error::InvalidKey
            | Error::TwoKeys
            | Error::ReadOnlyKey
            | Error::NoSuchRoute
            | Error::MethodNotAllowed { .. }
            | Error::BodyTooLarge
            | Error::BodyNotUtf8
            | Error::PreconditionFailed
            | Error::OriginNotAllowed => Self::InternalError,
        }
    }
}

/// A failed invocation's payload.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    error_type: Kind,
    error_message: String,
    /// All that is wrong with a command, as far as there is room.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    violations: Vec<Told>,
}

/// A violation as data.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Told {
    path: String,
    message: String,
}

impl Failure {
    /// What `error` is to whoever sent the command in the invocation `request_id`.
    pub fn of(error: &Error, request_id: &str) -> Self {
        let error_message = match error {
            Error::Invalid(violations) => {
                let first = violations.first().map(|first| format!("{} {}", Path(first), first.fault));
                let more = violations.len().saturating_sub(1);
                let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
                cut(first.unwrap_or_default()) + &more
            }
            Error::WidgetTooLarge => "the widget would be over 400 KB".to_owned(),
            Error::AnswerTooLarge => "the widgets of all commands are over 6 MB: bring fewer at a time".to_owned(),
            Error::NoSuchWidget(id) | Error::AlreadyDeleted(id) => format!("there is no widget with id {id}"),
            Error::IdempotencyKeyReused => {
                "the idempotency key came with another body before: bodies are compared byte for byte".to_owned()
            }
            Error::Unavailable(_) => "the service is temporarily unavailable: please try again".to_owned(),
            _ => return Self::internal(request_id),
        };
        let violations = match error {
            Error::Invalid(violations) => told(violations),
            _ => Vec::new(),
        };
        Self { error_type: Kind::from(error), error_message, violations }
    }

    /// A fault of ours, which says nothing of the inside.
    pub fn internal(request_id: &str) -> Self {
        Self {
            error_type: Kind::InternalError,
            error_message: format!("something went wrong on our side (request {request_id})"),
            violations: Vec::new(),
        }
    }

    /// That a payload is nothing that this function is for: `what` it is instead.
    pub fn unknown(what: &str) -> Self {
        Self {
            error_type: Kind::UnknownEvent,
            error_message: format!("the payload is {what}"),
            violations: Vec::new(),
        }
    }
}

impl From<&Violation> for Told {
    fn from(violation: &Violation) -> Self {
        Self { path: Path(violation).to_string(), message: cut(violation.fault.to_string()) }
    }
}

/// As many of the violations as there is room for.
fn told(violations: &[Violation]) -> Vec<Told> {
    let mut size = 0;
    let fits = |told: &Told| {
        size += serde_json::to_vec(told).map_or(0, |json| json.len());
        size <= MAX_TOLD_BYTES
    };
    violations.iter().map(Told::from).take_while(fits).collect()
}

/// Where in a command a violation is.
struct Path<'a>(&'a Violation);

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `body` is one of a command's members.
        if self.0.path.is_empty() { f.write_str("command") } else { PathText(&self.0.path).fmt(f) }
    }
}

/// What quotes something that was sent may be of any length.
fn cut(text: String) -> String {
    match text.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// What the log says of `error`: nothing of what was sent.
pub fn cause(error: &Error) -> String {
    match error {
        Error::Invalid(violations) => {
            let mut text = String::new();
            for violation in violations.iter().take(MAX_LOGGED) {
                let separator = if text.is_empty() { "" } else { "; " };
                // Writing to a string cannot fail.
                let _ = write!(
                    text,
                    "{separator}{} {}",
                    Path(violation),
                    WithoutValues(&violation.fault)
                );
            }
            match violations.len().saturating_sub(MAX_LOGGED) {
                0 => text,
                more => format!("{text} (and {more} more)"),
            }
        }
        Error::Unavailable(cause) | Error::Internal(cause) => cause.clone(),
        error => Failure::of(error, "").error_message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        json,
        model::pathway::Settings,
        validation::{Segment, within},
    };

    fn invalid(body: &str) -> Error {
        let violations = Settings::parse(json::document(body.as_bytes()).unwrap()).unwrap_err();
        Error::Invalid(within(Segment::Field("body"), violations))
    }

    const TWO_FAULTS: &str = r#"{"agent_prompt":"x","allowed_domains":["ok.example","https://secret"],"messages_per_minute":1}"#;

    #[test]
    fn what_is_wrong_is_told_as_data_and_in_a_sentence() {
        assert_eq!(
            serde_json::to_string(&Failure::of(&invalid(TWO_FAULTS), "r1")).unwrap(),
            r#"{"errorType":"ValidationError","errorMessage":"body.allowed_domains[1] \"https://secret\" must be a host name without a scheme (and 1 more)","violations":[{"path":"body.allowed_domains[1]","message":"\"https://secret\" must be a host name without a scheme"},{"path":"body.config","message":"is required"}]}"#
        );
    }

    #[test]
    fn the_log_holds_nothing_of_what_was_sent() {
        assert_eq!(
            cause(&invalid(TWO_FAULTS)),
            "body.allowed_domains[1] must be a host name without a scheme; body.config is required"
        );
    }

    #[test]
    fn what_is_told_fits_into_what_a_state_machine_keeps() {
        for sent in ["é", r"\\", r#"\""#, "x"] {
            let entries = vec![format!(r#""://{}""#, sent.repeat(1000)); 90].join(",");
            let body = format!(r#"{{"allowed_domains":[{entries}]}}"#);
            let told = serde_json::to_string(&Failure::of(&invalid(&body), "r1")).unwrap();
            assert!(told.chars().count() < 32_768, "{sent}: {}", told.chars().count());
            assert!(told.contains(r#""path":"body.allowed_domains[9]""#), "{told}");
            assert!(cause(&invalid(&body)).len() < 1_000);
        }
    }
}
