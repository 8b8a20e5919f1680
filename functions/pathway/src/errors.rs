//! Failures in the dialect's envelope (contract 1.5): `errors` is never empty.

use serde::Serialize;
use shared::{
    error::Error,
    http::{HeaderValue, Response, StatusCode, header},
    validation::PathText,
};

/// The answer to a request that failed with `error`.
pub fn response(error: &Error, request_id: &str) -> Response {
    let one = |status, code, message: &str| refusal(status, code, [message.to_owned()]);
    let unauthorized = |message| {
        one(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message)
            .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    };
    let too_large = |message| one(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", message);
    match error {
        Error::NoKey => unauthorized("an API key is required"),
        Error::InvalidKey => unauthorized("the API key is not valid"),
        Error::TwoKeys => unauthorized("two different API keys came with the request"),
        Error::ReadOnlyKey => one(StatusCode::FORBIDDEN, "FORBIDDEN", "the API key may only read"),
        Error::NoSuchRoute => one(StatusCode::NOT_FOUND, "NOT_FOUND", "there is no such route"),
        Error::MethodNotAllowed { allow } => one(
            StatusCode::METHOD_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED",
            &format!("the method is not allowed here: use {allow}"),
        )
        .with_header(header::ALLOW, HeaderValue::from_static(allow)),
        Error::NoSuchWidget(id) | Error::AlreadyDeleted(id) => {
            one(StatusCode::NOT_FOUND, "NOT_FOUND", &format!("there is no widget with id {id}"))
        }
        Error::OriginNotAllowed => one(
            StatusCode::FORBIDDEN,
            "FORBIDDEN",
            "the Origin header names no page of the widget's allowed_domains",
        ),
        Error::PreconditionFailed => one(
            StatusCode::PRECONDITION_FAILED,
            "PRECONDITION_FAILED",
            "if-match asks for another version of the widget, or if-none-match excludes this one",
        ),
        Error::IdempotencyKeyReused => one(
            StatusCode::UNPROCESSABLE_ENTITY,
            "IDEMPOTENCY_KEY_REUSED",
            "the idempotency-key came with another body before: bodies are compared byte for byte",
        ),
        Error::BodyTooLarge => too_large("body must be at most 256 KiB"),
        Error::WidgetTooLarge => too_large("the widget would be over 400 KB"),
        Error::AnswerTooLarge => too_large("the list is over 6 MB: use limit to read it in pages"),
        Error::BodyNotUtf8 => {
            one(StatusCode::BAD_REQUEST, "INVALID_PARAMETER", "body must be JSON in UTF-8")
        }
        Error::Invalid(violations) => refusal(
            StatusCode::BAD_REQUEST,
            "INVALID_PARAMETER",
            violations
                .iter()
                .map(|violation| format!("{} {}", PathText(&violation.path), violation.fault)),
        ),
        Error::Unavailable(_) => one(
            StatusCode::SERVICE_UNAVAILABLE,
            "SERVICE_UNAVAILABLE",
            "the service is temporarily unavailable: please try again",
        )
        .with_header(header::RETRY_AFTER, Error::RETRY_AFTER_SECONDS),
        Error::Internal(_) => one(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL_ERROR",
            &format!("something went wrong on our side (request {request_id})"),
        ),
    }
}

/// The envelope with one entry a message.
fn refusal(
    status: StatusCode,
    error: &'static str,
    messages: impl IntoIterator<Item = String>,
) -> Response {
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

    let errors = messages.into_iter().map(|message| Entry { error, message }).collect();
    Response::json(status, &Envelope { status: status.as_u16(), data: None, errors })
}
