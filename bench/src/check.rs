//! `bench check`: what can be counted beside its bounds.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;

use crate::{
    bounds::{self, Bounds, CheckedBound, Figure},
    comparison::Comparison,
    goals::Goals,
    instructions,
    programs::Programs,
    requests::Dialect,
    table::{Table, number},
};

/// What `bench check` is told.
#[derive(Debug, Args)]
pub struct Check {
    /// Hold the functions that `sam build` left in this folder to the bounds, such as
    /// .aws-sam/build [default: build them]
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
}

/// Counts and prints. An error where a bound is exceeded.
pub async fn run(check: &Check) -> Result<()> {
    ensure!(
        instructions::is_there().await,
        "instructions are counted by valgrind, which is not installed"
    );
    let bounds = Bounds::committed()?;
    let programs = Programs::build(check.bundle.as_deref()).await?;
    let comparison = Comparison::make(&programs).await?;
    println!("{}\n{}", Goals::of(&comparison).table(), comparison.table());
    let mut counted = Vec::new();
    for dialect in Dialect::ALL {
        counted.push((dialect.name(), Figure::of(&comparison, dialect)?));
    }
    println!(
        "bench/bounds.toml, if what is counted now were to be held:\n{}",
        bounds::as_toml(&counted)
    );
    let checked: Vec<Vec<CheckedBound>> = counted
        .into_iter()
        .map(|(function, figures)| bounds.check(function, figures))
        .collect::<Result<_>>()?;
    let checked = checked.concat();
    println!("{}", table(&checked));
    let exceeded: Vec<String> = checked
        .iter()
        .filter(|checked| checked.is_exceeded())
        .map(|checked| format!("{} of {}", checked.figure.name, checked.function))
        .collect();
    ensure!(exceeded.is_empty(), "over their bounds: {}", exceeded.join(", "));
    Ok(())
}

fn table(checked: &[CheckedBound]) -> Table {
    let mut table = Table::new(["function", "figure", "counted", "at most", "holds"]);
    for checked in checked {
        let holds = if checked.is_exceeded() { "NO" } else { "yes" };
        let (counted, bound) = (number(checked.figure.value), number(checked.bound));
        table.row([
            checked.function.clone(),
            checked.figure.name.clone(),
            counted,
            bound,
            holds.to_owned(),
        ]);
    }
    table
}
