//! The log line of a request.

use serde::Serialize;

use crate::telemetry::{Level, MetricDatum, RequestStats, log};

/// What the log says of a request.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RequestLine<'a> {
    /// The id that the answer has in `x-request-id`.
    pub request_id: &'a str,
    /// The route of the template.
    pub route: &'a str,
    pub status: u16,
    #[serde(flatten)]
    pub stats: RequestStats,
    pub cold_start: bool,
    /// Why the request failed, unless that is the client's fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'a str>,
    #[serde(flatten)]
    pub metric: Option<MetricDatum<'a>>,
}

impl RequestLine<'_> {
    /// Writes the line. A 5xx is an error.
    pub fn write(&self) {
        let level = if self.status >= 500 { Level::Error } else { Level::Info };
        log::write(level, "request", self);
    }
}
