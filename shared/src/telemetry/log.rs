//! Log lines: one JSON object each, on standard output, in Lambda's JSON log format
//! (<https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html>).
//!
//! A line has no API key, no body and no URL: a path or a query is the client's text and may hold a
//! key.

use std::collections::BTreeMap;
use std::env;
#[cfg(not(test))]
use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::sync::OnceLock;

use serde::Serialize;

use crate::model::Timestamp;

/// How much a line matters, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Ordinary work.
    Info,
    /// Something to look at.
    Warn,
    /// A failure that is not the client's.
    Error,
}

impl Level {
    /// Returns the least level that is written: the function's `ApplicationLogLevel`, which Lambda
    /// passes on in `AWS_LAMBDA_LOG_LEVEL`. `Info` by default; `DEBUG` and `TRACE` write no more.
    fn threshold() -> Self {
        static THRESHOLD: OnceLock<Level> = OnceLock::new();
        *THRESHOLD.get_or_init(|| {
            let level = env::var("AWS_LAMBDA_LOG_LEVEL").unwrap_or_default();
            match level.to_ascii_uppercase().as_str() {
                "WARN" => Self::Warn,
                "ERROR" | "FATAL" => Self::Error,
                _ => Self::Info,
            }
        })
    }
}

/// Writes a line that belongs to no request: `message`, and what caused it.
pub fn write_message(level: Level, message: &str, cause: &str) {
    write(level, message, &BTreeMap::from([("cause", cause)]));
}

/// Writes a line with these members.
pub fn write(level: Level, message: &str, members: &impl Serialize) {
    #[derive(Serialize)]
    struct Line<'a, M> {
        timestamp: Timestamp,
        level: Level,
        message: &'a str,
        #[serde(flatten)]
        members: M,
    }

    if level < Level::threshold() {
        return;
    }
    let line = Line { timestamp: Timestamp::now(), level, message, members };
    if let Ok(mut line) = serde_json::to_vec(&line) {
        line.push(b'\n');
        write_line(&line);
    }
}

/// Writes a line in one write, so lines do not mix. If standard output is gone there is nobody to
/// tell.
#[cfg(not(test))]
fn write_line(line: &[u8]) {
    let _ = io::stdout().lock().write_all(line);
}

/// Prints a line. The test harness captures what a passing test prints, but not what it writes to
/// standard output itself.
#[cfg(test)]
fn write_line(line: &[u8]) {
    print!("{}", String::from_utf8_lossy(line));
}

/// Makes every panic a line that says where it happened. Its message is left out unless it is a
/// literal of the code: a formatted message may quote what a client sent.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let message = info.payload().downcast_ref::<&'static str>().copied();
        let message = message.unwrap_or("a message with values in it");
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        write_message(Level::Error, "panic", &format!("{message} at {place}"));
    }));
}
