//! A create without Lambda and without the store: reading the event, validation, model and
//! rendering.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::{io::AsyncWriteExt, process::Command};

use crate::dialect::{Dialect, Operation};
use crate::{figures::percentile, programs::Binaries};

/// Returns the time of a create, in microseconds: the median of 20 batches.
pub async fn measure(binaries: &Binaries, dialect: &Dialect) -> Result<f64> {
    let means = run(&mut Command::new(binaries.in_process()), dialect, 20, 2_000).await?;
    Ok(percentile(&means, 50))
}

/// Has `command`, which runs the program `in_process`, do so many batches of so many creates.
/// Returns the mean time of a create in each batch, in microseconds.
pub async fn run(
    command: &mut Command,
    dialect: &Dialect,
    batches: u64,
    times: u64,
) -> Result<Vec<f64>> {
    command.args([dialect.name, &batches.to_string(), &times.to_string()]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut process = command.spawn().with_context(|| format!("{command:?} does not start"))?;
    let mut input = process.stdin.take().context("a process without standard input")?;
    input.write_all(&dialect.event(Operation::Create, "")).await?;
    drop(input);
    let output = process.wait_with_output().await?;
    ensure!(output.status.success(), "{command:?} ended with {}", output.status);
    Ok(String::from_utf8(output.stdout)?.lines().map(str::parse).collect::<Result<_, _>>()?)
}
