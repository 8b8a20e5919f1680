//! JSON read one level at a time, so that what is free-form stays the text that came in.
//!
//! A body is checked once as a whole ([`document`]); after that every value in it is a [`RawValue`], a slice of
//! valid JSON, and [`members`], [`elements`] and [`string`] open just the level that is needed. No tree is built, and
//! key order, number text and nesting of free-form values survive because nothing ever reads them.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// How deeply a body may nest. An answer nests one level deeper than its request, in the envelope, and 127 levels are what
/// Rust's serde_json follows by default: what is deeper could not be read back by every client.
pub const MAX_DEPTH: usize = 126;

/// Why a body is not a JSON document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotJson {
    /// The bytes are not UTF-8.
    Encoding,
    /// The text breaks JSON's grammar, nests past [`MAX_DEPTH`] or holds half a surrogate pair.
    Syntax {
        /// Where, in characters from the start of the body.
        offset: usize,
        /// What is wrong there.
        message: String,
    },
}

/// Reads a whole body: UTF-8, with or without a byte order mark, one JSON value.
pub fn document(body: &[u8]) -> Result<&RawValue, NotJson> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let text = str::from_utf8(body).map_err(|_| NotJson::Encoding)?;
    let value = value(text)?;
    check_depth_and_surrogates(text)?;
    Ok(value)
}

/// Reads a text that a body is somewhere in, which [`document`] is still to check.
pub fn value(text: &str) -> Result<&RawValue, NotJson> {
    serde_json::from_str(text).map_err(|error| syntax(text, &error))
}

/// serde_json's error with its line and column turned into one offset.
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

/// The two rules that skipping over a value does not check. The text is valid JSON otherwise, which is what makes
/// counting brackets outside strings enough.
fn check_depth_and_surrogates(text: &str) -> Result<(), NotJson> {
    let bytes = text.as_bytes();
    let (mut at, mut depth, mut in_string) = (0, 0, false);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' => {
                at += escape_length(&bytes[at..])
                    .ok_or_else(|| not_json(text, at, "lone surrogate in a string"))?;
                continue;
            }
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(not_json(text, at, "nested too deeply"));
                }
            }
            b']' | b'}' if !in_string => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// The length of the escape that `bytes` begins with, a surrogate pair being one; `None` for half a pair.
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

/// What a JSON value is, told by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
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

/// The kind of `value`.
pub fn kind(value: &RawValue) -> Kind {
    match value.get().as_bytes().first() {
        Some(b'n') => Kind::Null,
        Some(b't' | b'f') => Kind::Bool,
        Some(b'"') => Kind::String,
        Some(b'[') => Kind::Array,
        Some(b'{') => Kind::Object,
        _ => Kind::Number,
    }
}

/// A string, which borrows from the document wherever it holds no escape.
#[derive(Debug, Default, Deserialize)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// The text of a string, borrowed where that is possible; `None` where `value` is something else.
pub fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    open(value, Kind::String).map(|Text(text)| text)
}

/// The text of a string; `None` where `value` is something else.
pub fn string(value: &RawValue) -> Option<String> {
    text(value).map(Cow::into_owned)
}

/// The elements of an array; `None` where `value` is something else.
pub fn elements(value: &RawValue) -> Option<Vec<&RawValue>> {
    open(value, Kind::Array)
}

/// The members of an object; `None` where `value` is something else.
pub fn members(value: &RawValue) -> Option<Members<'_>> {
    open(value, Kind::Object)
}

fn open<'a, T: Deserialize<'a>>(value: &'a RawValue, expected: Kind) -> Option<T> {
    (kind(value) == expected).then(|| serde_json::from_str(value.get()).ok()).flatten()
}

/// The members of an object, in their order, each value unread.
#[derive(Debug)]
pub struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// The value of `name`. Of a name given twice the last counts (contract 2.2).
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    /// The names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_ref())
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Text(key), value)) = map.next_entry()? {
                    members.push((key, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}

/// A free-form JSON value, kept as the text it came in. Two are equal when their texts are.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct JsonText(Box<RawValue>);

impl JsonText {
    /// The JSON text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// The value that `text` is, which must be nothing but that.
    pub fn parse(text: String) -> Option<Self> {
        RawValue::from_string(text).ok().map(Self)
    }

    /// A string of this text.
    #[expect(clippy::expect_used, reason = "any text can be written as a JSON string")]
    pub fn string(text: &str) -> Self {
        Self(
            serde_json::value::to_raw_value(text)
                .expect("any text can be written as a JSON string"),
        )
    }
}

impl Default for JsonText {
    /// `{}`
    #[expect(clippy::expect_used, reason = "`{}` is JSON")]
    fn default() -> Self {
        Self::parse("{}".to_owned()).expect("`{}` is JSON")
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
    fn free_form_text_survives_as_it_is() {
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
    fn a_byte_order_mark_and_white_space_around_are_no_part_of_the_document() {
        assert_eq!(document(b"\xEF\xBB\xBF [1] \n").unwrap().get(), "[1]");
    }

    #[test]
    fn faults_are_placed_in_characters() {
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
    fn nesting_is_bounded_and_brackets_in_strings_do_not_count() {
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
    fn of_a_member_given_twice_the_last_counts() {
        let object = document(br#"{"a":1,"\u0061":2}"#).unwrap();
        assert_eq!(members(object).unwrap().get("a").unwrap().get(), "2");
        assert!(members(object).unwrap().get("b").is_none());
    }
}
