//! The command line.

use std::{fs, num::NonZeroUsize, path::PathBuf};

use crate::load::{self, Load};
use crate::programs::{Binaries, Program};
use crate::{
    bounds::Bounds, chart, cold, dialect::DIALECTS, figures, growth, hostile, in_process,
    instructions, local_stack, side_by_side,
};
use anyhow::{Context, Result, ensure};
use clap::{Args, Parser, Subcommand};
use serde_json::json;
use widgets::local::binaries;

/// Measure what the functions cost, beside a bare echo and the plain way to write them
///
/// Builds the functions as they are deployed and prints, ratios first: start, first and warm
/// invocations (CPU, time, latencies, calls to the store), memory, bytes, instructions (where
/// valgrind is installed), how lists, totals and updates grow with an account, and the cold path.
/// Takes some four minutes after the build, on Linux. Ratios and counts can be compared with those
/// of another machine, times cannot.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Bench {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    growth: Growth,
    /// Print one JSON document instead of tables
    #[arg(long)]
    json: bool,
    /// Draw the CPU time of the programs, and write it to this file, as SVG
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
}

/// How far accounts grow.
#[derive(Debug, Args)]
struct Growth {
    /// How many widgets an account has, and how many are deleted (up to 10,000), one run each
    #[arg(long, value_delimiter = ',', default_value = "1,1000,10000,100000")]
    widgets: Vec<NonZeroUsize>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print only how the cost of lists and updates grows with an account, of functions built as
    /// this command was
    Growth(Growth),
    /// Print only the cold path: the time from the start of a process to its first answer, over
    /// TLS, with as much CPU as Lambda gives 128, 256 and 512 MB
    ///
    /// Limiting CPU takes a cgroup, and so root. Without, the table has no such columns.
    Cold,
    /// Hold the figures to the bounds in bench/bounds.toml
    ///
    /// Prints each figure beside its bound. Ends with 1 if a count exceeds its bound: instructions
    /// (which takes valgrind), calls to the store, bytes, crates or memory. Times are printed, too,
    /// and fail no check.
    Check {
        /// Check the functions that `sam build` left in this folder, such as .aws-sam/build
        /// [default: build them]
        #[arg(long, value_name = "DIR")]
        bundle: Option<PathBuf>,
    },
    /// Have clients send every kind of request for a while, and print throughput, latencies,
    /// statuses and memory
    ///
    /// The stack runs over an embedded store in memory, with as many execution environments a
    /// function as there are clients; half of the clients speak each dialect. The first table is
    /// printed as the load goes on, in ten steps: requests a second, and the memory of each
    /// function's largest process. The second one has a row a kind of request ("create, again" has
    /// the same idempotency key): latencies as a client sees them, cold starts included, statuses,
    /// and how many answers had another status than expected.
    Load(Load),
    /// Send hostile payloads, and print what they cost: CPU beside an ordinary create, and peak
    /// memory
    ///
    /// Each row is an execution environment of its own, which gets one ordinary request and then
    /// the same payload a few times: bodies as deep, as wide, as long or as wrong as they can be,
    /// and events larger than any that API Gateway would send.
    Hostile,
}

/// Runs the command that the arguments of this process name.
///
/// # Errors
///
/// Something cannot be measured, or a figure exceeds its bound.
pub async fn run() -> Result<()> {
    let bench = Bench::parse();
    match bench.command {
        None => report(bench).await,
        Some(Command::Growth(growth)) => print_growth(&growth.widgets).await,
        Some(Command::Cold) => print_cold().await,
        Some(Command::Check { bundle }) => check(bundle).await,
        Some(Command::Load(load)) => load::run(load).await,
        Some(Command::Hostile) => hostile::run().await,
    }
}

/// Measures the programs and all that is counted of them.
async fn compare(binaries: &Binaries, with_valgrind: bool) -> Result<figures::Comparison> {
    let mut comparison = side_by_side::measure(binaries).await?;
    for program in Program::ALL {
        let figures = &mut comparison[&program.title()];
        if let Program::Function(dialect) = program {
            let create = in_process::measure(binaries, dialect).await?;
            figures.insert("create in process, µs".to_owned(), create);
        }
        if with_valgrind {
            figures.extend(instructions::count(program, binaries).await?);
        }
    }
    for dialect in DIALECTS {
        figures::add_ratios(&mut comparison, dialect.name);
    }
    Ok(comparison)
}

async fn check(bundle: Option<PathBuf>) -> Result<()> {
    instructions::require_valgrind().await?;
    let bounds = Bounds::committed()?;
    let binaries = Binaries::build(bundle.as_deref()).await?;
    let comparison = compare(&binaries, true).await?;
    println!("{}\n{}", figures::table(&comparison), bounds.table(&comparison));
    let exceeded = bounds.exceeded(&comparison);
    ensure!(exceeded.is_empty(), "over their bounds: {}", exceeded.join(", "));
    Ok(())
}

/// Measures everything. Says on standard error what it is doing.
async fn report(options: Bench) -> Result<()> {
    let binaries = Binaries::build(None).await?;
    eprintln!("the programs, side by side …");
    let can_count = instructions::require_valgrind().await.is_ok();
    let programs = compare(&binaries, can_count).await?;
    if let Some(file) = options.chart {
        fs::write(&file, chart::svg(&programs))
            .with_context(|| format!("{} cannot be written", file.display()))?;
    }
    eprintln!("accounts that grow …");
    let growth = growth::measure(&options.growth.widgets, &binaries.0).await?;
    eprintln!("the cold path …");
    let cold = cold::measure(&binaries).await?;
    if options.json {
        let cold = cold.medians;
        println!("{:#}", json!({"programs": programs, "growth": growth, "cold path, ms": cold}));
        return Ok(());
    }
    println!("## Bounds and goals\n\n{}", Bounds::committed()?.table(&programs));
    println!("## The programs, side by side\n\n{}", figures::table(&programs));
    println!("## Accounts that grow\n\n{}", growth::table(&growth));
    print!("## The cold path\n\n{cold}");
    Ok(())
}

async fn print_cold() -> Result<()> {
    print!("{}", cold::measure(&Binaries::build(None).await?).await?);
    Ok(())
}

async fn print_growth(sizes: &[NonZeroUsize]) -> Result<()> {
    let binaries = binaries::of(&local_stack::template()?).await?;
    print!("{}", growth::table(&growth::measure(sizes, &binaries).await?));
    Ok(())
}
