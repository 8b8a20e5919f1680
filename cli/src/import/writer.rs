//! The second pass over the file: writes what the first one found valid, as fast as DynamoDB takes
//! it.

use std::{fmt, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow, bail};
use shared::{
    error::Error,
    model::AccountId,
    store::{ImportOptions, Imported, ImportedWidget, Store},
};
use tokio::{task::JoinSet, time::sleep};

use super::{
    check::Check,
    input::{Input, Lines},
    leniency::Importable,
    line,
    progress::Progress,
};

/// What was done.
#[derive(Debug, Default)]
pub struct Written {
    created: usize,
    left: usize,
    replaced: usize,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { created, left, replaced } = self;
        write!(f, "created {created}, left {left}, replaced {replaced}")
    }
}

impl Written {
    fn count(&mut self, imported: Imported) {
        match imported {
            Imported::Created => self.created += 1,
            Imported::Left => self.left += 1,
            Imported::Replaced => self.replaced += 1,
        }
    }
}

/// A widget, the number of its line, and the pace at which it is written.
struct Task<S> {
    widget: ImportedWidget<S>,
    line: u64,
    generation: u32,
}

/// Writes the widgets of all valid lines. Any number of them may be written when it fails, each of
/// them whole.
pub async fn write<S: Importable>(
    input: &mut Input,
    check: &Check,
    store: Store,
    account: AccountId,
    options: ImportOptions,
) -> Result<Written> {
    let store = Arc::new(store);
    let progress = Progress::of_widgets("Importing", check.valid());
    let mut lines = input.lines()?;
    let mut pace = Pace::default();
    let mut written = Written::default();
    let (mut waiting, mut running) = (Vec::new(), JoinSet::new());
    loop {
        while running.len() < pace.limit {
            let next = match waiting.pop() {
                Some(task) => Some(task),
                None => next_valid::<S>(&mut lines, check, account)?,
            };
            let Some(mut task) = next else { break };
            task.generation = pace.generation;
            let store = Arc::clone(&store);
            running.spawn(async move {
                let outcome = store.widgets::<S>(account).import(&task.widget, options).await;
                (task, outcome)
            });
        }
        let Some(done) = running.join_next().await else { return Ok(written) };
        match done? {
            (_, Ok(imported)) => {
                written.count(imported);
                progress.advance();
                pace.quicken();
            }
            (task, Err(Error::Unavailable(cause))) => {
                let pause = pace.slow_down(task.generation).with_context(|| stopped(&cause))?;
                waiting.push(task);
                sleep(pause).await;
            }
            (task, Err(error)) => {
                let cause = error.cause().map_or_else(|| error.to_string(), str::to_owned);
                return Err(anyhow!("line {}: {}", task.line, stopped(&cause)));
            }
        }
    }
}

fn stopped(cause: &str) -> String {
    format!("{cause}. What was imported stays, and the same command goes on with the rest")
}

/// Reads the next line that is to be imported.
fn next_valid<S: Importable>(
    lines: &mut Lines<'_>,
    check: &Check,
    account: AccountId,
) -> Result<Option<Task<S>>> {
    while let Some(line) = lines.next()? {
        if !check.refused.contains(&line.number) {
            let Ok(widget) = line::parse(line.text, account) else {
                bail!("line {} has changed since it was checked", line.number);
            };
            return Ok(Some(Task { widget, line: line.number, generation: 0 }));
        }
    }
    Ok(None)
}

/// How many writes there are at a time: one more after as many successes, half of them after a
/// failure. Writes that had begun before that do not count against it once more.
#[derive(Debug)]
struct Pace {
    limit: usize,
    successes: usize,
    generation: u32,
    failures: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { limit: 16, successes: 0, generation: 0, failures: 0 }
    }
}

impl Pace {
    const MAX_LIMIT: usize = 64;
    /// Generations that fail without a success between them, some 20 seconds.
    const MAX_FAILURES: u32 = 10;
    const FIRST_PAUSE: Duration = Duration::from_millis(50);
    const MAX_PAUSE: Duration = Duration::from_secs(5);

    fn quicken(&mut self) {
        self.failures = 0;
        self.successes += 1;
        if self.successes >= self.limit {
            self.successes = 0;
            self.limit = (self.limit + 1).min(Self::MAX_LIMIT);
        }
    }

    /// Returns how long to pause after a write of `generation` failed; `None` if there were too
    /// many failures.
    fn slow_down(&mut self, generation: u32) -> Option<Duration> {
        if generation < self.generation {
            return Some(Duration::ZERO);
        }
        self.generation += 1;
        self.failures += 1;
        self.successes = 0;
        self.limit = (self.limit / 2).max(1);
        let pause = Self::FIRST_PAUSE * 2_u32.pow(self.failures);
        (self.failures < Self::MAX_FAILURES).then_some(pause.min(Self::MAX_PAUSE))
    }
}
