//! A stub of Lambda's Runtime API
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>) that tells of each poll, and
//! hands an event to as many as there are at once.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use anyhow::Result;
use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::Listener,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use uuid::Uuid;

use crate::listener::listen;

/// How long an invocation may take; under valgrind each takes long.
const TIME_LEFT: Duration = Duration::from_secs(60);

/// The stub, for one process. It ends when it is dropped.
pub struct RuntimeApi {
    pub address: SocketAddr,
    polls: mpsc::UnboundedReceiver<Poll>,
    _server: JoinSet<()>,
}

/// A process that waits for an event.
pub struct Poll {
    /// When it asked.
    pub at: Instant,
    invocation: oneshot::Sender<Invocation>,
}

struct Invocation {
    id: Uuid,
    event: Bytes,
    answer: oneshot::Sender<Answer>,
}

/// What an invocation came to.
#[derive(Debug)]
pub struct Answer {
    /// From handing the event out to having the whole answer.
    pub latency: Duration,
    /// The answer, or the document of what it failed with.
    pub outcome: Result<Bytes, Bytes>,
}

struct Api {
    polls: mpsc::UnboundedSender<Poll>,
    working: Mutex<HashMap<Uuid, (Instant, oneshot::Sender<Answer>)>>,
}

impl RuntimeApi {
    pub async fn start() -> Result<Self> {
        let listener = listen().await?;
        let address = listener.local_addr()?;
        let (sender, polls) = mpsc::unbounded_channel();
        let api = Arc::new(Api { polls: sender, working: Mutex::default() });
        let app = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(respond))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(fail))
            .with_state(api);
        let mut server = JoinSet::new();
        server.spawn(async move { drop(axum::serve(listener, app).await) });
        Ok(Self { address, polls, _server: server })
    }

    /// The next poll.
    pub async fn poll(&mut self) -> Option<Poll> {
        self.polls.recv().await
    }
}

impl Poll {
    /// Hands `event` to the process, in the invocation `id`. The answer never comes where the
    /// process has gone.
    pub fn hand_out(self, id: Uuid, event: Bytes) -> oneshot::Receiver<Answer> {
        let (answer, receiver) = oneshot::channel();
        // Nobody is there to take it where the process has gone.
        let _ = self.invocation.send(Invocation { id, event, answer });
        receiver
    }
}

impl Api {
    fn end(&self, id: Uuid, outcome: Result<Bytes, Bytes>) -> StatusCode {
        let ended = self.working.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        let Some((handed_out, answer)) = ended else { return StatusCode::BAD_REQUEST };
        // Whoever waited may have given up.
        let _ = answer.send(Answer { latency: handed_out.elapsed(), outcome });
        StatusCode::ACCEPTED
    }
}

async fn next(State(api): State<Arc<Api>>) -> Response {
    let (invocation, handed_out) = oneshot::channel();
    let told = api.polls.send(Poll { at: Instant::now(), invocation });
    let (Ok(()), Ok(Invocation { id, event, answer })) = (told, handed_out.await) else {
        return StatusCode::GONE.into_response();
    };
    let deadline =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default() + TIME_LEFT;
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", id.to_string()),
        ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:benchmark:live".to_owned(),
        ),
        (
            "lambda-runtime-trace-id",
            "Root=1-6740a3f0-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0".to_owned(),
        ),
    ];
    api.working.lock().unwrap_or_else(PoisonError::into_inner).insert(id, (Instant::now(), answer));
    (headers, event).into_response()
}

async fn respond(State(api): State<Arc<Api>>, Path(id): Path<Uuid>, answer: Bytes) -> StatusCode {
    api.end(id, Ok(answer))
}

async fn fail(State(api): State<Arc<Api>>, Path(id): Path<Uuid>, error: Bytes) -> StatusCode {
    api.end(id, Err(error))
}
