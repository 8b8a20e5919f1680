//! `widgets keys`: API keys, on this machine and on a deployed stack.
//!
//! * `issue`, `list`, `revoke` and `rotate` are a command each.
//! * `new_key` makes a key, puts it into the table and shows it, the only time.
//! * `issued` is a key as the table has it: all but the key.
//! * `table` finds the table and reads it; `failure` says in an operator's words what is wrong with it.

mod failure;
mod issue;
mod issued;
mod list;
mod new_key;
mod revoke;
mod rotate;
mod table;

use std::{
    fmt::Display,
    io::{self, Write},
};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use shared::{auth::KeyId, model::Timestamp};

pub use issue::Issue;
pub use issued::{IssuedKey, Unreadable};
pub use list::List;
pub use new_key::{KeySpec, NewKey, generate};
pub use revoke::Revoke;
pub use rotate::Rotate;
use table::IfMissing;
pub use table::Location;

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Issue a key and print it, this once: only its SHA-256 is stored
    Issue(At<Issue>),
    /// List keys by their ids, never the keys themselves
    List(At<List>),
    /// Revoke a key: it is refused everywhere within 60 seconds, and for ever
    Revoke(At<Revoke>),
    /// Replace a key by a new one; both work until the overlap is over
    ///
    /// The new key has the account, role and name of the old one, and is printed this once. The old one expires when the
    /// overlap is over, or when it would have expired anyway if that is sooner.
    Rotate(At<Rotate>),
}

/// A command, and where its keys are.
#[derive(Debug, Args)]
pub struct At<C: Args> {
    #[command(flatten)]
    command: C,
    #[command(flatten)]
    location: Location,
}

/// Does what `command` says.
pub async fn run(command: Command) -> Result<()> {
    match command {
        Command::Issue(At { command, location }) => {
            location
                .with_table(IfMissing::Create, async |table| issue::run(command, table).await)
                .await
        }
        Command::List(At { command, location }) => {
            location
                .with_table(IfMissing::Fail, async |table| list::run(&command, table).await)
                .await
        }
        Command::Revoke(At { command, location }) => {
            location
                .with_table(IfMissing::Fail, async |table| revoke::run(&command, table).await)
                .await
        }
        Command::Rotate(At { command, location }) => {
            location
                .with_table(IfMissing::Fail, async |table| rotate::run(&command, table).await)
                .await
        }
    }
}

/// The id that an argument is. The error does not show it: it may be a key, given by mistake.
fn id(argument: &str) -> Result<KeyId> {
    KeyId::parse(argument)
        .context("ID must be the 16 hex characters that `widgets keys list` shows, and not the key")
}

/// Tells people something. What was done is done where nobody reads it, too.
fn tell(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// A moment to come.
fn moment(text: &str) -> Result<Timestamp, &'static str> {
    let moment = Timestamp::parse(text).filter(|moment| {
        // In UTC the year may be the 10,000th, which RFC 3339 cannot write and nobody could read from the table.
        Timestamp::parse(&moment.to_string()).is_some()
    });
    let moment =
        moment.ok_or("expected a date, a time and a zone, such as 2027-01-31T00:00:00Z")?;
    moment.time_left(std::time::SystemTime::now()).map(|_| moment).ok_or("this is in the past")
}
