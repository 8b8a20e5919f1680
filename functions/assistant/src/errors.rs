//! Failures as FastAPI words them (contract 2.5). No envelope around them.

use serde::Serialize;
use shared::{
    error::Error,
    http::{HeaderValue, Response, StatusCode, header},
    json::JsonText,
    validation::{Fault, Part, Segment, Violation},
};

/// The answer to a request that failed with `error`.
pub fn response(error: &Error, request_id: &str) -> Response {
    let detail = |status, detail: &str| Response::json(status, &Detail { detail });
    // What FastAPI's `APIKeyQuery` sends with its 401, and RFC 9110 (11.6.1) asks for.
    let unauthorized = |text| {
        detail(StatusCode::UNAUTHORIZED, text)
            .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("APIKey"))
    };
    match error {
        Error::NoKey => unauthorized("Not authenticated"),
        Error::InvalidKey => unauthorized("Invalid API key"),
        Error::TwoKeys => unauthorized("Two different API keys in one request"),
        Error::ReadOnlyKey => detail(StatusCode::FORBIDDEN, "This API key may only read"),
        Error::NoSuchRoute => detail(StatusCode::NOT_FOUND, "Not Found"),
        Error::MethodNotAllowed { allow } => {
            detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
                .with_header(header::ALLOW, HeaderValue::from_static(allow))
        }
        Error::BodyTooLarge => detail(StatusCode::PAYLOAD_TOO_LARGE, "The body is over 256 KiB"),
        Error::BodyNotUtf8 => {
            detail(StatusCode::BAD_REQUEST, "There was an error parsing the body")
        }
        Error::NoSuchWidget(id) | Error::AlreadyDeleted(id) => {
            detail(StatusCode::NOT_FOUND, &format!("Unable to find the Widget with id {id}."))
        }
        Error::PreconditionFailed => detail(
            StatusCode::PRECONDITION_FAILED,
            "If-Match asks for another version of the Widget, or If-None-Match excludes this one",
        ),
        Error::IdempotencyKeyReused => detail(
            StatusCode::UNPROCESSABLE_ENTITY,
            "This Idempotency-Key came with another body before: bodies are compared byte for byte",
        ),
        Error::OriginNotAllowed => detail(StatusCode::FORBIDDEN, "Not allowed from this origin"),
        Error::WidgetTooLarge => {
            detail(StatusCode::PAYLOAD_TOO_LARGE, "The widget would be over 400 KB")
        }
        Error::AnswerTooLarge => detail(
            StatusCode::PAYLOAD_TOO_LARGE,
            "The page is over 6 MB, please ask for one of a smaller size",
        ),
        Error::Invalid(violations) => Response::json(
            StatusCode::UNPROCESSABLE_ENTITY,
            &Detail { detail: violations.iter().map(Entry::from).collect::<Vec<_>>() },
        ),
        Error::Unavailable(_) => detail(
            StatusCode::SERVICE_UNAVAILABLE,
            "Service temporarily unavailable, please try again",
        )
        .with_header(header::RETRY_AFTER, Error::RETRY_AFTER_SECONDS),
        Error::Internal(_) => detail(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("Internal Server Error (request {request_id})"),
        ),
    }
}

#[derive(Serialize)]
struct Detail<T> {
    detail: T,
}

/// One entry of a validation error's `detail`.
#[derive(Serialize)]
struct Entry<'a> {
    r#type: &'static str,
    loc: Vec<Step>,
    msg: String,
    input: &'a JsonText,
    #[serde(skip_serializing_if = "Option::is_none")]
    ctx: Option<Context>,
}

/// One element of `loc`.
#[derive(Serialize)]
#[serde(untagged)]
enum Step {
    Name(&'static str),
    Number(usize),
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
        let (r#type, msg, ctx) = wording(&violation.fault);
        let mut loc = vec![Step::Name(match violation.part {
            Part::Path => "path",
            Part::Query => "query",
            Part::Header => "header",
            Part::Body => "body",
        })];
        loc.extend(violation.path.iter().map(|segment| match segment {
            Segment::Field(name) => Step::Name(name),
            Segment::Index(index) => Step::Number(*index),
        }));
        if let Fault::Malformed { offset, .. } = violation.fault {
            loc.push(Step::Number(offset));
        }
        Self { r#type, loc, msg, input: &violation.input, ctx }
    }
}

/// Pydantic's type, message and context of a fault.
fn wording(fault: &Fault) -> (&'static str, String, Option<Context>) {
    let plain = |r#type, msg: &str| (r#type, msg.to_owned(), None);
    match fault {
        Fault::Missing => plain("missing", "Field required"),
        Fault::Malformed { message, .. } => {
            ("json_invalid", "JSON decode error".to_owned(), Some(Context::Error(message.clone())))
        }
        Fault::NotABody => plain(
            "model_attributes_type",
            "Input should be a valid dictionary or object to extract fields from",
        ),
        Fault::NotAString => plain("string_type", "Input should be a valid string"),
        Fault::NotAnArray => plain("list_type", "Input should be a valid list"),
        Fault::NotAnObject => plain("dict_type", "Input should be a valid dictionary"),
        Fault::NotABoolean => plain("bool_type", "Input should be a valid boolean"),
        Fault::UnclearBoolean => {
            plain("bool_parsing", "Input should be a valid boolean, unable to interpret input")
        }
        Fault::NotAUuid => {
            plain("uuid_type", "UUID input should be a string, bytes or UUID object")
        }
        Fault::InvalidUuid(error) => (
            "uuid_parsing",
            format!("Input should be a valid UUID, {error}"),
            Some(Context::Error(error.to_string())),
        ),
        Fault::NotOneOf(values) => {
            let expected = alternatives(values);
            ("enum", format!("Input should be {expected}"), Some(Context::Expected(expected)))
        }
        Fault::NotAnInteger => plain(
            "int_parsing",
            "Input should be a valid integer, unable to parse string as an integer",
        ),
        Fault::IntegerTooLong => plain(
            "int_parsing_size",
            "Unable to parse input string as an integer, exceeded maximum size",
        ),
        Fault::Below(minimum) => (
            "greater_than_equal",
            format!("Input should be greater than or equal to {minimum}"),
            Some(Context::Ge(*minimum)),
        ),
        Fault::Above(maximum) => (
            "less_than_equal",
            format!("Input should be less than or equal to {maximum}"),
            Some(Context::Le(*maximum)),
        ),
        Fault::Empty => (
            "string_too_short",
            "String should have at least 1 character".to_owned(),
            Some(Context::MinLength(1)),
        ),
        Fault::TooLong(most) => (
            "string_too_long",
            format!("String should have at most {most} characters"),
            Some(Context::MaxLength(*most)),
        ),
        // Pydantic has no rule of its own for these, or no field of this dialect has them.
        Fault::MissingUnless(_)
        | Fault::Unexpected
        | Fault::UnknownMember(_)
        | Fault::Null
        | Fault::NotANumber
        | Fault::NotAbove(_)
        | Fault::NotFinite
        | Fault::TooMany(_)
        | Fault::TooLarge(_)
        | Fault::InvalidDomain { .. }
        | Fault::InvalidWebhookUrl
        | Fault::InvalidCursor
        | Fault::NotEntityTags => (
            "value_error",
            format!("Value error, {fault}"),
            Some(Context::Error(fault.to_string())),
        ),
    }
}

/// `'a', 'b' or 'c'`
fn alternatives(values: &[&str]) -> String {
    let quoted: Vec<String> = values.iter().map(|value| format!("'{value}'")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
