//! The function binaries, built from the checkout that this command was built from.

use std::{
    collections::HashMap,
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::process::Command;

use super::template::Template;

/// Where the checkout is.
pub fn workspace() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// Builds `binaries` as this program was built (`dev` or `release`), and tells where each is. Cargo
/// says on standard error what it is doing.
///
/// All members' features are unified, as they were when this program was built, so that nothing is
/// compiled twice: no `--package` here.
pub async fn build<'a>(
    binaries: impl IntoIterator<Item = &'a str>,
) -> Result<HashMap<String, PathBuf>> {
    let binaries: Vec<&str> = binaries.into_iter().collect();
    let arguments = ["--profile", profile()?].into_iter();
    let built =
        cargo_build(arguments.chain(binaries.iter().flat_map(|binary| ["--bin", binary]))).await?;
    match binaries.iter().find(|binary| !built.contains_key(**binary)) {
        Some(binary) => bail!("cargo built no binary {binary}"),
        None => Ok(built),
    }
}

/// What `cargo build` with these arguments makes: each executable by the name of its target.
pub async fn cargo_build<'a>(
    arguments: impl IntoIterator<Item = &'a str>,
) -> Result<HashMap<String, PathBuf>> {
    let mut command = cargo()?;
    command.args(["build", "--message-format", "json-render-diagnostics"]).args(arguments);
    let messages = output_of(command).await?;
    let messages = messages.split(|byte| *byte == b'\n').map(serde_json::from_slice::<Value>);
    let executable = |message: Value| {
        let name = message["target"]["name"].as_str()?.to_owned();
        Some((name, message["executable"].as_str()?.into()))
    };
    Ok(messages.flatten().filter_map(executable).collect())
}

/// Cargo, in the checkout.
pub fn cargo() -> Result<Command> {
    ensure!(
        workspace().join("Cargo.toml").exists(),
        "the sources this command was built from are gone from {}: run it from a checkout with `cargo run`",
        workspace().display()
    );
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    for (name, _) in env::vars_os() {
        // What cargo tells the program it runs. Build scripts that look at these would run, and
        // crates be compiled, anew at each start.
        let tells = ["CARGO_BIN_", "CARGO_CRATE_", "CARGO_MANIFEST_", "CARGO_PKG_"];
        if name.to_str().is_some_and(|name| tells.iter().any(|prefix| name.starts_with(prefix))) {
            command.env_remove(name);
        }
    }
    command.current_dir(workspace());
    Ok(command)
}

/// What cargo writes on standard output.
pub async fn output_of(mut cargo: Command) -> Result<Vec<u8>> {
    let output = cargo
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("cargo cannot be run")?
        .wait_with_output()
        .await
        .context("cargo cannot be waited for")?;
    ensure!(output.status.success(), "cargo failed: see its message above");
    Ok(output.stdout)
}

/// The same for all functions of a template.
pub async fn of(template: &Template) -> Result<HashMap<String, PathBuf>> {
    build(template.functions.iter().map(|function| function.binary.as_str())).await
}

/// `release` where this program lies in a folder of that name, as cargo builds it; else `dev`.
fn profile() -> Result<&'static str> {
    let program = env::current_exe().context("this program does not know where it is")?;
    let folder = program.parent().and_then(Path::file_name);
    Ok(if folder.is_some_and(|folder| folder == "release") { "release" } else { "dev" })
}
