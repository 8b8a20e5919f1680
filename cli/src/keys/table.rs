//! The table of keys: what is in it.

use anyhow::{Result, bail};
use shared::model::KeyId;

use super::{failure, issued::IssuedKey};
use crate::location::Table;

/// The table of keys.
pub type KeyTable = Table;

impl KeyTable {
    /// Everything in it.
    pub async fn keys(&self) -> Result<Vec<IssuedKey>> {
        // Consistent, so that a key that was just issued is there.
        let scan = self
            .client
            .scan()
            .table_name(&self.name)
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let items: Result<Vec<_>, _> = scan.collect().await;
        let items = items.map_err(|error| {
            failure::in_words("the keys cannot be read", &self.config, &self.name, &error)
        })?;
        items.into_iter().map(IssuedKey::read).collect()
    }

    /// The key with this id.
    pub async fn find(&self, id: &KeyId) -> Result<IssuedKey> {
        let mut found = self.keys().await?;
        found.retain(|key| key.id() == *id);
        match (found.pop(), found.is_empty()) {
            (Some(key), true) => Ok(key),
            (None, _) => bail!(
                "no key has the id {id} in {}: `widgets keys list` shows which there are",
                self.place
            ),
            (Some(_), false) => {
                bail!("several keys have the id {id} in {}: none was touched", self.place)
            }
        }
    }
}
