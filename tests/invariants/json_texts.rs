//! The level-by-level JSON reader agrees with serde_json's tree.

use serde_json::{Value, value::RawValue};
use shared::validation::json::{self, JsonType, MAX_DEPTH, MAX_INTEGER_DIGITS, NotJson};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
const WHITE_SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// Checks that both readers accept a text and read the same, or that both reject it. They may
/// differ about its depth and about its longest numbers.
pub fn json_text(input: &[u8]) {
    let bytes = input.strip_prefix(BYTE_ORDER_MARK).unwrap_or(input);
    let Ok(text) = str::from_utf8(bytes) else {
        assert!(matches!(json::document(input), Err(NotJson::Encoding)));
        return;
    };
    match (json::document(input), serde_json::from_str::<Value>(text)) {
        (Ok(document), Ok(tree)) => {
            assert_eq!(document.get(), text.trim_matches(WHITE_SPACE));
            // serde_json's tree uses this name internally, and misreads it in a text.
            if !text.contains("$serde_json::private::") {
                expect_equal(document, &tree);
            }
        }
        (Ok(document), Err(error)) => {
            assert!(error.to_string().starts_with("number out of range"), "{error}: {document}");
        }
        (Err(NotJson::Syntax { offset, message }), tree) => {
            assert!(offset <= text.chars().count());
            if tree.is_ok() {
                assert_eq!(message, "nested too deeply");
                assert!(text.matches(['[', '{']).count() > MAX_DEPTH);
            }
        }
        (Err(NotJson::IntegerTooLong), _) => {
            let mut integers = text.split(|character: char| !character.is_ascii_digit());
            assert!(integers.any(|digits| digits.len() > MAX_INTEGER_DIGITS));
        }
        (Err(NotJson::Encoding), _) => panic!("it is UTF-8"),
    }
}

/// Asserts that `value`, read level by level, equals `tree`.
fn expect_equal(value: &RawValue, tree: &Value) {
    match (json::type_of(value), tree) {
        (JsonType::Null, Value::Null)
        | (JsonType::Bool, Value::Bool(_))
        | (JsonType::Number, Value::Number(_)) => {
            assert_eq!(json::text(value), None);
        }
        (JsonType::String, Value::String(string)) => {
            assert_eq!(json::text(value).as_deref(), Some(string.as_str()));
        }
        (JsonType::Array, Value::Array(trees)) => {
            let elements = json::elements(value).unwrap_or_default();
            assert_eq!(elements.len(), trees.len());
            elements.iter().zip(trees).for_each(|(element, tree)| expect_equal(element, tree));
        }
        (JsonType::Object, Value::Object(trees)) => {
            let Some(members) = json::members(value) else { panic!("{value} has no members") };
            assert!(members.names().all(|name| trees.contains_key(name)));
            for (name, tree) in trees {
                let Some(member) = members.get(name) else { panic!("{value} has no {name:?}") };
                expect_equal(member, tree);
            }
        }
        (kind, tree) => panic!("{value} is a {kind:?} or {tree}"),
    }
}
