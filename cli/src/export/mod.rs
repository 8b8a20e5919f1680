//! `widgets export`: all widgets of an API key, from either vendor's service or from a deployment
//! of this one.
//!
//! * `key` reads the API key, which is never an argument.
//! * `passes` reads page after page until no widget can be missing.
//! * `source` is a service. `assistant` and `pathway` know the pages of their dialect, and `widget`
//!   is what a page holds.
//! * `http` sends requests and retries them. `backoff` says how long it waits.
//! * `output` is a file or standard output: a widget a line, none twice.
//! * `progress` is the bar on a terminal.

mod assistant;
mod backoff;
mod http;
mod key;
mod output;
mod passes;
mod pathway;
mod progress;
mod source;
mod widget;

use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::{Result, anyhow};
use clap::Args;

use crate::{dialect::Dialect, serve};

use output::Output;
use progress::Progress;
use source::Source;

/// What `widgets export` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  widgets export --from https://api.bland.ai --dialect pathway --output widgets.jsonl")]
pub struct Export {
    // Not parsed by clap, whose message would quote it: it may hold a key, pasted with the rest.
    /// The service, without /api/v1/widget or /v1/widgets, such as `https://api.insighto.ai`,
    /// `https://api.bland.ai` or `http://127.0.0.1:3000`
    #[arg(long, value_name = "URL")]
    from: String,
    /// The dialect of the service
    #[arg(long)]
    dialect: Dialect,
    /// A new file for the widgets [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Continue the file of an interrupted export: add the widgets that it lacks, and leave the
    /// others as they are
    #[arg(long, requires = "output")]
    resume: bool,
    /// The file that holds the API key [default: the variable WIDGETS_API_KEY, or else a
    /// prompt]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

/// Writes all widgets, and then tells how many there are. An export that ends early is an error.
pub async fn run(export: Export) -> Result<()> {
    let from = source::base_url(&export.from)?;
    let output = Output::open(export.output, export.resume, export.dialect)?;
    // Before Ctrl-C is caught: at the prompt it ends the command, and the shell restores the echo.
    let key = key::read(export.key_file.as_deref())?;
    let source = Source::new(from, export.dialect, key)?;
    let progress = Progress::new(output.leaves_terminal_free());
    let sink = output.sink().clone();
    let stopped = serve::stopped()?;
    let summary = tokio::select! {
        copied = passes::copy(&source, output, progress) => copied,
        () = stopped => Err(anyhow!("the export was interrupted")),
    };
    let summary = summary.map_err(|error| match sink.unfinished_file() {
        Some(file) => anyhow!("{error:#} (--resume continues {})", file.display()),
        None => error,
    })?;
    // What it tells of is done, whether or not somebody reads it.
    let _ = writeln!(io::stderr(), "{summary}");
    Ok(())
}
