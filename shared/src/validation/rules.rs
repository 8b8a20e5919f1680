//! The rules for a value of a body that both dialects use.

use std::borrow::Cow;

use serde_json::value::RawValue;
use uuid::Uuid;

use super::json::{self, JsonText, JsonType};
use super::violation::{
    Location, MAX_VIOLATIONS, Validated, ViolationKind, prefix_path, violation,
};

/// Returns the violation `kind` of `value` unless the rule is met.
pub fn require(is_met: bool, kind: ViolationKind, value: &RawValue) -> Validated<()> {
    if is_met { Ok(()) } else { Err(violation(kind, value)) }
}

/// Refuses `null`.
pub fn not_null(value: &RawValue) -> Validated<()> {
    require(json::type_of(value) != JsonType::Null, ViolationKind::Null, value)
}

/// Accepts a number and returns the double that is nearest to it.
pub fn number(value: &RawValue) -> Validated<f64> {
    require(json::type_of(value) == JsonType::Number, ViolationKind::NotANumber, value)?;
    value.get().parse().map_err(|_| violation(ViolationKind::NotANumber, value))
}

/// Accepts `null`, and anything else that `rule` accepts.
pub fn nullable<T>(
    rule: impl FnOnce(&RawValue) -> Validated<T>,
) -> impl FnOnce(&RawValue) -> Validated<Option<T>> {
    |value| match json::type_of(value) {
        JsonType::Null => Ok(None),
        _ => rule(value).map(Some),
    }
}

/// Accepts a string.
pub fn text(value: &RawValue) -> Validated<String> {
    let text = json::text(value).map(Cow::into_owned);
    text.ok_or_else(|| violation(ViolationKind::NotAString, value))
}

/// Accepts an object of any content.
pub fn object(value: &RawValue) -> Validated<JsonText> {
    require(json::type_of(value) == JsonType::Object, ViolationKind::NotAnObject, value)?;
    Ok(value.into())
}

/// Accepts an array of any content.
pub fn array(value: &RawValue) -> Validated<JsonText> {
    require(json::type_of(value) == JsonType::Array, ViolationKind::NotAnArray, value)?;
    Ok(value.into())
}

/// Accepts an array whose elements `rule` accepts.
pub fn list<T>(
    rule: impl Fn(&RawValue) -> Validated<T>,
) -> impl FnOnce(&RawValue) -> Validated<Vec<T>> {
    move |value| {
        let elements =
            json::elements(value).ok_or_else(|| violation(ViolationKind::NotAnArray, value))?;
        let mut items = Vec::with_capacity(elements.len());
        let mut violations = Vec::new();
        for (index, element) in elements.into_iter().enumerate() {
            match rule(element) {
                Ok(item) => items.push(item),
                Err(found) => violations.extend(prefix_path(Location::Index(index), found)),
            }
            if violations.len() >= MAX_VIOLATIONS {
                break;
            }
        }
        if violations.is_empty() { Ok(items) } else { Err(violations) }
    }
}

/// Accepts a UUID in any of its written forms: hyphenated, bare, in braces, or as a URN.
pub fn uuid(value: &RawValue) -> Validated<Uuid> {
    let text = json::text(value).ok_or_else(|| violation(ViolationKind::NotAUuid, value))?;
    Uuid::parse_str(&text).map_err(|error| violation(ViolationKind::InvalidUuid(error), value))
}

/// Accepts a boolean, and each number and word that Pydantic takes for one: `1`, `0`, `"yes"`,
/// `"no"`, `"on"`, `"off"`, `"t"`, `"f"`, `"y"`, `"n"` in any case
/// (<https://docs.pydantic.dev/latest/api/standard_library_types/#booleans>).
pub fn lenient_bool(value: &RawValue) -> Validated<bool> {
    let meaning = match json::type_of(value) {
        JsonType::Bool => Some(value.get() == "true"),
        JsonType::Number => match integer(value.get()) {
            Some(0) => Some(false),
            Some(1) => Some(true),
            Some(_) => None,
            None => return Err(violation(ViolationKind::NotABoolean, value)),
        },
        JsonType::String => match text(value)?.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" | "t" | "y" => Some(true),
            "0" | "false" | "no" | "off" | "f" | "n" => Some(false),
            _ => None,
        },
        JsonType::Null | JsonType::Array | JsonType::Object => {
            return Err(violation(ViolationKind::NotABoolean, value));
        }
    };
    meaning.ok_or_else(|| violation(ViolationKind::UnclearBoolean, value))
}

/// Returns the whole number of 64 bits that a JSON number stands for, `1.0` and `1e0` included.
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
    use std::fmt;

    use super::*;

    fn raw(text: &str) -> &RawValue {
        json::document(text.as_bytes()).unwrap()
    }

    fn kind<T: fmt::Debug>(result: Validated<T>) -> ViolationKind {
        result.unwrap_err().remove(0).kind
    }

    #[test]
    fn booleans_parse_as_in_pydantic() {
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
            assert_eq!(kind(lenient_bool(raw(text))), ViolationKind::UnclearBoolean, "{text}");
        }
        for text in ["0.5", "-1.5", "9223372036854775808", "1e999", "[]", "{}", "null"] {
            assert_eq!(kind(lenient_bool(raw(text))), ViolationKind::NotABoolean, "{text}");
        }
    }

    #[test]
    fn uuids_parse_in_every_written_form() {
        let id = Uuid::from_u128(0x3c90c3cc_0d44_4b50_8888_8dd25736052a);
        for text in [
            "3c90c3cc-0d44-4b50-8888-8dd25736052a",
            "3C90C3CC0D444B5088888DD25736052A",
            "{3c90c3cc-0d44-4b50-8888-8dd25736052a}",
            "urn:uuid:3c90c3cc-0d44-4b50-8888-8dd25736052a",
        ] {
            assert_eq!(uuid(raw(&format!("{text:?}"))), Ok(id));
        }
        assert_eq!(kind(uuid(raw("1"))), ViolationKind::NotAUuid);
        assert_eq!(
            kind(uuid(raw(r#""x""#))).to_string(),
            "must be a UUID: invalid character: found `x` at 0"
        );
    }
}
