//! What each program costs, one beside the other: its start, its first invocation and those that
//! follow.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use axum::body::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::{
    environment::{Environment, Spent},
    programs::Programs,
    requests::{self, Dialect, Operation},
    statistics::{median, percentile},
    store_stub::StoreStub,
};

/// How often each is started.
const STARTS: usize = 40;

/// How many rounds of batches there are, and invocations in each. A batch is what CPU is a mean of,
/// and the result the median of all: what disturbs a few of them does not show.
const ROUNDS: usize = 20;
const BATCH: u32 = 50;

/// A program, and the dialect that it is spoken to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The floor, which is sent the assistant's requests.
    Echo,
    Function(Dialect),
    /// The plain way, which is sent what that dialect's function is.
    Plain(Dialect),
}

impl Subject {
    pub const ALL: [Self; 5] = [
        Self::Echo,
        Self::Function(Dialect::Assistant),
        Self::Plain(Dialect::Assistant),
        Self::Function(Dialect::Pathway),
        Self::Plain(Dialect::Pathway),
    ];

    /// Its name as a member of JSON.
    pub fn key(self) -> String {
        match self {
            Self::Echo => "echo".to_owned(),
            Self::Function(dialect) => dialect.name().to_owned(),
            Self::Plain(dialect) => format!("plain_sent_{}", dialect.name()),
        }
    }

    /// Its name at the head of a column.
    pub fn title(self) -> String {
        match self {
            Self::Echo => "echo".to_owned(),
            Self::Function(dialect) => dialect.name().to_owned(),
            Self::Plain(dialect) => format!("plain, sent {}'s", dialect.name()),
        }
    }

    pub fn program(self, programs: &Programs) -> &Path {
        match self {
            Self::Echo => &programs.echo,
            Self::Function(dialect) => programs.function(dialect),
            Self::Plain(_) => &programs.plain,
        }
    }

    fn dialect(self) -> Dialect {
        match self {
            Self::Echo => Dialect::Assistant,
            Self::Function(dialect) | Self::Plain(dialect) => dialect,
        }
    }

    /// What it can do. Nothing is left after a delete, which is therefore the last.
    pub fn operations(self) -> &'static [Operation] {
        match self {
            Self::Echo => &[Operation::Create],
            Self::Function(_) => &Operation::ALL,
            Self::Plain(_) => &[Operation::Create, Operation::Read],
        }
    }

    pub fn event(self, operation: Operation, id: &str) -> Bytes {
        self.dialect().event(operation, id)
    }

    /// Checks what `event` was answered with, and tells the widget's id.
    pub fn check(
        self,
        operation: Operation,
        id: &str,
        event: &[u8],
        answer: &[u8],
    ) -> Result<String> {
        match self {
            Self::Echo => {
                let [event, answer] = [event, answer].map(serde_json::from_slice::<Value>);
                ensure!(event? == answer?, "the echo is another one");
                Ok(id.to_owned())
            }
            Self::Function(dialect) => dialect.check(operation, id, answer),
            Self::Plain(_) => {
                let body = requests::success(answer)?;
                let own = body["id"].as_str().context("a widget without an id")?;
                ensure!(
                    operation == Operation::Create || own == id,
                    "another widget than {id}: {body}"
                );
                ensure!(
                    body["widget"].as_object().is_some_and(|widget| !widget.is_empty()),
                    "no widget: {body}"
                );
                Ok(own.to_owned())
            }
        }
    }
}

/// What one program costs, on this machine.
#[derive(Debug, Serialize)]
pub struct Figures {
    pub start_to_first_poll: Cost,
    /// A create.
    pub first_invocation: Cost,
    pub warm_invocations: BTreeMap<Operation, Warm>,
    pub peak_memory_mebibytes: f64,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct Cost {
    pub cpu_microseconds: f64,
    pub time_microseconds: f64,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct Warm {
    pub cpu_microseconds: f64,
    pub p50_microseconds: f64,
    pub p99_microseconds: f64,
    pub store_calls: u64,
}

/// Measures all, taking turns so that whatever else the machine does is shared out among them.
pub async fn measure(programs: &Programs) -> Result<Vec<(Subject, Figures)>> {
    let mut starts: Vec<(Subject, Starts)> =
        Subject::ALL.map(|subject| (subject, Starts::default())).into();
    for _ in 0..STARTS {
        for (subject, starts) in &mut starts {
            // Each finds the processor's caches as the same other program left them: a start is a
            // cold one.
            Environment::start(&programs.plain, StoreStub::start(Duration::ZERO).await?)
                .await?
                .rest()
                .await?;
            starts.another(*subject, programs).await.with_context(|| subject.title())?;
        }
    }
    let mut processes = Vec::new();
    for subject in Subject::ALL {
        processes
            .push(WarmProcess::start(subject, programs).await.with_context(|| subject.title())?);
    }
    for _ in 0..ROUNDS {
        for process in &mut processes {
            process.round().await.with_context(|| process.subject.title())?;
        }
    }
    let mut figures = Vec::new();
    for (mut process, (subject, starts)) in processes.into_iter().zip(starts) {
        let mut warm_invocations = BTreeMap::new();
        for &operation in subject.operations() {
            let store_calls = process.store_calls(operation).await?;
            let batches = process.measured.remove(&operation).unwrap_or_default();
            warm_invocations.insert(operation, batches.warm(store_calls));
        }
        let (start_to_first_poll, first_invocation) = starts.costs();
        figures.push((
            subject,
            Figures {
                start_to_first_poll,
                first_invocation,
                warm_invocations,
                peak_memory_mebibytes: process.environment.peak()?,
            },
        ));
    }
    Ok(figures)
}

/// What starts and first invocations cost.
#[derive(Debug, Default)]
pub struct Starts {
    start: Costs,
    first: Costs,
}

#[derive(Debug, Default)]
struct Costs {
    cpu: Vec<f64>,
    time: Vec<f64>,
}

impl Costs {
    fn add(&mut self, cpu: Duration, time: Duration) {
        self.cpu.push(microseconds(cpu));
        self.time.push(microseconds(time));
    }

    fn median(&self) -> Cost {
        Cost { cpu_microseconds: median(&self.cpu), time_microseconds: median(&self.time) }
    }
}

impl Starts {
    async fn another(&mut self, subject: Subject, programs: &Programs) -> Result<()> {
        let environment =
            Environment::start(subject.program(programs), StoreStub::start(Duration::ZERO).await?)
                .await?;
        self.record(environment, subject, || {}).await
    }

    /// Notes what the start of `environment` costs and then, after `between`, its first invocation.
    pub async fn record(
        &mut self,
        mut environment: Environment,
        subject: Subject,
        between: impl FnOnce(),
    ) -> Result<()> {
        let Spent { cpu, time } = environment.rest().await?;
        self.start.add(cpu, time);
        between();
        let event = subject.event(Operation::Create, "");
        let (answer, latency) = environment.invoke(&event).await?;
        subject.check(Operation::Create, "", &event, &answer)?;
        self.first.add(environment.rest().await?.cpu - cpu, latency);
        Ok(())
    }

    /// The medians, of the starts and of the first invocations.
    pub fn costs(&self) -> (Cost, Cost) {
        (self.start.median(), self.first.median())
    }
}

/// An environment that is warm, and what was measured of it.
struct WarmProcess {
    subject: Subject,
    environment: Environment,
    id: String,
    measured: BTreeMap<Operation, Batches>,
}

/// In microseconds, CPU an invocation by batch.
#[derive(Default)]
struct Batches {
    cpu: Vec<f64>,
    latencies: Vec<f64>,
}

impl Batches {
    fn warm(&self, store_calls: u64) -> Warm {
        Warm {
            cpu_microseconds: median(&self.cpu),
            p50_microseconds: percentile(&self.latencies, 50),
            p99_microseconds: percentile(&self.latencies, 99),
            store_calls,
        }
    }
}

impl WarmProcess {
    async fn start(subject: Subject, programs: &Programs) -> Result<Self> {
        let store = StoreStub::start(Duration::ZERO).await?;
        let environment = Environment::start(subject.program(programs), store).await?;
        let mut process =
            Self { subject, environment, id: String::new(), measured: BTreeMap::new() };
        // A round that does not count: the key is known then, and memory has the size that it
        // keeps.
        process.round().await?;
        process.measured.clear();
        Ok(process)
    }

    /// A batch of each operation.
    async fn round(&mut self) -> Result<()> {
        for &operation in self.subject.operations() {
            let before = self.environment.rest().await?.cpu;
            let mut latencies = Vec::new();
            for _ in 0..BATCH {
                latencies.push(microseconds(self.invoke(operation).await?));
            }
            let cpu = (self.environment.rest().await?.cpu - before) / BATCH;
            let batches = self.measured.entry(operation).or_default();
            batches.cpu.push(microseconds(cpu));
            batches.latencies.extend(latencies);
        }
        Ok(())
    }

    async fn invoke(&mut self, operation: Operation) -> Result<Duration> {
        let event = self.subject.event(operation, &self.id);
        let (answer, latency) = self.environment.invoke(&event).await?;
        let id = self
            .subject
            .check(operation, &self.id, &event, &answer)
            .with_context(|| operation.name())?;
        self.id = id;
        Ok(latency)
    }

    /// How many calls to the store an invocation makes: of five, since one of them may have to look
    /// at the key once more.
    async fn store_calls(&mut self, operation: Operation) -> Result<u64> {
        self.environment.store.calls();
        let mut calls = Vec::new();
        for _ in 0..5 {
            self.invoke(operation).await?;
            calls.push(self.environment.store.calls());
        }
        calls.sort_unstable();
        Ok(calls[calls.len() / 2])
    }
}

/// So many of them.
pub fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
