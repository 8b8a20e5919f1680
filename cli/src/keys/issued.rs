//! A key as the table has it: all but the key.

use std::{collections::HashMap, fmt};

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Serialize, Serializer, ser::SerializeStruct};
use shared::{
    keys::{Role, attribute},
    model::{AccountId, Timestamp},
};

/// What the table holds as one.
pub type Item = HashMap<String, AttributeValue>;

/// What DynamoDB finds an item by.
pub fn primary_key(item: &Item) -> Item {
    item.get_key_value(attribute::KEY_HASH).map(|(name, hash)| (name.clone(), hash.clone())).into_iter().collect()
}

/// What a key is called on the command line: the first 16 hex characters of its SHA-256. They are enough to tell keys
/// apart, and say nothing of a key that is random.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(String);

impl KeyId {
    const CHARACTERS: usize = 16;

    /// The id that `text` is. The error does not show it: it may be a key, given by mistake.
    pub fn parse(text: &str) -> Result<Self> {
        let is_id = text.len() == Self::CHARACTERS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = is_id.then(|| Self(text.to_ascii_lowercase()));
        id.context("ID must be the 16 hex characters that `widgets keys list` shows, and not the key")
    }

    /// The id of a key with this hash.
    pub fn of(hash: &str) -> Self {
        Self(hash.chars().take(Self::CHARACTERS).collect())
    }

    /// The id of the key that an item is.
    pub fn of_item(item: &Item) -> Option<Self> {
        Some(Self::of(item.get(attribute::KEY_HASH)?.as_s().ok()?))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key that was issued.
#[derive(Debug, Clone, PartialEq)]
pub struct IssuedKey {
    /// Its SHA-256 in hex.
    pub hash: String,
    /// Its first characters, where they are few of it.
    pub prefix: Option<String>,
    /// Whose it is.
    pub account: AccountId,
    /// What it may do.
    pub role: Role,
    /// What it is called.
    pub name: Option<String>,
    /// When it was issued.
    pub created_at: Option<Timestamp>,
    /// From when on it is refused, where it ends at all.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// The key that replaces it, if it was rotated.
    pub rotated_to: Option<KeyId>,
}

/// Whether a key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It does.
    Active,
    /// Its time has come.
    Expired,
    /// It was revoked, expired or not.
    Revoked,
}

impl IssuedKey {
    /// What it is called on the command line.
    pub fn id(&self) -> KeyId {
        KeyId::of(&self.hash)
    }

    /// Whether it works now.
    pub fn state(&self) -> State {
        match (self.revoked_at, self.expires_at) {
            (Some(_), _) => State::Revoked,
            (None, Some(moment)) if moment.time_left().is_none() => State::Expired,
            _ => State::Active,
        }
    }

    /// What the table holds of it.
    pub fn item(&self) -> Item {
        let moment = |moment: Option<Timestamp>| moment.map(|moment| moment.to_string());
        let attributes = [
            (attribute::KEY_HASH, Some(self.hash.clone())),
            (attribute::PREFIX, self.prefix.clone()),
            (attribute::ACCOUNT_ID, Some(self.account.to_string())),
            (attribute::ROLE, Some(self.role.name().to_owned())),
            (attribute::NAME, self.name.clone()),
            (attribute::CREATED_AT, moment(self.created_at)),
            (attribute::EXPIRES_AT, moment(self.expires_at)),
            (attribute::REVOKED_AT, moment(self.revoked_at)),
            (attribute::ROTATED_TO, self.rotated_to.as_ref().map(KeyId::to_string)),
        ];
        let present = attributes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        present.map(|(name, value)| (name, AttributeValue::S(value))).collect()
    }

    /// The key that an item of the table is. One that cannot be read is refused by the functions, too.
    pub fn read(item: &Item) -> Result<Self> {
        let id = || KeyId::of_item(item).map_or_else(|| "without a hash".to_owned(), |id| id.to_string());
        let unreadable = |name| format!("the key {id} has no {name} that can be read", id = id());
        let text = |name| {
            let value = item.get(name).map(|value| value.as_s().ok().map(String::as_str));
            value.map(|value| value.with_context(|| unreadable(name))).transpose()
        };
        let moment = |name| {
            let value = text(name)?.map(|value| Timestamp::parse(value).with_context(|| unreadable(name)));
            value.transpose()
        };
        let hash = text(attribute::KEY_HASH)?.with_context(|| unreadable(attribute::KEY_HASH))?.to_owned();
        let account = text(attribute::ACCOUNT_ID)?.and_then(|account| AccountId::parse(account).ok());
        let role = text(attribute::ROLE)?.map_or(Some(Role::Full), Role::named);
        Ok(Self {
            hash,
            prefix: text(attribute::PREFIX)?.map(str::to_owned),
            account: account.with_context(|| unreadable(attribute::ACCOUNT_ID))?,
            role: role.with_context(|| unreadable(attribute::ROLE))?,
            name: text(attribute::NAME)?.map(str::to_owned),
            created_at: moment(attribute::CREATED_AT)?,
            expires_at: moment(attribute::EXPIRES_AT)?,
            revoked_at: moment(attribute::REVOKED_AT)?,
            rotated_to: text(attribute::ROTATED_TO)?.map(|id| KeyId(id.to_owned())),
        })
    }
}

/// As scripts read it: every member, with null for what it has not.
impl Serialize for IssuedKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let moment = |moment: Option<Timestamp>| moment.map(|moment| moment.to_string());
        let mut object = serializer.serialize_struct("IssuedKey", 10)?;
        object.serialize_field("id", &self.id().0)?;
        object.serialize_field("prefix", &self.prefix)?;
        object.serialize_field("account", &self.account.to_string())?;
        object.serialize_field("role", self.role.name())?;
        object.serialize_field("name", &self.name)?;
        object.serialize_field("state", &self.state().to_string())?;
        object.serialize_field("created_at", &moment(self.created_at))?;
        object.serialize_field("expires_at", &moment(self.expires_at))?;
        object.serialize_field("revoked_at", &moment(self.revoked_at))?;
        object.serialize_field("rotated_to", &self.rotated_to.as_ref().map(|id| &id.0))?;
        object.end()
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        })
    }
}
