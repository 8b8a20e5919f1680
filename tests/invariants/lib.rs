//! Invariants that hold for any input: functions of bytes that panic if the invariant is violated.
//!
//! `tests/integration/invariants.rs` calls each with some thousand inputs in every `cargo test`.
//! `fuzz/` calls each for as long as you let it; the fuzzer chooses inputs by code coverage.

mod bodies;
mod cursors;
mod domains;
mod events;
mod json_texts;
mod keys;
mod preconditions;

use serde_json::json;
use shared::{model::AccountId, validation::Violation};
use uuid::Uuid;

pub use bodies::{assistant_body, pathway_body};
pub use cursors::cursor;
pub use domains::allowed_domain;
pub use events::event;
pub use json_texts::json_text;
pub use keys::api_key;
pub use preconditions::preconditions;

/// The account of every request.
const ACCOUNT: AccountId = AccountId(Uuid::from_u128(0xd0000000_0000_4000_8000_000000000000));

/// Splits an input at its first line break. Returns `None` if it has none or is not UTF-8.
fn two_lines(input: &[u8]) -> Option<(&str, &str)> {
    str::from_utf8(input).ok()?.split_once('\n')
}

/// Returns the event of a GET request.
fn request(query: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let headers: serde_json::Map<_, _> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let event = json!({
        "version": "2.0", "rawPath": "/v1/widget/x", "rawQueryString": query, "headers": headers,
        "requestContext": {"http": {"method": "GET"}},
    });
    event.to_string().into_bytes()
}

/// Asserts that a rejection has violations, and a bounded number of them.
fn expect_explained(violations: &[Violation]) {
    let count = violations.len();
    assert!((1..=shared::validation::MAX_VIOLATIONS).contains(&count), "{count} violations");
}
