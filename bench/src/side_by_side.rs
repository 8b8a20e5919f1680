//! What each program costs beside the others: its start, its first invocation and those that
//! follow.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::dialect::{Operation, PATHWAY};
use crate::environment::{Environment, Usage};
use crate::figures::{Comparison, Figures, Samples, percentile};
use crate::programs::{Binaries, Program};
use crate::{process, store_stub::StoreStub};

/// How often each program is started.
const STARTS: usize = 40;

/// The rounds of batches, and the invocations of a batch. A batch gives a mean of CPU time, and the
/// figure is the median of the batches, so that a disturbance of a few of them does not show.
const ROUNDS: usize = 20;
const BATCH: u32 = 50;

/// Measures all programs. They take turns, so that whatever else the machine does disturbs all of
/// them alike.
pub async fn measure(binaries: &Binaries) -> Result<Comparison> {
    let mut starts = Program::ALL.map(|program| (program, Samples::default()));
    for _ in 0..STARTS {
        for (program, samples) in &mut starts {
            // The same program runs before each start, so that each finds the processor's caches
            // alike, and cold.
            let store = StoreStub::start().await?;
            let plain = binaries.of(Program::Plain(&PATHWAY));
            Environment::start(plain, &store.url).await?.rest().await?;
            let environment = Environment::start(binaries.of(*program), &store.url).await?;
            let started = start(*program, environment, samples).await;
            started.with_context(|| program.title())?;
        }
    }
    let mut processes = Vec::new();
    for program in Program::ALL {
        processes.push(WarmProcess::start(program, binaries).await?);
    }
    for _ in 0..ROUNDS {
        for process in &mut processes {
            process.round().await.with_context(|| process.program.title())?;
        }
    }
    let mut comparison = Comparison::new();
    for (mut process, (program, starts)) in processes.into_iter().zip(starts) {
        let mut figures = starts.percentiles(50);
        figures.extend(process.figures().await?);
        figures.extend(binaries.size(program).await?);
        comparison.insert(program.title(), figures);
    }
    Ok(comparison)
}

/// Measures the start of `environment` and its first invocation.
async fn start(
    program: Program,
    mut environment: Environment,
    samples: &mut Samples,
) -> Result<()> {
    let Usage { cpu, time } = environment.rest().await?;
    samples.add("start to first poll, CPU, µs", microseconds(cpu));
    samples.add("start to first poll, time, µs", microseconds(time));
    let (answer, latency) = environment.invoke(program.event(Operation::Create, "")).await?;
    program.check(Operation::Create, "", &answer)?;
    let cpu = environment.rest().await?.cpu - cpu;
    samples.add("first invocation (create), CPU, µs", microseconds(cpu));
    samples.add("first invocation (create), time, µs", microseconds(latency));
    Ok(())
}

/// A process that has had its first invocations, and what was measured of it.
struct WarmProcess {
    program: Program,
    environment: Environment,
    store: StoreStub,
    /// The widget that was created last.
    id: String,
    cpu: Samples,
    latencies: Samples,
}

impl WarmProcess {
    async fn start(program: Program, binaries: &Binaries) -> Result<Self> {
        let store = StoreStub::start().await?;
        let environment = Environment::start(binaries.of(program), &store.url).await?;
        let (id, cpu, latencies) = Default::default();
        let mut process = Self { program, environment, store, id, cpu, latencies };
        // After a round that does not count, the key is cached and memory has its final size.
        process.round().await.with_context(|| program.title())?;
        Ok(Self { cpu: Samples::default(), latencies: Samples::default(), ..process })
    }

    /// Invokes a batch of each operation.
    async fn round(&mut self) -> Result<()> {
        for &operation in self.program.operations() {
            let before = self.environment.rest().await?.cpu;
            for _ in 0..BATCH {
                let latency = self.invoke(operation).await?;
                self.latencies.add(operation.name(), microseconds(latency));
            }
            let cpu = (self.environment.rest().await?.cpu - before) / BATCH;
            self.cpu.add(format!("{}, CPU, µs", operation.name()), microseconds(cpu));
        }
        Ok(())
    }

    async fn invoke(&mut self, operation: Operation) -> Result<Duration> {
        let event = self.program.event(operation, &self.id);
        let (answer, latency) = self.environment.invoke(event).await?;
        self.id =
            self.program.check(operation, &self.id, &answer).with_context(|| operation.name())?;
        Ok(latency)
    }

    async fn figures(&mut self) -> Result<Figures> {
        let mut figures = self.cpu.percentiles(50);
        for percent in [50, 99] {
            let latencies = self.latencies.percentiles(percent).into_iter();
            figures
                .extend(latencies.map(|(name, value)| (format!("{name}, p{percent}, µs"), value)));
        }
        for &operation in self.program.operations() {
            // The median of five, because one of them may look up the key again.
            let mut calls = Vec::new();
            for _ in 0..5 {
                self.store.take_calls();
                self.invoke(operation).await?;
                calls.push(self.store.take_calls() as f64);
            }
            figures.insert(format!("{}, store calls", operation.name()), percentile(&calls, 50));
        }
        figures.insert(
            "peak memory, MiB".to_owned(),
            process::peak_memory(&self.environment.process)?,
        );
        Ok(figures)
    }
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
