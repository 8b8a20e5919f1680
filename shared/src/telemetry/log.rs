//! Log lines: one JSON object each, on standard output, as Lambda's JSON log format has them
//! (<https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html>).
//!
//! A line holds no key, no body and no URL: a path or a query is the client's text and may hold one.

use std::{
    env,
    io::{self, Write},
    panic::PanicHookInfo,
    sync::OnceLock,
    time::Duration,
};

use lambda_http::http::StatusCode;
use serde::Serialize;

use crate::{
    command::Operation,
    event::Trigger,
    failure::Kind,
    metrics::Count,
    model::{AccountId, Timestamp},
    observed::Observed,
};

/// How much a line matters, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Ordinary work.
    Info,
    /// Something to look at.
    Warn,
    /// A request failed through a fault that is not its client's.
    Error,
}

impl Level {
    /// The least level that is written: what the function's `ApplicationLogLevel` is set to, which Lambda passes on
    /// in `AWS_LAMBDA_LOG_LEVEL`. `Info` by default; `Debug` and `Trace` say no more than that.
    fn threshold() -> Self {
        static THRESHOLD: OnceLock<Level> = OnceLock::new();
        *THRESHOLD.get_or_init(|| {
            match env::var("AWS_LAMBDA_LOG_LEVEL").unwrap_or_default().to_ascii_uppercase().as_str()
            {
                "WARN" => Self::Warn,
                "ERROR" | "FATAL" => Self::Error,
                _ => Self::Info,
            }
        })
    }
}

/// What became of a request.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestLine<'a> {
    /// Lambda's id of the invocation, which the answer carries in `x-request-id`.
    pub request_id: &'a str,
    /// The route as the template names it.
    pub route: &'a str,
    /// The answer's status.
    #[serde(serialize_with = "as_number")]
    pub status: StatusCode,
    /// What answering it did.
    #[serde(flatten)]
    pub work: Work,
    /// Whether it was this environment's first.
    pub cold_start: bool,
    /// What went wrong, where it was not the client's doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'a str>,
    /// What CloudWatch counts of it.
    #[serde(flatten)]
    pub count: Option<Count<'a>>,
}

fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl RequestLine<'_> {
    /// Writes the line: as an error where the status is 5xx.
    pub fn write(&self) {
        let level = if self.status.is_server_error() { Level::Error } else { Level::Info };
        write(level, "request", self);
    }
}

/// What became of a command that came without HTTP.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandLine<'a> {
    /// Lambda's id of the invocation.
    pub request_id: &'a str,
    /// What brought it.
    pub trigger: Trigger,
    /// The message's or the event's id, where it looks like one.
    #[serde(skip_serializing_if = "is_no_id")]
    pub id: Option<&'a str>,
    /// How many times the queue brought it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receive_count: Option<u32>,
    /// What it was to do, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// What kind of failure it came to, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Kind>,
    /// Whether it is worth another try.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
    /// What doing it did.
    #[serde(flatten)]
    pub work: Work,
    /// Whether the invocation was this environment's first.
    pub cold_start: bool,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What CloudWatch counts of it.
    #[serde(flatten)]
    pub count: Option<Count<'a>>,
}

impl CommandLine<'_> {
    /// Writes the line: as an error where something went wrong, but for what whoever invoked the function is told of.
    pub fn write(&self) {
        let level = match self.error {
            None => Level::Info,
            Some(error) if error.is_theirs() && self.trigger == Trigger::Direct => Level::Warn,
            Some(_) => Level::Error,
        };
        write(level, "command", self);
    }
}

/// Whether it is nothing that AWS gives as an id. It may be any text where somebody made an event up.
fn is_no_id(id: &Option<&str>) -> bool {
    const LONGEST: usize = 40;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    id.is_none_or(|id| id.len() > LONGEST || !id.bytes().all(is_plain))
}

/// What a line says of the work that a request or a command was.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    /// The account that it was done for, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    account: Option<AccountId>,
    /// What it took, in milliseconds, to the microsecond.
    duration_ms: f64,
    /// How many calls to the store it made, those made again included.
    store_calls: u32,
}

impl Work {
    /// What was `observed` of it, and how long it took.
    pub fn new(observed: Observed, duration: Duration) -> Self {
        let Observed { account, store_calls, .. } = observed;
        Self { account, duration_ms: (duration.as_secs_f64() * 1e6).round() / 1e3, store_calls }
    }
}

fn as_text<S: serde::Serializer>(
    account: &Option<AccountId>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match account {
        Some(account) => serializer.collect_str(account),
        None => serializer.serialize_none(),
    }
}

/// Writes a line that belongs to no request.
pub fn event(level: Level, message: &str, cause: &str) {
    #[derive(Serialize)]
    struct Cause<'a> {
        cause: &'a str,
    }
    write(level, message, &Cause { cause });
}

/// Makes a panic a line that says where. Its message is left out unless it is a literal of the code: a formatted one
/// may quote what a client sent.
pub fn panics() {
    std::panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let message = info
            .payload()
            .downcast_ref::<&'static str>()
            .copied()
            .unwrap_or("a message with values in it");
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        event(Level::Error, "panic", &format!("{message} at {place}"));
    }));
}

fn write(level: Level, message: &str, fields: &impl Serialize) {
    #[derive(Serialize)]
    struct Line<'a, F> {
        timestamp: String,
        level: Level,
        message: &'a str,
        #[serde(flatten)]
        fields: F,
    }

    if level < Level::threshold() {
        return;
    }
    let line = Line { timestamp: Timestamp::now().to_string(), level, message, fields };
    if let Ok(mut line) = serde_json::to_vec(&line) {
        line.push(b'\n');
        // One write a line, so that lines do not mix. There is nobody to tell if standard output is gone.
        let _ = io::stdout().lock().write_all(&line);
    }
}
