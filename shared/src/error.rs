//! Everything that can go wrong with a request or a command.

use std::error::Error as StdError;
use std::fmt;

use crate::model::WidgetId;
use crate::validation::json::{JsonText, MAX_INTEGER_DIGITS, NotJson};
use crate::validation::{Violation, ViolationKind, violation};

/// Says why a request or a command has no success.
///
/// `Display` words it for a client. The texts of [`Error::Unavailable`] and [`Error::Internal`] are
/// for the log: `Display` leaves them out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The request has no API key.
    MissingApiKey,
    /// The API key is unknown, revoked or expired.
    InvalidApiKey,
    /// The request has two different API keys.
    ConflictingApiKeys,
    /// The API key may read but not write.
    ReadOnlyApiKey,
    /// No operation has this path.
    RouteNotFound,
    /// The path has operations, but not this method.
    MethodNotAllowed {
        /// The methods of the path, as the `Allow` header lists them.
        allow: &'static str,
    },
    /// The body is over [`crate::http::MAX_BODY_BYTES`].
    BodyTooLarge,
    /// The body is not UTF-8.
    BodyNotUtf8,
    /// The body has an integer of more than [`MAX_INTEGER_DIGITS`] digits.
    IntegerTooLong,
    /// The body is not JSON. A client gets this one violation alone.
    Malformed(Vec<Violation>),
    /// The request breaks rules: every violation.
    Invalid(Vec<Violation>),
    /// The account has no such widget.
    WidgetNotFound(WidgetId),
    /// The widget that a delete names was deleted before, within the tombstone's lifetime.
    WidgetAlreadyDeleted(WidgetId),
    /// `If-Match` or `If-None-Match` excludes the version of the widget.
    PreconditionFailed,
    /// The idempotency key came with another body before.
    IdempotencyKeyReused,
    /// The widget would be over the 400 KB of a DynamoDB item.
    WidgetTooLarge,
    /// The page's origin is not among the widget's allowed domains.
    OriginNotAllowed,
    /// The answer would be over [`crate::http::MAX_ANSWER_BYTES`].
    AnswerTooLarge,
    /// DynamoDB throttles, fails, is slow or out of reach. A client may retry.
    Unavailable(String),
    /// A fault of this service.
    Internal(String),
}

/// The result of what a request or a command asks for.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Returns what the log says of an error that is not the client's; `None` for the client's.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Unavailable(cause) | Self::Internal(cause) => Some(cause),
            _ => None,
        }
    }

    /// Returns the rules that the request breaks; none if it failed for another reason.
    pub fn violations(&self) -> &[Violation] {
        match self {
            Self::Malformed(violations) | Self::Invalid(violations) => violations,
            _ => &[],
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MissingApiKey => "an API key is required",
            Self::InvalidApiKey => "the API key is not valid",
            Self::ConflictingApiKeys => "two different API keys came with the request",
            Self::ReadOnlyApiKey => "the API key may only read",
            Self::RouteNotFound => "there is no such route",
            Self::MethodNotAllowed { allow } => {
                return write!(f, "the method is not allowed here: use {allow}");
            }
            Self::BodyTooLarge => "body must be at most 256 KiB",
            Self::BodyNotUtf8 => "body must be JSON in UTF-8",
            Self::IntegerTooLong => {
                return write!(
                    f,
                    "body must have no integer of more than {MAX_INTEGER_DIGITS} digits"
                );
            }
            Self::Malformed(_) | Self::Invalid(_) => "the request breaks rules",
            Self::WidgetNotFound(id) | Self::WidgetAlreadyDeleted(id) => {
                return write!(f, "there is no widget with id {id}");
            }
            Self::PreconditionFailed => {
                "if-match asks for another version of the widget, or if-none-match excludes this one"
            }
            Self::IdempotencyKeyReused => {
                "the idempotency key came with another body before: bodies are compared byte for byte"
            }
            Self::WidgetTooLarge => "the widget would be over 400 KB",
            Self::OriginNotAllowed => {
                "the Origin header names no page of the widget's allowed_domains"
            }
            Self::AnswerTooLarge => "the answer would be over 6 MB",
            Self::Unavailable(_) => "the service is temporarily unavailable: please try again",
            Self::Internal(_) => "something went wrong on our side",
        })
    }
}

impl From<NotJson> for Error {
    fn from(error: NotJson) -> Self {
        match error {
            NotJson::Encoding => Self::BodyNotUtf8,
            NotJson::IntegerTooLong => Self::IntegerTooLong,
            NotJson::Syntax { .. } => {
                Self::Malformed(violation(ViolationKind::Malformed(error), JsonText::default()))
            }
        }
    }
}

impl From<Vec<Violation>> for Error {
    fn from(violations: Vec<Violation>) -> Self {
        Self::Invalid(violations)
    }
}

/// Combines two results. If both break rules the error has the violations of both, in this order.
/// An error other than [`Error::Invalid`] stands alone.
pub fn zip<A, B>(
    a: Result<A, impl Into<Error>>,
    b: Result<B, impl Into<Error>>,
) -> Result<(A, B), Error> {
    match (a.map_err(Into::into), b.map_err(Into::into)) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(Error::Invalid(mut violations)), Err(Error::Invalid(more))) => {
            violations.extend(more);
            Err(Error::Invalid(violations))
        }
        (Err(Error::Invalid(_)), Err(error)) | (Err(error), _) | (Ok(_), Err(error)) => Err(error),
    }
}

/// Combines three results like [`zip`].
pub fn zip3<A, B, C>(
    a: Result<A, impl Into<Error>>,
    b: Result<B, impl Into<Error>>,
    c: Result<C, impl Into<Error>>,
) -> Result<(A, B, C), Error> {
    let ((a, b), c) = zip(zip(a, b), c)?;
    Ok((a, b, c))
}

/// Writes an error and its causes, outermost first.
pub struct Causes<'a>(pub &'a (dyn StdError + 'static));

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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::validation::{RequestPart, Validated, url};

    #[test]
    fn violations_of_both_results_are_reported_in_their_order() {
        let id = || url::path_uuid("id", "x");
        let page = || url::query_integer("page", "0", 1, None);
        assert_eq!(zip(id(), Ok::<_, Error>(1)).unwrap_err().violations().len(), 1);
        assert_eq!(zip(Ok::<_, Error>(1), page()).unwrap_err().violations().len(), 1);
        let error = zip(id(), page()).unwrap_err();
        let found: Vec<_> =
            error.violations().iter().map(|it| (it.part, it.input.as_str())).collect();
        assert_eq!(found, [(RequestPart::Path, r#""x""#), (RequestPart::Query, r#""0""#)]);
        assert_eq!(zip(Ok::<_, Error>(1), Ok::<_, Error>(2)), Ok((1, 2)));
    }

    #[test]
    fn an_error_that_is_not_a_violation_stands_alone() {
        let invalid = || -> Validated<Uuid> { url::path_uuid("id", "x") };
        let fatal = || Err::<(), _>(Error::BodyTooLarge);
        assert_eq!(zip(invalid(), fatal()), Err(Error::BodyTooLarge));
        assert_eq!(zip(fatal(), invalid()), Err(Error::BodyTooLarge));
        assert_eq!(zip3(invalid(), invalid(), fatal()), Err(Error::BodyTooLarge));
    }
}
