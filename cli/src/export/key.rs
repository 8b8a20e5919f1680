//! The API key of the service: from a file, the environment or a prompt.

use std::{
    env, fs,
    io::{self, IsTerminal},
    path::Path,
};

use anyhow::{Context, Result, bail, ensure};
use console::Term;

/// The environment variable that may hold the key.
const VARIABLE: &str = "WIDGETS_API_KEY";

/// An API key of the service. Nothing shows it but [`Key::reveal`].
pub struct Key(String);

impl Key {
    /// Returns the key itself, for the service.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Reads the key from `file`, or else from the environment, or else from a terminal without echo.
/// No error quotes it.
pub fn read(file: Option<&Path>) -> Result<Key> {
    let text = match (file, env::var_os(VARIABLE)) {
        (Some(file), _) => fs::read_to_string(file)
            .with_context(|| format!("the key file {} cannot be read", file.display()))?,
        (None, Some(text)) => text.to_string_lossy().into_owned(),
        (None, None) if io::stdin().is_terminal() => prompt().context("no API key was typed")?,
        (None, None) => {
            bail!("no API key: set {VARIABLE}, or name a file that holds it with --key-file")
        }
    };
    let text = text.trim();
    ensure!(
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()),
        "the API key is not printable ASCII without spaces: check {VARIABLE} or --key-file"
    );
    Ok(Key(text.to_owned()))
}

fn prompt() -> io::Result<String> {
    let terminal = Term::stderr();
    terminal.write_str("API key: ")?;
    terminal.read_secure_line()
}
