//! A front of a store that tells what it is asked: which calls, and what DynamoDB would charge for
//! them.

use std::{
    collections::BTreeSet,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};
use url::Url;

/// A call to the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The operation, such as `GetItem`.
    pub operation: String,
    /// What a role has to allow for it: the operation, or the actions of a transaction's parts.
    pub actions: BTreeSet<String>,
    /// The table, or `Table/index/Index`.
    pub resource: String,
    /// The read or write units that it consumed
    /// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html>).
    pub units: f64,
}

/// The front. It stops when it is dropped.
#[derive(Debug)]
pub struct Meter {
    /// Where it answers in the store's place.
    pub url: Url,
    calls: Calls,
    server: JoinHandle<()>,
}

type Calls = Arc<Mutex<Vec<Call>>>;

impl Drop for Meter {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Meter {
    /// Starts a front of the store at `store`.
    pub async fn start(store: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port for the meter")?;
        let url = format!("http://{}", listener.local_addr()?).parse()?;
        let calls = Calls::default();
        let state = (store.to_owned(), reqwest::Client::new(), Arc::clone(&calls));
        let app = Router::new().fallback(forward).with_state(state);
        let server = tokio::spawn(async move { drop(axum::serve(listener, app).await) });
        Ok(Self { url, calls, server })
    }

    /// The calls since the last time it was asked.
    pub fn take(&self) -> Vec<Call> {
        mem::take(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn forward(
    State((store, client, calls)): State<(String, reqwest::Client, Calls)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, (StatusCode, String)> {
    let exchange = exchange(&store, &client, &calls, headers, &body).await;
    exchange.map_err(|error| (StatusCode::BAD_GATEWAY, format!("{error:#}")))
}

async fn exchange(
    store: &str,
    client: &reqwest::Client,
    calls: &Calls,
    mut headers: HeaderMap,
    body: &Bytes,
) -> Result<Response> {
    headers.remove("content-length");
    // What opens a connection asks nothing.
    let mut request: Value =
        if body.is_empty() { Value::Null } else { serde_json::from_slice(body)? };
    if request.is_object() {
        request["ReturnConsumedCapacity"] = json!("TOTAL");
    }
    let sent = client.post(store).headers(headers.clone()).body(request.to_string()).send().await?;
    let (status, answered) = (sent.status(), sent.headers().clone());
    let body = sent.bytes().await?;
    if let Some(target) = headers.get("x-amz-target").and_then(|target| target.to_str().ok()) {
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        let call = call(
            target.rsplit('.').next().unwrap_or_default(),
            &request,
            &answer["ConsumedCapacity"],
        );
        calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }
    let mut response = (status, body).into_response();
    for name in ["content-type", "x-amzn-requestid", "x-amz-crc32"] {
        // The checksum is of the body, which is passed on as it is.
        if let Some(value) = answered.get(name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    Ok(response)
}

/// The call that `request` is. All of a transaction's parts are in one table.
fn call(operation: &str, request: &Value, consumed: &Value) -> Call {
    let parts: Vec<(&String, &Value)> = request["TransactItems"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .flatten()
        .collect();
    let actions: BTreeSet<String> = match parts.as_slice() {
        [] => BTreeSet::from([operation.to_owned()]),
        // `Put` needs `PutItem`, `ConditionCheck` `ConditionCheckItem`.
        parts => parts.iter().map(|(kind, _)| format!("{kind}Item")).collect(),
    };
    let table =
        parts.first().map_or(request, |(_, part)| part)["TableName"].as_str().unwrap_or_default();
    let units = |consumed: &Value| consumed["CapacityUnits"].as_f64().unwrap_or_default();
    Call {
        operation: operation.to_owned(),
        actions,
        resource: match request["IndexName"].as_str() {
            Some(index) => format!("{table}/index/{index}"),
            None => table.to_owned(),
        },
        units: consumed.as_array().map_or(units(consumed), |tables| tables.iter().map(units).sum()),
    }
}
