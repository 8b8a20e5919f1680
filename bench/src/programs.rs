//! The programs that are measured, built as they are deployed.

use std::{
    collections::HashSet,
    fs,
    io::{Cursor, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::Serialize;
use widgets::local::{binaries, template::Template};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::requests::Dialect;

/// How cargo is told of the plain way, which is no member of the workspace.
pub const PLAIN: [&str; 2] = ["--manifest-path", "bench/programs/plain/Cargo.toml"];

/// Where they are.
#[derive(Debug)]
pub struct Programs {
    /// The floor: it answers an event with the event.
    pub echo: PathBuf,
    /// The functions.
    pub assistant: PathBuf,
    pub pathway: PathBuf,
    /// The plain way to write them.
    pub plain: PathBuf,
    /// What of a create is neither Lambda nor the store.
    pub in_process: PathBuf,
}

impl Programs {
    /// Builds them, the functions only where `bundle`, a folder that `sam build` made, does not
    /// have them.
    pub async fn build(bundle: Option<&Path>) -> Result<Self> {
        let (assistant, pathway) = match bundle {
            Some(bundle) => {
                let template = Template::read(binaries::workspace())?;
                let of = |dialect: Dialect| -> Result<PathBuf> {
                    let name = dialect.name();
                    let spec = template.functions.iter().find(|spec| spec.binary == name);
                    let spec =
                        spec.with_context(|| format!("template.yaml has no function of {name}"))?;
                    copied(&bundle.join(&spec.name).join("bootstrap"), name)
                };
                (of(Dialect::Assistant)?, of(Dialect::Pathway)?)
            }
            None => (member("assistant").await?, member("pathway").await?),
        };
        Ok(Self {
            echo: member("echo").await?,
            assistant,
            pathway,
            plain: built("plain", &[&PLAIN[..], &["--target-dir", "target/plain"]].concat())
                .await?,
            in_process: member("in_process").await?,
        })
    }

    /// The function that speaks `dialect`.
    pub fn function(&self, dialect: Dialect) -> &Path {
        match dialect {
            Dialect::Assistant => &self.assistant,
            Dialect::Pathway => &self.pathway,
        }
    }
}

/// A member of the workspace, built by itself: with the features that it asks for, as `sam build`
/// has it, and not those of all members, which `cargo run` shares.
async fn member(name: &str) -> Result<PathBuf> {
    built(name, &["--package", name]).await
}

/// A copy of the release build of a binary: what cargo compiled stays where every other build finds
/// it.
async fn built(name: &str, arguments: &[&str]) -> Result<PathBuf> {
    let built = binaries::cargo_build(["--release"].iter().chain(arguments).copied()).await?;
    copied(built.get(name).with_context(|| format!("cargo built no binary {name}"))?, name)
}

/// A fresh copy of `program`, where no build replaces it. Each program is measured as one: how the
/// page cache holds a file, which depends on how it was written, changes what a start costs by a
/// tenth.
fn copied(program: &Path, name: &str) -> Result<PathBuf> {
    let folder = binaries::workspace().join("target/bench");
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let copy = folder.join(name);
    // Another benchmark may be running the one that is there.
    let fresh = folder.join(format!("{name}.new"));
    fs::copy(program, &fresh)
        .and_then(|_| fs::rename(&fresh, &copy))
        .with_context(|| format!("{} cannot be copied", program.display()))?;
    Ok(copy)
}

/// How large a program is.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Size {
    pub bootstrap_bytes: u64,
    pub zip_bytes: u64,
}

impl Size {
    /// The size of `program`, and of the archive that it would be deployed in.
    pub fn of(program: &Path) -> Result<Self> {
        let bytes =
            fs::read(program).with_context(|| format!("{} cannot be read", program.display()))?;
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(9))
            .unix_permissions(0o755);
        archive.start_file("bootstrap", options)?;
        archive.write_all(&bytes)?;
        let archive = archive.finish()?.into_inner();
        Ok(Self { bootstrap_bytes: bytes.len() as u64, zip_bytes: archive.len() as u64 })
    }
}

/// How many crates are linked into what `package` builds, on Linux: those that run at build time
/// are not.
pub async fn crates(package: &[&str]) -> Result<u64> {
    let mut tree = binaries::cargo()?;
    tree.arg("tree").args(package);
    tree.args(["--edges", "normal,no-proc-macro", "--target", "x86_64-unknown-linux-gnu"]);
    tree.args(["--prefix", "none", "--format", "{p}"]);
    let tree = String::from_utf8(binaries::output_of(tree).await?)?;
    // What stands there once more has a mark behind it.
    let crates: HashSet<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    Ok(crates.len() as u64)
}
