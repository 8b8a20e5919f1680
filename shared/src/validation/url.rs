//! The rules for what a URL holds: segments of its path and parameters of its query.

use uuid::Uuid;

use super::json::MAX_INTEGER_DIGITS;
use super::violation::{RequestPart, Validated, ViolationKind, text_violation};

/// Parses a segment of the URL's path as a UUID. `name` is what the route calls the segment.
pub fn path_uuid(name: &'static str, text: &str) -> Validated<Uuid> {
    Uuid::parse_str(text).map_err(|error| {
        text_violation(RequestPart::Path, name, ViolationKind::InvalidUuid(error), text)
    })
}

/// Parses the query parameter `name` as a whole number from `minimum` to `maximum`, or to 2^63 - 1.
pub fn query_integer(
    name: &'static str,
    text: &str,
    minimum: u32,
    maximum: Option<u32>,
) -> Validated<u64> {
    let checked = written_integer(text).and_then(|number| match maximum {
        _ if number < i128::from(minimum) => Err(ViolationKind::Below(minimum)),
        Some(maximum) if number > i128::from(maximum) => Err(ViolationKind::Above(maximum)),
        _ => {
            i64::try_from(number).map(i64::unsigned_abs).map_err(|_| ViolationKind::IntegerTooLong)
        }
    });
    checked.map_err(|kind| text_violation(RequestPart::Query, name, kind, text))
}

/// Parses a whole number as Pydantic does: white space around it, a sign, leading zeros, zeros
/// behind a decimal point, and single underscores between digits are allowed. A number that leaves
/// the range of the type becomes the end of that range.
fn written_integer(text: &str) -> Result<i128, ViolationKind> {
    let text = text.trim();
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits =
        |group: &str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
    // Pydantic strips leading zeros together with the underscores among them.
    let significant = whole.trim_start_matches(['0', '_']);
    let has_zeros = whole.starts_with('0') && significant.starts_with(|c: char| c.is_ascii_digit());
    let whole = if has_zeros { significant } else { whole };
    let is_zero = is_digits(fraction) && fraction.trim_matches('0').is_empty();
    if !whole.split('_').all(is_digits) || !is_zero {
        return Err(ViolationKind::NotAnInteger);
    }
    let digits = whole.replace('_', "");
    let digits = digits.trim_start_matches('0');
    if digits.len() > MAX_INTEGER_DIGITS {
        return Err(ViolationKind::IntegerTooLong);
    }
    let number = if digits.is_empty() { 0 } else { digits.parse().unwrap_or(i128::MAX) };
    Ok(if is_negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    fn kind<T: fmt::Debug>(result: Validated<T>) -> ViolationKind {
        result.unwrap_err().remove(0).kind
    }

    #[test]
    fn query_integers_parse_as_in_pydantic() {
        let read = |text: &str| query_integer("page", text, 1, None);
        let kind = |text: &str, maximum| kind(query_integer("page", text, 1, maximum));
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
            assert_eq!(kind(text, Some(100)), ViolationKind::NotAnInteger, "{text}");
        }
        for text in
            ["0", "-0", "-1", "-0.0", "-99999999999999999999", &format!("-{}", "9".repeat(4300))]
        {
            assert_eq!(kind(text, Some(100)), ViolationKind::Below(1), "{text}");
        }
        for text in ["101", "99999999999999999999", &"9".repeat(4300)] {
            assert_eq!(kind(text, Some(100)), ViolationKind::Above(100), "{text}");
        }
        assert_eq!(kind("9223372036854775808", None), ViolationKind::IntegerTooLong);
        assert_eq!(kind(&"9".repeat(4301), Some(100)), ViolationKind::IntegerTooLong);
        assert_eq!(read(&format!("{}1", "0".repeat(5000))), Ok(1));
    }
}
