//! The body of a request to the gateway or to the Invoke API.

use std::error::Error as _;

use axum::body::{Body, Bytes, to_bytes};
use http_body_util::LengthLimitError;

/// Why a body cannot be read.
pub enum BodyError {
    /// It has more bytes than the limit.
    TooLarge,
    /// The client stopped sending.
    Broken,
}

/// Reads a body of at most `limit` bytes.
pub async fn read_body(body: Body, limit: usize) -> Result<Bytes, BodyError> {
    to_bytes(body, limit).await.map_err(|error| {
        let is_too_large = error.source().is_some_and(|cause| cause.is::<LengthLimitError>());
        if is_too_large { BodyError::TooLarge } else { BodyError::Broken }
    })
}
