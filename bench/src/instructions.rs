//! What can be counted nearly the same on every machine: instructions, by valgrind. The loader, the
//! code that libraries choose for a processor, and the kernel make a small difference. Valgrind
//! knows no SHA extensions of a processor, so that signatures weigh more here than where there are
//! some.

use std::{ffi::OsString, fs, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, Result};
use serde::Serialize;
use tempfile::NamedTempFile;
use tokio::process::Command;

use crate::{
    environment::Environment,
    in_process,
    programs::Programs,
    requests::{Dialect, Operation},
    side_by_side::Subject,
    store_stub::StoreStub,
};

/// How many invocations the shorter run has: what only the first ones cost is in both.
const WARM_UP: u64 = 10;

/// How many more the longer run has.
const COUNTED: u64 = 200;

/// The instructions of a program.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Instructions {
    pub start_to_first_poll: u64,
    pub warm_create: u64,
    /// Of a program that can.
    pub warm_read: Option<u64>,
}

/// Whether there is a valgrind.
pub async fn is_there() -> bool {
    let version = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    version.await.is_ok_and(|status| status.success())
}

/// Counts those of a program.
pub async fn count(subject: Subject, programs: &Programs) -> Result<Instructions> {
    let program = subject.program(programs);
    let warm = async |operation| {
        let (shorter, longer) = tokio::try_join!(
            run(subject, program, operation, WARM_UP),
            run(subject, program, operation, WARM_UP + COUNTED)
        )?;
        anyhow::Ok((longer - shorter) / COUNTED)
    };
    Ok(Instructions {
        start_to_first_poll: run(subject, program, Operation::Create, 0).await?,
        warm_create: warm(Operation::Create).await?,
        warm_read: match subject.operations().contains(&Operation::Read) {
            true => Some(warm(Operation::Read).await?),
            false => None,
        },
    })
}

/// The instructions of a process that a widget is created by, where it is to do anything, and that
/// then does `operation` so many times.
async fn run(subject: Subject, program: &Path, operation: Operation, times: u64) -> Result<u64> {
    let log = NamedTempFile::new()?;
    let store = StoreStub::start(Duration::ZERO).await?;
    let mut environment = Environment::with(&mut valgrind(&log, program), &[], store).await?;
    let mut id = String::new();
    if times > 0 {
        let event = subject.event(Operation::Create, "");
        let (answer, _) = environment.invoke(&event).await?;
        id = subject.check(Operation::Create, "", &event, &answer)?;
    }
    let event = subject.event(operation, &id);
    for _ in 0..times {
        let (answer, _) = environment.invoke(&event).await?;
        subject.check(operation, &id, &event, &answer)?;
    }
    environment.rest().await?;
    environment.terminate().await?;
    collected(&log)
}

/// Counts those of a create in `dialect` without Lambda and the store.
pub async fn in_process(programs: &Programs, dialect: Dialect) -> Result<u64> {
    let run = async |times: u64| {
        let log = NamedTempFile::new()?;
        in_process::run(&mut valgrind(&log, &programs.in_process), dialect, 1, times).await?;
        collected(&log)
    };
    let (shorter, longer) = tokio::try_join!(run(WARM_UP), run(WARM_UP + COUNTED))?;
    Ok((longer - shorter) / COUNTED)
}

/// What runs `program` and has its instructions counted in `log`.
fn valgrind(log: &NamedTempFile, program: &Path) -> Command {
    let mut file = OsString::from("--log-file=");
    file.push(log.path());
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(file).arg(program);
    command
}

/// What valgrind says that it counted.
fn collected(log: &NamedTempFile) -> Result<u64> {
    let log = fs::read_to_string(log.path())?;
    let count = log.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    count.with_context(|| format!("valgrind counted nothing:\n{log}"))
}
