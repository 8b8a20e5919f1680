//! The input template of a pipe, as far as the template uses it: a JSON object with paths in angle
//! brackets in its strings, such as `{"id": "<$.dynamodb.Keys.sk.S>"}`.
//!
//! EventBridge has more variables, and has them outside strings too
//! (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-input-transformation.html>).
//! A template with one of those is an error that names it.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, value::RawValue};

/// A template whose result is a JSON object.
#[derive(Debug, Clone)]
pub struct InputTemplate(Vec<Piece>);

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    /// The members that lead from an event to a value in it.
    Path(Vec<String>),
}

impl InputTemplate {
    /// Parses a template. A `<` that begins no variable is text.
    pub fn parse(template: &str) -> Result<Self> {
        let json = compact(template)?;
        serde_json::from_str::<Map<String, Value>>(template)
            .with_context(|| format!("an input template is a JSON object, not {template}"))?;
        let mut pieces = Vec::new();
        let mut rest = json.as_str();
        while let Some(start) = rest.find("<$").into_iter().chain(rest.find("<aws.pipes.")).min() {
            let (text, variable) = rest.split_at(start);
            let (name, after) = variable[1..]
                .split_once('>')
                .with_context(|| format!("the variable {variable} has no >"))?;
            pieces.extend([Piece::Text(text.to_owned()), path(name)?]);
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// Renders the template for `event`: on one line, with the keys in the template's order. AWS
    /// does not document what a path that leads nowhere becomes; here it is an error.
    pub fn render(&self, event: &Value) -> Result<Box<RawValue>> {
        let mut json = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => json.push_str(text),
                Piece::Path(members) => {
                    let value = members.iter().try_fold(event, |value, member| value.get(member));
                    let value =
                        value.with_context(|| format!("there is no $.{}", members.join(".")))?;
                    json.push_str(&escaped(value));
                }
            }
        }
        Ok(RawValue::from_string(json)?)
    }
}

/// Returns `json` without the white space between its parts. A variable there is an error.
fn compact(json: &str) -> Result<String> {
    let mut compact = String::new();
    let (mut is_in_string, mut is_escaped) = (false, false);
    for (position, character) in json.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_in_string = !is_in_string,
            '<' if !is_in_string => {
                let variable = json[position..].split_inclusive('>').next().unwrap_or_default();
                bail!("the local stack does not support {variable} outside a string");
            }
            _ => {}
        }
        if is_in_string || !character.is_ascii_whitespace() {
            compact.push(character);
        }
    }
    Ok(compact)
}

/// Parses a variable's name, such as `$.a.b`.
fn path(name: &str) -> Result<Piece> {
    let is_plain = |character: char| character.is_alphanumeric() || "-_".contains(character);
    let members: Option<Vec<&str>> = name.strip_prefix("$.").map(|path| path.split('.').collect());
    match members {
        Some(members)
            if members.iter().all(|name| !name.is_empty() && name.chars().all(is_plain)) =>
        {
            Ok(Piece::Path(members.into_iter().map(str::to_owned).collect()))
        }
        _ => bail!("the local stack supports variables such as <$.a.b>, and not <{name}>"),
    }
}

/// Renders a value within a string.
fn escaped(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let quoted = Value::String(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rendered(template: &str) -> Result<String> {
        let event = json!({
            "text": "a \"b\"\n<$.n>", "n": 1.5, "yes": true, "a-b_c": {"d": {"e": "f"}}, "list": ["x"],
        });
        Ok(InputTemplate::parse(template)?.render(&event)?.get().to_owned())
    }

    #[test]
    fn paths_render_in_strings() {
        for (template, expected) in [
            (r#"{"z": "x", "a": 1}"#, r#"{"z":"x","a":1}"#),
            ("{\n  \"a b\" : \"c  \\\" d\"\n}\n", r#"{"a b":"c  \" d"}"#),
            (r#"{"k": "<$.text>!"}"#, r#"{"k":"a \"b\"\n<$.n>!"}"#),
            (r#"{"k": ["<$.n>", "<$.yes>"]}"#, r#"{"k":["1.5","true"]}"#),
            (r#"{"k": "<$.a-b_c.d.e>-<$.a-b_c.d>"}"#, r#"{"k":"f-{\"e\":\"f\"}"}"#),
            (r#"{"<$.yes>": "a < b <i>"}"#, r#"{"true":"a < b <i>"}"#),
        ] {
            assert_eq!(rendered(template).unwrap(), expected, "{template}");
        }
    }

    #[test]
    fn unsupported_variable_is_an_error_that_names_it() {
        for (template, named) in [
            (r#"{"k": "<aws.pipes.pipe-arn>"}"#, "not <aws.pipes.pipe-arn>"),
            (r#"{"k": "<aws.pipes.pipe-name>"}"#, "not <aws.pipes.pipe-name>"),
            (r#"{"k": "<aws.pipes.source-arn>"}"#, "not <aws.pipes.source-arn>"),
            (r#"{"k": "<aws.pipes.target-arn>"}"#, "not <aws.pipes.target-arn>"),
            (r#"{"k": "<aws.pipes.event>"}"#, "not <aws.pipes.event>"),
            (
                r#"{"k": "<$.n> <aws.pipes.event.ingestion-time>"}"#,
                "not <aws.pipes.event.ingestion-time>",
            ),
            (r#"{"k": <$.n>}"#, "<$.n> outside a string"),
            ("<aws.pipes.event.json>", "<aws.pipes.event.json> outside a string"),
            (r#"{"k": "<$.list[0]>"}"#, "not <$.list[0]>"),
            (r#"{"k": "<$>"}"#, "not <$>"),
            (r#"{"k": "<$.a.*>"}"#, "not <$.a.*>"),
            (r#"{"k": "<$a>"}"#, "not <$a>"),
            (r#"{"k": "<$.a..b>"}"#, "not <$.a..b>"),
        ] {
            let error = format!("{:#}", rendered(template).unwrap_err());
            assert!(error.contains(named), "{template}: {error}");
        }
    }

    #[test]
    fn invalid_template_or_path_is_an_error_that_names_it() {
        for (template, says) in [
            (r#"{"k": "<$.missing.part>"}"#, "there is no $.missing.part"),
            (r#"{"k": "<$.text.part>"}"#, "there is no $.text.part"),
            (r#"{"k": "<$.list.0>"}"#, "there is no $.list.0"),
            (r#"{"k": "<$.a"}"#, "has no >"),
            (r#"{"k": }"#, "a JSON object"),
            (r#"{"k": 1 2}"#, "a JSON object"),
            (r#""<$.text>""#, "a JSON object"),
            (r#"["<$.n>"]"#, "a JSON object"),
            ("", "a JSON object"),
        ] {
            let error = format!("{:#}", rendered(template).unwrap_err());
            assert!(error.contains(says), "{template}: {error}");
        }
    }
}
