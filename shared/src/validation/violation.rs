//! One thing that is wrong with a request, without a dialect's words.

use std::fmt;

use serde::Serialize;

use super::json::{JsonText, MAX_INTEGER_DIGITS, NotJson};

/// The most violations that are reported at once. With it the answer to any body of
/// [`crate::http::MAX_BODY_BYTES`] stays under the 6 MB of a Lambda response.
pub const MAX_VIOLATIONS: usize = 1000;

/// What a rule makes of a value: what the model holds, or everything that is wrong.
pub type Validated<T> = Result<T, Vec<Violation>>;

/// One thing wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The part of the request it is in.
    pub part: RequestPart,
    /// The way from the root of that part to the value; empty for the body itself.
    pub path: Vec<Location>,
    /// What is wrong.
    pub kind: ViolationKind,
    /// The offending value as it came in; of a missing field, the object that lacks it.
    pub input: JsonText,
}

/// A part of a request that can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestPart {
    /// The URL's path.
    Path,
    /// The URL's query.
    Query,
    /// The headers.
    Header,
    /// The body.
    Body,
}

impl RequestPart {
    /// Returns the name of the part.
    pub fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Body => "body",
        }
    }
}

/// One step of a path into a part of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Location {
    /// A member of an object.
    Field(&'static str),
    /// An element of an array.
    Index(usize),
}

/// What can be wrong with a value. `Display` ends a sentence that begins with the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViolationKind {
    /// A required value is missing.
    Missing,
    /// A value is missing, and so is the field that may replace it.
    MissingUnless(&'static str),
    /// The text is not JSON.
    Malformed(NotJson),
    /// The body is not an object, or was not sent as JSON where the dialect requires that.
    NotABody,
    /// A value is given where it means nothing.
    Unexpected,
    /// The object has a member that no rule knows.
    UnknownMember(String),
    /// `null` where null is not allowed.
    Null,
    /// Not a string.
    NotAString,
    /// Not an array.
    NotAnArray,
    /// Not an object.
    NotAnObject,
    /// Not a number.
    NotANumber,
    /// A text that does not write a whole number.
    NotAnInteger,
    /// A whole number over 64 bits.
    IntegerTooLong,
    /// A JSON type that cannot stand for a boolean.
    NotABoolean,
    /// A number or word that stands for no boolean.
    UnclearBoolean,
    /// Not a string where a UUID belongs.
    NotAUuid,
    /// A string that is not a UUID.
    InvalidUuid(uuid::Error),
    /// None of the allowed values.
    NotOneOf(&'static [&'static str]),
    /// A number under this minimum.
    Below(u32),
    /// A number over this maximum.
    Above(u32),
    /// A number that is not above this bound.
    NotAbove(u32),
    /// A number that overflows an IEEE 754 double, so most clients could not read it back.
    NotFinite,
    /// An empty string.
    Empty,
    /// A string of more characters than this.
    TooLong(usize),
    /// An array of more entries than this.
    TooMany(usize),
    /// A text of more bytes than this.
    TooLarge(usize),
    /// Not an entry of `allowed_domains`.
    InvalidDomain {
        /// The entry as sent.
        entry: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Not a URL that a webhook may have.
    InvalidWebhookUrl,
    /// Not a cursor of this list.
    InvalidCursor,
    /// Not a list of entity tags.
    NotEntityTags,
}

impl fmt::Display for ViolationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is required"),
            Self::MissingUnless(other) => write!(f, "is required unless {other} is given"),
            Self::Malformed(NotJson::Encoding) => f.write_str("must be JSON in UTF-8"),
            Self::Malformed(NotJson::IntegerTooLong) => {
                write!(f, "must have no integer of more than {MAX_INTEGER_DIGITS} digits")
            }
            Self::Malformed(NotJson::Syntax { offset, message }) => {
                write!(f, "is not valid JSON: {message} at character {offset}")
            }
            Self::NotABody => f.write_str("must be a JSON object"),
            Self::Unexpected => f.write_str("must not be given here"),
            Self::UnknownMember(name) => write!(f, "has no member {name:?}"),
            Self::Null => f.write_str("must not be null"),
            Self::NotAString => f.write_str("must be a string"),
            Self::NotAnArray => f.write_str("must be an array"),
            Self::NotAnObject => f.write_str("must be an object"),
            Self::NotANumber => f.write_str("must be a number"),
            Self::NotAnInteger => f.write_str("must be a whole number"),
            Self::IntegerTooLong => f.write_str("is too long a number"),
            Self::NotABoolean | Self::UnclearBoolean => f.write_str("must be a boolean"),
            Self::NotAUuid => f.write_str("must be a UUID"),
            Self::InvalidUuid(error) => write!(f, "must be a UUID: {error}"),
            Self::NotOneOf(values) => write!(f, "must be one of {}", values.join(", ")),
            Self::Below(minimum) => write!(f, "must be at least {minimum}"),
            Self::Above(maximum) => write!(f, "must be at most {maximum}"),
            Self::NotAbove(bound) => write!(f, "must be above {bound}"),
            Self::NotFinite => f.write_str("must be a finite number"),
            Self::Empty => f.write_str("must not be empty"),
            Self::TooLong(most) => write!(f, "must have at most {most} characters"),
            Self::TooMany(most) => write!(f, "must have at most {most} entries"),
            Self::TooLarge(most) => write!(f, "must have at most {most} bytes"),
            Self::InvalidDomain { entry, reason } => write!(f, "{entry:?} {reason}"),
            Self::InvalidWebhookUrl => {
                f.write_str("must be an absolute https:// URL, or http:// to localhost")
            }
            Self::InvalidCursor => f.write_str("is not one that a Link header of this list gave"),
            Self::NotEntityTags => {
                f.write_str("must be * alone or entity tags in quotes, such as \"3\"")
            }
        }
    }
}

/// Words a violation for the log: without anything that came with the request.
pub struct WithoutValues<'a>(pub &'a ViolationKind);

impl fmt::Display for WithoutValues<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ViolationKind::InvalidDomain { reason, .. } => f.write_str(reason),
            ViolationKind::InvalidUuid(_) => f.write_str("must be a UUID"),
            ViolationKind::UnknownMember(_) => f.write_str("has a member of another name"),
            kind => kind.fmt(f),
        }
    }
}

/// Writes a path as `allowed_domains[1]`, and an empty one as the name of the root.
pub struct PathDisplay<'a> {
    /// The path.
    pub path: &'a [Location],
    /// The name of the root.
    pub root: &'static str,
}

impl fmt::Display for PathDisplay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return f.write_str(self.root);
        }
        for (depth, location) in self.path.iter().enumerate() {
            match location {
                Location::Field(name) if depth == 0 => f.write_str(name)?,
                Location::Field(name) => write!(f, ".{name}")?,
                Location::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Cuts a text that may be of any length to `most` characters.
pub fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Returns the violation `kind` of `input`. A rule knows no path: its caller prefixes the path.
pub fn violation(kind: ViolationKind, input: impl Into<JsonText>) -> Vec<Violation> {
    vec![Violation { part: RequestPart::Body, path: Vec::new(), kind, input: input.into() }]
}

/// Returns the violation `kind` of the text that `name` has in the path, the query or the headers.
pub fn text_violation(
    part: RequestPart,
    name: &'static str,
    kind: ViolationKind,
    text: &str,
) -> Vec<Violation> {
    vec![Violation { part, path: vec![Location::Field(name)], kind, input: JsonText::string(text) }]
}

/// Puts `location` before the path of each violation.
pub fn prefix_path(location: Location, mut violations: Vec<Violation>) -> Vec<Violation> {
    for violation in &mut violations {
        violation.path.insert(0, location.clone());
    }
    violations
}
