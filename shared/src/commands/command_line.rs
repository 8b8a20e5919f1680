//! The log line of a command.

use serde::Serialize;

use super::command::Operation;
use super::invocation_error::ErrorType;
use super::trigger_event::Trigger;
use crate::telemetry::{Level, MetricDatum, RequestStats, log};

/// What the log says of a command.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CommandLine<'a> {
    pub request_id: &'a str,
    pub trigger: Trigger,
    /// The id of the message or the event.
    #[serde(skip_serializing_if = "is_not_an_aws_id")]
    pub id: Option<&'a str>,
    /// How often the queue delivered the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receive_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorType>,
    /// Whether a retry may succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
    #[serde(flatten)]
    pub stats: RequestStats,
    pub cold_start: bool,
    /// Why the command failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    #[serde(flatten)]
    pub metric: Option<MetricDatum<'a>>,
}

impl CommandLine<'_> {
    /// Writes the line. A failure is an error, unless it is the client's and the invoker is told.
    pub fn write(&self) {
        let level = match self.error {
            None => Level::Info,
            Some(error) if error.is_client_error() && self.trigger == Trigger::Direct => {
                Level::Warn
            }
            Some(_) => Level::Error,
        };
        log::write(level, "command", self);
    }
}

/// An event that somebody made up may have any text as its id: the log holds none that AWS would
/// not give.
fn is_not_an_aws_id(id: &Option<&str>) -> bool {
    const MAX_BYTES: usize = 40;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    id.is_none_or(|id| id.len() > MAX_BYTES || !id.bytes().all(is_plain))
}
