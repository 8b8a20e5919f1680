//! A new key: how it is made, put into the table and shown, the only time.

use std::{
    error::Error,
    fmt,
    io::{self, Write},
};

use anyhow::{Context, Result};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client, operation::put_item::PutItemError, types::ReturnValuesOnConditionCheckFailure,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use shared::{
    auth::{ApiKey, Role, attribute},
    model::{AccountId, Timestamp},
};

use super::{
    failure,
    issued::{IssuedKey, State},
};

/// How many of a key's first characters are kept.
const PREFIX_CHARACTERS: usize = 7;

/// How many characters a key must have for that. Those that are not kept are still too many to
/// guess.
const MIN_CHARACTERS_WITH_PREFIX: usize = 32;

/// A key that is to be handed out. Nothing shows it but [`NewKey::reveal`].
#[derive(Clone)]
pub struct NewKey {
    key: ApiKey,
    text: String,
}

impl NewKey {
    /// The key that `text` is, where somebody brings one. [`ApiKey::parse`] says what may be one.
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self { key: ApiKey::parse(text)?, text: text.to_owned() })
    }

    /// The key itself, for its owner.
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

/// Makes a key: `in-` and 43 characters of base64url, which are 256 random bits.
pub fn generate() -> Result<NewKey> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).context("no random numbers")?;
    NewKey::parse(&format!("in-{}", URL_SAFE_NO_PAD.encode(random)))
        .context("what was made is no key")
}

/// What a new key is to be.
pub struct KeySpec<'a> {
    /// The key.
    pub key: &'a NewKey,
    /// Whose it is.
    pub account: AccountId,
    /// What it may do.
    pub role: Role,
    /// From when on it is refused, where it ends at all.
    pub expires_at: Option<Timestamp>,
    /// What it is called.
    pub name: Option<&'a str>,
}

impl KeySpec<'_> {
    /// The key as it is in the table if it is put there now.
    pub fn issued(&self) -> IssuedKey {
        let NewKey { key, text } = self.key;
        let is_long = text.len() >= MIN_CHARACTERS_WITH_PREFIX;
        IssuedKey::default()
            .with(attribute::KEY_HASH, Some(key.hash()))
            .with(attribute::PREFIX, is_long.then(|| &text[..PREFIX_CHARACTERS]))
            .with(attribute::ACCOUNT_ID, Some(self.account))
            .with(attribute::ROLE, Some(self.role.name()))
            .with(attribute::NAME, self.name)
            .with(attribute::CREATED_AT, Some(Timestamp::now()))
            .with(attribute::EXPIRES_AT, self.expires_at)
    }

    /// Puts the key into `table`. One that is there already stays as it is: that is an [`Unusable`]
    /// if it is another account's, or does not work.
    pub async fn put(&self, config: &SdkConfig, table: &str) -> Result<IssuedKey> {
        let issued = self.issued();
        let put = Client::new(config)
            .put_item()
            .table_name(table)
            .set_item(Some(issued.item().clone()))
            .condition_expression("attribute_not_exists(#hash)")
            .expression_attribute_names("#hash", attribute::KEY_HASH)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = put.send().await else { return Ok(issued) };
        if let Some(PutItemError::ConditionalCheckFailedException(refusal)) =
            error.as_service_error()
            && let Some(item) = refusal.item().filter(|item| !item.is_empty())
        {
            return Ok(self.stays(IssuedKey::read(item.clone())?)?);
        }
        let what = format!("the key cannot be written to the table {table}");
        let advice = failure::if_unseen(&issued.id());
        Err(failure::of_write(&what, config, table, &error, &advice))
    }

    /// The key that was there before, if it is as good.
    fn stays(&self, there: IssuedKey) -> Result<IssuedKey, Unusable> {
        Err(Unusable(match there.state() {
            State::Revoked => "this key was revoked, which nothing undoes",
            State::Expired => "this key has expired, which nothing undoes",
            State::Active if there.account() == Some(self.account) => return Ok(there),
            State::Active => "this key belongs to another account",
            State::Unreadable => {
                "this key is in the table already, but cannot be read there: revoke it"
            }
        }))
    }
}

/// Why a key that is in the table already cannot be issued.
#[derive(Debug)]
pub struct Unusable(&'static str);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Unusable {}

/// A new key for people, on a line by itself, or for scripts: what `list` says of it, and the key.
/// With the key that it replaces, if it does.
pub fn show(
    key: &NewKey,
    issued: &IssuedKey,
    replaced: Option<&IssuedKey>,
    is_json: bool,
) -> Result<()> {
    #[derive(Serialize)]
    struct Shown<'a> {
        key: &'a str,
        #[serde(flatten)]
        issued: &'a IssuedKey,
        #[serde(skip_serializing_if = "Option::is_none")]
        replaces: Option<&'a IssuedKey>,
    }
    let key = key.reveal();
    let json = serde_json::to_string(&Shown { key, issued, replaces: replaced })?;
    let line = if is_json { &json } else { key };
    writeln!(io::stdout(), "{line}").with_context(|| {
        let id = issued.id();
        format!(
            "the new key {id} is in the table but cannot be shown, and {}",
            failure::unseen(&id)
        )
    })
}
