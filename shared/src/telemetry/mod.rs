//! What operators learn of requests and commands: log lines, metrics and the counters behind them.
//!
//! * [`log`] writes a line: one JSON object, without a key, a body or a URL.
//! * [`MetricDatum`] makes CloudWatch count a line, in the embedded metric format.
//! * [`request_stats`] counts what the work on one request or command does.
//! * [`Invocation`] is what all lines of an invocation have in common.
//!
//! Not its business: which members the line of a request or of a command has. Those stand where
//! they are written (`runtime/request_line.rs`, `commands/command_line.rs`).

mod invocation;
pub mod log;
mod metrics;
pub mod request_stats;

pub use invocation::Invocation;
pub use log::Level;
pub use metrics::MetricDatum;
pub use request_stats::RequestStats;
