//! The key of the development account, which a local stack prints.

use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::{Context, Result};
use shared::auth::Role;

use super::new_key::{KeySpec, NewKey, Unusable, generate};
use crate::local::{
    embedded_store::{API_KEYS_TABLE, Store},
    stack::DEVELOPMENT_ACCOUNT,
};

/// The file that keeps a data folder's key. No other key is stored anywhere: this one reaches
/// nothing but what lies beside it.
const KEY_FILE: &str = "api-key";

/// Puts `key` into a local stack's store, as a key of the development account.
pub async fn issue_development_key(key: &NewKey, store: &Store) -> Result<()> {
    let spec = KeySpec {
        key,
        account: DEVELOPMENT_ACCOUNT,
        role: Role::Full,
        expires_at: None,
        name: Some("local stack"),
    };
    spec.put(&store.config, API_KEYS_TABLE).await.map(drop)
}

/// Returns the key that `folder` keeps, after putting it into `store`. A folder that keeps none, or
/// one that no longer works, gets a new one.
pub async fn kept_development_key(folder: &Path, store: &Store) -> Result<NewKey> {
    let file = folder.join(KEY_FILE);
    let unusable =
        || format!("the key file {} cannot be used: delete it to get a new key", file.display());
    let kept = match fs::read_to_string(&file) {
        Ok(text) => NewKey::parse(text.trim_end()),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(unusable),
    };
    if let Some(key) = kept {
        match issue_development_key(&key, store).await {
            Err(error) if error.is::<Unusable>() => {
                eprintln!("The key of {} is replaced: {error}.", file.display());
            }
            issued => return issued.map(|()| key),
        }
    }
    let key = generate()?;
    // Before it is issued: a key that works and is kept nowhere would be one more for ever.
    keep(&key, folder).with_context(unusable)?;
    issue_development_key(&key, store).await?;
    Ok(key)
}

/// Writes the file that keeps `key`, for its owner only.
fn keep(key: &NewKey, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    writeln!(options.open(folder.join(KEY_FILE))?, "{}", key.reveal())
}
