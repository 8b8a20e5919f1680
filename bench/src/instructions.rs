//! Instructions, counted by valgrind. They are nearly the same on every machine: the loader, the
//! code that a library chooses for a processor, and the kernel make a small difference. Valgrind
//! offers programs no SHA extensions, so signatures weigh more here than on most processors.

use std::{ffi::OsString, fs, path::Path, process::Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::NamedTempFile;
use tokio::process::Command;

use crate::programs::{Binaries, Program};
use crate::{
    dialect::Operation, environment::Environment, figures::Figures, in_process,
    store_stub::StoreStub,
};

/// The invocations of the shorter run, in which the first ones do what later ones need not.
const WARM_UP: u64 = 10;

/// How many more invocations the longer run has.
const COUNTED: u64 = 200;

/// Returns an error if valgrind does not run.
pub async fn require_valgrind() -> Result<()> {
    let version = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().await;
    ensure!(
        version.is_ok_and(|status| status.success()),
        "valgrind counts the instructions: install it"
    );
    Ok(())
}

/// Counts the instructions of a program.
pub async fn count(program: Program, binaries: &Binaries) -> Result<Figures> {
    let binary = binaries.of(program);
    let mut figures = Figures::new();
    let start = run(program, binary, Operation::Create, 0).await?;
    figures.insert("start to first poll, instructions".to_owned(), start);
    for operation in [Operation::Create, Operation::Read] {
        if program.operations().contains(&operation) {
            let warm = difference(async |times| run(program, binary, operation, times).await);
            figures.insert(format!("{}, instructions", operation.name()), warm.await?);
        }
    }
    if let Program::Function(dialect) = program {
        let create = difference(async |times| {
            let log = NamedTempFile::new()?;
            let mut command = valgrind(&log, binaries.in_process());
            in_process::run(&mut command, dialect, 1, times).await?;
            collected(&log)
        });
        figures.insert("create in process, instructions".to_owned(), create.await?);
    }
    Ok(figures)
}

/// Returns the instructions of one of the invocations that the longer run has more.
async fn difference(run: impl AsyncFn(u64) -> Result<f64>) -> Result<f64> {
    let (shorter, longer) = tokio::try_join!(run(WARM_UP), run(WARM_UP + COUNTED))?;
    Ok(((longer - shorter) / COUNTED as f64).round())
}

/// Runs a program that creates a widget and then does `operation` so many times; for none, it only
/// starts. Returns its instructions.
async fn run(program: Program, binary: &Path, operation: Operation, times: u64) -> Result<f64> {
    let log = NamedTempFile::new()?;
    let store = StoreStub::start().await?;
    let mut environment = Environment::with(valgrind(&log, binary), &store.url).await?;
    let mut id = String::new();
    let created = (times > 0).then_some(Operation::Create);
    for operation in created.into_iter().chain((0..times).map(|_| operation)) {
        let (answer, _) = environment.invoke(program.event(operation, &id)).await?;
        id = program.check(operation, &id, &answer)?;
    }
    environment.rest().await?;
    environment.terminate().await?;
    collected(&log)
}

/// Returns a command that runs `program` and counts its instructions into `log`.
fn valgrind(log: &NamedTempFile, program: &Path) -> Command {
    let mut file = OsString::from("--log-file=");
    file.push(log.path());
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(file).arg(program);
    command
}

/// Reads the count from valgrind's log.
fn collected(log: &NamedTempFile) -> Result<f64> {
    let log = fs::read_to_string(log.path())?;
    let count = log.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    count.with_context(|| format!("valgrind counted nothing:\n{log}"))
}
