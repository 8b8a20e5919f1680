//! What is logged and counted of requests and commands.

pub mod log;
pub mod metrics;
pub mod request_stats;
