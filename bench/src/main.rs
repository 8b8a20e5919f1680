//! `widgets bench`: what the functions cost, and the local stack does.

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

use std::num::NonZeroUsize;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, PutRequest, WriteRequest},
};
use clap::{Args, Subcommand};
use uuid::Uuid;

use crate::{binaries, stack::DEVELOPMENT_ACCOUNT, template::Template};

/// What `widgets bench` is told.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Bench {
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
    /// How many widgets an account has, one run each
    #[arg(long, value_delimiter = ',', default_value = "1,1000,10000,100000")]
    widgets: Vec<NonZeroUsize>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print only how the cost of lists and updates grows with an account, of functions built as this command was
    Growth(Growth),
    /// Hold what can be counted to the bounds that are committed beside the benchmark
    ///
    /// Instructions (which takes valgrind), calls to the store, bytes, crates and memory, each printed beside its bound in
    /// cli/src/bench/bounds.toml; ends with 1 where one is exceeded. Times are printed, too, and hold nobody to anything.
    Check(check::Check),
    /// Have clients do a bit of everything for a while, and print throughput, latencies, statuses and memory
    ///
    /// Over an embedded store in memory, with as many execution environments a function as there are clients; half of the
    /// clients speak each dialect. The first table is printed as it goes, in ten steps: requests a second, and the memory of
    /// each function's largest process. The second one is about all requests by what they are ("create, again" is one with the
    /// same idempotency key): latencies as a client sees them, of gateway, function and store on this machine, cold starts
    /// included; the statuses; and how many requests had another status than they are meant to have.
    Load(load::Load),
    /// Send what means harm, and print what it costs: CPU beside an ordinary create, and the most memory that the process had
    ///
    /// Each row is an execution environment of its own that gets one ordinary request and then the same harm a few times: bodies
    /// as deep, as wide, as long or as wrong as they can be, and events larger than any that API Gateway would send. What each
    /// is answered with stands beside it: a status, or what the invocation fails with.
    Hostile,
}

/// Measures and prints.
pub async fn run(bench: Bench) -> Result<()> {
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

/// Puts `count` more widgets like the one of the development account with this id, and tells their ids, the oldest first.
pub async fn multiply(
    client: &Client,
    dialect: &str,
    id: &str,
    count: usize,
) -> Result<Vec<String>> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let partition = format!("{DEVELOPMENT_ACCOUNT}#{dialect}");
    let get =
        client.get_item().table_name("Widgets").key("pk", text(&partition)).key("sk", text(id));
    let item = get.send().await?.item.context("the widget is not there")?;
    let ids: Vec<String> = (0..count).map(|_| Uuid::now_v7().to_string()).collect();
    // As many as one call takes.
    for batch in ids.chunks(25) {
        let mut puts = Vec::new();
        for id in batch {
            let mut copy = item.clone();
            copy.extend(["sk", "id"].map(|key| (key.to_owned(), text(id))));
            let put = PutRequest::builder().set_item(Some(copy)).build()?;
            puts.push(WriteRequest::builder().put_request(put).build());
        }
        let written = client.batch_write_item().request_items("Widgets", puts).send().await?;
        ensure!(
            written.unprocessed_items.is_none_or(|left| left.is_empty()),
            "the store did not take all of them"
        );
    }
    Ok(ids)
}
