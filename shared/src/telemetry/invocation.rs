//! The invocation that log lines and metrics are about.

use super::metrics::MetricDatum;
use super::request_stats::RequestStats;
use crate::model::{Change, Timestamp};

/// What all log lines and metrics of an invocation have in common.
#[derive(Debug, Clone, Copy)]
pub struct Invocation<'a> {
    /// The id that Lambda gives the invocation.
    pub request_id: &'a str,
    /// The name of the function.
    pub function: &'a str,
    /// The dialect of the function.
    pub dialect: &'static str,
    /// Whether it is the first of its environment.
    pub is_cold_start: bool,
}

impl<'a> Invocation<'a> {
    /// Returns what CloudWatch counts of a request or a command: its change, or that it was
    /// refused. A read, a replay and an update that changes nothing count as
    /// nothing.
    pub fn metric(&self, stats: &RequestStats, is_refused: bool) -> Option<MetricDatum<'a>> {
        let name = match stats.change {
            Some(Change::Created) => "Created",
            Some(Change::Updated) => "Updated",
            Some(Change::Deleted) => "Deleted",
            None if is_refused => "Refused",
            None => return None,
        };
        let (function, dialect) = (self.function, self.dialect);
        Some(MetricDatum { name, at: Timestamp::now(), function, dialect })
    }
}
