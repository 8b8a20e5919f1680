//! `widgets keys`: API keys, on this machine and on a deployed stack.
//!
//! * `issue`, `list`, `revoke` and `rotate` are a command each.
//! * `new_key` makes a key, puts it into the table and shows it, the only time.
//! * `development_key` is the key that a local stack keeps and prints.
//! * `issued` is a key as the table has it: all but the key.
//! * `table` reads the table of keys; `failure` says in an operator's words what is wrong with
//!   it.
//! * `terminal` is what operators type and read.

mod development_key;
mod failure;
mod issue;
mod issued;
mod list;
mod new_key;
mod revoke;
mod rotate;
mod table;
mod terminal;

use anyhow::Result;
use clap::{Args, Subcommand};

pub use development_key::{development_key_file, issue_development_key, kept_development_key};
pub use issue::Issue;
pub use issued::IssuedKey;
pub use list::List;
pub use new_key::{KeySpec, NewKey, Unusable, generate};
pub use revoke::Revoke;
pub use rotate::Rotate;
use table::KeyTable;

use crate::{
    local::embedded_store::API_KEYS_TABLE,
    location::{IfMissing, Location, table_help},
};

/// The commands.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  widgets keys issue --name production --table widgets-ApiKeys-1EXAMPLE
  widgets keys list")]
pub enum Command {
    /// Issue a key and print it, this once: only its SHA-256 is stored
    Issue(At<Issue>),
    /// List keys by their ids, never the keys themselves
    List(At<List>),
    /// Revoke a key: it is refused everywhere within 60 seconds, and for ever
    Revoke(At<Revoke>),
    /// Replace a key by a new one; both work until the overlap is over
    ///
    /// The new key has the account, role and name of the old one, and is printed this once. The old
    /// one expires when the overlap is over, or when it would have expired anyway if that is
    /// sooner.
    Rotate(At<Rotate>),
}

/// A command, and where its keys are.
#[derive(Debug, Args)]
#[command(mut_arg("table", |it| it.help(table_help("ApiKeysTable", API_KEYS_TABLE))))]
pub struct At<C: Args> {
    #[command(flatten)]
    command: C,
    #[command(flatten)]
    location: Location,
}

impl<C: Args> At<C> {
    async fn run(
        self,
        if_missing: IfMissing,
        run: impl AsyncFnOnce(C, &KeyTable) -> Result<()>,
    ) -> Result<()> {
        let Self { command, location } = self;
        let run = async |table: &KeyTable| run(command, table).await;
        location.with_table(API_KEYS_TABLE, if_missing, run).await
    }
}

/// Runs a command on the keys where they are.
pub async fn run(command: Command) -> Result<()> {
    match command {
        Command::Issue(issue) => issue.run(IfMissing::Create, issue::run).await,
        Command::List(list) => list.run(IfMissing::Fail, list::run).await,
        Command::Revoke(revoke) => revoke.run(IfMissing::Fail, revoke::run).await,
        Command::Rotate(rotate) => rotate.run(IfMissing::Fail, rotate::run).await,
    }
}
