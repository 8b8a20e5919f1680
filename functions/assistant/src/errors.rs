//! Errors as FastAPI words them, without an envelope.

use serde::Serialize;
use shared::error::Error;
use shared::http::{Response, error_status};
use shared::validation::json::{JsonText, NotJson};
use shared::validation::{Location, Violation, ViolationKind};

/// Answers a request that failed with `error`.
pub fn response(error: &Error, request_id: &str) -> Response {
    let detail = match error {
        Error::Invalid(_) | Error::Malformed(_) => {
            let detail: Vec<Entry> = error.violations().iter().map(Entry::from).collect();
            return Response::json(error_status(error), &Detail { detail });
        }
        Error::MissingApiKey => "Not authenticated",
        Error::InvalidApiKey => "Invalid API key",
        Error::ConflictingApiKeys => "Two different API keys in one request",
        Error::ReadOnlyApiKey => "This API key may only read",
        Error::RouteNotFound => "Not Found",
        Error::MethodNotAllowed { .. } => "Method Not Allowed",
        Error::BodyTooLarge => "The body is over 256 KiB",
        Error::BodyNotUtf8 | Error::IntegerTooLong => "There was an error parsing the body",
        Error::WidgetNotFound(id) | Error::WidgetAlreadyDeleted(id) => {
            &format!("Unable to find the Widget with id {id}.")
        }
        Error::PreconditionFailed => {
            "If-Match asks for another version of the Widget, or If-None-Match excludes this one"
        }
        Error::IdempotencyKeyReused => {
            "This Idempotency-Key came with another body before: bodies are compared byte for byte"
        }
        Error::OriginNotAllowed => "Not allowed from this origin",
        Error::WidgetTooLarge => "The widget would be over 400 KB",
        Error::AnswerTooLarge => "The page is over 6 MB, please ask for one of a smaller size",
        Error::Unavailable(_) => "Service temporarily unavailable, please try again",
        Error::Internal(_) => &format!("Internal Server Error (request {request_id})"),
    };
    // FastAPI's `APIKeyQuery` sends this challenge.
    Response::json(error_status(error), &Detail { detail }).with_error_headers(error, "APIKey")
}

#[derive(Serialize)]
struct Detail<T> {
    detail: T,
}

/// One entry of a validation error's `detail`.
#[derive(Serialize)]
struct Entry<'a> {
    r#type: &'static str,
    loc: Vec<Location>,
    msg: String,
    input: &'a JsonText,
    #[serde(skip_serializing_if = "Option::is_none")]
    ctx: Option<Context>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Context {
    Error(String),
    Expected(String),
    Ge(u32),
    Le(u32),
    MinLength(usize),
    MaxLength(usize),
}

impl<'a> From<&'a Violation> for Entry<'a> {
    fn from(violation: &'a Violation) -> Self {
        let (r#type, msg, ctx) = wording(&violation.kind);
        let mut loc = vec![Location::Field(violation.part.name())];
        loc.extend(violation.path.iter().cloned());
        if let ViolationKind::Malformed(NotJson::Syntax { offset, .. }) = violation.kind {
            loc.push(Location::Index(offset));
        }
        Self { r#type, loc, msg, input: &violation.input, ctx }
    }
}

/// Returns Pydantic's type, message and context of a violation.
fn wording(kind: &ViolationKind) -> (&'static str, String, Option<Context>) {
    let context = match kind {
        ViolationKind::Malformed(NotJson::Syntax { message, .. }) => {
            Some(Context::Error(message.clone()))
        }
        ViolationKind::InvalidUuid(error) => Some(Context::Error(error.to_string())),
        ViolationKind::NotOneOf(values) => Some(Context::Expected(alternatives(values))),
        ViolationKind::Below(minimum) => Some(Context::Ge(*minimum)),
        ViolationKind::Above(maximum) => Some(Context::Le(*maximum)),
        ViolationKind::Empty => Some(Context::MinLength(1)),
        ViolationKind::TooLong(most) => Some(Context::MaxLength(*most)),
        _ => None,
    };
    let (r#type, message) = match kind {
        ViolationKind::Missing => ("missing", "Field required"),
        ViolationKind::Malformed(_) => ("json_invalid", "JSON decode error"),
        ViolationKind::NotABody => (
            "model_attributes_type",
            "Input should be a valid dictionary or object to extract fields from",
        ),
        ViolationKind::NotAString => ("string_type", "Input should be a valid string"),
        ViolationKind::NotAnArray => ("list_type", "Input should be a valid list"),
        ViolationKind::NotAnObject => ("dict_type", "Input should be a valid dictionary"),
        ViolationKind::NotABoolean => ("bool_type", "Input should be a valid boolean"),
        ViolationKind::UnclearBoolean => {
            ("bool_parsing", "Input should be a valid boolean, unable to interpret input")
        }
        ViolationKind::NotAUuid => {
            ("uuid_type", "UUID input should be a string, bytes or UUID object")
        }
        ViolationKind::InvalidUuid(error) => {
            ("uuid_parsing", &*format!("Input should be a valid UUID, {error}"))
        }
        ViolationKind::NotOneOf(values) => {
            ("enum", &*format!("Input should be {}", alternatives(values)))
        }
        ViolationKind::NotAnInteger => {
            ("int_parsing", "Input should be a valid integer, unable to parse string as an integer")
        }
        ViolationKind::IntegerTooLong => (
            "int_parsing_size",
            "Unable to parse input string as an integer, exceeded maximum size",
        ),
        ViolationKind::Below(minimum) => {
            ("greater_than_equal", &*format!("Input should be greater than or equal to {minimum}"))
        }
        ViolationKind::Above(maximum) => {
            ("less_than_equal", &*format!("Input should be less than or equal to {maximum}"))
        }
        ViolationKind::Empty => ("string_too_short", "String should have at least 1 character"),
        ViolationKind::TooLong(most) => {
            ("string_too_long", &*format!("String should have at most {most} characters"))
        }
        // Pydantic has no rule of its own for the others, or this dialect has no field for them.
        kind => {
            let message = format!("Value error, {kind}");
            return ("value_error", message, Some(Context::Error(kind.to_string())));
        }
    };
    (r#type, message.to_owned(), context)
}

/// Writes `'a', 'b' or 'c'`.
fn alternatives(values: &[&str]) -> String {
    let quoted: Vec<String> = values.iter().map(|value| format!("'{value}'")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
