//! A DynamoDB that knows one key and fails as it is told.

use std::{
    collections::{BTreeSet, VecDeque},
    io,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    task::JoinHandle,
};
use url::Url;
use widgets::{stack::DEVELOPMENT_ACCOUNT, store::Place};

/// What a call is met with.
#[derive(Debug, Clone)]
pub enum Fault {
    /// None: the call succeeds.
    None,
    /// An error of DynamoDB's: status, type.
    Error(u16, &'static str),
    /// No answer until [`FaultStore::release`] is called, then success.
    Hang,
    /// The connection is cut off in the middle of the answer.
    CutOff,
    /// An answer that is not DynamoDB's.
    Garbage,
    /// "The condition failed", with the item that an earlier call sent.
    AlreadyThere,
    /// "The condition failed", with an item that nobody sent.
    SomethingElseThere,
}

/// Which calls fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Looking up the key, and reading a widget.
    GetItem,
    /// Putting the widget.
    PutItem,
    /// Changing it.
    UpdateItem,
    /// Deleting it.
    DeleteItem,
    /// Listing widgets, and finding one by its id.
    Query,
}

/// The store. It stops when it is dropped.
pub struct FaultStore {
    pub url: Url,
    state: Arc<Faults>,
    server: JoinHandle<()>,
}

struct Faults {
    call: Call,
    script: Mutex<VecDeque<Fault>>,
    last: Fault,
    first_item: Mutex<Option<Value>>,
    calls: Mutex<BTreeSet<(String, String)>>,
    signature: Mutex<String>,
    puts: watch::Sender<usize>,
    gate: Semaphore,
}

impl Drop for FaultStore {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl FaultStore {
    /// A store where each `call` is met with the next fault of `script`, and with `last` after them.
    pub async fn start(call: Call, script: impl IntoIterator<Item = Fault>, last: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let state = Arc::new(Faults {
            call,
            script: Mutex::new(script.into_iter().collect()),
            last,
            first_item: Mutex::default(),
            calls: Mutex::default(),
            signature: Mutex::default(),
            puts: watch::Sender::new(0),
            gate: Semaphore::new(0),
        });
        let app = Router::new().fallback(answer).with_state(Arc::clone(&state));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, state, server }
    }

    pub fn place(&self) -> Place {
        Place::Endpoint(self.url.clone())
    }

    /// The calls that were made since the last time it was asked: operation and table.
    pub fn calls(&self) -> BTreeSet<(String, String)> {
        std::mem::take(&mut self.state.calls.lock().unwrap())
    }

    /// The `authorization` header of the last call.
    pub fn signature(&self) -> String {
        self.state.signature.lock().unwrap().clone()
    }

    /// How many times a widget was put.
    pub fn puts(&self) -> usize {
        *self.state.puts.borrow()
    }

    /// Waits until a widget was put so many times.
    pub async fn put_times(&self, times: usize) {
        self.state.puts.subscribe().wait_for(|puts| *puts >= times).await.unwrap();
    }

    /// Lets the calls that hang succeed.
    pub fn release(&self) {
        self.state.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    }
}

async fn answer(State(faults): State<Arc<Faults>>, headers: HeaderMap, body: Bytes) -> Response {
    // What opens a connection is met with no fault.
    if body.is_empty() {
        return success(json!({}));
    }
    *faults.signature.lock().unwrap() = headers["authorization"].to_str().unwrap().to_owned();
    let request: Value = serde_json::from_slice(&body).unwrap();
    let target = headers["x-amz-target"].to_str().unwrap().rsplit('.').next().unwrap();
    let table = request["TableName"].as_str().unwrap_or_default();
    faults.calls.lock().unwrap().insert((target.to_owned(), table.to_owned()));
    let is_widget = request["TableName"] == "Widgets";
    let call = match target {
        "GetItem" => Call::GetItem,
        "PutItem" if is_widget => Call::PutItem,
        "UpdateItem" => Call::UpdateItem,
        "DeleteItem" => Call::DeleteItem,
        "Query" => Call::Query,
        // A table that has all that it should.
        _ => {
            let indexes = json!([{"IndexName": "ById"}, {"IndexName": "ByAccount"}, {"IndexName": "ByAssistant"}]);
            return success(json!({"Table": {"GlobalSecondaryIndexes": indexes}}));
        }
    };
    if call == Call::PutItem {
        faults.first_item.lock().unwrap().get_or_insert(request["Item"].clone());
        faults.puts.send_modify(|puts| *puts += 1);
    }
    let fault = if call == faults.call { faults.next() } else { Fault::None };
    match fault {
        Fault::None => done(call),
        Fault::Error(status, name) => error(status, name, &Value::Null),
        Fault::Hang => {
            let _permit = faults.gate.acquire().await.unwrap();
            done(call)
        }
        Fault::CutOff => {
            let pieces = [Ok("{"), Err(io::Error::other("as told"))];
            Body::from_stream(stream::iter(pieces)).into_response()
        }
        Fault::Garbage => (StatusCode::OK, "<html>not DynamoDB</html>").into_response(),
        Fault::AlreadyThere => {
            let item = faults.first_item.lock().unwrap().clone().unwrap();
            error(400, "ConditionalCheckFailedException", &item)
        }
        Fault::SomethingElseThere => {
            error(400, "ConditionalCheckFailedException", &json!({"pk": {"S": "secret stored value"}}))
        }
    }
}

impl Faults {
    fn next(&self) -> Fault {
        self.script.lock().unwrap().pop_front().unwrap_or_else(|| self.last.clone())
    }
}

fn done(call: Call) -> Response {
    success(match call {
        Call::GetItem => json!({"Item": {"account_id": {"S": DEVELOPMENT_ACCOUNT.to_string()}}}),
        Call::Query => json!({"Items": [], "Count": 0}),
        Call::PutItem | Call::UpdateItem | Call::DeleteItem => json!({}),
    })
}

fn success(body: Value) -> Response {
    dynamodb(StatusCode::OK, &body)
}

fn error(status: u16, name: &str, item: &Value) -> Response {
    let mut body = json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{name}"), "message": "as told"});
    if !item.is_null() {
        body["Item"] = item.clone();
    }
    dynamodb(StatusCode::from_u16(status).unwrap(), &body)
}

fn dynamodb(status: StatusCode, body: &Value) -> Response {
    let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amzn-requestid", "FAULT")];
    (status, headers, Body::from(body.to_string())).into_response()
}
