//! What the service does under load: every operation, over and over, with the answer that each is
//! meant to have.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    num::NonZeroU64,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use clap::{Args, builder::RangedU64ValueParser};
use reqwest::Method;
use serde_json::Value;
use tokio::{task::JoinSet, time::interval_at};
use uuid::Uuid;
use widgets::{
    keys,
    local::{
        binaries,
        embedded_store::StoreLocation,
        stack::{BoundStack, Options},
        template::Template,
    },
};

use crate::{process, statistics::percentile};

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

/// How many times memory and throughput are looked at.
const LOOKS: u32 = 10;

/// A dialect as its client uses it.
#[derive(Debug)]
struct Dialect {
    root: &'static str,
    update: Method,
    list: &'static str,
    public: &'static str,
    body: &'static str,
    change: &'static str,
    invalid: u16,
}

const DIALECTS: [Dialect; 2] = [
    Dialect {
        root: "/api/v1/widget",
        update: Method::PUT,
        list: "/api/v1/widget?size=20",
        public: "parameters",
        body: r##"{"widget_type":"chat","user_opening_messages":["Hello! How can I help you today?"],"action_buttons":[{"label":"Prices","value":"prices"}],"name":"Support","header_color":"#1a73e8","style_params":{"radius":8}}"##,
        change: r#"{"widget_type":"chat","display_name":"Help"}"#,
        invalid: 422,
    },
    Dialect {
        root: "/v1/widget",
        update: Method::PATCH,
        list: "/v1/widgets?limit=20",
        public: "config",
        body: r#"{"pathway_id":"a0f0d4ed-f5f5-4f16-b3f9-22166594d7a7","allowed_domains":[],"messages_per_minute":10,"config":{"theme":"light","position":"bottom-right"}}"#,
        change: r#"{"messages_per_minute":20}"#,
        invalid: 400,
    },
];

/// Runs the load and prints what came of it.
pub async fn run(load: Load) -> Result<()> {
    let template = Template::read(binaries::workspace())?.without_streams();
    let binaries = binaries::of(&template).await?;
    let names: Vec<String> =
        template.functions.iter().map(|function| function.binary.clone()).collect();
    let key = keys::generate()?;
    let options = Options {
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        store_location: StoreLocation::Memory,
        store_address: None,
        concurrency: load.concurrency,
        template,
        logs: Arc::new(|_, _| {}),
    };
    let bound = BoundStack::new(options).await?;
    keys::issue_development_key(&key, &bound.store).await?;
    let stack = bound.start(&binaries).await?;

    let driver = Arc::new(Driver {
        client: reqwest::Client::new(),
        url: stack.url.clone(),
        key: key.reveal().to_owned(),
        is_over: AtomicBool::new(false),
        answered: AtomicU64::new(0),
    });
    let mut clients = JoinSet::new();
    for client in 0..load.concurrency {
        let driver = Arc::clone(&driver);
        clients.spawn(async move { driver.work(&DIALECTS[client % DIALECTS.len()]).await });
    }
    watch(&driver, Duration::from_secs(load.seconds.get()), &names).await;
    driver.is_over.store(true, Ordering::Relaxed);
    let mut all = Measured::default();
    while let Some(measured) = clients.join_next().await {
        all.add(measured?);
    }
    stack.stop().await;
    let not_meant = all.print();
    ensure!(not_meant == 0, "{not_meant} requests were answered as they were not meant to be");
    Ok(())
}

/// Prints, while the load runs, how it goes on: whether memory grows is told by the column from top
/// to bottom.
async fn watch(driver: &Driver, whole: Duration, functions: &[String]) {
    let memory: String = functions.iter().map(|function| format!(" {function}, MiB |")).collect();
    println!("| after | requests a second |{memory}");
    println!("|---|---|{}", "---|".repeat(functions.len()));
    let (start, step) = (Instant::now(), whole / LOOKS);
    let mut turn = interval_at((start + step).into(), step);
    let mut before = 0;
    for _ in 0..LOOKS {
        turn.tick().await;
        let answered = driver.answered.load(Ordering::Relaxed);
        let rate = (answered - before) as f64 / step.as_secs_f64();
        before = answered;
        let memory: String = functions
            .iter()
            .map(|function| format!(" {:.2} |", largest_process(function)))
            .collect();
        println!("| {:.1} s | {rate:.0} |{memory}", start.elapsed().as_secs_f64());
    }
}

/// The memory of a function's largest process, in MiB.
fn largest_process(function: &str) -> f64 {
    process::of(function).filter_map(|process| process::resident(&process)).fold(0.0, f64::max)
}

/// What all clients have in common.
struct Driver {
    client: reqwest::Client,
    url: String,
    key: String,
    is_over: AtomicBool,
    answered: AtomicU64,
}

/// A request and the status that its answer is meant to have.
struct Step<'a> {
    name: &'static str,
    method: Method,
    path: &'a str,
    header: Option<(&'static str, &'a str)>,
    body: &'a str,
    meant: u16,
}

impl Driver {
    /// Goes through the life of one widget after the other until it is over.
    async fn work(&self, dialect: &Dialect) -> Measured {
        let mut measured = Measured::default();
        while !self.is_over.load(Ordering::Relaxed) {
            self.life(dialect, &mut measured).await;
        }
        measured
    }

    /// The life of one widget; it ends where none was created.
    async fn life(&self, dialect: &Dialect, measured: &mut Measured) {
        let once = Uuid::new_v4().to_string();
        let (root, body) = (dialect.root, dialect.body);
        let create = |name| Step {
            name,
            method: Method::POST,
            path: root,
            header: Some(("idempotency-key", &once)),
            body,
            meant: 200,
        };
        let created = self.send(create("create"), measured).await;
        let created: Value = serde_json::from_slice(&created).unwrap_or_default();
        let Some(id) = created["data"]["id"].as_str() else { return };
        let widget = &format!("{root}/{id}");
        let public = &format!("{widget}/{}", dialect.public);
        let get = |name, path, meant| Step {
            name,
            method: Method::GET,
            path,
            header: None,
            body: "",
            meant,
        };
        let update = |name, header, meant| Step {
            name,
            method: dialect.update.clone(),
            path: widget,
            header,
            body: dialect.change,
            meant,
        };
        for step in [
            create("create, again"),
            get("read", widget, 200),
            get("read", widget, 200),
            get("read", widget, 200),
            Step {
                header: Some(("if-none-match", r#""1""#)),
                ..get("read, nothing new", widget, 304)
            },
            update("update", None, 200),
            update("update, of this version", Some(("if-match", r#""2""#)), 200),
            update("update, of an old version", Some(("if-match", r#""1""#)), 412),
            get("list", dialect.list, 200),
            get("public read", public, 200),
            get("public read", public, 200),
            Step {
                body: "{}",
                header: None,
                ..Step { meant: dialect.invalid, ..create("create, invalid") }
            },
            Step { method: Method::DELETE, ..get("delete", widget, 200) },
            get("read, gone", widget, 404),
        ] {
            self.send(step, measured).await;
        }
    }

    /// Sends a request, notes what came of it, and tells the answer's body.
    async fn send(&self, step: Step<'_>, measured: &mut Measured) -> Vec<u8> {
        let start = Instant::now();
        let answer = self.answer(&step).await;
        self.answered.fetch_add(1, Ordering::Relaxed);
        let (status, body) =
            answer.map_or((None, Vec::new()), |(status, body)| (Some(status), body));
        measured.record(&step, start.elapsed(), status);
        body
    }

    async fn answer(&self, step: &Step<'_>) -> reqwest::Result<(u16, Vec<u8>)> {
        let mut request =
            self.client.request(step.method.clone(), format!("{}{}", self.url, step.path));
        request =
            request.header("authorization", &self.key).header("content-type", "application/json");
        if let Some((name, value)) = step.header {
            request = request.header(name, value);
        }
        let answer = request.body(step.body.to_owned()).send().await?;
        Ok((answer.status().as_u16(), answer.bytes().await?.into()))
    }
}

/// What was measured, by step.
#[derive(Debug, Default)]
struct Measured(BTreeMap<&'static str, Figures>);

#[derive(Debug, Default, Clone)]
struct Figures {
    latencies: Vec<Duration>,
    /// `None` where there was no answer.
    statuses: BTreeMap<Option<u16>, u64>,
    not_meant: u64,
}

impl Measured {
    fn record(&mut self, step: &Step<'_>, latency: Duration, status: Option<u16>) {
        let figures = self.0.entry(step.name).or_default();
        figures.latencies.push(latency);
        *figures.statuses.entry(status).or_default() += 1;
        figures.not_meant += u64::from(status != Some(step.meant));
    }

    fn add(&mut self, other: Self) {
        for (step, figures) in other.0 {
            self.0.entry(step).or_default().add(figures);
        }
    }

    /// Prints the figures, and tells how many answers were not meant.
    fn print(self) -> u64 {
        println!();
        println!(
            "| | requests | p50, ms | p90, ms | p99, ms | longest, ms | statuses | not meant |"
        );
        println!("|---|---|---|---|---|---|---|---|");
        let mut all = Figures::default();
        for (step, figures) in self.0 {
            all.add(figures.clone());
            figures.print(step);
        }
        let not_meant = all.not_meant;
        all.print("all");
        not_meant
    }
}

impl Figures {
    fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.not_meant += other.not_meant;
    }

    fn print(self, name: &str) {
        let latencies: Vec<f64> =
            self.latencies.iter().map(|latency| latency.as_secs_f64() * 1e3).collect();
        let latencies =
            [50, 90, 99, 100].map(|percent| format!("{:.1}", percentile(&latencies, percent)));
        let statuses: Vec<String> = self
            .statuses
            .iter()
            .map(|(status, count)| {
                format!(
                    "{}: {count}",
                    status.map_or("no answer".to_owned(), |status| status.to_string())
                )
            })
            .collect();
        let (count, latencies, statuses) =
            (self.latencies.len(), latencies.join(" | "), statuses.join(", "));
        println!("| {name} | {count} | {latencies} | {statuses} | {} |", self.not_meant);
    }
}
