//! Many invocations at once in one environment, as Lambda Managed Instances have it: what `AWS_LAMBDA_MAX_CONCURRENCY`
//! allows, a function polls for. Every poll is handed an event at once, a create and a read in turn.

use std::{
    ffi::OsStr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{process::Command, task::JoinSet};
use uuid::Uuid;

use super::{
    environment::{self, Environment},
    programs::Programs,
    requests::{self, Dialect, Operation},
    runtime_api::Poll,
    side_by_side::microseconds,
    statistics::percentile,
    store_stub::StoreStub,
    table::{Table, number},
};

/// What is allowed; without a number the classic mode, one invocation after the other.
const ALLOWED: [Option<u32>; 6] = [None, Some(1), Some(2), Some(4), Some(8), Some(16)];

/// How long a call to the store takes, about as long as DynamoDB's.
const CALL: Duration = Duration::from_millis(5);

/// How long there are invocations before any counts, and how long they count.
const WARM_UP: Duration = Duration::from_millis(300);
const MEASURED: Duration = Duration::from_millis(1_200);

/// What came of it.
#[derive(Debug, Serialize)]
pub struct ManyAtOnce {
    pub function: &'static str,
    /// `null` is the classic mode.
    pub allowed_at_once: Option<u32>,
    pub invocations_a_second: f64,
    /// Beside those of the classic mode.
    pub times_the_classic_mode: f64,
    pub p50_microseconds: f64,
    pub p99_microseconds: f64,
    pub cpu_microseconds_an_invocation: f64,
    pub peak_memory_mebibytes: f64,
}

/// Measures both functions.
pub async fn measure(programs: &Programs) -> Result<Vec<ManyAtOnce>> {
    let mut all = Vec::new();
    for dialect in Dialect::ALL {
        let mut classic = None;
        for allowed in ALLOWED {
            let name = || format!("{}, {allowed:?} at once", dialect.name());
            let mut row = one(programs, dialect, allowed).await.with_context(name)?;
            row.times_the_classic_mode =
                row.invocations_a_second / *classic.get_or_insert(row.invocations_a_second);
            all.push(row);
        }
    }
    Ok(all)
}

async fn one(programs: &Programs, dialect: Dialect, allowed: Option<u32>) -> Result<ManyAtOnce> {
    let text = allowed.map(|allowed| allowed.to_string());
    let variables: Vec<_> =
        text.iter().map(|text| ("AWS_LAMBDA_MAX_CONCURRENCY", OsStr::new(text))).collect();
    let mut command = Command::new(programs.function(dialect));
    let mut environment =
        Environment::with(&mut command, &variables, StoreStub::start(CALL).await?).await?;
    // What a read finds.
    let (created, _) = environment.invoke(&dialect.event(Operation::Create, "")).await?;
    dialect.check(Operation::Create, "", &created)?;
    drive(&mut environment, dialect, WARM_UP).await?;
    let (before, start) = (environment.cpu()?, Instant::now());
    let latencies = drive(&mut environment, dialect, MEASURED).await?;
    let (cpu, time) = (environment.cpu()? - before, start.elapsed());
    let count = latencies.len() as f64;
    Ok(ManyAtOnce {
        function: dialect.name(),
        allowed_at_once: allowed,
        invocations_a_second: count / time.as_secs_f64(),
        times_the_classic_mode: 1.0,
        p50_microseconds: percentile(&latencies, 50),
        p99_microseconds: percentile(&latencies, 99),
        cpu_microseconds_an_invocation: microseconds(cpu) / count,
        peak_memory_mebibytes: environment.peak()?,
    })
}

/// Hands an event to every poll for so long, waits for what is under way, and tells the latencies, in microseconds.
async fn drive(
    environment: &mut Environment,
    dialect: Dialect,
    time: Duration,
) -> Result<Vec<f64>> {
    let end = tokio::time::Instant::now() + time;
    let mut under_way = JoinSet::new();
    let mut latencies = Vec::new();
    let mut count = 0;
    loop {
        tokio::select! {
            poll = environment.poll() => {
                under_way.spawn(invoke(poll?, dialect, count));
                count += 1;
            }
            Some(done) = under_way.join_next() => latencies.push(done??),
            () = tokio::time::sleep_until(end) => break,
        }
    }
    while let Some(done) = under_way.join_next().await {
        latencies.push(done??);
    }
    Ok(latencies)
}

/// One invocation, by its number, whose answer must be its own.
async fn invoke(poll: Poll, dialect: Dialect, number: u64) -> Result<f64> {
    let id = Uuid::new_v4();
    let (event, member, own) = if number.is_multiple_of(2) {
        let member = match dialect {
            Dialect::Assistant => "name",
            Dialect::Pathway => "agent_prompt",
        };
        let own = format!("the widget of {id}");
        let mut body: Value = serde_json::from_str(dialect.body())?;
        body[member] = json!(own);
        (dialect.create(&body.to_string()), member, own)
    } else {
        let own = Uuid::now_v7().to_string();
        (dialect.event(Operation::Read, &own), "id", own)
    };
    let (payload, latency) = environment::hand_out(poll, id, event).await?;
    let body = requests::success(&payload)?;
    ensure!(
        body["data"][member] == own,
        "the answer to another invocation than that of {own}: {body}"
    );
    Ok(microseconds(latency))
}

/// All of it.
pub fn table(all: &[ManyAtOnce]) -> Table {
    let mut table = Table::new([
        "function",
        "at once",
        "invocations a second",
        "times the first row's",
        "p50, µs",
        "p99, µs",
        "CPU an invocation, µs",
        "peak memory, MiB",
    ]);
    for row in all {
        let allowed =
            row.allowed_at_once.map_or("classic mode".to_owned(), |allowed| allowed.to_string());
        let figures = [
            row.invocations_a_second,
            row.times_the_classic_mode,
            row.p50_microseconds,
            row.p99_microseconds,
            row.cpu_microseconds_an_invocation,
            row.peak_memory_mebibytes,
        ];
        table.row([row.function.to_owned(), allowed].into_iter().chain(figures.map(number)));
    }
    table
}
