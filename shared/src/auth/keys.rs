//! The table of API keys.

use std::cell::RefCell;
use std::collections::HashMap;

use aws_sdk_dynamodb::operation::get_item::builders::GetItemInputBuilder;
use aws_sdk_dynamodb::types::AttributeValue;

use super::api_key::Role;
use super::cache::{CACHE_LIFETIME, CachedKey, KeyCache};
use super::clock::Moment;
use super::presented::presented_key;
use crate::dynamodb::LeanClient;
use crate::error::{Error, Result};
use crate::http::Request;
use crate::model::{AccountId, Hash, KeyId, Timestamp};
use crate::store::{DecodeError, ItemReader};
use crate::telemetry::request_stats;

/// The attributes of the table of API keys.
pub mod attribute {
    /// The partition key: the key's SHA-256 in hex.
    pub const KEY_HASH: &str = "key_hash";
    /// The account's UUID.
    pub const ACCOUNT_ID: &str = "account_id";
    /// The name of the key's [`super::Role`]; without it, full.
    pub const ROLE: &str = "role";
    /// When the key expires, if it does.
    pub const EXPIRES_AT: &str = "expires_at";
    /// What the key's owner calls it.
    pub const NAME: &str = "name";
    /// When the key was issued.
    pub const CREATED_AT: &str = "created_at";
    /// When the key was revoked. A key with this attribute is refused, whatever its value.
    pub const REVOKED_AT: &str = "revoked_at";
    /// The first characters of the key, by which its owner recognizes it. A short key has none
    /// here.
    pub const PREFIX: &str = "prefix";
    /// The id of the key that replaces it, if it was rotated.
    pub const ROTATED_TO: &str = "rotated_to";
}

/// The API keys.
#[derive(Debug)]
pub struct ApiKeys {
    client: LeanClient,
    table: String,
    clock: fn() -> Moment,
    cache: RefCell<KeyCache>,
}

impl ApiKeys {
    /// Makes the API keys over a table. `clock` is [`Moment::now`], or that of a test.
    pub fn new(client: LeanClient, table: String, clock: fn() -> Moment) -> Self {
        Self { client, table, clock, cache: RefCell::default() }
    }

    /// Returns the account whose key came with `request`. The key must have at least the role
    /// `needed`.
    pub async fn authenticate(&self, request: &Request<'_>, needed: Role) -> Result<AccountId> {
        let hash = presented_key(request)?.hash();
        let key = self.find(&hash).await?;
        request_stats::record_account(key.account);
        request_stats::record_key(KeyId::of(&hash.to_string()));
        if key.role >= needed { Ok(key.account) } else { Err(Error::ReadOnlyApiKey) }
    }

    async fn find(&self, hash: &Hash) -> Result<CachedKey> {
        // Before the look-up: what it finds may have changed since.
        let now = (self.clock)();
        if let Some(key) = self.cache.borrow().get(hash, now) {
            return Ok(key);
        }
        let stored = self.look_up(hash).await?.ok_or(Error::InvalidApiKey)?;
        let StoredKey { account, role, expires_at } = stored;
        let lifetime = match expires_at {
            Some(moment) => moment.time_left(now.wall).ok_or(Error::InvalidApiKey)?,
            None => CACHE_LIFETIME,
        };
        let lifetime = lifetime.min(CACHE_LIFETIME);
        let key = CachedKey { account, role, found_at: now, lifetime };
        self.cache.borrow_mut().insert(*hash, key, now);
        Ok(key)
    }

    /// Returns the key with this hash; `None` if it is unknown or revoked.
    async fn look_up(&self, hash: &Hash) -> Result<Option<StoredKey>> {
        let get = GetItemInputBuilder::default()
            .table_name(&self.table)
            .key(attribute::KEY_HASH, AttributeValue::S(hash.to_string()))
            .consistent_read(true);
        let found = self.client.call(get).await;
        let found = found.map_err(|error| error.into_error("GetItem ApiKeys"))?;
        let Some(item) = found.item.filter(|item| !item.contains_key(attribute::REVOKED_AT)) else {
            return Ok(None);
        };
        StoredKey::decode(item).map(Some).map_err(|DecodeError(name)| {
            let id = KeyId::of(&hash.to_string());
            Error::Internal(format!("the key {id} has no {name} that can be read"))
        })
    }
}

/// A key in the table.
struct StoredKey {
    account: AccountId,
    role: Role,
    expires_at: Option<Timestamp>,
}

impl StoredKey {
    fn decode(item: HashMap<String, AttributeValue>) -> Result<Self, DecodeError> {
        let mut reader = ItemReader(item);
        let role = match reader.take::<Option<String>>(attribute::ROLE)? {
            Some(role) => Role::named(&role).ok_or(DecodeError(attribute::ROLE))?,
            None => Role::Full,
        };
        let account = AccountId(reader.take(attribute::ACCOUNT_ID)?);
        Ok(Self { account, role, expires_at: reader.take(attribute::EXPIRES_AT)? })
    }
}
