//! A proxy in front of the embedded store that injects faults: before a call takes effect, after
//! it, or while it is answered.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use url::Url;
use widgets::local::{
    binaries,
    embedded_store::{Store, StoreLocation},
    template::Template,
};

/// A call to the store: an operation, and the table that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<'a>(pub &'a str, pub &'a str);

impl Call<'static> {
    pub const LOOK_UP_KEY: Self = Self("GetItem", "ApiKeys");
    pub const CREATE: Self = Self("PutItem", "Widgets");
    pub const CREATE_ONCE: Self = Self("TransactWriteItems", "Widgets");
    pub const READ: Self = Self("GetItem", "Widgets");
    pub const UPDATE: Self = Self("UpdateItem", "Widgets");
    pub const DELETE: Self = Self("UpdateItem", "Widgets");
    /// Removes the tombstone that a delete leaves.
    pub const REMOVE: Self = Self("DeleteItem", "Widgets");
    pub const QUERY: Self = Self("Query", "Widgets");
}

/// What a call is met with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// None.
    None,
    /// An error of DynamoDB's, with its status and type: nothing happened.
    Refused(u16, &'static str),
    /// A `ValidationException` whose message quotes the call, as DynamoDB's may: nothing happened.
    Quoting,
    /// A transaction is in the way: nothing happened.
    Conflict,
    /// A 500, which does not tell what happened: whether something did.
    Failed(Effect),
    /// The connection is reset.
    Reset(Effect),
    /// Nothing, until [`FaultProxy::release`] is called; then as if nothing had been wrong.
    Silent(Effect),
    /// Nothing, and [`FaultProxy::deliver`] has the call made though its client went long ago.
    Held,
    /// Something that is not DynamoDB's.
    Garbage(Effect),
    /// Half of the answer, and a reset.
    HalfAnswer,
    /// The answer after half a second, which is in time.
    Late,
    /// The answer in so small pieces that its end never comes.
    Trickle,
}

impl Fault {
    /// Those that take no time, so that a test can have many.
    pub const QUICK: [Self; 10] = [
        Self::Refused(400, "ThrottlingException"),
        Self::Refused(400, "ProvisionedThroughputExceededException"),
        Self::Conflict,
        Self::Failed(Effect::None),
        Self::Failed(Effect::Done),
        Self::Reset(Effect::None),
        Self::Reset(Effect::Done),
        Self::Garbage(Effect::None),
        Self::Garbage(Effect::Done),
        Self::HalfAnswer,
    ];
}

/// Whether the call did what it was to do, fault or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    None,
    Done,
}

/// The proxy and the store behind it. It stops when it is dropped.
pub struct FaultProxy {
    pub url: Url,
    pub store: Store,
    state: Arc<State>,
    _server: JoinSet<()>,
}

/// Tells what a call meets, by what it is and by the text of its body.
type Plan = Box<dyn FnMut(Call<'_>, &str) -> Fault + Send>;

struct State {
    store: String,
    client: reqwest::Client,
    plan: Mutex<Plan>,
    made: watch::Sender<Vec<(String, String)>>,
    signature: Mutex<String>,
    gate: Semaphore,
    /// A permit for each held call that may be made.
    held: Semaphore,
    /// How many calls were made that had been held.
    delivered: watch::Sender<usize>,
}

impl FaultProxy {
    /// A proxy without faults before an empty store in memory.
    pub async fn start() -> Self {
        let tables = Template::read(binaries::workspace()).unwrap().tables;
        let store = Store::open(&StoreLocation::Memory, &tables).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let state = Arc::new(State {
            store: store.url.clone(),
            client: reqwest::Client::new(),
            plan: Mutex::new(Box::new(|_, _| Fault::None)),
            made: watch::Sender::default(),
            signature: Mutex::default(),
            gate: Semaphore::new(0),
            held: Semaphore::new(0),
            delivered: watch::Sender::new(0),
        });
        let mut server = JoinSet::new();
        let of_server = Arc::clone(&state);
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                let state = Arc::clone(&of_server);
                // Whoever is connected may go at any time.
                connections.spawn(async move { drop(serve(connection, &state).await) });
            }
        });
        Self { url, store, state, _server: server }
    }

    /// From now on calls meet what `plan` says.
    pub fn plan(&self, plan: impl FnMut(Call<'_>, &str) -> Fault + Send + 'static) {
        *self.state.plan.lock().unwrap() = Box::new(plan);
    }

    /// The next times that `call` is made it meets `faults`, one each time.
    pub fn next(&self, call: Call<'static>, faults: impl IntoIterator<Item = Fault>) {
        let mut faults: VecDeque<Fault> = faults.into_iter().collect();
        self.plan(move |made, _| {
            if made == call { faults.pop_front().unwrap_or(Fault::None) } else { Fault::None }
        });
    }

    /// Whenever `call` is made it meets `fault`.
    pub fn always(&self, call: Call<'static>, fault: Fault) {
        self.plan(move |made, _| if made == call { fault } else { Fault::None });
    }

    /// Lets the calls that wait, and those that would, be made and answered.
    pub fn release(&self) {
        self.state.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    /// Returns how many times `call` was made.
    pub fn call_count(&self, call: Call<'_>) -> usize {
        times(&self.state.made.borrow(), call)
    }

    /// Waits until `call` was made `count` times.
    pub async fn wait_for_calls(&self, call: Call<'_>, count: usize) {
        let mut made = self.state.made.subscribe();
        let reached = made.wait_for(|made| times(made, call) >= count);
        timeout(PATIENCE, reached).await.expect("the call was not made").unwrap();
    }

    /// Has a call made that is held, and waits until it was.
    pub async fn deliver(&self) {
        let mut delivered = self.state.delivered.subscribe();
        let before = *delivered.borrow();
        self.state.held.add_permits(1);
        let reached = delivered.wait_for(|delivered| *delivered > before);
        timeout(PATIENCE, reached).await.expect("nothing was held").unwrap();
    }

    /// The `authorization` header of the last call.
    pub fn signature(&self) -> String {
        self.state.signature.lock().unwrap().clone()
    }
}

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

fn times(made: &[(String, String)], call: Call<'_>) -> usize {
    made.iter().filter(|(operation, table)| Call(operation, table) == call).count()
}

/// A request, as much as there is to know of one.
struct Request {
    method: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Request {
    /// The next one of a connection; none at its end.
    async fn read(connection: &mut BufReader<TcpStream>) -> io::Result<Option<Self>> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if connection.read_line(&mut line).await? == 0 {
                return Ok(None);
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let header = |line: &String| {
            line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        };
        let headers: BTreeMap<String, String> = lines.iter().skip(1).filter_map(header).collect();
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        connection.read_exact(&mut body).await?;
        Ok(Some(Self { method: lines[0].split(' ').next().unwrap().to_owned(), headers, body }))
    }

    fn call(&self) -> (String, String) {
        let target = self.headers.get("x-amz-target").map(String::as_str).unwrap_or_default();
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let of_transaction = &body["TransactItems"][0]["Put"]["TableName"];
        let table = body["TableName"].as_str().or(of_transaction.as_str()).unwrap_or_default();
        (target.rsplit('.').next().unwrap().to_owned(), table.to_owned())
    }
}

/// The bytes of an answer: everything before its body, and the body.
struct Answer(String, Vec<u8>);

impl Answer {
    fn new(status: u16, headers: &[(&str, &str)], body: Vec<u8>) -> Self {
        let headers: String =
            headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        Self(format!("HTTP/1.1 {status} \r\n{headers}content-length: {}\r\n\r\n", body.len()), body)
    }

    fn error(status: u16, name: &str, mut more: Value) -> Self {
        more["__type"] = json!(format!("com.amazonaws.dynamodb.v20120810#{name}"));
        more.as_object_mut().unwrap().entry("message").or_insert_with(|| json!("as told"));
        let headers =
            [("content-type", "application/x-amz-json-1.0"), ("x-amzn-requestid", "FAULT")];
        Self::new(status, &headers, more.to_string().into_bytes())
    }

    fn conflict(operation: &str) -> Self {
        match operation {
            "TransactWriteItems" => {
                let reasons = json!([{"Code": "TransactionConflict", "Message": "as told"}, {"Code": "None"}]);
                Self::error(
                    400,
                    "TransactionCanceledException",
                    json!({ "CancellationReasons": reasons }),
                )
            }
            _ => Self::error(400, "TransactionConflictException", json!({})),
        }
    }

    /// Of the store itself.
    async fn of(state: &State, request: &Request) -> Self {
        let mut forwarded = state.client.request(request.method.parse().unwrap(), &state.store);
        for (name, value) in
            request.headers.iter().filter(|(name, _)| *name != "content-length" && *name != "host")
        {
            forwarded = forwarded.header(name, value);
        }
        let answer = forwarded.body(request.body.clone()).send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let kept = |name| Some((name, headers.get(name)?.to_str().unwrap()));
        let headers: Vec<(&str, &str)> = ["content-type", "x-amzn-requestid", "x-amz-crc32"]
            .into_iter()
            .filter_map(kept)
            .collect();
        Self::new(status, &headers, answer.bytes().await.unwrap().to_vec())
    }

    async fn write(&self, connection: &mut BufReader<TcpStream>) -> io::Result<()> {
        connection.write_all(&[self.0.as_bytes(), &self.1].concat()).await?;
        connection.flush().await
    }
}

/// Serves a connection until a fault or its client ends it.
async fn serve(connection: TcpStream, state: &State) -> io::Result<()> {
    let mut connection = BufReader::new(connection);
    while let Some(request) = Request::read(&mut connection).await? {
        let (operation, table) = request.call();
        // What opens a connection is no call.
        let fault = if operation.is_empty() {
            Fault::None
        } else {
            state.meets(&request, Call(&operation, &table))
        };
        let is_done = match fault {
            Fault::Refused(..) | Fault::Quoting | Fault::Conflict | Fault::Held => false,
            Fault::Failed(effect)
            | Fault::Reset(effect)
            | Fault::Silent(effect)
            | Fault::Garbage(effect) => effect == Effect::Done,
            Fault::None | Fault::HalfAnswer | Fault::Late | Fault::Trickle => true,
        };
        let answer = if is_done { Some(Answer::of(state, &request).await) } else { None };
        let whole = match (fault, answer) {
            (Fault::Refused(status, name), _) => Answer::error(status, name, json!({})),
            (Fault::Quoting, _) => {
                let call = String::from_utf8_lossy(&request.body);
                let message = format!(
                    "1 validation error detected: Value '{call}' at 'item' failed to satisfy constraint"
                );
                Answer::error(400, "ValidationException", json!({ "message": message }))
            }
            (Fault::Conflict, _) => Answer::conflict(&operation),
            (Fault::Failed(_), _) => Answer::error(500, "InternalServerError", json!({})),
            (Fault::Garbage(_), _) => Answer::new(200, &[], b"<html>not DynamoDB</html>".to_vec()),
            (Fault::Held, _) => {
                state.held.acquire().await.unwrap().forget();
                Answer::of(state, &request).await;
                state.delivered.send_modify(|delivered| *delivered += 1);
                return Ok(());
            }
            (Fault::Reset(_), _) => return connection.get_ref().set_zero_linger(),
            (Fault::HalfAnswer, Some(Answer(head, body))) => {
                Answer(head, body[..body.len() / 2].to_vec()).write(&mut connection).await?;
                return connection.get_ref().set_zero_linger();
            }
            (Fault::Trickle, Some(Answer(head, body))) => {
                for byte in [head.as_bytes(), &body].concat() {
                    connection.write_all(&[byte]).await?;
                    sleep(Duration::from_millis(100)).await;
                }
                continue;
            }
            (Fault::Silent(_), answer) => {
                tokio::select! {
                    permit = state.gate.acquire() => drop(permit),
                    // The client went, or it would ask something else.
                    _ = connection.fill_buf() => return Ok(()),
                }
                match answer {
                    Some(answer) => answer,
                    None => Answer::of(state, &request).await,
                }
            }
            (Fault::Late, Some(answer)) => {
                sleep(Duration::from_millis(500)).await;
                answer
            }
            (_, Some(answer)) => answer,
            (_, None) => unreachable!("without a fault there is an answer"),
        };
        whole.write(&mut connection).await?;
    }
    Ok(())
}

impl State {
    /// What a call meets that is being made now.
    fn meets(&self, request: &Request, call: Call<'_>) -> Fault {
        *self.signature.lock().unwrap() = request.headers["authorization"].clone();
        let fault = self.plan.lock().unwrap()(call, str::from_utf8(&request.body).unwrap());
        self.made.send_modify(|made| made.push((call.0.to_owned(), call.1.to_owned())));
        fault
    }
}
