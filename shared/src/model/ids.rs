//! The ids of accounts, API keys and widgets.

use std::fmt;

use serde::Serialize;
use uuid::Uuid;

/// The id of the tenant that an API key belongs to. Only its own keys see its widgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct AccountId(pub Uuid);

impl AccountId {
    /// Parses a UUID in any of its written forms.
    ///
    /// # Errors
    ///
    /// The fault that the `uuid` crate finds.
    pub fn parse(text: &str) -> Result<Self, uuid::Error> {
        Uuid::parse_str(text).map(Self)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The id of a widget. New ones are UUIDv7, so they sort in the order of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct WidgetId(pub Uuid);

impl fmt::Display for WidgetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The id by which people call an API key: the first 16 hex characters of its hash. They tell keys
/// apart and say nothing of a key that is random.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct KeyId(String);

impl KeyId {
    const CHARACTERS: usize = 16;

    /// Returns the id of the key with this hash, in hex.
    pub fn of(hash: &str) -> Self {
        Self(hash.chars().take(Self::CHARACTERS).collect())
    }

    /// Parses an id in either case.
    pub fn parse(text: &str) -> Option<Self> {
        let is_id = text.len() == Self::CHARACTERS && text.bytes().all(|b| b.is_ascii_hexdigit());
        is_id.then(|| Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_16_hex_characters_and_a_key_is_not() {
        assert_eq!(KeyId::of("ba7816bf8f01cfea414140de").to_string(), "ba7816bf8f01cfea");
        assert_eq!(KeyId::parse("BA7816bf8f01cfea"), Some(KeyId::of("ba7816bf8f01cfea41414")));
        for text in
            ["", "ba7816bf8f01cfe", "ba7816bf8f01cfea4", "ba7816bf8f01cfeg", "ba7816bf8f01cfé"]
        {
            assert_eq!(KeyId::parse(text), None, "{text}");
        }
    }
}
