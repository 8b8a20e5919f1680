//! A stub of DynamoDB. It knows every API key and has one widget, the one that was put last, under
//! every id.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use axum::{Router, body::Bytes, extract::State, serve::ListenerExt};
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, task::JoinSet};
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use crate::dialect::PAGE;

/// The stub. It ends when it is dropped.
pub struct StoreStub {
    pub url: String,
    state: Arc<Stub>,
    _server: JoinSet<()>,
}

#[derive(Default)]
struct Stub {
    calls: AtomicU64,
    widget: Mutex<Widget>,
}

/// The item that was put last, and the answer to a query for a page of such items.
#[derive(Default)]
struct Widget {
    item: Map<String, Value>,
    page: Option<Bytes>,
}

impl StoreStub {
    /// Starts a stub.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        // With Nagle's algorithm, an answer in two parts takes 40 ms.
        let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
        let state = Arc::new(Stub::default());
        let app = Router::new().fallback(answer).with_state(Arc::clone(&state));
        let mut server = JoinSet::new();
        server.spawn(async move { drop(axum::serve(listener, app).await) });
        Ok(Self { url, state, _server: server })
    }

    /// Returns the number of calls since this was called last.
    pub fn take_calls(&self) -> u64 {
        self.state.calls.swap(0, Ordering::Relaxed)
    }
}

/// Answers a call, or the `GET` that opens a connection.
async fn answer(
    State(stub): State<Arc<Stub>>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if method == Method::GET {
        return "healthy: dynamodb.us-east-1.amazonaws.com \n".into_response();
    }
    stub.calls.fetch_add(1, Ordering::Relaxed);
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let operation = target.and_then(|target| target.rsplit('.').next()).unwrap_or_default();
    let call: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut widget = stub.widget.lock().unwrap_or_else(PoisonError::into_inner);
    let headers = [
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amzn-requestid", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEF"),
        ("x-amz-crc32", "1234567890"),
    ];
    (headers, widget.answer(operation, call)).into_response()
}

impl Widget {
    fn answer(&mut self, operation: &str, mut call: Value) -> Bytes {
        let text = |text: &str| json!({ "S": text });
        let answer = match operation {
            "PutItem" => {
                let Value::Object(item) = call["Item"].take() else { return Bytes::new() };
                *self = Self { item, page: None };
                json!({})
            }
            "GetItem" if call["TableName"] == "ApiKeys" => json!({"Item": {
                "key_hash": call["Key"]["key_hash"],
                "account_id": text(&DEVELOPMENT_ACCOUNT.to_string()),
                "role": text("full"),
                "name": text("benchmark"),
                "created_at": text("2026-11-20T12:00:00.000Z"),
            }}),
            "GetItem" => json!({ "Item": self.with_id(&call["Key"]["sk"]) }),
            "UpdateItem" => json!({ "Attributes": self.with_id(&call["Key"]["sk"]) }),
            // The index by id has nothing but keys.
            "Query" if !call["IndexName"].is_null() => {
                let values = call["ExpressionAttributeValues"].as_object();
                let id = values.and_then(|values| values.values().next());
                let item = json!({"pk": self.item.get("pk"), "sk": id, "id": id});
                json!({"Items": [item], "Count": 1, "ScannedCount": 1})
            }
            "Query" => return self.page(),
            _ => return Bytes::new(),
        };
        answer.to_string().into()
    }

    /// Returns the item as if it had this id.
    fn with_id(&self, id: &Value) -> Map<String, Value> {
        let mut item = self.item.clone();
        item.insert("sk".to_owned(), id.clone());
        item.entry("id").and_modify(|own| *own = id.clone());
        item
    }

    fn page(&mut self) -> Bytes {
        let page = || json!({"Items": vec![&self.item; PAGE], "Count": PAGE, "ScannedCount": PAGE});
        self.page.get_or_insert_with(|| page().to_string().into()).clone()
    }
}
