//! Commands without HTTP, in the payloads that AWS documents. Each command takes effect once, or
//! fails visibly.
//!
//! * [`queues`] is about SQS, [`events`] about EventBridge, [`invocations`] about direct
//!   invocation, Step Functions and EventBridge Pipes.
//! * [`errors`] is about commands that fail, [`tombstones`] about what a deleted widget leaves.

mod errors;
mod events;
mod invocations;
mod queues;
mod tombstones;

use serde_json::Value;
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use crate::support::{
    app::{TestApp, raw_data},
    dialect::Dialect,
};

/// Returns a command of the development account, as text: a body keeps its formatting.
fn command(operation: &str, more: &str) -> String {
    format!(r#"{{"operation":"{operation}","account":"{DEVELOPMENT_ACCOUNT}"{more}}}"#)
}

fn create(body: &str) -> String {
    command("create", &format!(r#","body":{body}"#))
}

fn update(id: &str, body: &str) -> String {
    command("update", &format!(r#","widget_id":"{id}","body":{body}"#))
}

fn about(operation: &str, id: &str) -> String {
    command(operation, &format!(r#","widget_id":"{id}""#))
}

fn create_once(key: &str, body: &str) -> String {
    command("create", &format!(r#","idempotency_key":"{key}","body":{body}"#))
}

/// Invokes the dialect's function, which succeeds. Returns its answer.
async fn invoke(app: &TestApp, dialect: Dialect, payload: &str) -> String {
    app.invoke(dialect.function, payload).await.unwrap()
}

/// Invokes the dialect's function, which fails. Returns the error document.
async fn invoke_error(app: &TestApp, dialect: Dialect, payload: &str) -> Value {
    serde_json::from_str(&app.invoke(dialect.function, payload).await.unwrap_err()).unwrap()
}

/// Returns how many widgets the development account has.
async fn count(app: &TestApp, dialect: Dialect) -> usize {
    app.stored_of(DEVELOPMENT_ACCOUNT, dialect.name).await.len()
}

/// Reads a widget over HTTP. Returns the status, and the widget or the error body.
async fn by_http(app: &TestApp, dialect: Dialect, id: &str) -> (u16, String) {
    let read = app.call("GET", &dialect.widget(id), "").await;
    (read.status, if read.status == 200 { raw_data(&read.body) } else { read.body })
}

fn id(widget: &str) -> String {
    serde_json::from_str::<Value>(widget).unwrap()["id"].as_str().unwrap().to_owned()
}
