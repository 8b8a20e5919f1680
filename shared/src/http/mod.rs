//! The request and the response as a dialect sees them, made from API Gateway's payload format 2.0 and back.
//!
//! `lambda_http` has a conversion of its own, to `http::Request`. It is not used, because an HTTP API hands a path over
//! decoded and a query as sent, and that conversion panics on what is then no URI (a space in a path, a `<` in a
//! query); those requests get the dialect's own answer here. Nor is its type of an event, which copies all of it before anybody
//! has seen how large it is. What is used of `lambda_http` are its types of an answer.

pub mod conditional;
pub mod cors;
pub mod cursor;
pub mod idempotency;
mod payload;
mod request;
mod response;
pub mod security_headers;

pub use lambda_http::http::{HeaderValue, StatusCode, header};
pub use request::{MAX_BODY_BYTES, Request};
pub use response::{MAX_ANSWER_BYTES, Response};
