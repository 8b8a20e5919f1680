//! `widgets keys issue`: a new key.

use anyhow::Result;
use clap::Args;
use shared::{
    auth::Role,
    model::{AccountId, Timestamp},
};
use uuid::Uuid;

use super::{
    new_key::{self, KeySpec},
    table::KeyTable,
    terminal::{moment, tell},
};

/// What `widgets keys issue` is told.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  widgets keys issue --name laptop
  widgets keys issue --name reports --role read --expires 2099-12-31T00:00:00Z
  widgets keys issue --table widgets-ApiKeys-1EXAMPLE --json | jq -r .key")]
pub struct Issue {
    /// The account the key is for, a UUID [default: a new account]
    #[arg(long, value_name = "UUID", value_parser = AccountId::parse)]
    account: Option<AccountId>,
    /// What to call the key
    #[arg(long)]
    name: Option<String>,
    /// What the key may do: everything (full), or list and read widgets (read)
    #[arg(long, default_value = "full", value_parser = role)]
    role: Role,
    /// From when on the key is refused, such as 2027-01-31T00:00:00Z [default: it does not end]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    expires: Option<Timestamp>,
    /// Print a JSON object: the key, its id, and what else was set
    #[arg(long)]
    json: bool,
}

fn role(name: &str) -> Result<Role, &'static str> {
    Role::named(name).ok_or("neither full nor read")
}

/// Puts a new key into `table` and prints it.
pub async fn run(issue: Issue, table: &KeyTable) -> Result<()> {
    let account = issue.account.unwrap_or_else(|| AccountId(Uuid::new_v4()));
    let key = new_key::generate()?;
    let spec = KeySpec {
        key: &key,
        account,
        role: issue.role,
        expires_at: issue.expires,
        name: issue.name.as_deref(),
    };
    let issued = spec.put(&table.config, &table.name).await?;
    new_key::show(&key, &issued, None, issue.json)?;
    let whose = if issue.account.is_some() { "account" } else { "the new account" };
    tell(format_args!(
        "This is a new key of {whose} {account} in {}, shown this once. Its id is {}.",
        table.place,
        issued.id()
    ));
    Ok(())
}
