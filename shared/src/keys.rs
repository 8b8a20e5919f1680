//! API keys: how a request presents one, and which account it belongs to.
//!
//! The table holds the SHA-256 of a key, never the key, and a role that may read it. A key that was found is kept in
//! memory for [`CACHED_FOR`]; one that was not is looked up again each time, so that a new key works at once.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use sha2::{Digest, Sha256};

use crate::{
    error::Error,
    http::Request,
    log::{self, Level},
    model::AccountId,
};

/// How long a key that was found is believed. A revoked one stops working within this time (contract 1.5).
pub const CACHED_FOR: Duration = Duration::from_secs(60);

/// How many keys are remembered at a time, so that memory is bounded.
const MAX_CACHED: usize = 1000;

/// How long opening the connection may take before the function goes on without.
const WARM_UP_TIMEOUT: Duration = Duration::from_secs(1);

/// The attributes of an item in the table of keys.
pub mod attribute {
    /// Partition key: the key's SHA-256 in hex.
    pub const KEY_HASH: &str = "key_hash";
    /// The account's UUID.
    pub const ACCOUNT_ID: &str = "account_id";
    /// What its owner calls it.
    pub const NAME: &str = "name";
    /// When it was issued.
    pub const CREATED_AT: &str = "created_at";
}

/// An API key. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// The most bytes a key may have.
    pub const MAX_BYTES: usize = 255;

    /// The key that `text` is: printable ASCII without spaces, not too long. Ours are `in-` and 43 more characters, but
    /// an operator may bring keys of another make.
    pub fn parse(text: &str) -> Option<Self> {
        let is_key = !text.is_empty() && text.len() <= Self::MAX_BYTES && text.bytes().all(|b| b.is_ascii_graphic());
        is_key.then(|| Self(text.to_owned()))
    }

    /// What the table knows the key by.
    pub fn hash(&self) -> KeyHash {
        KeyHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// The SHA-256 of an API key. `Display` is hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash([u8; 32]);

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The key that came with a request, in any of the places that both dialects take it from: the query's `api_key`, the
/// `Authorization` header with `Bearer` before it or without. The same key in two places is one key; two different ones
/// are none.
pub fn presented(request: &Request) -> Result<ApiKey, Error> {
    let from_header = request.headers.get("authorization").map(|value| {
        // A value that is not text cannot be a key, but it was presented.
        let value = value.to_str().unwrap_or("\0");
        let (scheme, key) = value.split_once(' ').unwrap_or((value, ""));
        if scheme.eq_ignore_ascii_case("bearer") { key.trim().to_owned() } else { value.to_owned() }
    });
    let mut keys = request.query_values("api_key").chain(from_header).filter(|key| !key.is_empty());
    let key = keys.next().ok_or(Error::NoKey)?;
    if keys.any(|other| other != key) {
        return Err(Error::InvalidKey);
    }
    ApiKey::parse(&key).ok_or(Error::InvalidKey)
}

/// The table of keys and what is remembered of it.
#[derive(Debug)]
pub struct Keys {
    client: Client,
    table: String,
    cache: Mutex<HashMap<KeyHash, Known>>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    account: AccountId,
    until: Instant,
}

impl Keys {
    /// The keys in `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table, cache: Mutex::default() }
    }

    /// The account whose key came with `request`.
    pub async fn authenticate(&self, request: &Request) -> Result<AccountId, Error> {
        let hash = presented(request)?.hash();
        let now = Instant::now();
        if let Some(account) = self.remembered(&hash, now) {
            return Ok(account);
        }
        let account = self.look_up(&hash).await?.ok_or(Error::InvalidKey)?;
        self.remember(hash, account, now);
        Ok(account)
    }

    /// Asks for a key that cannot exist, which opens the connection that the first request will use. A store that does
    /// not answer is not a reason to fail: the request itself will tell.
    pub async fn warm_up(&self) {
        let nobody = KeyHash([0; 32]);
        let cause = match tokio::time::timeout(WARM_UP_TIMEOUT, self.look_up(&nobody)).await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => error.into_cause().unwrap_or_default(),
            Err(_) => "no answer in time".to_owned(),
        };
        log::event(Level::Warn, "the store is not within reach yet", &cause);
    }

    async fn look_up(&self, hash: &KeyHash) -> Result<Option<AccountId>, Error> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(attribute::KEY_HASH, AttributeValue::S(hash.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| Error::from_store("GetItem ApiKeys", &error))?;
        let Some(item) = found.item else { return Ok(None) };
        item.get(attribute::ACCOUNT_ID)
            .and_then(|account| AccountId::parse(account.as_s().ok()?).ok())
            .map(Some)
            .ok_or_else(|| Error::Internal(format!("the key with hash {hash} has no account_id that is a UUID")))
    }

    fn remembered(&self, hash: &KeyHash, now: Instant) -> Option<AccountId> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.get(hash).filter(|known| now < known.until).map(|known| known.account)
    }

    /// `now` is the time before the look-up: what it found may have changed since.
    fn remember(&self, hash: KeyHash, account: AccountId, now: Instant) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= MAX_CACHED {
            cache.retain(|_, known| now < known.until);
        }
        if cache.len() >= MAX_CACHED {
            cache.clear();
        }
        cache.insert(hash, Known { account, until: now + CACHED_FOR });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key_of(query: &str, authorization: Option<&str>) -> Result<ApiKey, Error> {
        let headers = authorization.map_or(json!({}), |value| json!({ "authorization": value }));
        let event = json!({
            "rawPath": "/", "rawQueryString": query, "headers": headers, "requestContext": {"http": {"method": "GET"}},
        });
        presented(&Request::from_event(serde_json::from_value(event).unwrap()).unwrap())
    }

    #[test]
    fn a_key_is_taken_from_every_documented_place() {
        let key = Ok(ApiKey("in-abc".to_owned()));
        assert_eq!(key_of("api_key=in-abc", None), key);
        assert_eq!(key_of("", Some("in-abc")), key);
        assert_eq!(key_of("", Some("Bearer in-abc")), key);
        assert_eq!(key_of("", Some("bearer  in-abc")), key);
        assert_eq!(key_of("api_key=in-abc&api_key=in-abc", Some("Bearer in-abc")), key);
        assert_eq!(key_of("api_key=", Some("in-abc")), key);
    }

    #[test]
    fn no_key_and_no_valid_key_are_told_apart() {
        assert_eq!(key_of("", None), Err(Error::NoKey));
        assert_eq!(key_of("api_key=&API_KEY=x", Some("")), Err(Error::NoKey));
        assert_eq!(key_of("", Some("Bearer ")), Err(Error::NoKey));
        assert_eq!(key_of("", Some("Bearer")), Err(Error::NoKey));
        assert_eq!(key_of("api_key=a", Some("b")), Err(Error::InvalidKey));
        assert_eq!(key_of("api_key=a&api_key=b", None), Err(Error::InvalidKey));
        assert_eq!(key_of("api_key=a%20b", None), Err(Error::InvalidKey));
        assert_eq!(key_of("", Some("é")), Err(Error::InvalidKey));
        assert_eq!(key_of(&format!("api_key={}", "a".repeat(256)), None), Err(Error::InvalidKey));
    }

    #[test]
    fn a_key_is_shown_by_nothing_but_its_hash() {
        let key = ApiKey::parse("abc").unwrap();
        assert!(!format!("{key:?}").contains("abc"));
        // The SHA-256 of "abc" (FIPS 180-2, appendix B.1).
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(key.hash().to_string(), hash);
    }
}
