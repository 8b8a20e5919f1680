//! Who asks: API keys, and the accounts that they belong to.
//!
//! The table holds the SHA-256 of a key, never the key. A function's role may read the table and
//! not write it. A key that was found is cached for [`CACHE_LIFETIME`], or until it expires; an
//! unknown one is looked up each time, so a new key works at once.
//!
//! Not its business: which role an operation needs (the router of each function), and issuing keys
//! (the `widgets` command).

mod api_key;
mod cache;
mod clock;
mod keys;
mod presented;

pub use api_key::{ApiKey, Role};
pub use cache::CACHE_LIFETIME;
pub use clock::Moment;
pub use keys::{ApiKeys, attribute};
pub use presented::{is_key_in_url, presented_key};
