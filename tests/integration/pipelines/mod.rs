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

use crate::support::app::{
    ASSISTANT_BODY, ASSISTANT_CHANGE, PATHWAY_BODY, PATHWAY_CHANGE, TestApp, raw_data,
};

/// The function, names and bodies of a dialect.
#[derive(Clone, Copy)]
struct Dialect {
    function: &'static str,
    name: &'static str,
    root: &'static str,
    body: &'static str,
    change: &'static str,
}

const DIALECTS: [Dialect; 2] = [
    Dialect {
        function: "Assistant",
        name: "assistant",
        root: "/api/v1/widget",
        body: ASSISTANT_BODY,
        change: ASSISTANT_CHANGE,
    },
    Dialect {
        function: "Pathway",
        name: "pathway",
        root: "/v1/widget",
        body: PATHWAY_BODY,
        change: PATHWAY_CHANGE,
    },
];

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

/// Reads a widget over HTTP. Returns the status, and the widget or the error body.
async fn by_http(app: &TestApp, dialect: Dialect, id: &str) -> (u16, String) {
    let read = app.call("GET", &format!("{}/{id}", dialect.root), "").await;
    (read.status, if read.status == 200 { raw_data(&read.body) } else { read.body })
}

fn id(widget: &str) -> String {
    serde_json::from_str::<Value>(widget).unwrap()["id"].as_str().unwrap().to_owned()
}
