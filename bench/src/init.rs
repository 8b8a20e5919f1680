//! What the connection to the store is worth that INIT opens, over TLS as on AWS: the first
//! invocation with it, and where the store was out of reach until then.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, Result};
use serde::Serialize;
use tempfile::NamedTempFile;
use tokio::process::Command;

use crate::{
    environment::Environment,
    programs::Programs,
    requests::Dialect,
    side_by_side::{Cost, Starts, Subject},
    store_stub::{Identity, StoreStub},
    table::{Table, number},
};

/// How often each is started.
const STARTS: usize = 20;

/// What a function's start and its first invocation, a create, cost. That there are figures means
/// that INIT survived and that the create was answered with 200.
#[derive(Debug, Serialize)]
pub struct Init {
    pub function: &'static str,
    pub store: &'static str,
    pub start_to_first_poll: Cost,
    pub first_invocation: Cost,
}

/// Measures both functions, taking turns.
pub async fn measure(programs: &Programs) -> Result<Vec<Init>> {
    let identity = Identity::new()?;
    let mut certificate = NamedTempFile::new()?;
    certificate.write_all(identity.certificate.as_bytes())?;
    let mut all = Vec::new();
    for dialect in Dialect::ALL {
        all.push((dialect, true, Starts::default()));
        all.push((dialect, false, Starts::default()));
    }
    for _ in 0..STARTS {
        for (dialect, is_there, starts) in &mut all {
            let in_reach = Arc::new(AtomicBool::new(*is_there));
            let store = StoreStub::over_tls(&identity, Arc::clone(&in_reach)).await?;
            let trusted = [("AWS_CA_BUNDLE", certificate.path().as_os_str())];
            let mut command = Command::new(programs.function(*dialect));
            let environment = Environment::with(&mut command, &trusted, store).await?;
            let subject = Subject::Function(*dialect);
            let started = starts
                .record(environment, subject, || in_reach.store(true, Ordering::SeqCst))
                .await;
            started.with_context(|| format!("{}, {}", dialect.name(), named(*is_there)))?;
        }
    }
    let init = |(dialect, is_there, starts): (Dialect, bool, Starts)| {
        let (start_to_first_poll, first_invocation) = starts.costs();
        Init {
            function: dialect.name(),
            store: named(is_there),
            start_to_first_poll,
            first_invocation,
        }
    };
    Ok(all.into_iter().map(init).collect())
}

fn named(is_there: bool) -> &'static str {
    if is_there { "there during INIT" } else { "out of reach during INIT" }
}

/// All of it.
pub fn table(all: &[Init]) -> Table {
    let mut table = Table::new([
        "function",
        "store, over TLS",
        "start, CPU, µs",
        "start, time, µs",
        "first invocation, CPU, µs",
        "first invocation, time, µs",
    ]);
    for init in all {
        let cells = [init.start_to_first_poll, init.first_invocation]
            .into_iter()
            .flat_map(|cost| [number(cost.cpu_microseconds), number(cost.time_microseconds)]);
        table.row([init.function.to_owned(), init.store.to_owned()].into_iter().chain(cells));
    }
    table
}
