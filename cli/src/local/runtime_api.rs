//! Lambda's Runtime API for one process
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>).

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State, rejection::BytesRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::ListenerExt,
};
use serde_json::json;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use uuid::Uuid;

/// The most bytes of a function's answer
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const MAX_RESPONSE_BYTES: usize = 6 * 1024 * 1024;

/// The Runtime API. It ends when it is dropped.
#[derive(Debug)]
pub struct RuntimeApi {
    /// Where it listens.
    pub address: SocketAddr,
    polls: mpsc::UnboundedReceiver<Poll>,
    _server: JoinSet<()>,
}

/// A process that waits for an event.
#[derive(Debug)]
pub struct Poll {
    /// When it asked.
    pub at: Instant,
    invocation: oneshot::Sender<Invocation>,
}

#[derive(Debug)]
struct Invocation {
    id: Uuid,
    event: Bytes,
    deadline: SystemTime,
    answer: oneshot::Sender<Answer>,
}

/// How an invocation ended.
#[derive(Debug)]
pub struct Answer {
    /// From handing out the event to the whole answer.
    pub latency: Duration,
    /// The answer, or the document of the function's error.
    pub outcome: Result<Bytes, Bytes>,
}

struct Api {
    function: String,
    polls: mpsc::UnboundedSender<Poll>,
    current: Mutex<Option<Current>>,
}

/// The invocation that the process works on.
struct Current {
    id: Uuid,
    handed_out: Instant,
    answer: oneshot::Sender<Answer>,
}

impl RuntimeApi {
    /// Starts it on a free port. `function` is the name in the ARN that the process is told.
    pub async fn start(function: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        // With Nagle's algorithm, an answer in two parts takes 40 ms.
        let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
        let (sender, polls) = mpsc::unbounded_channel();
        let api = Api { function: function.to_owned(), polls: sender, current: Mutex::default() };
        let app = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(respond))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(fail))
            // A process that reports this ends, which is what its owner sees.
            .route("/2018-06-01/runtime/init/error", post(StatusCode::ACCEPTED))
            .layer(DefaultBodyLimit::max(MAX_RESPONSE_BYTES))
            .with_state(Arc::new(api));
        let mut server = JoinSet::new();
        server.spawn(async move { drop(axum::serve(listener, app).await) });
        Ok(Self { address, polls, _server: server })
    }

    /// Waits for the next poll.
    pub async fn poll(&mut self) -> Option<Poll> {
        self.polls.recv().await
    }
}

impl Poll {
    /// Hands `event` to the process in the invocation `id`, with a deadline after `timeout`.
    /// Returns where the answer arrives, or `None` if the process has gone.
    pub fn hand_out(
        self,
        id: Uuid,
        event: Bytes,
        timeout: Duration,
    ) -> Option<oneshot::Receiver<Answer>> {
        let (answer, receiver) = oneshot::channel();
        let deadline = SystemTime::now() + timeout;
        self.invocation.send(Invocation { id, event, deadline, answer }).ok()?;
        Some(receiver)
    }
}

impl Api {
    /// Ends the current invocation, if its id is `id`.
    fn end(&self, id: Uuid, outcome: Result<Bytes, Bytes>) -> Response {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Current { handed_out, answer, .. }) = current.take_if(|it| it.id == id) else {
            let error = r#"{"errorType":"InvalidRequestID"}"#;
            return (StatusCode::BAD_REQUEST, error).into_response();
        };
        // Nobody may wait for it any longer.
        let _ = answer.send(Answer { latency: handed_out.elapsed(), outcome });
        StatusCode::ACCEPTED.into_response()
    }
}

async fn next(State(api): State<Arc<Api>>) -> Response {
    let (sender, invocation) = oneshot::channel();
    let sent = api.polls.send(Poll { at: Instant::now(), invocation: sender });
    let (Ok(()), Ok(Invocation { id, event, deadline, answer })) = (sent, invocation.await) else {
        return StatusCode::GONE.into_response();
    };
    let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let arn = format!("arn:aws:lambda:us-east-1:000000000000:function:{}", api.function);
    let (seconds, random) = (deadline / 1000, id.as_u128() >> 32);
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", id.to_string()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", arn),
        ("lambda-runtime-trace-id", format!("Root=1-{seconds:08x}-{random:024x};Sampled=0")),
    ];
    *api.current.lock().unwrap_or_else(PoisonError::into_inner) =
        Some(Current { id, handed_out: Instant::now(), answer });
    (headers, event).into_response()
}

async fn respond(
    State(api): State<Arc<Api>>,
    Path(id): Path<Uuid>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let Ok(body) = body else {
        let too_large = json!({
            "errorType": "Function.ResponseSizeTooLarge",
            "errorMessage": format!("Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."),
        });
        let _ = api.end(id, Err(too_large.to_string().into()));
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    api.end(id, Ok(body))
}

async fn fail(State(api): State<Arc<Api>>, Path(id): Path<Uuid>, error: Bytes) -> Response {
    api.end(id, Err(error))
}
