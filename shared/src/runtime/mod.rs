//! A dialect as a Lambda function: invocations in, answers out.
//!
//! [`start`] runs INIT and then the loop over the Runtime API. Each invocation is an HTTP request,
//! which the [`Dialect`] answers, or brings commands, which [`crate::commands`] executes. Around
//! both: a panic is a 500, the deadline a 503, and every request a log line.
//!
//! Not its business: routes, and what a request means.

mod app;
mod dialect;
mod guard;
mod handler;
mod request_line;
mod runtime_api;

pub use app::App;
pub use dialect::Dialect;
pub use handler::start;
pub use lambda_runtime::Error;
