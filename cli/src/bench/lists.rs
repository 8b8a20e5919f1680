//! What lists cost as an account grows.
//!
//! The pathway widgets are the service's documented example, the assistant widgets filled in as a customer would; all of
//! these have one assistant. What is counted is what a client waits for, call after call, and what DynamoDB would charge: calls
//! to the store and read units, by [`crate::meter`]. Times are of this machine and of the embedded store, so they are told as
//! multiples of the first row's.

use std::{
    collections::HashMap,
    net::SocketAddr,
    num::NonZeroUsize,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::multiply;
use crate::{
    binaries, keys,
    meter::Meter,
    stack::{Options, Prepared, Stack},
    store::{Place, Store},
    template::Template,
};

const ASSISTANT: &str = r##"{"widget_type":"chat","user_opening_messages":["Hello! How can I help you today?"],"action_buttons":[{"label":"Prices","value":"prices"}],"assistant_id":"3c90c3cc-0d44-4b50-8888-8dd25736052a","name":"Support","description":"The shop's support","display_name":"Support","intro_message":"Ask us anything","header_color":"#1a73e8","user_message_color":"#e8f0fe","bot_message_color":"#ffffff","bot_icon_color":"#1a73e8","bubble_color":"#1a73e8","bubble_text":"Chat with us","textbox_default_text":"Type a message"}"##;

const PATHWAY: &str = r#"{"pathway_id":"a0f0d4ed-f5f5-4f16-b3f9-22166594d7a7","allowed_domains":["example.com","subdomain.example.com"],"messages_per_minute":10,"config":{"theme":"light","position":"bottom-right"},"agent_id":"46f37229-7d12-44be-b343-6e68274cfbea"}"#;

/// The sizes of pages that are measured: the documented default, and the largest with a cursor.
const SIZE: usize = 50;
const LIMIT: usize = 100;

/// Longer than any list takes: what is measured is what it takes, not that it is stopped.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Measures accounts of so many widgets each, and prints.
pub async fn run(sizes: &[NonZeroUsize]) -> Result<()> {
    let template = Template::read(binaries::workspace())?.without_streams();
    let binaries = binaries::of(&template).await?;
    println!("| widgets | list | status | calls | read units | time, times the first row's |");
    println!("|---|---|---|---|---|---|");
    let mut first = None;
    for count in sizes.iter().map(|count| count.get()) {
        let account = Account::start(&template, &binaries).await?;
        account.fill(count).await.with_context(|| format!("{count} widgets cannot be kept"))?;
        // Neither a cold start nor the first look at the key is part of what a list costs.
        account.get("/v1/widgets?limit=1").await?;
        account.get("/api/v1/widget?size=1").await?;
        let last_page = count.div_ceil(SIZE);
        for (name, path) in [
            ("assistant, page 1", "/api/v1/widget".to_owned()),
            ("assistant, the middle page", format!("/api/v1/widget?page={}", last_page.div_ceil(2))),
            ("assistant, the last page", format!("/api/v1/widget?page={last_page}")),
            ("one assistant's, page 1", "/api/v1/assistant/3c90c3cc-0d44-4b50-8888-8dd25736052a/widgets".to_owned()),
            ("pathway, `limit=100`", format!("/v1/widgets?limit={LIMIT}")),
            ("pathway, the page after 10 others", account.deep(10).await?),
            ("pathway, whole", "/v1/widgets".to_owned()),
        ] {
            account.meter.take();
            let start = Instant::now();
            let (status, _) = account.get(&path).await?;
            let time = start.elapsed().as_secs_f64();
            // The key is looked up once a minute, whatever is listed.
            let mut calls = account.meter.take();
            calls.retain(|call| call.resource.starts_with("Widgets"));
            let units: f64 = calls.iter().map(|call| call.units).sum();
            let times = time / *first.get_or_insert(time);
            println!("| {count} | {name} | {status} | {} | {units} | {times:.1} |", calls.len());
        }
        account.stop().await;
    }
    Ok(())
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
        let store = Store::open(&Place::Memory, &template.tables).await?;
        let meter = Meter::start(&store.url).await?;
        let key = keys::generate()?;
        let mut template = template.clone();
        template.functions.iter_mut().for_each(|function| function.timeout = TIMEOUT);
        let options = Options {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            place: Place::Endpoint(meter.url.clone()),
            api_key: key.clone(),
            concurrency: 1,
            template,
            logs: Arc::new(|_, _| {}),
        };
        let stack = Prepared::new(options).await?.start(binaries).await?;
        Ok(Self { stack, store, meter, client: reqwest::Client::new(), key: key.reveal().to_owned() })
    }

    async fn stop(self) {
        self.stack.stop().await;
        self.store.stop().await;
    }

    /// A path's status and the path of the next page.
    async fn get(&self, path: &str) -> Result<(u16, Option<String>)> {
        let request = self.client.get(format!("{}{path}", self.stack.url)).header("authorization", &self.key);
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let link = answer.headers().get("link").and_then(|link| link.to_str().ok());
        let next = link.and_then(|link| Some(link[link.find("/v1/")?..link.find('>')?].to_owned()));
        answer.bytes().await?;
        Ok((status, next))
    }

    /// The path of the page after so many others, or of the last one.
    async fn deep(&self, pages: usize) -> Result<String> {
        let mut path = format!("/v1/widgets?limit={LIMIT}");
        for _ in 0..pages {
            match self.get(&path).await? {
                (_, Some(next)) => path = next,
                (_, None) => break,
            }
        }
        Ok(path)
    }

    /// Creates one widget in each dialect through the API and puts its like into the store until there are `count`.
    async fn fill(&self, count: usize) -> Result<()> {
        for (dialect, path, body) in [("assistant", "/api/v1/widget", ASSISTANT), ("pathway", "/v1/widget", PATHWAY)] {
            let request = self.client.post(format!("{}{path}", self.stack.url)).header("authorization", &self.key);
            let answer = request.header("content-type", "application/json").body(body).send().await?;
            ensure!(answer.status() == 200, "creating a widget was answered with {}", answer.status());
            let answer: Value = serde_json::from_slice(&answer.bytes().await?)?;
            let id = answer["data"]["id"].as_str().context("a widget without an id")?;
            multiply(&self.store.client(), dialect, id, count - 1).await?;
        }
        Ok(())
    }
}
