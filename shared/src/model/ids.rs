//! The ids of accounts and widgets.

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
