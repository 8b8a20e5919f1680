//! A stub of DynamoDB: it has one widget, the one that was put last, under every id, and knows
//! every API key.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method},
    response::{IntoResponse, Response},
    serve::Listener,
};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::{Map, Value, json};
use tokio::{net::TcpStream, task::JoinSet, time::sleep};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivateKeyDer},
    server::TlsStream,
};
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use crate::{
    listener::{Undelayed, listen},
    requests::PAGE,
};

/// The stub. It ends when it is dropped.
pub struct StoreStub {
    pub url: String,
    state: Arc<Stub>,
    _server: JoinSet<()>,
}

#[derive(Default)]
struct Stub {
    /// How long each call takes.
    delay: Duration,
    calls: AtomicU64,
    widget: Mutex<Widget>,
}

/// The item that was put last, and the answer to a query for a page of such, where one was asked
/// for.
#[derive(Default)]
struct Widget {
    item: Map<String, Value>,
    page: Option<Bytes>,
}

impl StoreStub {
    /// A stub each of whose calls takes `delay`, over plain HTTP.
    pub async fn start(delay: Duration) -> Result<Self> {
        let listener = listen().await?;
        let url = format!("http://{}", listener.local_addr()?);
        Ok(Self::serve(listener, url, delay))
    }

    /// A stub over TLS that is in reach once `is_there` is set: until then connections are closed
    /// as they come.
    pub async fn over_tls(identity: &Identity, is_there: Arc<AtomicBool>) -> Result<Self> {
        let listener = listen().await?;
        let url = format!("https://localhost:{}", listener.local_addr()?.port());
        Ok(Self::serve(
            TlsListener { listener, acceptor: identity.acceptor.clone(), is_there },
            url,
            Duration::ZERO,
        ))
    }

    fn serve<L: Listener<Addr = SocketAddr>>(listener: L, url: String, delay: Duration) -> Self {
        let state = Arc::new(Stub { delay, ..Stub::default() });
        let app = Router::new().fallback(answer).with_state(Arc::clone(&state));
        let mut server = JoinSet::new();
        server.spawn(async move { drop(axum::serve(listener, app).await) });
        Self { url, state, _server: server }
    }

    /// How many calls there were since this was last asked.
    pub fn calls(&self) -> u64 {
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
    if !stub.delay.is_zero() {
        sleep(stub.delay).await;
    }
    let target =
        headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default();
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
        match operation {
            "PutItem" => {
                let Value::Object(item) = call["Item"].take() else { return Bytes::new() };
                *self = Self { item, page: None };
                "{}".into()
            }
            "DeleteItem" => "{}".into(),
            "GetItem" if call["TableName"] == "ApiKeys" => {
                let account = text(&DEVELOPMENT_ACCOUNT.to_string());
                json!({"Item": {
                    "key_hash": call["Key"]["key_hash"], "account_id": account, "role": text("full"),
                    "name": text("benchmark"), "created_at": text("2026-11-20T12:00:00.000Z"),
                }})
                .to_string()
                .into()
            }
            "GetItem" => json!({ "Item": self.named(&call["Key"]["sk"]) }).to_string().into(),
            "UpdateItem" => {
                json!({ "Attributes": self.named(&call["Key"]["sk"]) }).to_string().into()
            }
            // By the id, which is all that this index has but the key.
            "Query" if !call["IndexName"].is_null() => {
                let values = call["ExpressionAttributeValues"].as_object();
                let id = values.and_then(|values| values.values().next()).unwrap_or(&Value::Null);
                let item = json!({"pk": self.item.get("pk"), "sk": id, "id": id});
                json!({"Items": [item], "Count": 1, "ScannedCount": 1}).to_string().into()
            }
            "Query" => self.page.get_or_insert_with(|| page(&self.item)).clone(),
            _ => Bytes::new(),
        }
    }

    /// The widget as if it had this id.
    fn named(&self, id: &Value) -> Map<String, Value> {
        let mut item = self.item.clone();
        item.insert("sk".to_owned(), id.clone());
        item.entry("id").and_modify(|own| *own = id.clone());
        item
    }
}

/// The answer to a query that finds a page of the like of `item` and no more.
fn page(item: &Map<String, Value>) -> Bytes {
    json!({"Items": vec![item; PAGE], "Count": PAGE, "ScannedCount": PAGE}).to_string().into()
}

/// Who a store is over TLS, and the certificate by which that is believed.
pub struct Identity {
    acceptor: TlsAcceptor,
    /// In PEM.
    pub certificate: String,
}

impl Identity {
    pub fn new() -> Result<Self> {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()])?;
        let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .context("the certificate cannot be used")?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificate: cert.pem() })
    }
}

struct TlsListener {
    listener: Undelayed,
    acceptor: TlsAcceptor,
    is_there: Arc<AtomicBool>,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (connection, address) = self.listener.accept().await;
            if self.is_there.load(Ordering::SeqCst)
                && let Ok(connection) = self.acceptor.accept(connection).await
            {
                return (connection, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Listener::local_addr(&self.listener)
    }
}
