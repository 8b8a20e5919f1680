//! A key as the table has it: all but the key.

use std::{collections::HashMap, fmt, time::SystemTime};

use anyhow::{Context, Result, anyhow};
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Serialize, Serializer};
use shared::{
    auth::{Role, attribute},
    model::{AccountId, KeyId, Timestamp},
};

/// An item of the table.
pub type Item = HashMap<String, AttributeValue>;

/// A key that was issued. What the functions go by may be unreadable, and they refuse the key then;
/// what they do not look at is absent if it is.
#[derive(Debug, Clone, Default)]
pub struct IssuedKey(Item);

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
    /// The key that an item of the table is.
    pub fn read(item: Item) -> Result<Self> {
        let key = Self(item);
        key.text(attribute::KEY_HASH)
            .context("this is no table of keys: an item has no key_hash")?;
        Ok(key)
    }

    /// The same with this attribute, if it has a value.
    pub fn with(mut self, name: &str, value: Option<impl ToString>) -> Self {
        let value = value.map(|value| AttributeValue::S(value.to_string()));
        self.0.extend(value.map(|value| (name.to_owned(), value)));
        self
    }

    /// What the table holds of it.
    pub fn item(&self) -> &Item {
        &self.0
    }

    /// What DynamoDB finds it by.
    pub fn primary_key(&self) -> Item {
        let mut key = self.0.clone();
        key.retain(|name, _| name == attribute::KEY_HASH);
        key
    }

    /// What it is called on the command line.
    pub fn id(&self) -> KeyId {
        KeyId::of(self.text(attribute::KEY_HASH).unwrap_or_default())
    }

    /// Whether it works now.
    pub fn state(&self) -> State {
        if self.0.contains_key(attribute::REVOKED_AT) {
            return State::Revoked;
        }
        match self.grant() {
            Err(_) => State::Unreadable,
            Ok((.., Some(end))) if end.time_left(SystemTime::now()).is_none() => State::Expired,
            Ok(_) => State::Active,
        }
    }

    /// What the functions go by: whose it is, what it may do, and from when on it is refused, where
    /// it ends at all.
    pub fn grant(&self) -> Result<(AccountId, Role, Option<Timestamp>)> {
        let unreadable = |name| anyhow!("the key {} has no {name} that can be read", self.id());
        let account = self.account().ok_or_else(|| unreadable(attribute::ACCOUNT_ID))?;
        let role = self.role().ok_or_else(|| unreadable(attribute::ROLE))?;
        let end = self.moment(attribute::EXPIRES_AT);
        if end.is_none() && self.0.contains_key(attribute::EXPIRES_AT) {
            return Err(unreadable(attribute::EXPIRES_AT));
        }
        Ok((account, role, end))
    }

    /// Whose it is.
    pub fn account(&self) -> Option<AccountId> {
        AccountId::parse(self.text(attribute::ACCOUNT_ID)?).ok()
    }

    /// What it may do.
    pub fn role(&self) -> Option<Role> {
        match self.0.get(attribute::ROLE) {
            Some(_) => Role::named(self.text(attribute::ROLE)?),
            None => Some(Role::Full),
        }
    }

    /// The key that replaces it, if it was rotated.
    pub fn rotated_to(&self) -> Option<KeyId> {
        KeyId::parse(self.text(attribute::ROTATED_TO)?)
    }

    /// An attribute that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_s().ok().map(String::as_str)
    }

    /// An attribute that is a time.
    pub fn moment(&self, name: &str) -> Option<Timestamp> {
        Timestamp::parse(self.text(name)?)
    }
}

/// As scripts read it: every member, with null for what it has not.
impl Serialize for IssuedKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = |name| self.text(name).map(str::to_owned);
        let moment = |name| self.moment(name).map(|moment| moment.to_string());
        serializer.collect_map([
            ("id", Some(self.id().to_string())),
            ("prefix", text(attribute::PREFIX)),
            ("account", self.account().map(|account| account.to_string())),
            ("role", self.role().map(|role| role.name().to_owned())),
            ("name", text(attribute::NAME)),
            ("state", Some(self.state().to_string())),
            ("created_at", moment(attribute::CREATED_AT)),
            ("expires_at", moment(attribute::EXPIRES_AT)),
            ("revoked_at", moment(attribute::REVOKED_AT)),
            ("rotated_to", self.rotated_to().map(|id| id.to_string())),
        ])
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
