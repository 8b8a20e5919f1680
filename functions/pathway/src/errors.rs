//! Errors in the dialect's envelope. `errors` is never empty: a published client takes an answer
//! without errors for a success.

use serde::Serialize;
use shared::error::Error;
use shared::http::{Response, StatusCode, error_status};
use shared::validation::{PathDisplay, Violation};

/// Answers a request that failed with `error`.
pub fn response(error: &Error, request_id: &str) -> Response {
    let messages = match error {
        Error::Invalid(_) | Error::Malformed(_) => {
            let violations = error.violations().iter();
            let path = |it: &Violation| PathDisplay { path: &it.path, root: "body" }.to_string();
            violations.map(|it| format!("{} {}", path(it), it.kind)).collect()
        }
        Error::AnswerTooLarge => {
            vec!["the list is over 6 MB: use limit to read it in pages".to_owned()]
        }
        Error::IdempotencyKeyReused => vec![
            "the idempotency-key came with another body before: bodies are compared byte for byte"
                .to_owned(),
        ],
        Error::Internal(_) => vec![format!("{error} (request {request_id})")],
        error => vec![error.to_string()],
    };
    let status = match error {
        Error::Invalid(_) | Error::Malformed(_) => StatusCode::BAD_REQUEST,
        error => error_status(error),
    };
    envelope(status, code(error), messages).with_error_headers(error, "Bearer")
}

/// Makes the envelope with one entry a message.
fn envelope(status: StatusCode, code: &'static str, messages: Vec<String>) -> Response {
    #[derive(Serialize)]
    struct Envelope {
        status: u16,
        data: Option<()>,
        errors: Vec<Entry>,
    }

    #[derive(Serialize)]
    struct Entry {
        error: &'static str,
        message: String,
    }

    let errors = messages.into_iter().map(|message| Entry { error: code, message }).collect();
    Response::json(status, &Envelope { status: status.as_u16(), data: None, errors })
}

/// Returns the code of an error.
fn code(error: &Error) -> &'static str {
    match error {
        Error::Invalid(_) | Error::Malformed(_) | Error::BodyNotUtf8 | Error::IntegerTooLong => {
            "INVALID_PARAMETER"
        }
        Error::MissingApiKey | Error::InvalidApiKey | Error::ConflictingApiKeys => "UNAUTHORIZED",
        Error::ReadOnlyApiKey | Error::OriginNotAllowed { .. } => "FORBIDDEN",
        Error::RouteNotFound | Error::WidgetNotFound(_) => "NOT_FOUND",
        Error::MethodNotAllowed { .. } => "METHOD_NOT_ALLOWED",
        Error::PreconditionFailed { .. } => "PRECONDITION_FAILED",
        Error::BodyTooLarge | Error::WidgetTooLarge | Error::AnswerTooLarge => "PAYLOAD_TOO_LARGE",
        Error::IdempotencyKeyReused => "IDEMPOTENCY_KEY_REUSED",
        Error::Unavailable(_) => "SERVICE_UNAVAILABLE",
        Error::Internal(_) => "INTERNAL_ERROR",
    }
}
