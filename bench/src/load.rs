//! The service under load: clients that send every kind of request, over and over.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use std::time::{Duration, Instant};
use std::{collections::BTreeMap, num::NonZeroU64};

use anyhow::{Result, ensure};
use clap::{Args, builder::RangedU64ValueParser};
use serde_json::Value;
use tokio::{task::JoinSet, time::interval_at};
use uuid::Uuid;
use widgets::local::{binaries, embedded_store::StoreLocation};

use crate::dialect::{DIALECTS, Dialect};
use crate::local_stack::{self, Client};
use crate::{figures::percentile, process::largest_child, table::Table};

/// What `bench load` is told.
#[derive(Debug, Args)]
pub struct Load {
    /// How many clients there are, each with one request at a time; two at least
    #[arg(long, default_value = "8", value_parser = RangedU64ValueParser::<usize>::new().range(2..))]
    concurrency: usize,
    /// For how many seconds
    #[arg(long, default_value = "10")]
    seconds: NonZeroU64,
}

/// The name of all requests together.
const ALL: &str = "all";

/// How many times memory and throughput are printed.
const STEPS: u32 = 10;

/// What the clients share.
struct Driver {
    client: Client,
    is_over: AtomicBool,
    answered: AtomicU64,
    /// The requests by name, and all of them.
    measured: Mutex<BTreeMap<&'static str, Requests>>,
}

/// The requests with one name.
#[derive(Debug, Default)]
struct Requests {
    milliseconds: Vec<f64>,
    /// By status; "no answer" where none came.
    statuses: BTreeMap<String, u64>,
    unexpected: u64,
}

/// Runs the load and prints two tables.
///
/// # Errors
///
/// An answer has another status than expected, or the stack does not start.
pub async fn run(load: Load) -> Result<()> {
    let binaries = binaries::of(&local_stack::template()?).await?;
    let (stack, client) =
        local_stack::start(StoreLocation::Memory, load.concurrency, &binaries).await?;
    let (is_over, answered, measured) = Default::default();
    let driver = Arc::new(Driver { client, is_over, answered, measured });
    let mut clients = JoinSet::new();
    for client in 0..load.concurrency {
        let driver = Arc::clone(&driver);
        clients.spawn(async move {
            while !driver.is_over.load(Ordering::Relaxed) {
                driver.live(DIALECTS[client % DIALECTS.len()]).await;
            }
        });
    }
    driver.watch(Duration::from_secs(load.seconds.get())).await;
    driver.is_over.store(true, Ordering::Relaxed);
    clients.join_all().await;
    stack.stop().await;
    let measured = driver.measured.lock().unwrap_or_else(PoisonError::into_inner);
    print!("\n{}", table(&measured));
    let unexpected = measured.get(ALL).map_or(0, |all| all.unexpected);
    ensure!(unexpected == 0, "{unexpected} answers had another status than expected");
    Ok(())
}

impl Driver {
    /// Prints throughput, and the memory of each function's largest process, while the load runs.
    async fn watch(&self, whole: Duration) {
        let memory = DIALECTS.map(|dialect| format!("{}, MiB", dialect.name));
        let table = Table::new(
            ["after".to_owned(), "requests a second".to_owned()].into_iter().chain(memory),
        );
        print!("{table}");
        let (start, step) = (Instant::now(), whole / STEPS);
        let mut turn = interval_at((start + step).into(), step);
        let mut before = 0;
        for _ in 0..STEPS {
            turn.tick().await;
            let answered = self.answered.load(Ordering::Relaxed);
            let rate = (answered - before) as f64 / step.as_secs_f64();
            before = answered;
            let memory = DIALECTS
                .map(|dialect| format!("{:.2}", largest_child(dialect.name).unwrap_or_default()));
            let after = format!("{:.1} s", start.elapsed().as_secs_f64());
            println!("{}", Table::line([after, format!("{rate:.0}")].into_iter().chain(memory)));
        }
    }

    /// Sends all requests of a widget's life.
    async fn live(&self, dialect: &Dialect) {
        let key = Uuid::new_v4().to_string();
        let Dialect { root, body, update, change, .. } = *dialect;
        let once = Some(("idempotency-key", &*key));
        let created = self.send(("create", "POST", root, once, body, 200)).await;
        let created: Value = serde_json::from_slice(&created).unwrap_or_default();
        let Some(id) = created["data"]["id"].as_str() else { return };
        let widget = &*format!("{root}/{id}");
        let public = &*format!("{widget}/{}", dialect.public);
        let list = &*format!("{}?{}=20", dialect.list, dialect.size);
        let if_match = |version| Some(("if-match", version));
        let unchanged = Some(("if-none-match", "*"));
        for request in [
            ("create, again", "POST", root, once, body, 200),
            ("read", "GET", widget, None, "", 200),
            ("read", "GET", widget, None, "", 200),
            ("read", "GET", widget, None, "", 200),
            ("read, nothing new", "GET", widget, unchanged, "", 304),
            ("update", update, widget, None, change, 200),
            ("update, of this version", update, widget, if_match(r#""2""#), change, 200),
            ("update, of an old version", update, widget, if_match(r#""1""#), change, 412),
            ("list", "GET", list, None, "", 200),
            ("public read", "GET", public, None, "", 200),
            ("public read", "GET", public, None, "", 200),
            ("create, invalid", "POST", root, None, "{}", dialect.invalid),
            ("delete", "DELETE", widget, None, "", 200),
            ("read, gone", "GET", widget, None, "", 404),
        ] {
            self.send(request).await;
        }
    }

    /// Sends a request of a name, method, path, header, body and expected status. Returns the body
    /// of the answer.
    async fn send(
        &self,
        request: (&'static str, &str, &str, Option<(&str, &str)>, &str, u16),
    ) -> Vec<u8> {
        let (name, method, path, header, body, expected) = request;
        let start = Instant::now();
        let answer = self.client.send(method, path, header, body).await;
        self.answered.fetch_add(1, Ordering::Relaxed);
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        let (status, body) = match answer {
            Ok(answer) => (answer.status.to_string(), answer.body),
            Err(_) => ("no answer".to_owned(), Vec::new()),
        };
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        for name in [name, ALL] {
            let requests = measured.entry(name).or_default();
            requests.milliseconds.push(milliseconds);
            requests.unexpected += u64::from(status != expected.to_string());
            *requests.statuses.entry(status.clone()).or_default() += 1;
        }
        body
    }
}

fn table(measured: &BTreeMap<&str, Requests>) -> Table {
    let [p50, p90, p99] = ["p50, ms", "p90, ms", "p99, ms"];
    let mut table =
        Table::new(["", "requests", p50, p90, p99, "longest, ms", "statuses", "unexpected"]);
    for (name, requests) in measured {
        let latencies = [50, 90, 99, 100]
            .map(|percent| format!("{:.1}", percentile(&requests.milliseconds, percent)));
        let count = requests.milliseconds.len().to_string();
        let statuses: Vec<String> =
            requests.statuses.iter().map(|(status, count)| format!("{status}: {count}")).collect();
        let cells = [(*name).to_owned(), count].into_iter().chain(latencies);
        table.row(cells.chain([statuses.join(", "), requests.unexpected.to_string()]));
    }
    table
}
