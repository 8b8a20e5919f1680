//! A proxy before a store that records the calls and what DynamoDB would charge for them.

use std::sync::{Arc, Mutex, PoisonError};
use std::{collections::BTreeSet, mem};

use anyhow::Result;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Router, body::Bytes, extract::State};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};
use url::Url;

/// A call to the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The operation, such as `GetItem`.
    pub operation: String,
    /// The actions that a role has to allow: the operation, or those of a transaction's parts.
    pub actions: BTreeSet<String>,
    /// The table, or `Table/index/Index`.
    pub resource: String,
    /// The read or write units that it consumed
    /// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html>).
    pub units: f64,
}

/// The proxy. It ends when it is dropped.
#[derive(Debug)]
pub struct Meter {
    /// Where it listens.
    pub url: Url,
    calls: Calls,
    _server: JoinSet<()>,
}

type Calls = Arc<Mutex<Vec<Call>>>;

impl Meter {
    /// Starts a proxy before the store at `store`.
    ///
    /// # Errors
    ///
    /// No port is free.
    pub async fn start(store: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?).parse()?;
        let calls = Calls::default();
        let state = (store.to_owned(), reqwest::Client::new(), Arc::clone(&calls));
        let app = Router::new().fallback(forward).with_state(state);
        let mut server = JoinSet::new();
        server.spawn(async move { drop(axum::serve(listener, app).await) });
        Ok(Self { url, calls, _server: server })
    }

    /// Returns the calls since this was called last.
    pub fn take(&self) -> Vec<Call> {
        mem::take(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn forward(
    State((store, client, calls)): State<(String, reqwest::Client, Calls)>,
    mut headers: HeaderMap,
    body: Bytes,
) -> Result<Response, StatusCode> {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let operation = target.and_then(|target| target.rsplit('.').next()).map(str::to_owned);
    headers.remove("content-length");
    // What opens a connection has no body.
    let mut request: Value = serde_json::from_slice(&body).unwrap_or_default();
    if request.is_object() {
        request["ReturnConsumedCapacity"] = json!("TOTAL");
    }
    let sent = client.post(&store).headers(headers).body(request.to_string()).send().await;
    let answer = sent.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    let body = answer.bytes().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    if let Some(operation) = operation {
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        let call = call(&operation, &request, &answer["ConsumedCapacity"]);
        calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }
    headers.remove("transfer-encoding");
    Ok((status, headers, body).into_response())
}

/// Returns the call that `request` is. All parts of a transaction are about one table.
fn call(operation: &str, request: &Value, consumed: &Value) -> Call {
    let parts = request["TransactItems"].as_array().into_iter().flatten();
    let parts: Vec<(&String, &Value)> = parts.filter_map(Value::as_object).flatten().collect();
    let actions = match parts.as_slice() {
        [] => BTreeSet::from([operation.to_owned()]),
        // `Put` needs `PutItem`, `ConditionCheck` needs `ConditionCheckItem`.
        parts => parts.iter().map(|(action, _)| format!("{action}Item")).collect(),
    };
    let request = parts.first().map_or(request, |(_, part)| part);
    let table = request["TableName"].as_str().unwrap_or_default();
    let index = request["IndexName"].as_str().map(|index| format!("{table}/index/{index}"));
    let units = |consumed: &Value| consumed["CapacityUnits"].as_f64().unwrap_or_default();
    Call {
        operation: operation.to_owned(),
        actions,
        resource: index.unwrap_or_else(|| table.to_owned()),
        units: consumed.as_array().map_or(units(consumed), |tables| tables.iter().map(units).sum()),
    }
}
