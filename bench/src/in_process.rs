//! What of a create is neither Lambda nor the store: its validation, its model and its rendering,
//! with the reading of the event.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::{io::AsyncWriteExt, process::Command};

use crate::{
    programs::Programs,
    requests::{Dialect, Operation},
    statistics::median,
};

const BATCHES: u64 = 20;
const TIMES: u64 = 2_000;

/// How long one takes, in microseconds: the median of some batches.
pub async fn measure(programs: &Programs, dialect: Dialect) -> Result<f64> {
    let means = run(&mut Command::new(&programs.in_process), dialect, BATCHES, TIMES).await?;
    Ok(median(&means))
}

/// Has `command`, which ends as the program that does it, do so many batches of so many, and tells
/// the mean of each, in microseconds.
pub async fn run(
    command: &mut Command,
    dialect: Dialect,
    batches: u64,
    times: u64,
) -> Result<Vec<f64>> {
    command.args([dialect.name(), &batches.to_string(), &times.to_string()]);
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("{command:?} cannot be started"))?;
    let mut input = process.stdin.take().context("a process without standard input")?;
    input.write_all(&dialect.event(Operation::Create, "")).await?;
    drop(input);
    let output = process.wait_with_output().await?;
    ensure!(output.status.success(), "{command:?} ended with {}", output.status);
    let means: Vec<f64> =
        String::from_utf8(output.stdout)?.lines().map(str::parse).collect::<Result<_, _>>()?;
    ensure!(means.len() as u64 == batches, "{command:?} printed {means:?}");
    Ok(means)
}
