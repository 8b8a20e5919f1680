//! One list of everything that is wrong with a request, without a dialect's words.
//!
//! A rule is a function from a JSON value to what the model holds, or to its [`Violation`]s. [`Fields`] applies one
//! rule a field and keeps going, and [`both`] does so for the parts of a request, so that a client learns of all its
//! faults at once. Each dialect renders the list its own way: `assistant::errors` as FastAPI does, `pathway::errors` as
//! one sentence each, which is [`Fault`]'s `Display` behind the path.

pub mod json;

use std::fmt;

use serde_json::value::RawValue;
use uuid::Uuid;

use json::{JsonText, Kind, Members};

/// How many violations are reported at once. With it the answer to any body of [`crate::http::MAX_BODY_BYTES`] stays
/// under the 6 MB of a Lambda response.
pub const MAX_VIOLATIONS: usize = 1000;

/// What a rule makes of a value: what the model holds, or what is wrong.
pub type Checked<T> = Result<T, Vec<Violation>>;

/// One thing wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// In which part of the request.
    pub part: Part,
    /// Where in that part, from its root; empty for the body itself.
    pub path: Vec<Segment>,
    /// What is wrong.
    pub fault: Fault,
    /// The offending value as it came in: for a missing field, the object that lacks it.
    pub input: JsonText,
}

/// The parts of a request that can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The URL's path.
    Path,
    /// The URL's query.
    Query,
    /// The headers.
    Header,
    /// The body.
    Body,
}

/// One step of a path into a part of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// A member of an object.
    Field(&'static str),
    /// An element of an array.
    Index(usize),
}

/// What can be wrong with a value. `Display` is the end of a sentence that begins with the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Not there.
    Missing,
    /// Not there, and neither is the field that could have stood for it.
    MissingUnless(&'static str),
    /// The body is not JSON; where (in characters) and why.
    Malformed {
        /// Characters before the fault.
        offset: usize,
        /// What the parser says.
        message: String,
    },
    /// The body is not an object, or was not sent as JSON where that is asked for.
    NotABody,
    /// There, where it means nothing.
    Unexpected,
    /// An object with a member of a name that none of its members has.
    UnknownMember(String),
    /// `null` where null is no value.
    Null,
    /// Not a string.
    NotAString,
    /// Not an array.
    NotAnArray,
    /// Not an object.
    NotAnObject,
    /// Not a number.
    NotANumber,
    /// A text that is not a whole number.
    NotAnInteger,
    /// A whole number of more than 64 bits.
    IntegerTooLong,
    /// Not of a type that can stand for a boolean.
    NotABoolean,
    /// Of such a type, but none of the values that do.
    UnclearBoolean,
    /// Not a string, where a UUID is wanted.
    NotAUuid,
    /// A string that is no UUID.
    InvalidUuid(uuid::Error),
    /// None of the values that are allowed.
    NotOneOf(&'static [&'static str]),
    /// A number under this bound.
    Below(u32),
    /// A number over this bound.
    Above(u32),
    /// A number that is not above this bound.
    NotAbove(u32),
    /// A number too large to be one for most clients (an IEEE double's infinity).
    NotFinite,
    /// An empty string.
    Empty,
    /// A string of more than so many characters.
    TooLong(usize),
    /// An array of more than so many elements.
    TooMany(usize),
    /// A text of more than so many bytes.
    TooLarge(usize),
    /// Not a domain entry: the entry and the reason.
    InvalidDomain {
        /// The entry as sent.
        entry: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Not a URL that a webhook may have.
    InvalidWebhookUrl,
    /// Not a cursor of the list that it came with.
    InvalidCursor,
    /// Not a list of entity tags.
    NotEntityTags,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is required"),
            Self::MissingUnless(other) => write!(f, "is required unless {other} is given"),
            Self::Malformed { offset, message } => {
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

/// The end of the same sentence without anything that came with the request: what a log may hold.
pub struct WithoutValues<'a>(pub &'a Fault);

impl fmt::Display for WithoutValues<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Fault::InvalidDomain { reason, .. } => f.write_str(reason),
            Fault::InvalidUuid(_) => f.write_str("must be a UUID"),
            Fault::UnknownMember(_) => f.write_str("has a member of another name"),
            fault => fault.fmt(f),
        }
    }
}

/// The path as `allowed_domains[1]`, the body's own as `body`.
pub struct PathText<'a>(pub &'a [Segment]);

impl fmt::Display for PathText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("body");
        }
        for (depth, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Field(name) if depth == 0 => f.write_str(name)?,
                Segment::Field(name) => write!(f, ".{name}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// `fault`, found in `input` itself. A rule knows no path: whoever applied it puts its own step before.
pub fn refused(fault: Fault, input: &RawValue) -> Vec<Violation> {
    vec![Violation { part: Part::Body, path: Vec::new(), fault, input: input.into() }]
}

/// `fault`, found in the text that `name` has in the path, the query or the headers.
pub fn refused_text(part: Part, name: &'static str, fault: Fault, text: &str) -> Vec<Violation> {
    vec![Violation { part, path: vec![Segment::Field(name)], fault, input: JsonText::string(text) }]
}

/// Both values, or everything that is wrong with either.
pub fn both<A, B>(a: Checked<A>, b: Checked<B>) -> Checked<(A, B)> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(violations), Ok(_)) | (Ok(_), Err(violations)) => Err(violations),
        (Err(mut violations), Err(more)) => {
            violations.extend(more);
            Err(violations)
        }
    }
}

/// `violations`, found in what stands at `segment`.
pub fn within(segment: Segment, mut violations: Vec<Violation>) -> Vec<Violation> {
    for violation in &mut violations {
        violation.path.insert(0, segment.clone());
    }
    violations
}

/// The fields of a body, read one after the other while what is wrong with them is collected.
#[derive(Debug)]
pub struct Fields<'a> {
    body: &'a RawValue,
    members: Members<'a>,
    required: &'static [&'static str],
    violations: Vec<Violation>,
}

impl<'a> Fields<'a> {
    /// The fields of `body`, which must be an object. It must have those that are `required`.
    pub fn of(body: &'a RawValue, required: &'static [&'static str]) -> Checked<Self> {
        match json::members(body) {
            Some(members) => Ok(Self { body, members, required, violations: Vec::new() }),
            None => Err(refused(Fault::NotABody, body)),
        }
    }

    /// What `rule` makes of a field; `None` where it is absent, or once something is wrong with it.
    pub fn get<T>(
        &mut self,
        name: &'static str,
        rule: impl FnOnce(&'a RawValue) -> Checked<T>,
    ) -> Option<T> {
        let Some(value) = self.members.get(name) else {
            if self.required.contains(&name) {
                self.report(name, Fault::Missing);
            }
            return None;
        };
        match rule(value) {
            Ok(value) => Some(value),
            Err(violations) => {
                self.violations.extend(within(Segment::Field(name), violations));
                None
            }
        }
    }

    /// A field as it came.
    pub fn value(&self, name: &str) -> Option<&'a RawValue> {
        self.members.get(name)
    }

    /// Adds a violation for each field that is none of `names`.
    pub fn expect_only(&mut self, names: &[&str]) {
        let unknown =
            self.members.names().filter(|name| !names.contains(name)).take(MAX_VIOLATIONS);
        let refusals =
            unknown.flat_map(|name| refused(Fault::UnknownMember(name.to_owned()), RawValue::NULL));
        self.violations.extend(refusals);
    }

    /// Adds a violation that concerns a field as part of the whole body.
    pub fn report(&mut self, name: &'static str, fault: Fault) {
        self.violations.extend(within(Segment::Field(name), refused(fault, self.body)));
    }

    /// Whether something is wrong with `name` itself.
    pub fn is_refused(&self, name: &str) -> bool {
        self.violations.iter().any(
            |violation| matches!(violation.path.first(), Some(Segment::Field(n)) if *n == name),
        )
    }

    /// What was made of the fields, if nothing was wrong with any of them: `value` is `None` only where a required
    /// one was refused.
    pub fn finish<T>(mut self, value: Option<T>) -> Checked<T> {
        match value {
            Some(value) if self.violations.is_empty() => Ok(value),
            _ => {
                self.violations.truncate(MAX_VIOLATIONS);
                Err(self.violations)
            }
        }
    }
}

/// `null`, or what `rule` makes of anything else.
pub fn nullable<T>(
    rule: impl FnOnce(&RawValue) -> Checked<T>,
) -> impl FnOnce(&RawValue) -> Checked<Option<T>> {
    |value| match json::kind(value) {
        Kind::Null => Ok(None),
        _ => rule(value).map(Some),
    }
}

/// Any value at all.
pub fn anything(value: &RawValue) -> Checked<JsonText> {
    Ok(value.into())
}

/// A string.
pub fn text(value: &RawValue) -> Checked<String> {
    json::string(value).ok_or_else(|| refused(Fault::NotAString, value))
}

/// An object of any content.
pub fn object(value: &RawValue) -> Checked<JsonText> {
    match json::kind(value) {
        Kind::Object => Ok(value.into()),
        _ => Err(refused(Fault::NotAnObject, value)),
    }
}

/// An array of any content.
pub fn array(value: &RawValue) -> Checked<JsonText> {
    match json::kind(value) {
        Kind::Array => Ok(value.into()),
        _ => Err(refused(Fault::NotAnArray, value)),
    }
}

/// An array, each element as `rule` has it.
pub fn list<T>(
    rule: impl Fn(&RawValue) -> Checked<T>,
) -> impl FnOnce(&RawValue) -> Checked<Vec<T>> {
    move |value| {
        let elements = json::elements(value).ok_or_else(|| refused(Fault::NotAnArray, value))?;
        let mut items = Vec::with_capacity(elements.len());
        let mut violations = Vec::new();
        for (index, element) in elements.into_iter().enumerate() {
            match rule(element) {
                Ok(item) => items.push(item),
                Err(faults) => violations.extend(within(Segment::Index(index), faults)),
            }
            if violations.len() >= MAX_VIOLATIONS {
                break;
            }
        }
        if violations.is_empty() { Ok(items) } else { Err(violations) }
    }
}

/// A UUID in any of its written forms: hyphenated, bare, in braces, or as a URN.
pub fn uuid(value: &RawValue) -> Checked<Uuid> {
    let text = json::string(value).ok_or_else(|| refused(Fault::NotAUuid, value))?;
    Uuid::parse_str(&text).map_err(|error| refused(Fault::InvalidUuid(error), value))
}

/// The same as a segment of the path, which is called `name`.
pub fn path_uuid(name: &'static str, text: &str) -> Checked<Uuid> {
    Uuid::parse_str(text)
        .map_err(|error| refused_text(Part::Path, name, Fault::InvalidUuid(error), text))
}

/// The whole number, from `minimum` to `maximum` or to the largest of 63 bits, that the query parameter `name` is.
pub fn query_integer(
    name: &'static str,
    text: &str,
    minimum: u32,
    maximum: Option<u32>,
) -> Checked<u64> {
    let checked = written_integer(text).and_then(|number| match maximum {
        _ if number < i128::from(minimum) => Err(Fault::Below(minimum)),
        Some(maximum) if number > i128::from(maximum) => Err(Fault::Above(maximum)),
        _ => i64::try_from(number).map(i64::unsigned_abs).map_err(|_| Fault::IntegerTooLong),
    });
    checked.map_err(|fault| refused_text(Part::Query, name, fault, text))
}

/// The whole number that a text writes, as Pydantic reads it: with white space around, a sign, zeros before and, behind a
/// point, after it, and single underscores between digits. One that is too large for the type is its largest or smallest.
fn written_integer(text: &str) -> Result<i128, Fault> {
    /// The most digits that Pydantic reads.
    const MAX_DIGITS: usize = 4300;
    let text = text.trim();
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits =
        |group: &str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
    // Among zeros that lead, it counts no underscores.
    let whole = match whole.trim_start_matches(['0', '_']) {
        significant
            if whole.starts_with('0') && significant.starts_with(|c: char| c.is_ascii_digit()) =>
        {
            significant
        }
        _ => whole,
    };
    if !whole.split('_').all(is_digits)
        || fraction.is_empty()
        || fraction.bytes().any(|byte| byte != b'0')
    {
        return Err(Fault::NotAnInteger);
    }
    let digits = whole.replace('_', "");
    let digits = digits.trim_start_matches('0');
    if digits.len() > MAX_DIGITS {
        return Err(Fault::IntegerTooLong);
    }
    let number = if digits.is_empty() { 0 } else { digits.parse().unwrap_or(i128::MAX) };
    Ok(if is_negative { -number } else { number })
}

/// A boolean, or one of the numbers and words that Pydantic takes for one (contract 2.5, `remove_branding`).
pub fn lenient_bool(value: &RawValue) -> Checked<bool> {
    let meaning = match json::kind(value) {
        Kind::Bool => Some(value.get() == "true"),
        Kind::Number => {
            let number = integer(value.get()).ok_or_else(|| refused(Fault::NotABoolean, value))?;
            match number {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            }
        }
        Kind::String => match text(value)?.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" | "t" | "y" => Some(true),
            "0" | "false" | "no" | "off" | "f" | "n" => Some(false),
            _ => None,
        },
        Kind::Null | Kind::Array | Kind::Object => return Err(refused(Fault::NotABoolean, value)),
    };
    meaning.ok_or_else(|| refused(Fault::UnclearBoolean, value))
}

/// The whole number of 64 bits that a JSON number stands for, `1.0` and `1e0` included.
fn integer(number: &str) -> Option<i64> {
    if let Ok(integer) = number.parse() {
        return Some(integer);
    }
    let float: f64 = number.parse().ok()?;
    let is_written_as_float = number.contains(['.', 'e', 'E']);
    (is_written_as_float && float.fract() == 0.0 && float.abs() < i64::MAX as f64)
        .then_some(float as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> &RawValue {
        json::document(text.as_bytes()).unwrap()
    }

    fn fault<T: fmt::Debug>(checked: Checked<T>) -> Fault {
        checked.unwrap_err().remove(0).fault
    }

    #[test]
    fn booleans_are_read_as_pydantic_reads_them() {
        for text in [
            "true",
            "1",
            "1.0",
            "1e0",
            r#""TRUE""#,
            r#""yes""#,
            r#""On""#,
            r#""t""#,
            r#""y""#,
            r#""1""#,
        ] {
            assert_eq!(lenient_bool(raw(text)), Ok(true), "{text}");
        }
        for text in [
            "false",
            "0",
            "-0",
            "0.0",
            "0e5",
            r#""False""#,
            r#""no""#,
            r#""off""#,
            r#""f""#,
            r#""N""#,
            r#""0""#,
        ] {
            assert_eq!(lenient_bool(raw(text)), Ok(false), "{text}");
        }
        for text in
            ["2", "-1", "2.0", "1e2", "9223372036854775807", r#""""#, r#"" true ""#, r#""1.0""#]
        {
            assert_eq!(fault(lenient_bool(raw(text))), Fault::UnclearBoolean, "{text}");
        }
        for text in ["0.5", "-1.5", "9223372036854775808", "1e999", "[]", "{}", "null"] {
            assert_eq!(fault(lenient_bool(raw(text))), Fault::NotABoolean, "{text}");
        }
    }

    #[test]
    fn query_integers_are_read_as_pydantic_reads_them() {
        let read = |text: &str| query_integer("page", text, 1, None);
        let fault = |text: &str, maximum| fault(query_integer("page", text, 1, maximum));
        for (text, number) in [
            ("1", 1),
            (" 2\t", 2),
            ("\u{a0}3", 3),
            ("+4", 4),
            ("007", 7),
            ("8.00", 8),
            ("1_000", 1000),
            ("0__1.0", 1),
            ("9223372036854775807", 9_223_372_036_854_775_807),
        ] {
            assert_eq!(read(text), Ok(number), "{text}");
        }
        for text in [
            "", "+", "abc", "1.5", "1.", ".0", "1__0", "_1", "1_", "1.0_0", "1e2", "--1", "1 0",
            "٣", "true",
        ] {
            assert_eq!(fault(text, Some(100)), Fault::NotAnInteger, "{text}");
        }
        for text in
            ["0", "-0", "-1", "-0.0", "-99999999999999999999", &format!("-{}", "9".repeat(4300))]
        {
            assert_eq!(fault(text, Some(100)), Fault::Below(1), "{text}");
        }
        for text in ["101", "99999999999999999999", &"9".repeat(4300)] {
            assert_eq!(fault(text, Some(100)), Fault::Above(100), "{text}");
        }
        assert_eq!(fault("9223372036854775808", None), Fault::IntegerTooLong);
        assert_eq!(fault(&"9".repeat(4301), Some(100)), Fault::IntegerTooLong);
        assert_eq!(read(&format!("{}1", "0".repeat(5000))), Ok(1));
    }

    #[test]
    fn everything_wrong_with_two_parts_is_told_in_their_order() {
        let id = || path_uuid("id", "x");
        let page = || query_integer("page", "0", 1, None);
        assert_eq!(both::<_, u64>(id(), Ok(1)).unwrap_err().len(), 1);
        assert_eq!(both::<Uuid, _>(Ok(Uuid::nil()), page()).unwrap_err().len(), 1);
        let violations = both(id(), page()).unwrap_err();
        assert_eq!((violations[0].part, violations[1].part), (Part::Path, Part::Query));
        assert_eq!(
            (violations[0].input.as_str(), violations[1].input.as_str()),
            (r#""x""#, r#""0""#)
        );
        assert_eq!(both(Ok::<_, Vec<Violation>>(1), Ok(2)), Ok((1, 2)));
    }

    #[test]
    fn uuids_are_read_in_every_form_they_are_written_in() {
        let id = Uuid::from_u128(0x3c90c3cc_0d44_4b50_8888_8dd25736052a);
        for text in [
            "3c90c3cc-0d44-4b50-8888-8dd25736052a",
            "3C90C3CC0D444B5088888DD25736052A",
            "{3c90c3cc-0d44-4b50-8888-8dd25736052a}",
            "urn:uuid:3c90c3cc-0d44-4b50-8888-8dd25736052a",
        ] {
            assert_eq!(uuid(raw(&format!("{text:?}"))), Ok(id));
        }
        assert_eq!(fault(uuid(raw("1"))), Fault::NotAUuid);
        assert_eq!(
            fault(uuid(raw(r#""x""#))).to_string(),
            "must be a UUID: invalid character: found `x` at 0"
        );
    }

    #[test]
    fn every_fault_is_collected_with_its_path_and_input() {
        let body = raw(r#"{"messages":["a",1,null],"name":2}"#);
        let mut fields = Fields::of(body, &["messages", "missing"]).unwrap();
        let messages = fields.get("messages", list(text));
        let name = fields.get("name", nullable(text));
        let missing = fields.get("missing", text);
        assert!(messages.is_none() && name.is_none() && missing.is_none());
        let violations = fields.finish(Some(())).unwrap_err();
        let told: Vec<String> = violations
            .iter()
            .map(|v| format!("{} {} <- {}", PathText(&v.path), v.fault, v.input.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                "messages[1] must be a string <- 1",
                "messages[2] must be a string <- null",
                "name must be a string <- 2",
                &format!("missing is required <- {}", body.get()),
            ]
        );
    }

    #[test]
    fn a_body_of_faults_is_reported_up_to_the_bound() {
        let body = format!(r#"{{"a":[{}0],"b":1}}"#, "0,".repeat(100_000));
        let mut fields = Fields::of(raw(&body), &["a", "b"]).unwrap();
        let a = fields.get("a", list(text));
        let _ = fields.get("b", text);
        assert_eq!(fields.finish(a).unwrap_err().len(), MAX_VIOLATIONS);
    }
}
