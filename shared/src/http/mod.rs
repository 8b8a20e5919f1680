//! The request and the response as a dialect sees them.
//!
//! * [`Request`] is parsed from API Gateway's payload format 2.0, and [`Response`] becomes one.
//! * [`Preconditions`], [`IdempotencyKey`] and [`cursor`] are how a request refers to earlier ones:
//!   conditions, replays and pages.
//! * [`cors`] and the security headers say who else may read and keep a response.
//! * [`serialize_object!`](crate::serialize_object) writes the objects that answers hold.
//!
//! Not its business: which routes there are, who asks ([`crate::auth`]), and what an error is
//! called (`errors.rs` of each function).
//!
//! `lambda_http` can make an `http::Request` of a payload. That is not used: an HTTP API hands over
//! the path decoded and the query as sent, and the conversion panics if they are not a valid URI (a
//! space in the path, a `<` in the query). Its payload type is not used either, because it copies
//! the body before its length is known.

mod conditional;
pub mod cors;
pub mod cursor;
mod error_response;
mod idempotency;
mod payload;
mod request;
mod response;
mod security_headers;
mod view;

pub use conditional::Preconditions;
pub use error_response::error_status;
pub use idempotency::{IDEMPOTENCY_KEY_LIFETIME, IdempotencyKey};
pub use lambda_http::http::{StatusCode, header};
pub use request::{MAX_BODY_BYTES, NotARequest, Request};
pub use response::{GatewayResponse, MAX_ANSWER_BYTES, Response};
pub use view::to_json;
