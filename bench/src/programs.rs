//! The programs that are measured, built as they are deployed.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use axum::body::Bytes;
use serde_json::Value;
use tokio::process::Command;
use widgets::local::{binaries, template::Template};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::dialect::{self, ASSISTANT, Dialect, Operation, PATHWAY};
use crate::figures::Figures;

/// The arguments by which cargo finds the plain way, which is no member of the workspace.
const PLAIN: [&str; 2] = ["--manifest-path", "bench/programs/plain/Cargo.toml"];

/// A program, and the dialect of the requests that it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// A function that answers with the event. It is sent the requests of the assistant dialect.
    Echo,
    Function(&'static Dialect),
    /// The plain way to write a function.
    Plain(&'static Dialect),
}

impl Program {
    pub const ALL: [Self; 5] = [
        Self::Echo,
        Self::Function(&ASSISTANT),
        Self::Plain(&ASSISTANT),
        Self::Function(&PATHWAY),
        Self::Plain(&PATHWAY),
    ];

    /// Its name at the head of a column.
    pub fn title(self) -> String {
        match self {
            Self::Plain(dialect) => format!("plain ({})", dialect.name),
            _ => self.binary().to_owned(),
        }
    }

    fn binary(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Function(dialect) => dialect.name,
            Self::Plain(_) => "plain",
        }
    }

    /// The operations that it has.
    pub fn operations(self) -> &'static [Operation] {
        match self {
            Self::Echo => &[Operation::Create],
            Self::Function(_) => &Operation::ALL,
            Self::Plain(_) => &[Operation::Create, Operation::Read],
        }
    }

    /// Returns the event of an operation on the widget `id`.
    pub fn event(self, operation: Operation, id: &str) -> Bytes {
        match self {
            Self::Echo => ASSISTANT.event(operation, id),
            Self::Function(dialect) | Self::Plain(dialect) => dialect.event(operation, id),
        }
    }

    /// Checks the answer to an operation on the widget `id`. Returns the widget's id.
    pub fn check(self, operation: Operation, id: &str, answer: &[u8]) -> Result<String> {
        match self {
            Self::Echo => {
                let [sent, answer] =
                    [&*self.event(operation, id), answer].map(serde_json::from_slice::<Value>);
                ensure!(sent? == answer?, "the echo differs");
                Ok(id.to_owned())
            }
            Self::Function(dialect) => dialect.check(operation, id, answer),
            Self::Plain(_) => {
                let body = dialect::success(answer)?;
                ensure!(body["widget"].is_object(), "no widget: {body}");
                Ok(body["id"].as_str().context("a widget without an id")?.to_owned())
            }
        }
    }
}

/// The binaries by name. `in_process` is a create without Lambda and store.
#[derive(Debug)]
pub struct Binaries(pub HashMap<String, PathBuf>);

impl Binaries {
    /// Builds them: the functions as `sam build` does, echo as `cargo lambda build` builds any
    /// function, the plain way as cargo builds any program. The functions come from `bundle`
    /// instead, if it is given: a folder that `sam build` made.
    pub async fn build(bundle: Option<&Path>) -> Result<Self> {
        let mut binaries = functions(bundle).await?;
        binaries.insert("in_process".to_owned(), copy(&make("InProcess").await?, "in_process")?);
        binaries.insert("echo".to_owned(), copy(&stock("echo").await?, "echo")?);
        let plain = [&PLAIN[..], &["--target-dir", "target/plain"]].concat();
        binaries.insert("plain".to_owned(), copy(&release("plain", &plain).await?, "plain")?);
        Ok(Self(binaries))
    }

    /// Returns the binary of a program.
    pub fn of(&self, program: Program) -> &Path {
        &self.0[program.binary()]
    }

    pub fn in_process(&self) -> &Path {
        &self.0["in_process"]
    }

    /// Returns the bytes of a program, also zipped as it is deployed, and the crates in it.
    pub async fn size(&self, program: Program) -> Result<Figures> {
        let bytes = fs::read(self.of(program))?;
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(9))
            .unix_permissions(0o755);
        archive.start_file("bootstrap", options)?;
        archive.write_all(&bytes)?;
        let zip = archive.finish()?.into_inner();
        let crates = match program {
            Program::Plain(_) => crates(&PLAIN).await?,
            _ => crates(&["--package", program.binary()]).await?,
        };
        let figures =
            [("bootstrap, bytes", bytes.len()), ("zip, bytes", zip.len()), ("crates", crates)];
        Ok(figures.map(|(name, value)| (name.to_owned(), value as f64)).into())
    }
}

/// Builds the functions as `sam build` does, or takes them from a `bundle` that it made. Returns
/// each by the name of its binary.
pub async fn functions(bundle: Option<&Path>) -> Result<HashMap<String, PathBuf>> {
    let mut functions = HashMap::new();
    for function in Template::read(binaries::workspace())?.functions {
        let binary = match bundle {
            Some(bundle) => bundle.join(&function.name).join("bootstrap"),
            None => make(&function.name).await?,
        };
        let copy = copy(&binary, &function.binary)?;
        functions.insert(function.binary, copy);
    }
    Ok(functions)
}

/// Makes the target `build-NAME` of the Makefile for this machine's architecture, as `sam build`
/// does.
async fn make(name: &str) -> Result<PathBuf> {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let artifacts = artifacts(name)?;
    let mut make = Command::new("make");
    make.args(["--makefile", &format!("build/{architecture}/Makefile"), &format!("build-{name}")]);
    make.arg(format!("ARTIFACTS_DIR={}", artifacts.display()));
    run(make).await?;
    Ok(artifacts.join("bootstrap"))
}

/// Builds a binary as cargo-lambda does without any settings.
async fn stock(name: &str) -> Result<PathBuf> {
    let artifacts = artifacts(name)?;
    let mut build = binaries::cargo()?;
    // With `--package`, it has its own features of its dependencies, and not the whole workspace's.
    build.args(["lambda", "build", "--release", "--package", name, "--bin", name]);
    build.args(["--flatten", name, "--lambda-dir"]);
    build.arg(&artifacts);
    run(build).await?;
    Ok(artifacts.join("bootstrap"))
}

/// Runs a build in the checkout.
async fn run(mut build: Command) -> Result<()> {
    let status = build.current_dir(binaries::workspace()).kill_on_drop(true).status().await;
    let status = status.with_context(|| format!("{build:?} does not start"))?;
    ensure!(
        status.success(),
        "{build:?} failed: it needs make, cargo-lambda and zig (docs/deploying.md, \"Deploy\")"
    );
    Ok(())
}

/// Returns the folder for what is built of a program.
fn artifacts(name: &str) -> Result<PathBuf> {
    let folder = binaries::workspace().join("target/bench/artifacts").join(name);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Builds a binary in the release profile.
async fn release(name: &str, arguments: &[&str]) -> Result<PathBuf> {
    let mut built = binaries::cargo_build([&["--release"], arguments].concat()).await?;
    built.remove(name).with_context(|| format!("cargo built no binary {name}"))
}

/// Copies a binary to a place where no build replaces it. Each program is measured as a fresh
/// copy, because how the page cache holds a file changes what a start costs by a tenth.
fn copy(binary: &Path, name: &str) -> Result<PathBuf> {
    let folder = binaries::workspace().join("target/bench");
    fs::create_dir_all(&folder)?;
    let (copy, fresh) = (folder.join(name), folder.join(format!("{name}.new")));
    // Another benchmark may be running the present copy, so it is replaced and not overwritten.
    fs::copy(binary, &fresh)
        .and_then(|_| fs::rename(&fresh, &copy))
        .with_context(|| format!("{} cannot be copied", binary.display()))?;
    Ok(copy)
}

/// Counts the crates that are linked into a package as it is deployed.
async fn crates(package: &[&str]) -> Result<usize> {
    let mut tree = binaries::cargo()?;
    tree.arg("tree").args(package);
    tree.args(["--edges", "normal,no-proc-macro", "--target", "x86_64-unknown-linux-musl"]);
    tree.args(["--prefix", "none", "--format", "{p}"]);
    let tree = String::from_utf8(binaries::output_of(tree).await?)?;
    // Cargo marks a crate that it lists again.
    let crates: HashSet<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    Ok(crates.len())
}
