//! A key as the table has it: all but the key.

use std::{collections::HashMap, error::Error, fmt};

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Serialize, Serializer, ser::SerializeStruct};
use shared::{
    auth::{KeyId, Role, attribute},
    model::{AccountId, Timestamp},
};

/// What the table holds as one.
pub type Item = HashMap<String, AttributeValue>;

/// What DynamoDB finds an item by.
pub fn primary_key(item: &Item) -> Item {
    item.get_key_value(attribute::KEY_HASH)
        .map(|(name, hash)| (name.clone(), hash.clone()))
        .into_iter()
        .collect()
}

/// The id of the key that an item is.
pub fn id(item: &Item) -> Option<KeyId> {
    Some(KeyId::of(text(item, attribute::KEY_HASH)?))
}

fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

fn moment(item: &Item, name: &str) -> Option<Timestamp> {
    Timestamp::parse(text(item, name)?)
}

/// A key that was issued. What the functions go by may be unreadable, and they refuse the key then;
/// what they do not look at is absent if it is.
#[derive(Debug, Clone, PartialEq)]
pub struct IssuedKey {
    /// Its SHA-256 in hex.
    pub hash: String,
    /// Its first characters, where they are few of it.
    pub prefix: Option<String>,
    /// Whose it is.
    pub account: Result<AccountId, Unreadable>,
    /// What it may do.
    pub role: Result<Role, Unreadable>,
    /// What it is called.
    pub name: Option<String>,
    /// When it was issued.
    pub created_at: Option<Timestamp>,
    /// From when on it is refused, where it ends at all.
    pub expires_at: Result<Option<Timestamp>, Unreadable>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Result<Timestamp, Unreadable>>,
    /// The key that replaces it, if it was rotated.
    pub rotated_to: Option<KeyId>,
}

/// What is the matter with a key whose item does not hold what it should.
#[derive(Debug, Clone, PartialEq)]
pub struct Unreadable {
    id: KeyId,
    attribute: &'static str,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the key {} has no {} that can be read", self.id, self.attribute)
    }
}

impl Error for Unreadable {}

/// Whether a key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It does.
    Active,
    /// Its time has come.
    Expired,
    /// It was revoked, whatever else is to be said of it.
    Revoked,
    /// The functions cannot read it: it does not.
    Unreadable,
}

impl IssuedKey {
    /// What it is called on the command line.
    pub fn id(&self) -> KeyId {
        KeyId::of(&self.hash)
    }

    /// Whether it works now.
    pub fn state(&self) -> State {
        match (&self.revoked_at, self.unreadable(), &self.expires_at) {
            (Some(_), ..) => State::Revoked,
            (None, Some(_), _) => State::Unreadable,
            (None, None, Ok(Some(moment)))
                if moment.time_left(std::time::SystemTime::now()).is_none() =>
            {
                State::Expired
            }
            _ => State::Active,
        }
    }

    /// What the functions cannot read of it.
    pub fn unreadable(&self) -> Option<&Unreadable> {
        let Self { account, role, expires_at, .. } = self;
        account.as_ref().err().or(role.as_ref().err()).or(expires_at.as_ref().err())
    }

    /// What the table holds of it.
    pub fn item(&self) -> Item {
        let attributes = [
            (attribute::KEY_HASH, Some(self.hash.clone())),
            (attribute::PREFIX, self.prefix.clone()),
            (attribute::ACCOUNT_ID, written(self.account.as_ref().ok())),
            (attribute::ROLE, self.role.as_ref().ok().map(|role| role.name().to_owned())),
            (attribute::NAME, self.name.clone()),
            (attribute::CREATED_AT, written(self.created_at.as_ref())),
            (attribute::EXPIRES_AT, written(self.expires_at())),
            (attribute::REVOKED_AT, written(self.revoked_at())),
            (attribute::ROTATED_TO, written(self.rotated_to.as_ref())),
        ];
        let present =
            attributes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        present.map(|(name, value)| (name, AttributeValue::S(value))).collect()
    }

    /// The key that an item of the table is.
    pub fn read(item: &Item) -> Result<Self> {
        let hash = text(item, attribute::KEY_HASH)
            .context("this is no table of keys: an item has no key_hash")?;
        let unreadable = |attribute| Unreadable { id: KeyId::of(hash), attribute };
        let account =
            text(item, attribute::ACCOUNT_ID).and_then(|account| AccountId::parse(account).ok());
        let role = match item.get(attribute::ROLE) {
            Some(_) => text(item, attribute::ROLE).and_then(Role::named),
            None => Some(Role::Full),
        };
        let if_there =
            |name| item.get(name).map(|_| moment(item, name).ok_or_else(|| unreadable(name)));
        Ok(Self {
            hash: hash.to_owned(),
            prefix: text(item, attribute::PREFIX).map(str::to_owned),
            account: account.ok_or_else(|| unreadable(attribute::ACCOUNT_ID)),
            role: role.ok_or_else(|| unreadable(attribute::ROLE)),
            name: text(item, attribute::NAME).map(str::to_owned),
            created_at: moment(item, attribute::CREATED_AT),
            expires_at: if_there(attribute::EXPIRES_AT).transpose(),
            revoked_at: if_there(attribute::REVOKED_AT),
            rotated_to: text(item, attribute::ROTATED_TO).and_then(KeyId::parse),
        })
    }

    /// From when on it is refused, where that can be read.
    pub fn expires_at(&self) -> Option<&Timestamp> {
        self.expires_at.as_ref().ok()?.as_ref()
    }

    /// When it was revoked, where that can be read.
    pub fn revoked_at(&self) -> Option<&Timestamp> {
        self.revoked_at.as_ref()?.as_ref().ok()
    }
}

fn written(value: Option<&impl ToString>) -> Option<String> {
    value.map(ToString::to_string)
}

/// As scripts read it: every member, with null for what it has not.
impl Serialize for IssuedKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("IssuedKey", 10)?;
        object.serialize_field("id", &self.id().to_string())?;
        object.serialize_field("prefix", &self.prefix)?;
        object.serialize_field("account", &written(self.account.as_ref().ok()))?;
        object.serialize_field("role", &self.role.as_ref().ok().map(|role| role.name()))?;
        object.serialize_field("name", &self.name)?;
        object.serialize_field("state", &self.state().to_string())?;
        object.serialize_field("created_at", &written(self.created_at.as_ref()))?;
        object.serialize_field("expires_at", &written(self.expires_at()))?;
        object.serialize_field("revoked_at", &written(self.revoked_at()))?;
        object.serialize_field("rotated_to", &written(self.rotated_to.as_ref()))?;
        object.end()
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Unreadable => "unreadable",
        })
    }
}
