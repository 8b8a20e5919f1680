//! The event patterns of a pipe's filters, as far as the template uses them: fields in fields, and
//! for each a list of texts of which one has to be equal.
//!
//! EventBridge has more operators
//! (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>).
//! A pattern with one of them is an error that names it, and never a pattern that matches nothing.

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// How an error about a pattern that EventBridge would take begins.
const UNSUPPORTED: &str = "the local stack does not support";

/// What an event, or a value in it, has to be like.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// An object in which every one of these fields matches.
    Fields(Vec<(String, Pattern)>),
    /// One of these texts.
    AnyOf(Vec<String>),
}

impl Pattern {
    /// Parses a pattern's JSON.
    pub fn parse(json: &str) -> Result<Self> {
        let pattern: Value = serde_json::from_str(json).context("an event pattern is JSON")?;
        let pattern = match pattern {
            Value::Object(_) => Self::read(&pattern),
            other => bail!("an event pattern is an object, not {other}"),
        };
        pattern.with_context(|| format!("the event pattern {json}"))
    }

    fn read(pattern: &Value) -> Result<Self> {
        match pattern {
            Value::Object(fields) if !fields.is_empty() => {
                let read = |(name, field): (&String, &Value)| {
                    if name.starts_with('$') {
                        bail!("{UNSUPPORTED} {name}");
                    }
                    let field = Self::read(field).with_context(|| format!("in {name}"))?;
                    Ok((name.clone(), field))
                };
                Ok(Self::Fields(fields.iter().map(read).collect::<Result<_>>()?))
            }
            Value::Array(texts) if !texts.is_empty() => {
                Ok(Self::AnyOf(texts.iter().map(Self::text).collect::<Result<_>>()?))
            }
            other => bail!("{other} is neither an object with fields nor a list of texts"),
        }
    }

    fn text(condition: &Value) -> Result<String> {
        match condition {
            Value::String(text) => Ok(text.clone()),
            Value::Object(operators) => {
                let names: Vec<&str> = operators.keys().map(String::as_str).collect();
                bail!("{UNSUPPORTED} the operator {}", names.join(", "))
            }
            other => bail!("{UNSUPPORTED} {other}, which is no text"),
        }
    }

    /// Returns whether `value` matches. An array matches if one of its elements does.
    pub fn matches(&self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Array(elements)) => elements.iter().any(|element| self.matches(element)),
            (Self::Fields(fields), Value::Object(object)) => fields
                .iter()
                .all(|(name, field)| object.get(name).is_some_and(|value| field.matches(value))),
            (Self::AnyOf(texts), Value::String(text)) => texts.contains(text),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The event of EventBridge's user guide, and what its sections add to it.
    const EVENT: &str = r#"{
        "source": "aws.ec2",
        "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-1", "arn:aws:ec2:us-east-1:123456789012:instance/i-2"],
        "eventVersion": "",
        "responseElements": null,
        "detail": {"state": "running", "c-count": 5, "empty": []},
        "parts": [{"a": "1", "b": "1"}, {"a": "2", "b": "2"}]
    }"#;

    fn matches(pattern: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(&serde_json::from_str(EVENT).unwrap())
    }

    #[test]
    fn patterns_match_as_eventbridge_documents() {
        for (pattern, expected) in [
            (r#"{"source": ["aws.ec2"]}"#, true),
            (r#"{"source": ["aws.s3", "aws.ec2"], "detail": {"state": ["running"]}}"#, true),
            (r#"{"source": ["aws.ec2"], "detail": {"state": ["terminated"]}}"#, false),
            (r#"{"source": ["AWS.EC2"]}"#, false),
            (r#"{"eventVersion": [""]}"#, true),
            (r#"{"missing": ["x"]}"#, false),
            (r#"{"missing": {"below": ["x"]}}"#, false),
            (r#"{"source": {"nested": ["x"]}}"#, false),
            (r#"{"responseElements": [""]}"#, false),
            (r#"{"detail": {"c-count": ["5"]}}"#, false),
            (r#"{"detail": ["running"]}"#, false),
            // One element of an array, as a whole.
            (r#"{"resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-2"]}"#, true),
            (r#"{"detail": {"empty": ["x"]}}"#, false),
            (r#"{"parts": {"a": ["2"], "b": ["2"]}}"#, true),
            (r#"{"parts": {"a": ["1"], "b": ["2"]}}"#, false),
        ] {
            assert_eq!(matches(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn unsupported_operator_is_an_error_that_names_it() {
        for (pattern, named) in [
            (r#"{"a": [{"exists": true}]}"#, "the operator exists"),
            (r#"{"a": [{"prefix": "b"}]}"#, "the operator prefix"),
            (r#"{"a": [{"suffix": {"equals-ignore-case": "b"}}]}"#, "the operator suffix"),
            (r#"{"a": [{"equals-ignore-case": "b"}]}"#, "the operator equals-ignore-case"),
            (r#"{"a": [{"anything-but": ["b"]}]}"#, "the operator anything-but"),
            (r#"{"a": [{"numeric": [">", 0]}]}"#, "the operator numeric"),
            (r#"{"a": {"b": ["c", {"wildcard": "b*"}]}}"#, "in a: in b: the local stack"),
            (r#"{"a": [{"wildcard": "b*"}]}"#, "the operator wildcard"),
            (r#"{"$or": [{"a": ["b"]}, {"c": ["d"]}]}"#, "does not support $or"),
            (r#"{"a": [5]}"#, "does not support 5"),
            (r#"{"a": [null]}"#, "does not support null"),
            (r#"{"a": [["b"]]}"#, r#"does not support ["b"]"#),
        ] {
            let error = format!("{:#}", Pattern::parse(pattern).unwrap_err());
            assert!(error.contains(named), "{pattern}: {error}");
        }
    }

    #[test]
    fn invalid_pattern_is_an_error_that_says_why() {
        for (pattern, says) in [
            ("[", "JSON"),
            (r#"["a"]"#, r#"an object, not ["a"]"#),
            ("{}", "{} is neither"),
            (r#"{"a": {}}"#, "in a: {} is neither"),
            (r#"{"a": []}"#, "[] is neither"),
            (r#"{"a": "b"}"#, r#""b" is neither"#),
        ] {
            let error = format!("{:#}", Pattern::parse(pattern).unwrap_err());
            assert!(error.contains(says), "{pattern}: {error}");
        }
    }
}
