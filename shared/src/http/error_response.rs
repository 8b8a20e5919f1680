//! What the error responses of both dialects have in common: statuses and headers.

use lambda_http::http::{StatusCode, header};

use super::response::Response;
use crate::error::Error;

/// The seconds after which a client may retry after a 503.
const RETRY_AFTER_SECONDS: u32 = 1;

/// Returns the status of an error.
pub fn error_status(error: &Error) -> StatusCode {
    match error {
        Error::MissingApiKey | Error::InvalidApiKey | Error::ConflictingApiKeys => {
            StatusCode::UNAUTHORIZED
        }
        Error::ReadOnlyApiKey | Error::OriginNotAllowed => StatusCode::FORBIDDEN,
        Error::RouteNotFound | Error::WidgetNotFound(_) | Error::WidgetAlreadyDeleted(_) => {
            StatusCode::NOT_FOUND
        }
        Error::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
        Error::BodyTooLarge | Error::WidgetTooLarge | Error::AnswerTooLarge => {
            StatusCode::PAYLOAD_TOO_LARGE
        }
        Error::BodyNotUtf8 | Error::IntegerTooLong => StatusCode::BAD_REQUEST,
        Error::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Error::Invalid(_) | Error::Malformed(_) | Error::IdempotencyKeyReused => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl Response {
    /// Sets the headers that belong to an error: `WWW-Authenticate` with the dialect's `challenge`
    /// (RFC 9110, 11.6.1), `Allow` (15.5.6) and `Retry-After` (15.6.4).
    pub fn with_error_headers(self, error: &Error, challenge: &'static str) -> Self {
        match error {
            Error::MissingApiKey | Error::InvalidApiKey | Error::ConflictingApiKeys => {
                self.with_header(header::WWW_AUTHENTICATE, challenge)
            }
            Error::MethodNotAllowed { allow } => self.with_header(header::ALLOW, *allow),
            Error::Unavailable(_) => self.with_header(header::RETRY_AFTER, RETRY_AFTER_SECONDS),
            _ => self,
        }
    }
}
