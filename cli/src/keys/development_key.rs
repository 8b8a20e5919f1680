//! The key of the development account, which a local stack prints.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use shared::auth::Role;

use super::new_key::{KeySpec, NewKey, Unusable, generate};
use crate::local::{
    embedded_store::{API_KEYS_TABLE, Store, StoreLocation, data_folder},
    stack::DEVELOPMENT_ACCOUNT,
};

/// Returns the file that keeps the key of a stack with this store; a store in memory has none. No
/// other key is stored anywhere. This one is for development: it gives what the data beside it
/// gives, or what the developer's own way to a DynamoDB elsewhere does.
pub fn development_key_file(store: &StoreLocation) -> Option<PathBuf> {
    match store {
        StoreLocation::Memory => None,
        StoreLocation::Folder(folder) => Some(folder.join("api-key")),
        StoreLocation::Endpoint(url) => {
            let authority = url.authority().replace(':', "-");
            Some(data_folder().join(format!("api-key-{authority}")))
        }
    }
}

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

/// Returns the key that `file` keeps, after putting it into `store`. A file that keeps none, or one
/// that no longer works, gets a new one.
pub async fn kept_development_key(file: &Path, store: &Store) -> Result<NewKey> {
    let unusable =
        || format!("the key file {} cannot be used: delete it to get a new key", file.display());
    let kept = match fs::read_to_string(file) {
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
    keep(&key, file).with_context(unusable)?;
    issue_development_key(&key, store).await?;
    Ok(key)
}

/// Writes `key` into `file`, which its owner alone can read from then on.
fn keep(key: &NewKey, file: &Path) -> io::Result<()> {
    fs::create_dir_all(file.parent().unwrap_or(file))?;
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(file)?;
    // It may have been there with another mode.
    file.set_permissions(Permissions::from_mode(0o600))?;
    writeln!(file, "{}", key.reveal())
}
