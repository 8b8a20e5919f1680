//! A lean client of DynamoDB, in place of the one in `aws-sdk-dynamodb`. No other room names a type
//! of the SDK's runtime (the `aws-smithy-*` crates).
//!
//! # Why it exists
//!
//! The SDK's client reads a table of AWS's regions at each start, resolves the endpoint and the
//! identity of each call anew, and describes the program to DynamoDB. Without it the CPU time to
//! the first invocation fell from 1.49 to 1.15 times that of an empty function, and the CPU time of
//! a warm create from 66 % to 43 % of a plain SDK program's: some 1 ms of each request at 256 MB
//! (docs/performance.md).
//!
//! # What is kept
//!
//! The SDK's operations (serializers, parsers, error types), its orchestrator, its standard retry
//! strategy and classifiers, and its timeouts. One plugin of ours configures them ([`LeanClient`]).
//! A signer of ours signs: it caches the day's key (`signer.rs`). A connector of ours joins the
//! orchestrator to hyper's client, as the SDK's does, but without HTTP/2 and proxies
//! (`connector.rs`).
//!
//! # What is left out
//!
//! * Clock skew correction: Lambda's clock is right.
//! * Tokens made up for transactions: every transaction here brings its own.
//! * Configuration files, profiles, credential providers and refresh: a function reads its
//!   credentials from its environment, and Lambda replaces the environment before they expire.
//! * Account-based endpoints, telemetry and the SDK's user agent.
//!
//! # What holds it to the SDK's
//!
//! `signer.rs` compares each signature with the SDK's signer, `endpoint.rs` each region's endpoint
//! with the SDK's resolver, and `client.rs` checks what is sent on every attempt. The integration
//! tests drive every operation against a store that throttles, fails, cuts and delays.
//!
//! # How to go back
//!
//! Give [`LeanClient`] a field of the type `aws_sdk_dynamodb::Client`, built from
//! `aws_sdk_dynamodb::Config::builder()` with the values of [`ClientConfig`], the timeouts and the
//! classifiers of [`retry`]; turn each input into a call by `send_with`; then delete
//! `operations.rs` and `signer.rs`. The connector can go by itself: `aws-smithy-http-client` has
//! one. Nothing outside this room changes.
//!
//! Not its business: what is in a table. [`retry`] has the table of all retries and timeouts.

mod absence;
mod client;
mod config;
mod config_error;
mod connection;
mod connector;
mod endpoint;
mod error;
mod operations;
pub mod retry;
mod signer;

pub use client::LeanClient;
pub use config::{ClientConfig, variable};
pub use config_error::ConfigError;
pub use connection::read_ca_bundle;
pub use error::CallError;
