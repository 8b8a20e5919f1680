//! What lists, the total of a list and updates cost as an account grows, and what lists cost after
//! deletes.
//!
//! The pathway widgets are the service's documented example, the assistant widgets filled in as a
//! customer would; all of these have one assistant. What is counted is what a client waits for,
//! call after call, and what DynamoDB would charge: calls to the store and capacity units, by
//! [`widgets::local::meter`]. Times are of this machine and of the embedded store: what can be
//! compared is how many times as long the same takes as in the smallest account.

use std::{
    collections::HashMap,
    net::SocketAddr,
    num::NonZeroUsize,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, PutRequest, WriteRequest},
};
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;
use widgets::{
    keys,
    local::{
        binaries,
        embedded_store::{Store, StoreLocation},
        meter::Meter,
        stack::{BoundStack, DEVELOPMENT_ACCOUNT, Options, Stack},
        template::Template,
    },
};

use crate::{
    requests::Dialect,
    statistics::median,
    table::{Table, number},
};

/// The sizes of pages that are measured: the documented default, and the largest with a cursor.
const SIZE: usize = 50;
const LIMIT: usize = 100;

/// The most widgets that are deleted, each through the API, before lists are measured.
const MAX_DELETES: usize = 10_000;

/// The most items that one BatchWriteItem takes.
const MAX_BATCH: usize = 25;

/// Longer than any list takes: what is measured is what it takes, not that it is stopped.
const TIMEOUT: Duration = Duration::from_secs(120);

/// How often each is done, for the median of the times.
const TIMES: usize = 3;

/// What something costs in an account of so many widgets.
#[derive(Debug, Serialize)]
pub struct Row {
    pub widgets: usize,
    pub what: &'static str,
    pub status: u16,
    pub store_calls: usize,
    /// Of reads or writes, as DynamoDB would charge them.
    pub capacity_units: f64,
    pub time_milliseconds: f64,
}

/// Measures accounts of so many widgets each, with these functions.
pub async fn measure(
    sizes: &[NonZeroUsize],
    binaries: &HashMap<String, PathBuf>,
) -> Result<Vec<Row>> {
    let template = Template::read(binaries::workspace())?.without_streams();
    let mut rows = Vec::new();
    for widgets in sizes.iter().map(|size| size.get()) {
        let account = Account::start(&template, binaries).await?;
        let of_assistant = account.fill(Dialect::Assistant, widgets).await?;
        let of_pathway = account.fill(Dialect::Pathway, widgets).await?;
        // Neither a cold start nor the first look at the key is part of what a list costs.
        account.send(&Step::get("/v1/widgets?limit=1")).await?;
        account.send(&Step::get("/api/v1/widget?size=1")).await?;
        let last_page = widgets.div_ceil(SIZE);
        for (what, step) in [
            ("assistant, page 1", Step::get("/api/v1/widget")),
            (
                "assistant, the middle page",
                Step::get(format!("/api/v1/widget?page={}", last_page.div_ceil(2))),
            ),
            ("assistant, the last page", Step::get(format!("/api/v1/widget?page={last_page}"))),
            ("assistant, one widget and `total`", Step::get("/api/v1/widget?size=1")),
            (
                "one assistant's, page 1",
                Step::get("/api/v1/assistant/3c90c3cc-0d44-4b50-8888-8dd25736052a/widgets"),
            ),
            (
                "assistant, update",
                Step::update(Method::PUT, format!("/api/v1/widget/{of_assistant}")),
            ),
            ("pathway, `limit=100`", Step::get(format!("/v1/widgets?limit={LIMIT}"))),
            ("pathway, the page after 10 others", Step::get(account.deep(10).await?)),
            ("pathway, whole", Step { answers: &[200, 413], ..Step::get("/v1/widgets") }),
            ("pathway, update", Step::update(Method::PATCH, format!("/v1/widget/{of_pathway}"))),
        ] {
            rows.push(account.measure(widgets, what, &step).await?);
        }
        account.stop().await;
        if widgets <= MAX_DELETES {
            rows.extend(after_deletes(&template, binaries, widgets).await?);
        }
    }
    Ok(rows)
}

/// Measures lists of an account that has one page of widgets, after as many deletes.
async fn after_deletes(
    template: &Template,
    binaries: &HashMap<String, PathBuf>,
    deletes: usize,
) -> Result<Vec<Row>> {
    let account = Account::start(template, binaries).await?;
    let mut rows = Vec::new();
    for (dialect, what, list) in [
        (Dialect::Assistant, "assistant, 50 after as many deletes", "/api/v1/widget".to_owned()),
        (
            Dialect::Pathway,
            "pathway, 50 after as many deletes",
            format!("/v1/widgets?limit={SIZE}"),
        ),
    ] {
        let id = account.fill(dialect, SIZE).await?;
        // The deleted ones are the newest, so a list would meet them first.
        for id in multiply(&account.store.client(), dialect.name(), &id, deletes).await? {
            account.send(&Step::delete(format!("{}/{id}", dialect.root()))).await?;
        }
        rows.push(account.measure(deletes, what, &Step::get(list)).await?);
    }
    account.stop().await;
    Ok(rows)
}

/// All of it.
pub fn table(rows: &[Row]) -> Table {
    let smallest = rows.iter().map(|row| row.widgets).min().unwrap_or_default();
    let times = "time, times the smallest account's";
    let mut table =
        Table::new(["widgets", "what", "status", "calls", "capacity units", "time, ms", times]);
    for row in rows {
        let the_same = rows
            .iter()
            .find(|other| other.widgets == smallest && other.what == row.what)
            .unwrap_or(row);
        table.row([
            number(row.widgets as f64),
            row.what.to_owned(),
            row.status.to_string(),
            row.store_calls.to_string(),
            row.capacity_units.to_string(),
            number(row.time_milliseconds),
            format!("{:.1}", row.time_milliseconds / the_same.time_milliseconds),
        ]);
    }
    table
}

/// A request, and the statuses that it may be answered with.
struct Step {
    method: Method,
    path: String,
    answers: &'static [u16],
}

impl Step {
    fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), answers: &[200] }
    }

    fn update(method: Method, path: String) -> Self {
        Self { method, ..Self::get(path) }
    }

    fn delete(path: String) -> Self {
        Self { method: Method::DELETE, ..Self::get(path) }
    }
}

/// A stack with one account, and the meter in front of its store.
struct Account {
    stack: Stack,
    store: Store,
    meter: Meter,
    client: reqwest::Client,
    key: String,
}

impl Account {
    async fn start(template: &Template, binaries: &HashMap<String, PathBuf>) -> Result<Self> {
        let store = Store::open(&StoreLocation::Memory, &template.tables).await?;
        let meter = Meter::start(&store.url).await?;
        let key = keys::generate()?;
        let mut template = template.clone();
        template.functions.iter_mut().for_each(|function| function.timeout = TIMEOUT);
        let options = Options {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            store_location: StoreLocation::Endpoint(meter.url.clone()),
            concurrency: 1,
            template,
            logs: Arc::new(|_, _| {}),
        };
        let bound = BoundStack::new(options).await?;
        keys::issue_development_key(&key, &bound.store).await?;
        let stack = bound.start(binaries).await?;
        Ok(Self {
            stack,
            store,
            meter,
            client: reqwest::Client::new(),
            key: key.reveal().to_owned(),
        })
    }

    async fn stop(self) {
        self.stack.stop().await;
        self.store.stop().await;
    }

    /// What `step` costs.
    async fn measure(&self, widgets: usize, what: &'static str, step: &Step) -> Result<Row> {
        let mut times = Vec::new();
        let mut last = None;
        for _ in 0..TIMES {
            self.meter.take();
            let start = Instant::now();
            let (status, _) = self.send(step).await?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
            // The key is looked up once a minute, whatever is asked for.
            let mut calls = self.meter.take();
            calls.retain(|call| call.resource.starts_with("Widgets"));
            last = Some((status, calls));
        }
        let (status, calls) = last.context("nothing was measured")?;
        let capacity_units = calls.iter().map(|call| call.units).sum();
        let time_milliseconds = median(&times);
        Ok(Row {
            widgets,
            what,
            status,
            store_calls: calls.len(),
            capacity_units,
            time_milliseconds,
        })
    }

    /// A request's status and the path of the next page.
    async fn send(&self, step: &Step) -> Result<(u16, Option<String>)> {
        let mut request =
            self.client.request(step.method.clone(), format!("{}{}", self.stack.url, step.path));
        request =
            request.header("authorization", &self.key).header("content-type", "application/json");
        if step.method != Method::GET {
            // Another text each time: one that changes nothing is no write.
            let text = Uuid::new_v4();
            let body = json!({"widget_type": "chat", "display_name": text, "agent_prompt": text});
            request = request.body(body.to_string());
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let link = answer.headers().get("link").and_then(|link| link.to_str().ok());
        let next = link.and_then(|link| Some(link[link.find("/v1/")?..link.find('>')?].to_owned()));
        let body = answer.bytes().await?;
        let text = || String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        ensure!(
            step.answers.contains(&status),
            "{} {} was answered with {status}: {}",
            step.method,
            step.path,
            text()
        );
        Ok((status, next))
    }

    /// The path of the page after so many others, or of the last one.
    async fn deep(&self, pages: usize) -> Result<String> {
        let mut path = format!("/v1/widgets?limit={LIMIT}");
        for _ in 0..pages {
            match self.send(&Step::get(&path)).await? {
                (_, Some(next)) => path = next,
                (_, None) => break,
            }
        }
        Ok(path)
    }

    /// Creates a widget through the API and puts its like into the store until there are `count`.
    /// Tells the id of the one created.
    async fn fill(&self, dialect: Dialect, count: usize) -> Result<String> {
        let request = self.client.post(format!("{}{}", self.stack.url, dialect.root()));
        let request =
            request.header("authorization", &self.key).header("content-type", "application/json");
        let answer = request.body(dialect.body()).send().await?;
        ensure!(answer.status() == 200, "creating a widget was answered with {}", answer.status());
        let answer: Value = serde_json::from_slice(&answer.bytes().await?)?;
        let id = answer["data"]["id"].as_str().context("a widget without an id")?;
        let copies = multiply(&self.store.client(), dialect.name(), id, count - 1).await;
        copies.with_context(|| format!("{count} widgets cannot be kept"))?;
        Ok(id.to_owned())
    }
}

/// Puts `count` more widgets like the one of the development account with this id. Returns their
/// ids.
async fn multiply(client: &Client, dialect: &str, id: &str, count: usize) -> Result<Vec<String>> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let partition = format!("{DEVELOPMENT_ACCOUNT}#{dialect}");
    let get =
        client.get_item().table_name("Widgets").key("pk", text(&partition)).key("sk", text(id));
    let item = get.send().await?.item.context("the widget is not there")?;
    let ids: Vec<String> = (0..count).map(|_| Uuid::now_v7().to_string()).collect();
    for batch in ids.chunks(MAX_BATCH) {
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
