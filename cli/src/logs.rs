//! The functions' log lines, made readable.

use serde_json::Value;

/// A line of `function` as a terminal shows it: JSON as our functions write it becomes words, anything else stays.
pub fn readable(function: &str, line: &str) -> String {
    let words = serde_json::from_str::<Value>(line).ok().and_then(|line| request(&line).or_else(|| event(&line)));
    format!("{function:<9} │ {}", words.as_deref().unwrap_or(line))
}

fn request(line: &Value) -> Option<String> {
    let status = line["status"].as_u64()?;
    let mut words = format!("{status} {} in {} ms", line["route"].as_str()?, line["durationMs"].as_f64()?);
    if line["coldStart"] == true {
        words += ", cold start";
    }
    words += &format!(", request {}", line["requestId"].as_str()?);
    if let Some(cause) = line["cause"].as_str() {
        words += &format!(": {cause}");
    }
    Some(words)
}

fn event(line: &Value) -> Option<String> {
    let mut words = format!("{} {}", line["level"].as_str()?, line["message"].as_str()?);
    if let Some(cause) = line["cause"].as_str() {
        words += &format!(": {cause}");
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_one_line_of_words() {
        let line = r#"{"timestamp":"2026-01-01T00:00:00.000Z","level":"INFO","message":"request","requestId":"r1","route":"POST /v1/widget","status":200,"durationMs":1.5,"coldStart":true}"#;
        assert_eq!(readable("Pathway", line), "Pathway   │ 200 POST /v1/widget in 1.5 ms, cold start, request r1");
    }

    #[test]
    fn other_lines_lose_nothing() {
        let line = r#"{"level":"ERROR","message":"panic","cause":"at x.rs:1"}"#;
        assert_eq!(readable("Pathway", line), "Pathway   │ ERROR panic: at x.rs:1");
        for line in ["plain words", r#"{"a":1}"#, "{"] {
            assert!(readable("Pathway", line).ends_with(line));
        }
    }
}
