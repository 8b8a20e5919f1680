//! The input transformer of a pipe, as EventBridge documents it
//! (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-input-transformation.html>).
//! An input template is JSON with variables in angle brackets, such as `{"id": "<$.dynamodb.Keys.sk.S>", "at": <aws.pipes.event.ingestion-time>}`.

use anyhow::{Context, Result, bail};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, value::RawValue};

/// A template whose result is a JSON object.
#[derive(Debug, Clone)]
pub struct InputTemplate(Vec<Piece>);

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    Variable { variable: Variable, is_in_string: bool },
}

#[derive(Debug, Clone)]
enum Variable {
    PipeArn,
    PipeName,
    SourceArn,
    TargetArn,
    IngestionTime,
    Event,
    /// A path as it is written, and where it leads.
    Path(String, Vec<Step>),
}

#[derive(Debug, Clone)]
enum Step {
    Member(String),
    Element(usize),
}

/// What the reserved variables stand for.
#[derive(Debug, Clone)]
pub struct Reserved {
    /// `<aws.pipes.pipe-arn>`
    pub pipe_arn: String,
    /// `<aws.pipes.pipe-name>`
    pub pipe_name: String,
    /// `<aws.pipes.source-arn>`
    pub source_arn: String,
    /// `<aws.pipes.target-arn>`
    pub target_arn: String,
}

impl InputTemplate {
    /// Reads a template. A `<` that begins no variable is text.
    pub fn parse(template: &str) -> Result<Self> {
        let mut pieces = Vec::new();
        let (mut text, mut rest) = (String::new(), template);
        let (mut is_in_string, mut is_escaped) = (false, false);
        while let Some(character) = rest.chars().next() {
            if rest.starts_with("<$") || rest.starts_with("<aws.pipes.") {
                let (variable, after) =
                    rest[1..].split_once('>').with_context(|| format!("{rest} has no >"))?;
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                pieces.push(Piece::Variable {
                    variable: Variable::parse(variable, is_in_string)?,
                    is_in_string,
                });
                rest = after;
                continue;
            }
            match character {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '"' => is_in_string = !is_in_string,
                _ => {}
            }
            text.push(character);
            rest = &rest[character.len_utf8()..];
        }
        pieces.push(Piece::Text(text));
        Ok(Self(pieces))
    }

    /// What the template makes of `event`, which came in at `ingestion`: an object, on one line, its keys in the
    /// template's order. What a pipe does with a path that leads nowhere is not documented; here it is an error.
    pub fn render(
        &self,
        event: &Value,
        reserved: &Reserved,
        ingestion: DateTime<Utc>,
    ) -> Result<Box<RawValue>> {
        let mut json = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => json.push_str(text),
                Piece::Variable { variable, is_in_string } => {
                    let value = variable.value(event, reserved, ingestion)?;
                    json.push_str(&if *is_in_string { escaped(&value) } else { value.to_string() });
                }
            }
        }
        object(&json)
    }
}

/// The JSON object that `json` is, without white space between its parts.
pub fn object(json: &str) -> Result<Box<RawValue>> {
    let parsed: &RawValue =
        serde_json::from_str(json).with_context(|| format!("this is no JSON: {json}"))?;
    if !parsed.get().starts_with('{') {
        bail!("an event's detail is an object, not {}", parsed.get());
    }
    let (mut is_in_string, mut is_escaped) = (false, false);
    let mut compact = parsed.get().to_owned();
    compact.retain(|character| {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_in_string = !is_in_string,
            _ => {}
        }
        is_in_string || !character.is_ascii_whitespace()
    });
    Ok(RawValue::from_string(compact)?)
}

/// A value as it stands within a string.
fn escaped(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let quoted = Value::String(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

impl Variable {
    fn parse(name: &str, is_in_string: bool) -> Result<Self> {
        if let Some(path) = name.strip_prefix('$') {
            let steps = steps(path)
                .with_context(|| format!("a pipe's paths are like $.a.b[0], not {name}"))?;
            return Ok(Self::Path(name.to_owned(), steps));
        }
        match name {
            "aws.pipes.pipe-arn" => Ok(Self::PipeArn),
            "aws.pipes.pipe-name" => Ok(Self::PipeName),
            "aws.pipes.source-arn" => Ok(Self::SourceArn),
            "aws.pipes.target-arn" => Ok(Self::TargetArn),
            "aws.pipes.event.ingestion-time" => Ok(Self::IngestionTime),
            "aws.pipes.event" => Ok(Self::Event),
            // Of the two this is the one that is not escaped.
            "aws.pipes.event.json" if is_in_string => bail!("<{name}> stands in a string"),
            "aws.pipes.event.json" => Ok(Self::Event),
            _ => bail!("there is no variable <{name}>"),
        }
    }

    fn value(&self, event: &Value, reserved: &Reserved, ingestion: DateTime<Utc>) -> Result<Value> {
        Ok(match self {
            Self::PipeArn => reserved.pipe_arn.as_str().into(),
            Self::PipeName => reserved.pipe_name.as_str().into(),
            Self::SourceArn => reserved.source_arn.as_str().into(),
            Self::TargetArn => reserved.target_arn.as_str().into(),
            Self::IngestionTime => ingestion.to_rfc3339_opts(SecondsFormat::Millis, true).into(),
            Self::Event => event.clone(),
            Self::Path(path, steps) => {
                let found = steps.iter().try_fold(event, |value, step| match step {
                    Step::Member(name) => value.get(name),
                    Step::Element(index) => value.get(index),
                });
                found.with_context(|| format!("there is no {path}"))?.clone()
            }
        })
    }
}

/// The steps of a path such as `.a.b[0]`.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(element) = rest.strip_prefix('[') {
            let (index, after) = element.split_once(']')?;
            steps.push(Step::Element(index.parse().ok()?));
            rest = after;
        } else {
            let member = rest.strip_prefix('.')?;
            let end = member.find(['.', '[']).unwrap_or(member.len());
            let (name, after) = member.split_at(end);
            let is_plain = |character: char| {
                character.is_alphanumeric() || matches!(character, '-' | '_' | '/')
            };
            if name.is_empty() || !name.chars().all(is_plain) {
                return None;
            }
            steps.push(Step::Member(name.to_owned()));
            rest = after;
        }
    }
    Some(steps)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rendered(template: &str) -> Result<String> {
        let event = json!({
            "text": "a \"b\"\n<$.n>", "n": 1.5, "yes": true, "none": null, "a-b_c": {"d": [{"e": "f"}]}, "empty": {},
        });
        let reserved = Reserved {
            pipe_arn: "arn:pipe".to_owned(),
            pipe_name: "name".to_owned(),
            source_arn: "arn:source".to_owned(),
            target_arn: "arn:target".to_owned(),
        };
        let ingestion = DateTime::from_timestamp_millis(1_500_000_000_123).unwrap();
        Ok(InputTemplate::parse(template)?.render(&event, &reserved, ingestion)?.get().to_owned())
    }

    #[test]
    fn variables_render_as_json_inside_and_outside_strings() {
        for (template, expected) in [
            (r#"{"z": "x", "a": 1}"#, r#"{"z":"x","a":1}"#),
            ("{\n  \"a b\" : \"c  \\\" d\"\n}\n", r#"{"a b":"c  \" d"}"#),
            (r#"{"k": "<$.text>!"}"#, r#"{"k":"a \"b\"\n<$.n>!"}"#),
            (r#"{"k": <$.text>}"#, r#"{"k":"a \"b\"\n<$.n>"}"#),
            (
                r#"{"k": [<$.n>, "<$.n>", <$.yes>, "<$.yes>", <$.none>]}"#,
                r#"{"k":[1.5,"1.5",true,"true",null]}"#,
            ),
            (
                r#"{"k": <$.a-b_c>, "l": <$.a-b_c.d[0]>}"#,
                r#"{"k":{"d":[{"e":"f"}]},"l":{"e":"f"}}"#,
            ),
            (r#"{"k": "<$.a-b_c.d[0].e>-<$.a-b_c.d>"}"#, r#"{"k":"f-[{\"e\":\"f\"}]"}"#),
            (r#"{"<$.yes>": "a < b <i>"}"#, r#"{"true":"a < b <i>"}"#),
            (
                r#"{"p": "<aws.pipes.pipe-arn> <aws.pipes.pipe-name>", "s": <aws.pipes.source-arn>, "t": "<aws.pipes.target-arn>"}"#,
                r#"{"p":"arn:pipe name","s":"arn:source","t":"arn:target"}"#,
            ),
            (r#"{"t": <aws.pipes.event.ingestion-time>}"#, r#"{"t":"2017-07-14T02:40:00.123Z"}"#),
            (r#"<$.a-b_c>"#, r#"{"d":[{"e":"f"}]}"#),
        ] {
            assert_eq!(rendered(template).unwrap(), expected, "{template}");
        }
        for whole in ["<aws.pipes.event>", "<aws.pipes.event.json>", "<$>"] {
            assert!(rendered(whole).unwrap().contains(r#""none":null"#), "{whole}");
        }
    }

    #[test]
    fn invalid_template_or_path_is_an_error_that_names_it() {
        for (template, says) in [
            (r#"{"k": "<$.missing.part>"}"#, "there is no $.missing.part"),
            (r#"{"k": <$.text.part>}"#, "there is no $.text.part"),
            (r#"{"k": <$.a-b_c.d[1]>}"#, "there is no $.a-b_c.d[1]"),
            (r#"{"k": <$.n[0]>}"#, "there is no $.n[0]"),
            (r#"{"k": <$.a.*>}"#, "not $.a.*"),
            (r#"{"k": <$.a[x]>}"#, "not $.a[x]"),
            (r#"{"k": <$a>}"#, "not $a"),
            (r#"{"k": <$.a..b>}"#, "not $.a..b"),
            (r#"{"k": <$.a"#, "has no >"),
            (r#"{"k": <aws.pipes.enrichment-arn>}"#, "no variable <aws.pipes.enrichment-arn>"),
            (r#"{"k": "<aws.pipes.event.json>"}"#, "stands in a string"),
            (r#"{"k": }"#, "no JSON"),
            (r#"{"k": 1 2}"#, "no JSON"),
            ("<$.text>", "is an object"),
            ("[<$.n>]", "is an object"),
            ("", "no JSON"),
        ] {
            let error = format!("{:#}", rendered(template).unwrap_err());
            assert!(error.contains(says), "{template}: {error}");
        }
    }
}
