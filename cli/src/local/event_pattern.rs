//! Event patterns, as EventBridge documents them for pipes
//! (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>).
//!
//! What a pipe does not take (`wildcard`, an `anything-but` of a prefix) is an error here too, and never a pattern that
//! just matches nothing.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

/// A pattern: what an event has to be like.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// What all has to hold.
    fields: Vec<(String, Field)>,
    /// Of each of these one has to match.
    alternatives: Vec<Vec<Pattern>>,
}

/// What a field has to be like.
#[derive(Debug, Clone)]
enum Field {
    Object(Pattern),
    /// One of the conditions has to hold.
    AnyOf(Vec<Condition>),
}

#[derive(Debug, Clone)]
enum Condition {
    Equals(Value),
    Text { part: Part, wanted: String, ignores_case: bool },
    AnythingBut(Vec<Value>),
    Numeric(Vec<(Comparison, f64)>),
    Exists(bool),
}

/// What of a text is compared.
#[derive(Debug, Clone, Copy)]
enum Part {
    Beginning,
    End,
    Whole,
}

#[derive(Debug, Clone, Copy)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Pattern {
    /// Reads a pattern's JSON.
    pub fn parse(json: &str) -> Result<Self> {
        let pattern: Value = serde_json::from_str(json).context("an event pattern is JSON")?;
        Self::read(&pattern).with_context(|| format!("the event pattern {json}"))
    }

    fn read(pattern: &Value) -> Result<Self> {
        let Some(pattern) = pattern.as_object().filter(|pattern| !pattern.is_empty()) else {
            bail!("{pattern} is no object with fields");
        };
        let mut read = Self { fields: Vec::new(), alternatives: Vec::new() };
        for (name, value) in pattern {
            if name == "$or" {
                let patterns = value.as_array().filter(|patterns| patterns.len() > 1);
                let patterns = patterns
                    .with_context(|| format!("$or takes two patterns or more, not {value}"))?;
                read.alternatives.push(patterns.iter().map(Self::read).collect::<Result<_>>()?);
            } else {
                read.fields.push((
                    name.clone(),
                    Field::read(value).with_context(|| format!("in {name}"))?,
                ));
            }
        }
        Ok(read)
    }

    /// Whether `event` is like that.
    pub fn matches(&self, event: &Value) -> bool {
        match event {
            // One element of an array has to match as a whole.
            Value::Array(elements) => elements.iter().any(|element| self.matches(element)),
            Value::Object(event) => self.matches_object(event),
            _ => self.matches_object(&Map::new()),
        }
    }

    fn matches_object(&self, event: &Map<String, Value>) -> bool {
        self.fields.iter().all(|(name, field)| {
            field.matches(event.get(name).unwrap_or(&Value::Object(Map::new())))
        }) && self
            .alternatives
            .iter()
            .all(|patterns| patterns.iter().any(|pattern| pattern.matches_object(event)))
    }
}

impl Field {
    fn read(field: &Value) -> Result<Self> {
        match field {
            Value::Object(_) => Ok(Self::Object(Pattern::read(field)?)),
            Value::Array(conditions) if !conditions.is_empty() => {
                Ok(Self::AnyOf(conditions.iter().map(Condition::read).collect::<Result<_>>()?))
            }
            _ => bail!("{field} is neither an object nor a list of what matches"),
        }
    }

    /// Whether `value` is like that. A field that is not there is an empty object: neither has anything to match.
    fn matches(&self, value: &Value) -> bool {
        match self {
            Self::Object(pattern) => pattern.matches(value),
            Self::AnyOf(conditions) => {
                let leaves = leaves(value);
                conditions.iter().any(|condition| condition.holds(&leaves))
            }
        }
    }
}

/// What conditions are about: a value that is no object, or the elements of an array.
fn leaves(value: &Value) -> Vec<&Value> {
    match value {
        Value::Object(_) => Vec::new(),
        Value::Array(elements) => elements.iter().flat_map(leaves).collect(),
        leaf => vec![leaf],
    }
}

impl Condition {
    fn read(condition: &Value) -> Result<Self> {
        let Some(operation) = condition.as_object() else {
            ensure!(!condition.is_array(), "{condition} is a list in a list");
            return Ok(Self::Equals(condition.clone()));
        };
        let mut operators = operation.iter();
        let (Some((operator, operand)), None) = (operators.next(), operators.next()) else {
            bail!("{condition} is not one operator");
        };
        match operator.as_str() {
            "exists" => operand.as_bool().map(Self::Exists),
            "prefix" => text(Part::Beginning, operand),
            "suffix" => text(Part::End, operand),
            "equals-ignore-case" => {
                operand.as_str().map(|wanted| Self::text(Part::Whole, wanted, true))
            }
            "anything-but" => anything_but(operand),
            "numeric" => numeric(operand),
            _ => bail!("a pipe knows no operator {operator}"),
        }
        .with_context(|| format!("{operator} does not take {operand}"))
    }

    fn text(part: Part, wanted: &str, ignores_case: bool) -> Self {
        let wanted = if ignores_case { wanted.to_lowercase() } else { wanted.to_owned() };
        Self::Text { part, wanted, ignores_case }
    }

    fn holds(&self, leaves: &[&Value]) -> bool {
        match self {
            Self::Exists(wanted) => leaves.is_empty() != *wanted,
            condition => leaves.iter().any(|leaf| condition.holds_for(leaf)),
        }
    }

    fn holds_for(&self, leaf: &Value) -> bool {
        match self {
            Self::Equals(wanted) => leaf == wanted,
            Self::Text { part, wanted, ignores_case } => leaf.as_str().is_some_and(|text| {
                let lowercase;
                let text = if *ignores_case {
                    lowercase = text.to_lowercase();
                    &lowercase
                } else {
                    text
                };
                match part {
                    Part::Beginning => text.starts_with(wanted),
                    Part::End => text.ends_with(wanted),
                    Part::Whole => text == wanted,
                }
            }),
            Self::AnythingBut(unwanted) => !unwanted.contains(leaf),
            Self::Numeric(comparisons) => leaf.as_f64().is_some_and(|number| {
                comparisons.iter().all(|(comparison, bound)| match comparison {
                    Comparison::Equal => number == *bound,
                    Comparison::Less => number < *bound,
                    Comparison::LessOrEqual => number <= *bound,
                    Comparison::Greater => number > *bound,
                    Comparison::GreaterOrEqual => number >= *bound,
                })
            }),
            Self::Exists(wanted) => *wanted,
        }
    }
}

/// A text, or `{"equals-ignore-case": …}` of one.
fn text(part: Part, operand: &Value) -> Option<Condition> {
    if let Some(wanted) = operand.as_str() {
        return Some(Condition::text(part, wanted, false));
    }
    let operation = operand.as_object().filter(|operation| operation.len() == 1)?;
    Some(Condition::text(part, operation.get("equals-ignore-case")?.as_str()?, true))
}

/// A text or a number, or a list of nothing but texts or nothing but numbers.
fn anything_but(operand: &Value) -> Option<Condition> {
    let unwanted = operand.as_array().cloned().unwrap_or_else(|| vec![operand.clone()]);
    let is_of_a_kind =
        unwanted.iter().all(Value::is_string) || unwanted.iter().all(Value::is_number);
    (is_of_a_kind && !unwanted.is_empty()).then_some(Condition::AnythingBut(unwanted))
}

/// One comparison or two, such as `[">", 0, "<=", 5]`.
fn numeric(operand: &Value) -> Option<Condition> {
    let comparison = |pair: &[Value]| {
        let comparison = match pair.first()?.as_str()? {
            "=" => Comparison::Equal,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            _ => return None,
        };
        Some((comparison, pair.get(1)?.as_f64()?))
    };
    let comparisons: Vec<_> =
        operand.as_array()?.chunks(2).map(comparison).collect::<Option<_>>()?;
    (1..=2).contains(&comparisons.len()).then_some(Condition::Numeric(comparisons))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The event of EventBridge's user guide, and what its sections add to it.
    const EVENT: &str = r#"{
        "version": "0",
        "source": "aws.ec2",
        "time": "2017-10-02T16:24:49Z",
        "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-1", "arn:aws:ec2:us-east-1:123456789012:instance/i-2"],
        "eventVersion": "",
        "responseElements": null,
        "detail": {"state": "running", "c-count": 5, "d-count": 3, "x-limit": 301.8, "ok": true, "empty": [], "nested": {"a": 1}},
        "parts": [{"a": 1, "b": 1}, {"a": 2, "b": 2}]
    }"#;

    fn matches(pattern: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(&serde_json::from_str(EVENT).unwrap())
    }

    #[test]
    fn patterns_match_as_eventbridge_documents() {
        for (pattern, expected) in [
            // Exact values, of which one has to be there; all the fields.
            (r#"{"source": ["aws.ec2"]}"#, true),
            (r#"{"source": ["aws.s3", "aws.ec2"], "detail": {"state": ["running"]}}"#, true),
            (r#"{"source": ["aws.ec2"], "detail": {"state": ["terminated"]}}"#, false),
            (r#"{"source": ["AWS.EC2"]}"#, false),
            (r#"{"detail": {"c-count": [5], "ok": [true]}}"#, true),
            (r#"{"detail": {"c-count": ["5"]}}"#, false),
            (r#"{"resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-2"]}"#, true),
            (r#"{"missing": ["x"]}"#, false),
            (r#"{"source": {"nested": ["x"]}}"#, false),
            // Null and empty.
            (r#"{"responseElements": [null]}"#, true),
            (r#"{"missing": [null]}"#, false),
            (r#"{"eventVersion": [""]}"#, true),
            (r#"{"eventVersion": [null]}"#, false),
            // Exists, which is about leaves alone.
            (r#"{"detail": {"state": [{"exists": true}]}}"#, true),
            (r#"{"responseElements": [{"exists": true}]}"#, true),
            (r#"{"missing": [{"exists": true}]}"#, false),
            (r#"{"missing": [{"exists": false}]}"#, true),
            (r#"{"missing": {"below": [{"exists": false}]}}"#, true),
            (r#"{"source": [{"exists": false}]}"#, false),
            (r#"{"detail": {"nested": [{"exists": false}]}}"#, true),
            (r#"{"detail": {"empty": [{"exists": true}]}}"#, false),
            // Beginnings and ends.
            (r#"{"time": [{"prefix": "2017-10-02"}]}"#, true),
            (r#"{"source": [{"prefix": "AWS"}]}"#, false),
            (r#"{"source": [{"prefix": {"equals-ignore-case": "AWS"}}]}"#, true),
            (r#"{"source": [{"suffix": ".ec2"}]}"#, true),
            (r#"{"source": [{"suffix": {"equals-ignore-case": ".EC2"}}]}"#, true),
            (r#"{"detail": {"c-count": [{"prefix": "5"}]}}"#, false),
            (r#"{"source": [{"equals-ignore-case": "AWS.ec2"}]}"#, true),
            // Anything but.
            (r#"{"detail": {"state": [{"anything-but": "initializing"}]}}"#, true),
            (r#"{"detail": {"state": [{"anything-but": ["stopped", "running"]}]}}"#, false),
            (r#"{"detail": {"x-limit": [{"anything-but": [100, 200, 300]}]}}"#, true),
            (r#"{"detail": {"c-count": [{"anything-but": 5}]}}"#, false),
            (r#"{"missing": [{"anything-but": "x"}]}"#, false),
            // Numbers.
            (
                r#"{"detail": {"c-count": [{"numeric": [">", 0, "<=", 5]}], "d-count": [{"numeric": ["<", 10]}], "x-limit": [{"numeric": ["=", 3.018e2]}]}}"#,
                true,
            ),
            (r#"{"detail": {"c-count": [{"numeric": [">", 0, "<", 5]}]}}"#, false),
            (r#"{"detail": {"state": [{"numeric": [">=", 0]}]}}"#, false),
            // Or.
            (
                r#"{"detail": {"$or": [{"state": ["stopped"]}, {"d-count": [{"numeric": [">=", 3]}]}]}}"#,
                true,
            ),
            (r#"{"$or": [{"source": ["aws.s3"]}, {"version": ["1"]}]}"#, false),
            (r#"{"source": ["aws.s3"], "$or": [{"version": ["0"]}, {"version": ["1"]}]}"#, false),
            (r#"{"detail": {"state": ["stopped", {"prefix": "run"}]}}"#, true),
            // One element of an array, as a whole.
            (r#"{"parts": {"a": [2], "b": [2]}}"#, true),
            (r#"{"parts": {"a": [1], "b": [2]}}"#, false),
        ] {
            assert_eq!(matches(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn unsupported_pattern_is_an_error_that_says_why() {
        for (pattern, says) in [
            ("[", "JSON"),
            ("{}", "{} is no object with fields"),
            (r#"{"a": {}}"#, "in a: {} is no object"),
            (r#"{"a": []}"#, "[] is neither"),
            (r#"{"a": "b"}"#, r#""b" is neither"#),
            (r#"{"a": [["b"]]}"#, "a list in a list"),
            (r#"{"a": [{}]}"#, "not one operator"),
            (r#"{"a": [{"prefix": "b", "suffix": "c"}]}"#, "not one operator"),
            (r#"{"a": [{"wildcard": "b*"}]}"#, "no operator wildcard"),
            (r#"{"a": [{"anything-but": {"prefix": "b"}}]}"#, "anything-but does not take"),
            (r#"{"a": [{"anything-but": []}]}"#, "anything-but does not take"),
            (r#"{"a": [{"anything-but": ["b", 1]}]}"#, "anything-but does not take"),
            (r#"{"a": [{"exists": "yes"}]}"#, "exists does not take"),
            (r#"{"a": [{"prefix": 1}]}"#, "prefix does not take"),
            (r#"{"a": [{"numeric": [">"]}]}"#, "numeric does not take"),
            (r#"{"a": [{"numeric": ["~", 1]}]}"#, "numeric does not take"),
            (r#"{"$or": [{"a": ["b"]}]}"#, "$or takes two"),
        ] {
            let error = format!("{:#}", Pattern::parse(pattern).unwrap_err());
            assert!(error.contains(says), "{pattern}: {error}");
        }
    }
}
