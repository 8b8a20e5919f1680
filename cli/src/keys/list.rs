//! `widgets keys list`: the keys that were issued, by their ids.

use std::io::{self, ErrorKind, Write};

use anyhow::Result;
use clap::Args;
use shared::{
    auth::{Role, attribute},
    model::AccountId,
};

use super::{
    issued::{IssuedKey, State},
    table::KeyTable,
    terminal::tell,
};

/// What `widgets keys list` is told.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  widgets keys list
  widgets keys list --account d0000000-0000-4000-8000-000000000000
  widgets keys list --table widgets-ApiKeys-1EXAMPLE --json | jq -r '.[].id'")]
pub struct List {
    /// Only this account's keys
    #[arg(long, value_name = "UUID", value_parser = AccountId::parse)]
    account: Option<AccountId>,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

/// Prints the keys in `table`, the oldest first.
pub async fn run(list: List, table: &KeyTable) -> Result<()> {
    let mut keys = table.keys().await?;
    for key in keys.iter().filter(|key| key.state() == State::Unreadable) {
        if let Err(unreadable) = key.grant() {
            tell(format_args!("widgets: {unreadable}, so that it does not work: revoke it"));
        }
    }
    if list.account.is_some() {
        keys.retain(|key| key.account() == list.account);
    }
    keys.sort_by_cached_key(|key| (key.moment(attribute::CREATED_AT), key.id()));
    let text = if list.json {
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
    match io::stdout().write_all(text.as_bytes()) {
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
        shown(key.text(attribute::PREFIX).map(|prefix| printable(prefix) + "…")),
        shown(key.account()),
        shown(key.role().map(Role::name)),
        shown(key.text(attribute::NAME).map(printable)),
        shown(key.moment(attribute::CREATED_AT)),
        state(key),
    ]
}

/// Whether a key works, and since or until when.
fn state(key: &IssuedKey) -> String {
    let state = match (key.state(), key.moment(attribute::EXPIRES_AT)) {
        (state @ State::Active, Some(end)) => format!("{state} until {end}"),
        (state @ State::Expired, end) => format!("{state} {}", shown(end)),
        (state @ State::Revoked, _) => {
            format!("{state} {}", shown(key.moment(attribute::REVOKED_AT)))
        }
        (state, _) => state.to_string(),
    };
    match key.rotated_to() {
        Some(id) => format!("{state}, rotated to {id}"),
        None => state,
    }
}

/// A value, or a dash where there is none.
fn shown(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// A text that cannot tell a terminal what to do.
fn printable(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() { '\u{fffd}' } else { character })
        .collect()
}
