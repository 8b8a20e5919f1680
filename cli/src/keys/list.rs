//! `widgets keys list`: the keys that were issued, by their ids.

use std::io::{self, ErrorKind, Write};

use anyhow::Result;
use clap::Args;
use shared::model::{AccountId, Timestamp};

use super::{
    issued::{IssuedKey, State},
    table::KeyTable,
    terminal::tell,
};

/// What stands where there is nothing to say.
const NOTHING: &str = "-";

/// What `widgets keys list` is told.
#[derive(Debug, Args)]
pub struct List {
    /// Only this account's keys
    #[arg(long, value_name = "UUID", value_parser = AccountId::parse)]
    account: Option<AccountId>,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

/// Prints the keys in `table`, an account's together and the oldest first.
pub async fn run(list: List, table: &KeyTable) -> Result<()> {
    let keys: Result<Vec<IssuedKey>> = table.items().await?.iter().map(IssuedKey::read).collect();
    let mut keys = keys?;
    let refused = keys.iter().filter(|key| key.state() == State::Unreadable);
    for unreadable in refused.filter_map(IssuedKey::unreadable) {
        tell(format_args!("widgets: {unreadable}, so that it does not work: revoke it"));
    }
    if let Some(account) = list.account {
        keys.retain(|key| key.account == Ok(account));
    }
    keys.sort_by_cached_key(|key| (account(key), key.created_at, key.id()));
    let shown = if list.json {
        serde_json::to_string(&keys)? + "\n"
    } else if keys.is_empty() {
        match list.account {
            Some(account) => {
                tell(format_args!("The account {account} has no keys in {}.", table.place))
            }
            None => tell(format_args!("There are no keys in {}.", table.place)),
        }
        return Ok(());
    } else {
        rows(&keys)
    };
    match io::stdout().write_all(shown.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// A line of titles and one a key, in columns.
fn rows(keys: &[IssuedKey]) -> String {
    let titles = ["ID", "KEY", "ACCOUNT", "ROLE", "NAME", "CREATED", "STATE"].map(str::to_owned);
    let rows: Vec<[String; 7]> = [titles].into_iter().chain(keys.iter().map(cells)).collect();
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; 7]| {
        let cells: String =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}  ")).collect();
        format!("{}\n", cells.trim_end())
    };
    rows.iter().map(line).collect()
}

fn cells(key: &IssuedKey) -> [String; 7] {
    [
        key.id().to_string(),
        key.prefix.as_ref().map_or(NOTHING.to_owned(), |prefix| format!("{}…", printable(prefix))),
        account(key),
        key.role.as_ref().map_or(NOTHING, |role| role.name()).to_owned(),
        key.name.as_deref().map_or(NOTHING.to_owned(), printable),
        moment(key.created_at.as_ref()),
        state(key),
    ]
}

/// Whether a key works, and since or until when.
fn state(key: &IssuedKey) -> String {
    let state = match (key.state(), key.expires_at()) {
        (state @ State::Active, Some(end)) => format!("{state} until {end}"),
        (state @ State::Expired, end) => format!("{state} {}", moment(end)),
        (state @ State::Revoked, _) => format!("{state} {}", moment(key.revoked_at())),
        (state, _) => state.to_string(),
    };
    match &key.rotated_to {
        Some(id) => format!("{state}, rotated to {id}"),
        None => state,
    }
}

fn account(key: &IssuedKey) -> String {
    key.account.as_ref().map_or(NOTHING.to_owned(), AccountId::to_string)
}

fn moment(moment: Option<&Timestamp>) -> String {
    moment.map_or(NOTHING.to_owned(), Timestamp::to_string)
}

/// A text that cannot tell a terminal what to do.
fn printable(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() { '\u{fffd}' } else { character })
        .collect()
}
