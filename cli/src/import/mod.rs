//! `widgets import`: widgets from elsewhere, into the table of the local stack or a deployed one.
//!
//! * `input` reads the lines of a file, as often as it takes.
//! * `line` makes a widget of a line, by the rules of a request; `leniency` is what is no fault.
//! * `check` finds every fault before anything is written.
//! * `refused` keeps the lines that have some.
//! * `writer` writes, as fast as DynamoDB takes it.
//! * `progress` shows how far it is.

mod check;
mod input;
mod leniency;
mod line;
mod progress;
mod refused;
mod writer;

use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::{Result, bail};
use clap::Args;
use shared::{
    model::{AccountId, assistant, pathway},
    store::{ImportOptions, Store},
};
use uuid::Uuid;

use crate::{
    dialect::Dialect,
    local::{embedded_store::WIDGETS_TABLE, store_access},
    location::{IfMissing, Location, Table, table_help},
};
use check::Check;
use input::Input;
use leniency::Importable;
use refused::RefusedFile;

const EXAMPLES: &str = "\
Examples:
  widgets export --from https://api.bland.ai --dialect pathway --output widgets.jsonl
  widgets import widgets.jsonl --dialect pathway --dry-run \\
      --account 3c90c3cc-0d44-4b50-8888-8dd25736052a
  widgets import widgets.jsonl --dialect pathway \\
      --account 3c90c3cc-0d44-4b50-8888-8dd25736052a";

/// What `widgets import` is told.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[command(mut_arg("table", |it| it.help(table_help("WidgetsTable", WIDGETS_TABLE))))]
pub struct Import {
    /// The widgets, a JSON object a line; - is standard input
    file: PathBuf,
    /// The dialect of the widgets
    #[arg(long)]
    dialect: Dialect,
    /// The account that gets the widgets: that of its API keys, which `widgets keys list` shows. It
    /// is not checked whether a key has this account
    #[arg(long, value_name = "UUID", value_parser = AccountId::parse)]
    account: AccountId,
    /// Tell all faults and what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Leave lines that have faults out, and write them into this file, which must not exist
    #[arg(long, value_name = "REFUSED_FILE", conflicts_with = "dry_run")]
    skip_invalid: Option<PathBuf>,
    /// Replace a widget that differs from its line: the next version, with what the line says of
    /// its times
    #[arg(long)]
    replace: bool,
    /// Publish no change events of what is imported; its later changes are published
    #[arg(long)]
    no_events: bool,
    #[command(flatten)]
    location: Location,
}

/// Imports the widgets of a file.
pub async fn run(import: Import) -> Result<()> {
    match import.dialect {
        Dialect::Assistant => run_in::<assistant::Settings>(import).await,
        Dialect::Pathway => run_in::<pathway::Settings>(import).await,
    }
}

async fn run_in<S: Importable>(import: Import) -> Result<()> {
    let Import { file, account, dry_run, skip_invalid, replace, no_events, location, .. } = import;
    let mut input = Input::open(&file)?;
    let refused_file = skip_invalid.map(RefusedFile::create).transpose()?;
    let options = ImportOptions { marker: Uuid::now_v7(), replace, publish: !no_events };
    let work = async |table: &Table| {
        let client = store_access::lean_client(&table.config).await?;
        let store = Store::new(client, table.name.clone());
        let widgets = store.widgets::<S>(account);
        let mut check = Check::default();
        check.lines(&mut input, &widgets)?;
        check.ids(table, &widgets).await?;
        let (refused, total) = (check.refused.len(), check.count);
        if refused > 0 && refused_file.is_none() {
            bail!(
                "{refused} of {total} lines cannot be imported, and nothing was written \
                 (--skip-invalid REFUSED_FILE imports the others)"
            );
        }
        if dry_run {
            let (valid, present) = (check.valid(), check.present);
            return tell(&format!(
                "{valid} widgets can be imported: {} are new, {present} are there already",
                valid - present
            ));
        }
        let refused_file =
            refused_file.map(|it| it.fill(&mut input, &check.refused)).transpose()?;
        let written = writer::write::<S>(&mut input, &check, store, account, options).await?;
        if let Some(file) = refused_file {
            file.keep()?;
        }
        tell(&format!("{written}, refused {refused}"))
    };
    location.with_table(WIDGETS_TABLE, IfMissing::Create, work).await
}

/// Prints the line that says what was done.
fn tell(text: &str) -> Result<()> {
    Ok(writeln!(io::stdout(), "{text}")?)
}
