//! A stub of DynamoDB. It knows every API key and has one widget, the one that was put last, under
//! every id.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use axum::serve::{Listener, ListenerExt};
use axum::{Router, body::Bytes, extract::State};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::{Map, Value, json};
use tempfile::NamedTempFile;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
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
        Self::serve("http", bind().await?)
    }

    /// Starts a stub that serves over TLS. Returns the certificate to trust as well, a PEM file.
    pub async fn start_tls() -> Result<(Self, NamedTempFile)> {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        let mut certificate = NamedTempFile::new()?;
        certificate.write_all(cert.pem().as_bytes())?;
        let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let stub = Self::serve("https", TlsListener { tcp: bind().await?, acceptor })?;
        Ok((stub, certificate))
    }

    fn serve(scheme: &str, listener: impl Listener<Addr = SocketAddr>) -> Result<Self> {
        let url = format!("{scheme}://{}", listener.local_addr()?);
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

/// Listens on a free port of loopback.
async fn bind() -> Result<impl Listener<Io = TcpStream, Addr = SocketAddr>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    // With Nagle's algorithm, an answer in two parts takes 40 ms.
    Ok(listener.tap_io(|connection| drop(connection.set_nodelay(true))))
}

/// A listener that completes one TLS handshake at a time.
struct TlsListener<L> {
    tcp: L,
    acceptor: TlsAcceptor,
}

impl<L: Listener<Io = TcpStream>> Listener for TlsListener<L> {
    type Io = TlsStream<TcpStream>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (connection, address) = self.tcp.accept().await;
            // A client that does not trust the certificate ends the handshake.
            if let Ok(connection) = self.acceptor.accept(connection).await {
                return (connection, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
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
            "DeleteItem" => json!({}),
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
            "Query" => return self.page(&call),
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

    /// Returns a page of items with the attributes that the call asks for.
    fn page(&mut self, call: &Value) -> Bytes {
        let page = || {
            let names = call["ExpressionAttributeNames"].as_object();
            let names = names.into_iter().flat_map(Map::values).filter_map(Value::as_str);
            let item: Map<String, Value> = names
                .filter_map(|name| self.item.get_key_value(name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            json!({"Items": vec![item; PAGE], "Count": PAGE, "ScannedCount": PAGE})
        };
        self.page.get_or_insert_with(|| page().to_string().into()).clone()
    }
}
