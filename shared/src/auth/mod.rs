//! API keys: how a request presents one, and which account it belongs to.
//!
//! The table holds the SHA-256 of a key, never the key, and a function's role may read it, never write. A key that was
//! found is believed for [`CACHED_FOR`], or until it expires; one that was not is looked up again each time, so that a new
//! key works at once.

pub mod clock;

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_sdk_dynamodb::{operation::get_item::builders::GetItemInputBuilder, types::AttributeValue};

use crate::{
    clock::Moment,
    dynamodb::client::Client,
    error::Error,
    hash::Hash,
    http::Request,
    model::{AccountId, Timestamp},
    observed::note_account,
};

/// How long a key that was found is believed. A revoked one stops working within this time.
pub const CACHED_FOR: Duration = Duration::from_secs(60);

/// How many keys are remembered at a time, so that memory is bounded.
const MAX_CACHED: usize = 1000;

/// The attributes of an item in the table of keys.
pub mod attribute {
    /// Partition key: the key's SHA-256 in hex.
    pub const KEY_HASH: &str = "key_hash";
    /// The account's UUID.
    pub const ACCOUNT_ID: &str = "account_id";
    /// What it may do: [`super::Role`] by its name, full where there is none.
    pub const ROLE: &str = "role";
    /// From when on it is refused, where it ends at all.
    pub const EXPIRES_AT: &str = "expires_at";
    /// What its owner calls it.
    pub const NAME: &str = "name";
    /// When it was issued.
    pub const CREATED_AT: &str = "created_at";
    /// When it was revoked. One that has this, whatever it says, is refused.
    pub const REVOKED_AT: &str = "revoked_at";
    /// Its first characters, by which its owner recognises it. A short key has none here.
    pub const PREFIX: &str = "prefix";
    /// The id of the key that replaces it, where it was rotated.
    pub const ROTATED_TO: &str = "rotated_to";
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
        let is_key = !text.is_empty()
            && text.len() <= Self::MAX_BYTES
            && text.bytes().all(|b| b.is_ascii_graphic());
        is_key.then(|| Self(text.to_owned()))
    }

    /// What the table knows the key by.
    pub fn hash(&self) -> Hash {
        Hash::of(self.0.as_bytes())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// What people call a key: the first 16 hex characters of its SHA-256. They are enough to tell keys apart, and say nothing of
/// a key that is random.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(String);

impl KeyId {
    const CHARACTERS: usize = 16;

    /// The id of the key with this hash, in hex as the table has it.
    pub fn of(hash: &str) -> Self {
        Self(hash.chars().take(Self::CHARACTERS).collect())
    }

    /// The id that `text` is, in either case.
    pub fn parse(text: &str) -> Option<Self> {
        let is_id =
            text.len() == Self::CHARACTERS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then(|| Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a key may do, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Read and list widgets.
    Read,
    /// Everything.
    Full,
}

impl Role {
    /// The name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Full => "full",
        }
    }

    /// The role of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Read, Self::Full].into_iter().find(|role| role.name() == name)
    }
}

/// The key that came with a request, in any of the places that both dialects take it from: the query's `api_key`, the
/// `Authorization` header with `Bearer` before it or without. The same key in two places is one key; two different ones
/// are none.
pub fn presented(request: &Request<'_>) -> Result<ApiKey, Error> {
    let from_header = request.headers.get("authorization").map(|value| {
        // A value that is not text cannot be a key, but it was presented.
        let value = value.to_str().unwrap_or("\0");
        let (scheme, key) = value.split_once(' ').unwrap_or((value, ""));
        if scheme.eq_ignore_ascii_case("bearer") { key.trim().to_owned() } else { value.to_owned() }
    });
    let mut keys = request.query_values("api_key").chain(from_header).filter(|key| !key.is_empty());
    let key = keys.next().ok_or(Error::NoKey)?;
    if keys.any(|other| other != key) {
        return Err(Error::TwoKeys);
    }
    ApiKey::parse(&key).ok_or(Error::InvalidKey)
}

/// Whether the request's URL holds a key, or something in a key's place.
pub fn is_in_url(request: &Request<'_>) -> bool {
    request.query_values("api_key").next().is_some()
}

/// The table of keys and what is remembered of it.
#[derive(Debug)]
pub struct Keys {
    client: Client,
    table: String,
    clock: fn() -> Moment,
    cache: Mutex<Cache>,
}

impl Keys {
    /// The keys in `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self::with_clock(client, table, Moment::now)
    }

    /// The same by another clock, which a test moves.
    pub fn with_clock(client: Client, table: String, clock: fn() -> Moment) -> Self {
        Self { client, table, clock, cache: Mutex::default() }
    }

    /// The account whose key came with `request`. The key must have at least the role `needed`.
    pub async fn authenticate(
        &self,
        request: &Request<'_>,
        needed: Role,
    ) -> Result<AccountId, Error> {
        let known = self.known(&presented(request)?.hash()).await?;
        note_account(known.account);
        if known.role >= needed { Ok(known.account) } else { Err(Error::ReadOnlyKey) }
    }

    async fn known(&self, hash: &Hash) -> Result<Known, Error> {
        // Before the look-up: what it finds may have changed since.
        let now = (self.clock)();
        if let Some(known) = self.cache().get(hash, now) {
            return Ok(known);
        }
        let found = self.look_up(hash).await?.ok_or(Error::InvalidKey)?;
        let believed_for = match found.expires_at {
            Some(moment) => moment.time_left_at(now.wall).ok_or(Error::InvalidKey)?.min(CACHED_FOR),
            None => CACHED_FOR,
        };
        let known = Known { account: found.account, role: found.role, asked_at: now, believed_for };
        self.cache().insert(*hash, known, now);
        Ok(known)
    }

    /// The key with this hash, unless it is unknown or revoked.
    async fn look_up(&self, hash: &Hash) -> Result<Option<Found>, Error> {
        let get = GetItemInputBuilder::default()
            .table_name(&self.table)
            .key(attribute::KEY_HASH, AttributeValue::S(hash.to_string()))
            .consistent_read(true);
        let found = self
            .client
            .call(get)
            .await
            .map_err(|error| Error::from_store("GetItem ApiKeys", &error))?;
        let Some(item) = found.item.filter(|item| !item.contains_key(attribute::REVOKED_AT)) else {
            return Ok(None);
        };
        let unreadable = |name| {
            let id = KeyId::of(&hash.to_string());
            Error::Internal(format!("the key {id} has no {name} that can be read"))
        };
        let text = |name| {
            item.get(name).map(|value| value.as_s().map_err(|_| unreadable(name))).transpose()
        };
        let account =
            text(attribute::ACCOUNT_ID)?.and_then(|account| AccountId::parse(account).ok());
        let role = text(attribute::ROLE)?.map_or(Some(Role::Full), |role| Role::named(role));
        let expires_at = match text(attribute::EXPIRES_AT)? {
            Some(moment) => {
                Some(Timestamp::parse(moment).ok_or_else(|| unreadable(attribute::EXPIRES_AT))?)
            }
            None => None,
        };
        Ok(Some(Found {
            account: account.ok_or_else(|| unreadable(attribute::ACCOUNT_ID))?,
            role: role.ok_or_else(|| unreadable(attribute::ROLE))?,
            expires_at,
        }))
    }

    /// Nothing panics while it is held, and if it did, what it holds would still be true.
    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A key as the table has it.
struct Found {
    account: AccountId,
    role: Role,
    expires_at: Option<Timestamp>,
}

/// The keys that were found lately.
#[derive(Debug, Default)]
struct Cache(HashMap<Hash, Known>);

#[derive(Debug, Clone, Copy, PartialEq)]
struct Known {
    account: AccountId,
    role: Role,
    asked_at: Moment,
    believed_for: Duration,
}

impl Known {
    fn is_believed(&self, now: Moment) -> bool {
        now.since(self.asked_at).is_some_and(|age| age < self.believed_for)
    }
}

impl Cache {
    fn get(&self, hash: &Hash, now: Moment) -> Option<Known> {
        self.0.get(hash).filter(|known| known.is_believed(now)).copied()
    }

    fn insert(&mut self, hash: Hash, known: Known, now: Moment) {
        if self.0.len() >= MAX_CACHED {
            self.0.retain(|_, known| known.is_believed(now));
        }
        if self.0.len() >= MAX_CACHED {
            self.0.clear();
        }
        self.0.insert(hash, known);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key_of(query: &str, authorization: Option<&str>) -> Result<ApiKey, Error> {
        let headers = authorization.map_or(json!({}), |value| json!({ "authorization": value }));
        let event = json!({
            "version": "2.0", "rawPath": "/", "rawQueryString": query, "headers": headers,
            "requestContext": {"http": {"method": "GET"}},
        });
        presented(&Request::parse(event.to_string().as_bytes()).unwrap().unwrap())
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
        assert_eq!(key_of("api_key=a", Some("b")), Err(Error::TwoKeys));
        assert_eq!(key_of("api_key=a&api_key=b", None), Err(Error::TwoKeys));
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
        assert_eq!(KeyId::of(hash).to_string(), "ba7816bf8f01cfea");
    }

    #[test]
    fn an_id_is_16_hex_characters_and_a_key_is_none() {
        assert_eq!(KeyId::parse("BA7816bf8f01cfea"), Some(KeyId::of("ba7816bf8f01cfea41414")));
        for text in
            ["", "ba7816bf8f01cfe", "ba7816bf8f01cfea4", "ba7816bf8f01cfeg", "ba7816bf8f01cfé"]
        {
            assert_eq!(KeyId::parse(text), None, "{text}");
        }
    }

    fn known(asked_at: Moment) -> Known {
        let account = AccountId(uuid::Uuid::from_u128(1));
        Known { account, role: Role::Full, asked_at, believed_for: CACHED_FOR }
    }

    #[test]
    fn a_key_is_believed_for_its_time_by_both_clocks_and_not_longer() {
        let (hash, now) = (Hash::of(b"1"), Moment::now());
        let mut cache = Cache::default();
        assert_eq!(cache.get(&hash, now), None);
        let known = known(now);
        cache.insert(hash, known, now);
        let after = |monotonic: u64, wall: u64| {
            let of = Duration::from_secs;
            Moment { monotonic: now.monotonic + of(monotonic), wall: now.wall + of(wall) }
        };
        assert_eq!(cache.get(&hash, after(59, 59)), Some(known));
        for (monotonic, wall) in [(60, 60), (60, 0), (0, 60), (1, 86_400)] {
            assert_eq!(cache.get(&hash, after(monotonic, wall)), None, "{monotonic} {wall}");
        }
        let set_back = Moment { wall: now.wall - Duration::from_millis(1), ..after(1, 1) };
        assert_eq!(cache.get(&hash, set_back), None);
        assert_eq!(cache.get(&Hash::of(b"2"), now), None);
    }

    #[test]
    fn the_cache_is_bounded_and_keeps_the_newest() {
        let (mut cache, now) = (Cache::default(), Moment::now());
        let hash = |i: usize| ApiKey::parse(&i.to_string()).unwrap().hash();
        for i in 0..5 * MAX_CACHED {
            cache.insert(hash(i), known(now), now);
            assert!(cache.0.len() <= MAX_CACHED);
            assert!(cache.get(&hash(i), now).is_some());
        }
    }

    #[test]
    fn roles_are_known_by_their_names_and_full_is_more_than_read() {
        assert!(Role::Full > Role::Read);
        for role in [Role::Full, Role::Read] {
            assert_eq!(Role::named(role.name()), Some(role));
        }
        assert_eq!(Role::named("admin"), None);
    }
}
