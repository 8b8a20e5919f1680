//! Idempotency keys: a client that got no answer sends the same create again, and it is done once.
//!
//! The record of a key (`store/idempotency_record.rs`) holds a hash of the body, and what a replay
//! cannot make of the body: the widget's id and its time of creation. A replay renders the answer
//! anew from body and record, and it is the same byte for byte. What a client sends is stored in
//! its widget and nowhere else.

use std::time::Duration;

use super::request::Request;
use super::response::Response;
use crate::error::Result;
use crate::model::Hash;
use crate::validation::{RequestPart, ViolationKind, text_violation};

/// The time for which a key stands for the request that it first came with.
pub const IDEMPOTENCY_KEY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The most characters of a key.
const MAX_CHARACTERS: usize = 255;

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// An idempotency key and the body that it came with, as hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The hash of the key, by which its record is found.
    pub key_hash: Hash,
    /// The hash of the body: equal if the request is the same.
    pub body_hash: Hash,
}

impl IdempotencyKey {
    /// Parses the `Idempotency-Key` header. Returns `None` if the request has none.
    pub fn from_request(request: &Request<'_>) -> Result<Option<Self>> {
        let Some(key) = request.header_text(IDEMPOTENCY_KEY) else { return Ok(None) };
        Self::new(key.as_bytes(), request.body()?)
            .map(Some)
            .map_err(|kind| text_violation(RequestPart::Header, IDEMPOTENCY_KEY, kind, key).into())
    }

    /// Hashes a key of 1 to 255 characters and the body that it came with.
    ///
    /// # Errors
    ///
    /// The bound that the key breaks.
    pub fn new(key: &[u8], body: &[u8]) -> Result<Self, ViolationKind> {
        match String::from_utf8_lossy(key).chars().count() {
            0 => Err(ViolationKind::Empty),
            1..=MAX_CHARACTERS => Ok(Self { key_hash: Hash::of(key), body_hash: Hash::of(body) }),
            _ => Err(ViolationKind::TooLong(MAX_CHARACTERS)),
        }
    }
}

impl Response {
    /// Sets `Idempotency-Replayed: true`.
    pub fn with_replay_marker(self) -> Self {
        self.with_header("idempotency-replayed", "true")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_1_to_255_characters_of_any_length_in_bytes() {
        for key in ["a".to_owned(), "é".repeat(255), "\"quoted, too\"".to_owned()] {
            assert!(IdempotencyKey::new(key.as_bytes(), b"").is_ok(), "{key}");
        }
        for (key, violation) in
            [(String::new(), ViolationKind::Empty), ("a".repeat(256), ViolationKind::TooLong(255))]
        {
            assert_eq!(IdempotencyKey::new(key.as_bytes(), b""), Err(violation));
        }
    }

    #[test]
    fn requests_are_the_same_if_their_bytes_are() {
        let of = |key: &[u8], body: &[u8]| IdempotencyKey::new(key, body).unwrap();
        assert_eq!(of(b"k", b"{}"), of(b"k", b"{}"));
        assert_ne!(of(b"k", b"{}").body_hash, of(b"k", b"{ }").body_hash);
        assert_ne!(of(b"\xff", b"{}").key_hash, of(b"\xfe", b"{}").key_hash);
    }
}
