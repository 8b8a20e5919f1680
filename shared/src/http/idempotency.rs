//! Requests that may come twice: a client that got no answer sends the same one again, and what it asks for is done once.
//!
//! The record of a key (`store`) holds what of an answer cannot be made from the request alone, the widget's id and the time
//! of its creation, and a hash of the request. The answer to the same request is made from both, anew and the same to the
//! byte. What a client sent is kept in its widget and nowhere else.

use std::time::Duration;

use lambda_http::http::{HeaderName, HeaderValue};

use crate::{
    error::Error,
    hash::Hash,
    http::{Request, Response},
    validation::{Checked, Fault, Part, refused_text},
};

/// For how long a key means the request that it came with first (contract 3).
pub const REMEMBERED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// The most characters of a key (contract 3).
const MAX_CHARACTERS: usize = 255;

const KEY: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// A key and the request that it came with, neither of them as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idempotency {
    /// What the key's record is found by.
    pub key: Hash,
    /// Equal where the request is the same.
    pub body: Hash,
}

impl Idempotency {
    /// What `Idempotency-Key` says of `request`, if it has one.
    pub fn of(request: &Request<'_>) -> Result<Checked<Option<Self>>, Error> {
        let body = request.body()?;
        let new = |key: &HeaderValue| {
            let refused = |fault| {
                refused_text(Part::Header, KEY, fault, &String::from_utf8_lossy(key.as_bytes()))
            };
            Self::new(key.as_bytes(), body).map_err(refused)
        };
        Ok(request.headers.get(KEY).map(new).transpose())
    }

    /// `key`, which came with a request of this `body`.
    pub fn new(key: &[u8], body: &[u8]) -> Result<Self, Fault> {
        match String::from_utf8_lossy(key).chars().count() {
            0 => Err(Fault::Empty),
            1..=MAX_CHARACTERS => Ok(Self { key: Hash::of(key), body: Hash::of(body) }),
            _ => Err(Fault::TooLong(MAX_CHARACTERS)),
        }
    }
}

/// `response`, marked as one that was given before.
pub fn replayed(response: Response) -> Response {
    response.with_header(REPLAYED, HeaderValue::from_static("true"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_1_to_255_characters_of_whatever_length_in_bytes() {
        for key in ["a".to_owned(), "é".repeat(255), "\"quoted, too\"".to_owned()] {
            assert!(Idempotency::new(key.as_bytes(), b"").is_ok(), "{key}");
        }
        for (key, fault) in [(String::new(), Fault::Empty), ("a".repeat(256), Fault::TooLong(255))]
        {
            assert_eq!(Idempotency::new(key.as_bytes(), b""), Err(fault));
        }
    }

    #[test]
    fn the_same_request_is_told_by_its_bytes() {
        let of = |key: &[u8], body: &[u8]| Idempotency::new(key, body).unwrap();
        assert_eq!(of(b"k", b"{}"), of(b"k", b"{}"));
        assert_ne!(of(b"k", b"{}").body, of(b"k", b"{ }").body);
        assert_ne!(of(b"\xff", b"{}").key, of(b"\xfe", b"{}").key);
    }
}
