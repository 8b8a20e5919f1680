//! `widgets keys`: API keys, on this machine and on a deployed stack.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use aws_sdk_dynamodb::{Client, types::AttributeValue};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::{Args, Subcommand};
use shared::{
    keys::{ApiKey, Role, attribute},
    model::{AccountId, Timestamp},
};
use url::Url;
use uuid::Uuid;

use crate::{
    binaries,
    stack::{self, API_KEYS_TABLE},
    store::{self, Store},
    template::Template,
};

/// Issue API keys.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Issue a key and print it, this once: only its SHA-256 is stored.
    ///
    /// Without --table and --endpoint-url the key is for the local stack in --data, running or not. With --table it is
    /// for a deployed stack (the stack's output ApiKeysTable), written with your own AWS credentials: environment,
    /// profile, SSO, as every AWS tool finds them.
    Issue(Issue),
}

/// What `widgets keys issue` is told.
#[derive(Debug, Args)]
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
    /// The table of keys of a deployed stack [with --endpoint-url: ApiKeys]
    #[arg(long)]
    table: Option<String>,
    /// A DynamoDB that is not AWS's own in your region, such as the store that `widgets serve --ephemeral` prints
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<Url>,
    /// The folder of the local stack [default: .widgets in the checkout]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["table", "endpoint_url"])]
    data: Option<PathBuf>,
}

fn role(name: &str) -> Result<Role, &'static str> {
    Role::named(name).ok_or("neither full nor read")
}

fn moment(text: &str) -> Result<Timestamp, &'static str> {
    let moment = Timestamp::parse(text).ok_or("no time such as 2027-01-31T00:00:00Z")?;
    moment.time_left().map(|_| moment).ok_or("a time that has come already")
}

/// Does what `command` says.
pub async fn run(command: Command) -> Result<()> {
    let Command::Issue(issue) = command;
    let account = issue.account.unwrap_or_else(|| AccountId(Uuid::new_v4()));
    let key = generate()?;
    let item = KeyItem { key: &key, account, role: issue.role, expires_at: issue.expires, name: issue.name.as_deref() };
    let place = if issue.table.is_some() || issue.endpoint_url.is_some() {
        let client = Client::new(&store::config(issue.endpoint_url.as_ref()).await);
        let table = issue.table.as_deref().unwrap_or(API_KEYS_TABLE);
        item.put(&client, table).await?;
        format!("the table {table}")
    } else {
        let template = Template::read(binaries::workspace())?;
        let folder = issue.data.unwrap_or_else(stack::data_folder);
        let store = Store::open_or_join(&folder, &template.tables).await?;
        let put = item.put(&store.client(), API_KEYS_TABLE).await;
        store.stop().await;
        put?;
        format!("the local stack in {}", folder.display())
    };
    eprintln!("A new key of account {account} in {place}, shown this once:");
    println!("{}", key.0);
    Ok(())
}

/// A key as it is handed out, shown by nothing else.
pub struct NewKey(pub String);

/// Makes a key: `in-` and 43 characters of base64url, which are 256 random bits.
pub fn generate() -> Result<NewKey> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).context("no random numbers")?;
    Ok(NewKey(format!("in-{}", URL_SAFE_NO_PAD.encode(random))))
}

/// A key on its way into the table.
pub struct KeyItem<'a> {
    /// The key.
    pub key: &'a NewKey,
    /// Whose it is.
    pub account: AccountId,
    /// What it may do.
    pub role: Role,
    /// From when on it is refused, where it ends at all.
    pub expires_at: Option<Timestamp>,
    /// What it is called.
    pub name: Option<&'a str>,
}

impl KeyItem<'_> {
    /// Puts the key's hash into `table`, unless it is another account's there.
    pub async fn put(&self, client: &Client, table: &str) -> Result<()> {
        let key = ApiKey::parse(&self.key.0).context("a key is 1 to 255 printable ASCII characters without spaces")?;
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let mut put = client
            .put_item()
            .table_name(table)
            .item(attribute::KEY_HASH, text(&key.hash().to_string()))
            .item(attribute::ACCOUNT_ID, text(&self.account.to_string()))
            .item(attribute::ROLE, text(self.role.name()))
            .item(attribute::CREATED_AT, text(&Timestamp::now().to_string()))
            .condition_expression("attribute_not_exists(#hash) OR #account = :account")
            .expression_attribute_names("#hash", attribute::KEY_HASH)
            .expression_attribute_names("#account", attribute::ACCOUNT_ID)
            .expression_attribute_values(":account", text(&self.account.to_string()));
        if let Some(moment) = self.expires_at {
            put = put.item(attribute::EXPIRES_AT, text(&moment.to_string()));
        }
        if let Some(name) = self.name {
            put = put.item(attribute::NAME, text(name));
        }
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                bail!("this key belongs to another account")
            }
            Err(error) => Err(error).with_context(|| format!("the key cannot be written to the table {table}")),
        }
    }
}
