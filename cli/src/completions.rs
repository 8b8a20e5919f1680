//! `widgets completions`: scripts that complete the command's arguments in a shell.

use std::io::{self, Write};

use anyhow::Result;
use clap::{Args, Command};
use clap_complete::{Shell, generate};

/// What `widgets completions` is told.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  widgets completions bash > ~/.local/share/bash-completion/completions/widgets
  widgets completions zsh > ~/.zfunc/_widgets
  widgets completions fish > ~/.config/fish/completions/widgets.fish")]
pub struct Completions {
    /// The shell to complete in
    shell: Shell,
}

/// Prints the script for `command`.
pub fn run(completions: &Completions, mut command: Command) -> Result<()> {
    let name = command.get_name().to_owned();
    // In memory first: what generates the script panics where it cannot write.
    let mut script = Vec::new();
    generate(completions.shell, &mut command, name, &mut script);
    Ok(io::stdout().write_all(&script)?)
}
