//! `widgets man`: the manual, a page a command, as git and cargo have theirs.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::{Args, Command};

/// What the foot of each page says.
const VERSION: &str = concat!("widgets ", env!("CARGO_PKG_VERSION"));

/// What `widgets man` is told.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  widgets man ~/.local/share/man/man1

Then `man widgets` shows the first page, `man widgets-keys-issue` that of a command.")]
pub struct Man {
    /// The folder to write the pages to; it is made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Writes a page for `command` and for each of its subcommands, as deep as they go.
pub fn run(man: &Man, command: Command) -> Result<()> {
    let folder = &man.folder;
    // `widgets help` is no command with a page of its own.
    let mut command = command.disable_help_subcommand(true);
    command.build();
    fs::create_dir_all(folder)
        .and_then(|()| write_pages(folder, &command))
        .with_context(|| format!("the manual cannot be written to {}", folder.display()))
}

fn write_pages(folder: &Path, command: &Command) -> io::Result<()> {
    for subcommand in command.get_subcommands() {
        write_pages(folder, subcommand)?;
    }
    let man = clap_mangen::Man::new(command.clone()).source(VERSION);
    let mut page = Vec::new();
    man.render(&mut page)?;
    // The generator has a heading of its own for what follows the options, and fills its lines.
    let page = String::from_utf8_lossy(&page)
        .replace(".SH EXTRA\nExamples:", ".SH EXTRA")
        .replace(".SH EXTRA\n", ".SH EXAMPLES\n.nf\n");
    fs::write(folder.join(man.get_filename()), page)
}
