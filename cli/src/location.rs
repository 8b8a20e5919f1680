//! Where a table is: in the local stack, in a deployed one, or in a DynamoDB elsewhere.

use std::path::PathBuf;

use anyhow::{Result, bail};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use clap::Args;
use url::Url;

use crate::local::{
    binaries,
    embedded_store::{self, Store},
    store_access,
    template::Template,
};

/// Where a table is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where the table is [default: in the local stack]")]
pub struct Location {
    // Each command says which table it takes: `table_help`.
    #[arg(long)]
    table: Option<String>,
    /// A DynamoDB that is not AWS's own in your region, such as the store that `widgets serve
    /// --ephemeral` prints
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<Url>,
    /// The folder of the local stack, which may be running or not [default: .widgets in the
    /// checkout]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["table", "endpoint_url"])]
    data: Option<PathBuf>,
}

/// Returns the help of `--table` for a command whose table is in this output of a deployed stack,
/// and has this name elsewhere.
pub fn table_help(output: &str, default_name: &str) -> String {
    format!(
        "The table of a deployed stack: its output {output}; reached with your own AWS credentials \
         and region (environment, profile, `aws login`, SSO, as every AWS tool finds them) [with \
         --endpoint-url: {default_name}]"
    )
}

/// What to do if the local stack does not exist yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum IfMissing {
    /// Create it. A folder that `--data` names must exist, so that a misspelt name is an error.
    Create,
    /// Return an error.
    Fail,
}

/// A table.
#[derive(Debug)]
pub struct Table {
    /// How the store that has it is called.
    pub config: SdkConfig,
    /// A client of that store.
    pub client: Client,
    /// Its name.
    pub name: String,
    /// Where it is, for people.
    pub place: String,
}

impl Location {
    /// Does `work` on the table that is here. It is called `default_name` unless it is named.
    pub async fn with_table(
        self,
        default_name: &str,
        if_missing: IfMissing,
        work: impl AsyncFnOnce(&Table) -> Result<()>,
    ) -> Result<()> {
        if self.table.is_some() || self.endpoint_url.is_some() {
            let name = self.table.unwrap_or_else(|| default_name.to_owned());
            let config = store_access::config(self.endpoint_url.as_ref()).await?;
            let (client, place) = (Client::new(&config), format!("the table {name}"));
            return work(&Table { config, client, name, place }).await;
        }
        let is_named = self.data.is_some();
        let folder = self.data.unwrap_or_else(embedded_store::data_folder);
        embedded_store::check_folder(&folder)?;
        let shown = folder.display();
        match if_missing {
            IfMissing::Create if is_named && !folder.is_dir() => {
                bail!("the data folder {shown} is not there: `widgets serve --data` makes one")
            }
            IfMissing::Fail if !Store::is_in(&folder) => bail!(
                "no local stack has been in {shown} (--data names another folder, --table a deployed stack's table)"
            ),
            _ => {}
        }
        let template = Template::read(binaries::workspace())?;
        let store = Store::open_or_join(&folder, &template.tables).await?;
        let name = default_name.to_owned();
        let done = work(&Table {
            config: store.config.clone(),
            client: store.client(),
            name,
            place: format!("the local stack in {shown}"),
        })
        .await;
        store.stop().await;
        done
    }
}
