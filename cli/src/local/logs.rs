//! The log lines of the functions and of the gateway, made readable.

use std::fmt::Display;

use anstyle::AnsiColor;
use serde_json::Value;

/// A line of `function` as a terminal shows it, in colours.
pub fn readable(function: &str, line: &str) -> String {
    format!("{function:<9} │ {}", words(line))
}

/// A line in words, in colours: JSON as our functions write it becomes words, anything else stays.
pub fn words(line: &str) -> String {
    let words = |line: &Value| request(line).or_else(|| command(line)).or_else(|| event(line));
    let words = serde_json::from_str::<Value>(line).ok().and_then(|line| words(&line));
    words.unwrap_or_else(|| line.to_owned())
}

fn request(line: &Value) -> Option<String> {
    let status = line["status"].as_u64()?;
    let colour = match status {
        ..400 => AnsiColor::Green,
        400..500 => AnsiColor::Yellow,
        _ => AnsiColor::Red,
    };
    let words = format!("{} {}", painted(status, colour), line["route"].as_str()?);
    // What the gateway answers itself has no invocation.
    Some(words + &invocation(line).unwrap_or_default() + &change(line) + &cause(line))
}

fn command(line: &Value) -> Option<String> {
    let done = match line["error"].as_str() {
        Some(error) => painted(error, AnsiColor::Red),
        None => painted("done", AnsiColor::Green),
    };
    let operation = line["operation"].as_str().unwrap_or("command");
    let mut words = format!("{done}: {operation} from {}", line["trigger"].as_str()?);
    if let Some(id) = line["id"].as_str().filter(|id| line["requestId"] != **id) {
        words += &format!(" {id}");
    }
    if let Some(count) = line["receiveCount"].as_u64().filter(|count| *count > 1) {
        words += &format!(", received {count} times");
    }
    Some(words + &invocation(line)? + &change(line) + &cause(line))
}

fn event(line: &Value) -> Option<String> {
    let level = line["level"].as_str()?;
    let colour = match level {
        "ERROR" => AnsiColor::Red,
        "WARN" => AnsiColor::Yellow,
        _ => AnsiColor::Green,
    };
    let words = format!("{} {}", painted(level, colour), line["message"].as_str()?);
    Some(words + &cause(line))
}

fn painted(word: impl Display, colour: AnsiColor) -> String {
    let style = colour.on_default();
    format!("{style}{word}{style:#}")
}

/// How long it took, and in which invocation.
fn invocation(line: &Value) -> Option<String> {
    let cold_start = if line["coldStart"] == true { ", cold start" } else { "" };
    Some(format!(
        " in {} ms{cold_start}, request {}",
        line["durationMs"].as_f64()?,
        line["requestId"].as_str()?
    ))
}

/// Which widget was changed, and by which API key.
fn change(line: &Value) -> String {
    let Some(widget) = line["widgetId"].as_str() else { return String::new() };
    let key = line["keyId"].as_str().map(|key| format!(" by key {key}")).unwrap_or_default();
    format!(", widget {widget}{key}")
}

fn cause(line: &Value) -> String {
    line["cause"].as_str().map(|cause| format!(": {cause}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;

    /// Returns what a terminal shows without colours.
    fn readable(function: &str, line: &str) -> String {
        strip_str(&super::readable(function, line)).to_string()
    }

    #[test]
    fn status_is_coloured_by_its_class() {
        for (status, code) in [(200, 32), (304, 32), (404, 33), (503, 31)] {
            let line = format!(r#"{{"status":{status},"route":"GET /"}}"#);
            let expected = format!("Gateway   │ \u{1b}[{code}m{status}\u{1b}[0m GET /");
            assert_eq!(super::readable("Gateway", &line), expected);
        }
    }

    #[test]
    fn gateway_log_line_becomes_words() {
        let line = r#"{"status":404,"route":"GET /nowhere","cause":"Not Found"}"#;
        assert_eq!(readable("Gateway", line), "Gateway   │ 404 GET /nowhere: Not Found");
    }

    #[test]
    fn request_log_line_becomes_words() {
        let line = r#"{"timestamp":"2026-01-01T00:00:00.000Z","level":"INFO","message":"request","requestId":"r1","route":"POST /v1/widget","status":200,"durationMs":1.5,"coldStart":true}"#;
        assert_eq!(
            readable("Pathway", line),
            "Pathway   │ 200 POST /v1/widget in 1.5 ms, cold start, request r1"
        );
    }

    #[test]
    fn command_log_line_becomes_words() {
        let line = r#"{"level":"WARN","message":"command","requestId":"r1","trigger":"sqs","id":"m1","receiveCount":2,"operation":"create","error":"ValidationError","retryable":false,"durationMs":0.2,"coldStart":false,"cause":"body.config is required"}"#;
        assert_eq!(
            readable("Pathway", line),
            "Pathway   │ ValidationError: create from sqs m1, received 2 times in 0.2 ms, request r1: body.config is required"
        );
        let line = r#"{"level":"INFO","message":"command","requestId":"r1","trigger":"direct","id":"r1","operation":"read","durationMs":1.5,"coldStart":true}"#;
        assert_eq!(
            readable("Pathway", line),
            "Pathway   │ done: read from direct in 1.5 ms, cold start, request r1"
        );
    }

    #[test]
    fn a_change_names_the_widget_and_the_key() {
        let line = r#"{"requestId":"r1","route":"DELETE /v1/widget/{id}","status":200,"keyId":"0123456789abcdef","widgetId":"w1","durationMs":1.5,"coldStart":false}"#;
        assert_eq!(
            readable("Pathway", line),
            "Pathway   │ 200 DELETE /v1/widget/{id} in 1.5 ms, request r1, widget w1 by key 0123456789abcdef"
        );
        let line = r#"{"requestId":"r1","trigger":"sqs","id":"m1","operation":"update","widgetId":"w1","durationMs":1.5,"coldStart":false}"#;
        assert_eq!(
            readable("Pathway", line),
            "Pathway   │ done: update from sqs m1 in 1.5 ms, request r1, widget w1"
        );
        let line = r#"{"requestId":"r1","route":"GET /v1/widgets","status":200,"keyId":"0123456789abcdef","durationMs":1.5,"coldStart":false}"#;
        assert_eq!(
            readable("Pathway", line),
            "Pathway   │ 200 GET /v1/widgets in 1.5 ms, request r1"
        );
    }

    #[test]
    fn other_log_lines_keep_their_text() {
        let line = r#"{"level":"ERROR","message":"panic","cause":"at x.rs:1"}"#;
        assert_eq!(readable("Pathway", line), "Pathway   │ ERROR panic: at x.rs:1");
        for line in ["plain words", r#"{"a":1}"#, "{"] {
            assert!(readable("Pathway", line).ends_with(line));
        }
    }
}
