//! A local stack and the client of one account.

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client as StoreClient;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use axum::Router;
use reqwest::header::HeaderMap;
use uuid::Uuid;
use widgets::keys;
use widgets::local::{
    binaries,
    embedded_store::StoreLocation,
    stack::{BoundStack, DEVELOPMENT_ACCOUNT, Options, Stack},
    template::Template,
};

/// Longer than any request takes.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Returns what is deployed, without what reads the table's stream.
pub fn template() -> Result<Template> {
    let mut template = Template::read(binaries::workspace())?.without_streams();
    template.functions.iter_mut().for_each(|function| function.timeout = TIMEOUT);
    Ok(template)
}

/// Starts a stack. Returns it with a client that has a key of the development account.
pub async fn start(
    store_location: StoreLocation,
    concurrency: usize,
    binaries: &HashMap<String, PathBuf>,
) -> Result<(Stack, Client)> {
    let options = Options {
        address: ([127, 0, 0, 1], 0).into(),
        prefix: String::new(),
        store_address: None,
        store_location,
        concurrency,
        template: template()?,
        logs: Arc::new(|_, _| {}),
    };
    let bound = BoundStack::new(options).await?;
    let key = keys::generate()?;
    keys::issue_development_key(&key, &bound.store).await?;
    let stack = bound.start(binaries, Router::new()).await?;
    let (url, key) = (stack.url.clone(), key.reveal().to_owned());
    Ok((stack, Client { http: reqwest::Client::new(), url, key }))
}

/// A client with an API key.
pub struct Client {
    http: reqwest::Client,
    url: String,
    key: String,
}

/// A response.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Client {
    /// Sends a request.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        header: Option<(&str, &str)>,
        body: &str,
    ) -> Result<Answer> {
        let url = format!("{}{path}", self.url);
        let mut request = self
            .http
            .request(method.parse()?, url)
            .header("authorization", &self.key)
            .header("content-type", "application/json")
            .header("origin", "https://example.com");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let answer = request.body(body.to_owned()).send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Ok(Answer { status, headers, body: answer.bytes().await?.into() })
    }
}

/// Puts `count` copies of a widget of the development account into the table. Returns their ids,
/// oldest first.
///
/// # Errors
///
/// The widget `id` does not exist, or the store does not take all copies.
pub async fn copy_widget(
    store: &StoreClient,
    dialect: &str,
    id: &str,
    count: usize,
) -> Result<Vec<String>> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let get = store.get_item().table_name("Widgets").key("sk", text(id));
    let get = get.key("pk", text(&format!("{DEVELOPMENT_ACCOUNT}#{dialect}")));
    let item = get.send().await?.item.context("no such widget")?;
    let ids: Vec<String> = (0..count).map(|_| Uuid::now_v7().to_string()).collect();
    // BatchWriteItem takes 25 items.
    for ids in ids.chunks(25) {
        let put = |id: &String| {
            let mut copy = item.clone();
            copy.extend(["sk", "id"].map(|key| (key.to_owned(), text(id))));
            let put = PutRequest::builder().set_item(Some(copy)).build()?;
            Ok(WriteRequest::builder().put_request(put).build())
        };
        let puts = ids.iter().map(put).collect::<Result<Vec<_>>>()?;
        let written = store.batch_write_item().request_items("Widgets", puts).send().await?;
        let is_complete = written.unprocessed_items.is_none_or(|items| items.is_empty());
        anyhow::ensure!(is_complete, "the store did not take all copies");
    }
    Ok(ids)
}
