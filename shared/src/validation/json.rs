//! Reads JSON one level at a time, so that free-form values stay the text that came in.
//!
//! [`document`] checks a body once as a whole. After that every value in it is a [`RawValue`], a
//! slice of valid JSON, and [`members`], [`elements`] and [`text`] open just the level that is
//! needed. No tree is built: key order, number text and nesting of free-form values survive because
//! nothing ever parses them.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// The deepest nesting of a body. An answer nests one level deeper than its request, and 127 levels
/// are what serde_json parses by default: clients could not read back what is deeper.
pub const MAX_DEPTH: usize = 126;

/// The most digits of an integer. Python reads no longer one by default, so clients in Python could
/// not read a list that holds it
/// (<https://docs.python.org/3/library/stdtypes.html#int-max-str-digits>).
pub const MAX_INTEGER_DIGITS: usize = 4300;

/// What some editors and libraries put before a text.
pub const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Says why a text is not a JSON document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotJson {
    /// The bytes are not UTF-8.
    Encoding,
    /// An integer has more than [`MAX_INTEGER_DIGITS`] digits.
    IntegerTooLong,
    /// The text breaks JSON's grammar, nests deeper than [`MAX_DEPTH`] or has half a surrogate
    /// pair.
    Syntax {
        /// The position, in characters from the start of the body.
        offset: usize,
        /// What is wrong there, in the parser's words.
        message: String,
    },
}

/// Parses a whole body: one JSON value in UTF-8, with or without a byte order mark.
///
/// # Errors
///
/// The first fault of the text.
pub fn document(body: &[u8]) -> Result<&RawValue, NotJson> {
    let text = without_mark(str::from_utf8(body).map_err(|_| NotJson::Encoding)?);
    let value = parse(text)?;
    check_readability(text)?;
    Ok(value)
}

/// Parses a text that contains a body, with or without a byte order mark. [`document`] has still to
/// check whether that body's readers can read it.
///
/// # Errors
///
/// The first fault of the text.
pub fn value(text: &str) -> Result<&RawValue, NotJson> {
    parse(without_mark(text))
}

fn without_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

fn parse(text: &str) -> Result<&RawValue, NotJson> {
    serde_json::from_str(text).map_err(|error| syntax(text, &error))
}

/// Turns the line and column of a serde_json error into one offset.
fn syntax(text: &str, error: &serde_json::Error) -> NotJson {
    let offset = if error.is_eof() {
        text.len()
    } else {
        let line_start: usize =
            text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        (line_start + error.column().saturating_sub(1)).min(text.len())
    };
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    not_json(text, offset, message)
}

fn not_json(text: &str, byte_offset: usize, message: &str) -> NotJson {
    let is_char_start = |byte: &&u8| (**byte as i8) >= -0x40;
    NotJson::Syntax {
        offset: text.as_bytes()[..byte_offset].iter().filter(is_char_start).count(),
        message: message.to_owned(),
    }
}

/// Checks the three rules that serde_json does not check while it skips a value: depth, surrogates
/// and the length of integers. The text is valid JSON otherwise.
fn check_readability(text: &str) -> Result<(), NotJson> {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        at += match byte {
            b'"' => string_length(text, at)?,
            b'-' | b'0'..=b'9' => number_length(&bytes[at..])?,
            b'[' | b'{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(not_json(text, at, "nested too deeply"));
                }
                1
            }
            b']' | b'}' => {
                depth -= 1;
                1
            }
            _ => 1,
        };
    }
    Ok(())
}

/// Returns the length of the string that begins with the quote at `start`.
fn string_length(text: &str, start: usize) -> Result<usize, NotJson> {
    let bytes = text.as_bytes();
    let mut at = start + 1;
    loop {
        let rest = &bytes[at..];
        at += rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(rest.len());
        if bytes.get(at) != Some(&b'\\') {
            return Ok(at + 1 - start);
        }
        at += escape_length(&bytes[at..])
            .ok_or_else(|| not_json(text, at, "lone surrogate in a string"))?;
    }
}

/// Returns the length of the number at the start of `bytes`. A number with a fraction or an
/// exponent is a float, which may have any number of digits.
fn number_length(bytes: &[u8]) -> Result<usize, NotJson> {
    let is_of_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    let length = bytes.iter().position(|byte| !is_of_number(byte)).unwrap_or(bytes.len());
    let number = &bytes[..length];
    let digits = number.strip_prefix(b"-").unwrap_or(number);
    if digits.len() > MAX_INTEGER_DIGITS && digits.iter().all(u8::is_ascii_digit) {
        return Err(NotJson::IntegerTooLong);
    }
    Ok(length)
}

/// Returns the length of the escape at the start of `bytes`. A surrogate pair is one escape; half a
/// pair gives `None`.
fn escape_length(bytes: &[u8]) -> Option<usize> {
    let code_unit = |at: usize| {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
    };
    match code_unit(0) {
        None => Some(2),
        Some(0xD800..=0xDBFF) => matches!(code_unit(6), Some(0xDC00..=0xDFFF)).then_some(12),
        Some(0xDC00..=0xDFFF) => None,
        Some(_) => Some(6),
    }
}

/// The type of a JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonType {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number, kept as its text.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// Returns the type of `value`, which its first byte tells.
pub fn type_of(value: &RawValue) -> JsonType {
    match value.get().as_bytes().first() {
        Some(b'n') => JsonType::Null,
        Some(b't' | b'f') => JsonType::Bool,
        Some(b'"') => JsonType::String,
        Some(b'[') => JsonType::Array,
        Some(b'{') => JsonType::Object,
        _ => JsonType::Number,
    }
}

/// A string. It borrows from the document unless it has an escape.
#[derive(Debug, Default, Deserialize)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// Returns the text of a string, borrowed unless it has an escape. `None` if `value` is not a
/// string.
pub fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    open(value, JsonType::String).map(|Text(text)| text)
}

/// Returns the elements of an array. `None` if `value` is not an array.
pub fn elements(value: &RawValue) -> Option<Vec<&RawValue>> {
    open(value, JsonType::Array)
}

/// Returns the members of an object. `None` if `value` is not an object.
pub fn members(value: &RawValue) -> Option<Members<'_>> {
    open(value, JsonType::Object)
}

fn open<'a, T: Deserialize<'a>>(value: &'a RawValue, expected: JsonType) -> Option<T> {
    (type_of(value) == expected).then(|| serde_json::from_str(value.get()).ok()).flatten()
}

/// The members of an object in their order. The values are not parsed by default.
#[derive(Debug)]
pub struct Members<'a, V = &'a RawValue>(pub Vec<(Cow<'a, str>, V)>);

impl<'a> Members<'a> {
    /// Returns the value of `name`. Of a name given twice the last counts, as in FastAPI.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    /// Returns the names in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_ref())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Members<'de, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor<V>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for MembersVisitor<V> {
            type Value = Members<'de, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Text(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor(PhantomData))
    }
}

/// A free-form JSON value, kept as the text that came in. Two are equal if their texts are.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct JsonText(Box<RawValue>);

impl JsonText {
    /// Returns the JSON text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Parses `text`, which must be one JSON value.
    pub fn parse(text: String) -> Option<Self> {
        RawValue::from_string(text).ok().map(Self)
    }

    /// Makes a JSON string of `text`.
    pub fn string(text: &str) -> Self {
        // Any text can be written as a JSON string.
        Self(serde_json::value::to_raw_value(text).unwrap_or_default())
    }
}

impl Default for JsonText {
    /// `{}`
    fn default() -> Self {
        // `{}` is JSON.
        Self(RawValue::from_string("{}".to_owned()).unwrap_or_default())
    }
}

impl From<&RawValue> for JsonText {
    fn from(value: &RawValue) -> Self {
        Self(value.to_owned())
    }
}

impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for JsonText {}

#[cfg(test)]
mod tests {
    use super::*;

    fn syntax_error(body: &str) -> (usize, String) {
        match document(body.as_bytes()) {
            Err(NotJson::Syntax { offset, message }) => (offset, message),
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn free_form_text_is_kept_byte_for_byte() {
        for text in [
            r#"{"b":1.0,"a":1e3,"n":12345678901234567890,"deep":[null,{"x":null}],"ü":"\u00fc ü"}"#,
            r#"{ "a" : [ 1 ,2 ] }"#,
            "1e999",
            r#""\ud83d\ude00 😀""#,
        ] {
            assert_eq!(JsonText::from(document(text.as_bytes()).unwrap()).as_str(), text);
        }
    }

    #[test]
    fn byte_order_mark_and_surrounding_white_space_are_ignored() {
        assert_eq!(document(b"\xEF\xBB\xBF [1] \n").unwrap().get(), "[1]");
        assert_eq!(value("\u{feff} [1] \n").unwrap().get(), "[1]");
        for two_marks in ["\u{feff}\u{feff}[1]", "[\u{feff}1]"] {
            assert!(document(two_marks.as_bytes()).is_err() && value(two_marks).is_err());
        }
    }

    #[test]
    fn offsets_count_characters() {
        for (body, offset) in [
            ("", 0),
            ("{", 1),
            ("[1,]", 3),
            ("{\"é\":x}", 5),
            ("[\n1,\nx]", 5),
            (r#"["é\ud800"]"#, 3),
            (r#"["\udc00\ud800"]"#, 2),
            ("[NaN]", 1),
            ("{} x", 3),
        ] {
            assert_eq!(syntax_error(body).0, offset, "{body}");
        }
        assert_eq!(document(b"\"\xff\"").unwrap_err(), NotJson::Encoding);
    }

    #[test]
    fn nesting_is_bounded_and_ignores_brackets_in_strings() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(document(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(
            syntax_error(&nested(MAX_DEPTH + 1)),
            (MAX_DEPTH, "nested too deeply".to_owned())
        );
        assert!(document(nested(100_000).as_bytes()).is_err());
        assert!(document(format!("[\"{}\\\"[\"]", "[".repeat(1000)).as_bytes()).is_ok());
    }

    #[test]
    fn an_integer_has_at_most_4300_digits_wherever_it_stands() {
        let [most, more] = [MAX_INTEGER_DIGITS, MAX_INTEGER_DIGITS + 1].map(|it| "9".repeat(it));
        for (before, after) in [("", ""), ("-", ""), ("[0,\n", " ]"), (r#"{"a":{"b":-"#, "}}")] {
            assert!(document(format!("{before}{most}{after}").as_bytes()).is_ok(), "{before}");
            assert_eq!(
                document(format!("{before}{more}{after}").as_bytes()).unwrap_err(),
                NotJson::IntegerTooLong,
                "{before}"
            );
        }
        for float in
            [format!("{more}.0"), format!("{more}e1"), format!("{more}E-5"), format!("0.{more}")]
        {
            assert!(document(float.as_bytes()).is_ok(), "a float has no bound");
        }
        assert!(document(format!("1e{more}").as_bytes()).is_ok(), "an exponent is no integer");
        for text in [format!(r#""{more}""#), format!(r#"{{"{more}":"\"{more}"}}"#)] {
            assert!(document(text.as_bytes()).is_ok(), "a string is no number");
        }
    }

    #[test]
    fn the_last_of_a_repeated_member_counts() {
        let object = document(br#"{"a":1,"\u0061":2}"#).unwrap();
        assert_eq!(members(object).unwrap().get("a").unwrap().get(), "2");
        assert!(members(object).unwrap().get("b").is_none());
    }
}
