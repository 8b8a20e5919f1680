//! The `bench` command: what the functions cost, and how the local stack does under load. Nothing
//! depends on it. `bench/programs` has the programs that the functions are measured beside.
//!
//! Commands:
//!
//! * [`report`] is `bench` alone: a [`comparison`] of all programs with the [`goals`], [`init`]
//!   over TLS, and [`growth`].
//! * [`growth`] is `bench growth`: lists, totals and updates as an account grows, lists after
//!   deletes.
//! * [`check`] is `bench check`: it holds the figures to the [`bounds`].
//! * [`load`] is `bench load`: clients that do a bit of everything.
//! * [`hostile`] is `bench hostile`: payloads that mean harm.
//!
//! How programs are measured:
//!
//! * [`programs`] builds them. [`side_by_side`] has them take turns. [`in_process`] times a create
//!   without Lambda and store, and [`instructions`] runs programs under valgrind.
//! * [`environment`] is a program between a [`runtime_api`] and a [`store_stub`], each behind a
//!   [`listener`]. [`process`] reads its CPU time and memory from the kernel.
//! * [`requests`] has the events that are sent and checks the answers.
//! * [`statistics`] and [`table`] summarise and print.

mod bounds;
mod check;
mod comparison;
mod environment;
mod goals;
mod growth;
mod hostile;
mod in_process;
mod init;
mod instructions;
mod listener;
mod load;
mod process;
mod programs;
mod report;
mod requests;
mod runtime_api;
mod side_by_side;
mod statistics;
mod store_stub;
mod table;

use std::{num::NonZeroUsize, process::ExitCode};

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use widgets::local::{binaries, template::Template};

/// Measure what the functions cost, beside a bare echo (the floor) and the plain way to write them
///
/// Builds the functions as they are deployed and prints, ratios first: start, first and warm
/// invocations (CPU, time, latencies, calls to the store), memory, bytes, instructions (where
/// valgrind is installed), INIT over TLS, and how lists, totals and updates grow with an account.
/// Some three minutes after the build, on Linux; ratios and what is counted can be compared with
/// those of another machine, times cannot.
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
    /// Hold what can be counted to the bounds that are committed beside the benchmark
    ///
    /// Instructions (which takes valgrind), calls to the store, bytes, crates and memory, each
    /// printed beside its bound in bench/bounds.toml; ends with 1 where one is exceeded. Times are
    /// printed, too, and hold nobody to anything.
    Check(check::Check),
    /// Have clients do a bit of everything for a while, and print throughput, latencies, statuses
    /// and memory
    ///
    /// Over an embedded store in memory, with as many execution environments a function as there
    /// are clients; half of the clients speak each dialect. The first table is printed as it goes,
    /// in ten steps: requests a second, and the memory of each function's largest process. The
    /// second one is about all requests by what they are ("create, again" is one with the same
    /// idempotency key): latencies as a client sees them, of gateway, function and store on this
    /// machine, cold starts included; the statuses; and how many requests had another status than
    /// they are meant to have.
    Load(load::Load),
    /// Send what means harm, and print what it costs: CPU beside an ordinary create, and the most
    /// memory that the process had
    ///
    /// Each row is an execution environment of its own that gets one ordinary request and then the
    /// same harm a few times: bodies as deep, as wide, as long or as wrong as they can be, and
    /// events larger than any that API Gateway would send. What each is answered with stands beside
    /// it: a status, or what the invocation fails with.
    Hostile,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Bench::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures and prints.
async fn run(bench: Bench) -> Result<()> {
    match bench.command {
        None => {
            let report = report::Report::make(&bench.growth.widgets).await?;
            if bench.json {
                println!("{}", serde_json::to_string_pretty(&report)?);
            } else {
                print!("{report}");
            }
            Ok(())
        }
        Some(Command::Growth(growth)) => {
            let template = Template::read(binaries::workspace())?;
            let binaries = binaries::of(&template).await?;
            print!("{}", growth::table(&growth::measure(&growth.widgets, &binaries).await?));
            Ok(())
        }
        Some(Command::Check(check)) => check::run(&check).await,
        Some(Command::Load(load)) => load::run(load).await,
        Some(Command::Hostile) => hostile::run().await,
    }
}
