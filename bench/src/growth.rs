//! What lists, the total of a list and updates cost as an account grows.
//!
//! Store calls and capacity units are counted, call after call, by [`crate::meter`]. Times are of
//! this machine and of the embedded store: compare how many times as long a request takes as in the
//! smallest account.

use std::{collections::HashMap, num::NonZeroUsize, path::PathBuf, time::Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;
use widgets::local::embedded_store::{Store, StoreLocation};
use widgets::local::stack::Stack;

use crate::dialect::{ASSISTANT, DIALECTS, Dialect, PAGE, PATHWAY};
use crate::local_stack::{self, Answer, Client};
use crate::table::{Table, number};
use crate::{figures::percentile, meter::Meter};

/// The first page of the largest size, whose answer links to the next page.
const LARGEST_PAGE: &str = "/v1/widgets?limit=100";

/// How often each request is sent, for the median of the times.
const TIMES: usize = 3;

/// What a request costs in an account of so many widgets.
#[derive(Debug, Serialize)]
pub struct Row {
    pub widgets: usize,
    pub what: &'static str,
    pub status: u16,
    pub store_calls: usize,
    /// Read or write units, as DynamoDB would charge them.
    pub capacity_units: f64,
    pub time_milliseconds: f64,
}

/// Measures accounts of so many widgets each.
pub async fn measure(
    sizes: &[NonZeroUsize],
    binaries: &HashMap<String, PathBuf>,
) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for widgets in sizes.iter().map(|size| size.get()) {
        let account = Account::start(binaries).await?;
        let in_assistant = account.fill(&ASSISTANT, widgets).await?;
        let in_pathway = account.fill(&PATHWAY, widgets).await?;
        // Afterwards no request pays for a cold start or for looking up the key.
        for dialect in DIALECTS {
            account.send("GET", &format!("{}?{}=1", dialect.list, dialect.size)).await?;
        }
        let last = widgets.div_ceil(PAGE);
        let page = |page: usize| format!("/api/v1/widget?page={page}");
        let of_assistant = "/api/v1/assistant/3c90c3cc-0d44-4b50-8888-8dd25736052a/widgets";
        for (what, method, path) in [
            ("assistant, page 1", "GET", page(1)),
            ("assistant, the middle page", "GET", page(last.div_ceil(2))),
            ("assistant, the last page", "GET", page(last)),
            ("assistant, one widget and `total`", "GET", "/api/v1/widget?size=1".to_owned()),
            ("one assistant's, page 1", "GET", of_assistant.to_owned()),
            ("assistant, update", "PUT", in_assistant),
            ("pathway, `limit=100`", "GET", LARGEST_PAGE.to_owned()),
            ("pathway, the page after 10 others", "GET", account.tenth_page().await?),
            ("pathway, whole", "GET", "/v1/widgets".to_owned()),
            ("pathway, update", "PATCH", in_pathway),
        ] {
            rows.push(account.measure(widgets, what, method, &path).await?);
        }
        account.stack.stop().await;
        account.store.stop().await;
    }
    Ok(rows)
}

/// Returns a table of the rows.
pub fn table(rows: &[Row]) -> Table {
    let smallest = rows.iter().map(|row| row.widgets).min().unwrap_or_default();
    let times = "time, times the smallest account's";
    let mut table =
        Table::new(["widgets", "what", "status", "calls", "capacity units", "time, ms", times]);
    for row in rows {
        let is_smallest = |other: &&Row| other.widgets == smallest && other.what == row.what;
        let reference = rows.iter().find(is_smallest).unwrap_or(row);
        table.row([
            number(row.widgets as f64),
            row.what.to_owned(),
            row.status.to_string(),
            row.store_calls.to_string(),
            row.capacity_units.to_string(),
            number(row.time_milliseconds),
            format!("{:.1}", row.time_milliseconds / reference.time_milliseconds),
        ]);
    }
    table
}

/// A stack with one account, over a meter.
struct Account {
    stack: Stack,
    client: Client,
    meter: Meter,
    store: Store,
}

impl Account {
    async fn start(binaries: &HashMap<String, PathBuf>) -> Result<Self> {
        let tables = local_stack::template()?.tables;
        let store = Store::open(&StoreLocation::Memory, &tables).await?;
        let meter = Meter::start(&store.url).await?;
        let location = StoreLocation::Endpoint(meter.url.clone());
        let (stack, client) = local_stack::start(location, 1, binaries).await?;
        Ok(Self { stack, client, meter, store })
    }

    async fn measure(
        &self,
        widgets: usize,
        what: &'static str,
        method: &str,
        path: &str,
    ) -> Result<Row> {
        let mut times = Vec::new();
        let (mut status, mut calls) = (0, Vec::new());
        for _ in 0..TIMES {
            self.meter.take();
            let start = Instant::now();
            status = self.send(method, path).await?.status;
            times.push(start.elapsed().as_secs_f64() * 1e3);
            calls = self.meter.take();
            // A function looks up the key once a minute, whatever the request.
            calls.retain(|call| call.resource.starts_with("Widgets"));
        }
        let capacity_units = calls.iter().map(|call| call.units).sum();
        let time_milliseconds = percentile(&times, 50);
        let store_calls = calls.len();
        Ok(Row { widgets, what, status, store_calls, capacity_units, time_milliseconds })
    }

    /// Sends a request. An account may be too large for a whole list (413).
    async fn send(&self, method: &str, path: &str) -> Result<Answer> {
        // An update that changes nothing is no write, so each one has a text of its own.
        let text = Uuid::new_v4();
        let change = json!({"widget_type": "chat", "display_name": text, "agent_prompt": text});
        let body = if method == "GET" { String::new() } else { change.to_string() };
        let answer = self.client.send(method, path, None, &body).await?;
        ensure!([200, 413].contains(&answer.status), "{method} {path} got {}", answer.status);
        Ok(answer)
    }

    /// Returns the path of the page after ten others, or of the last one.
    async fn tenth_page(&self) -> Result<String> {
        let mut path = LARGEST_PAGE.to_owned();
        for _ in 0..10 {
            let answer = self.send("GET", &path).await?;
            let link = answer.headers.get("link").and_then(|link| link.to_str().ok());
            let Some(link) = link.and_then(|link| link.get(link.find("/v1/")?..link.find('>')?))
            else {
                break;
            };
            path = link.to_owned();
        }
        Ok(path)
    }

    /// Creates a widget and copies it until there are `count`. Returns its path.
    async fn fill(&self, dialect: &Dialect, count: usize) -> Result<String> {
        let answer = self.client.send("POST", dialect.root, None, dialect.body).await?;
        let answer: Value = serde_json::from_slice(&answer.body)?;
        let id = answer["data"]["id"].as_str().context("no widget was created")?;
        local_stack::copy_widget(&self.store.client(), dialect.name, id, count - 1).await?;
        Ok(format!("{}/{id}", dialect.root))
    }
}
