//! Functions as Lambda runs them: each execution environment a process with a Runtime API of its
//! own (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>), one invocation at a
//! time, more environments as requests overlap.

use std::{
    fmt,
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    net::TcpListener,
    process::{Child, Command},
    sync::{Notify, Semaphore, mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};
use uuid::Uuid;

/// How long an environment may take to ask for its first invocation.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request waits for a free environment: what API Gateway waits for an answer at most.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long an answer may still be on its way when its process has ended.
const LAST_BREATH: Duration = Duration::from_millis(100);

/// The most bytes Lambda takes as an event
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
pub const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;

/// The most bytes of a function's answer.
const MAX_RESPONSE_BYTES: usize = 6 * 1024 * 1024;

/// Takes a function's log lines: the function's name and the line.
pub type LogSink = Arc<dyn Fn(&str, &str) + Send + Sync>;

/// Why an invocation has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvokeError {
    /// The process died, or could not start.
    Crashed,
    /// It took longer than this and was stopped.
    TimedOut(Duration),
    /// The function reported an error, in this document.
    Failed(Bytes),
    /// No environment came free in time.
    Busy,
}

/// A function and its execution environments.
pub struct Function {
    name: String,
    binary: PathBuf,
    timeout: Duration,
    variables: Vec<(String, String)>,
    logs: LogSink,
    slots: Semaphore,
    idle: Mutex<Vec<Environment>>,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Function {
    /// A function of at most `concurrency` environments. `variables` is all the environment its
    /// processes get.
    pub fn new(
        name: &str,
        binary: PathBuf,
        timeout: Duration,
        variables: Vec<(String, String)>,
        concurrency: usize,
        logs: LogSink,
    ) -> Self {
        Self {
            name: name.to_owned(),
            binary,
            timeout,
            variables,
            logs,
            slots: Semaphore::new(concurrency),
            idle: Mutex::default(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Has an environment handle `event`, in an invocation with an id of its own.
    pub async fn invoke(&self, event: Bytes) -> Result<Bytes, InvokeError> {
        self.invoke_as(Uuid::new_v4(), event).await
    }

    /// Has an environment handle `event` in the invocation `id`, and starts one if none is free. A
    /// process that died while it was idle is replaced; one that dies with the event in its hands
    /// may have acted on it, so that the event is not given to another.
    pub async fn invoke_as(&self, id: Uuid, event: Bytes) -> Result<Bytes, InvokeError> {
        let Ok(Ok(_slot)) = timeout(QUEUE_TIMEOUT, self.slots.acquire()).await else {
            let seconds = QUEUE_TIMEOUT.as_secs();
            let why = format!("had no environment for an event within {seconds} s");
            return Err(self.logged(InvokeError::Busy, &why));
        };
        loop {
            let (mut environment, is_new) = match self.take_idle() {
                Some(environment) => (environment, false),
                None => (self.start().await?, true),
            };
            match environment.invoke(id, event.clone(), self.timeout).await {
                Ok(outcome) => {
                    self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(environment);
                    return outcome;
                }
                Err(Lost::Idle) if !is_new => {}
                Err(Lost::Idle | Lost::Working) => {
                    let why = "the process ended without an answer";
                    return Err(self.logged(InvokeError::Crashed, why));
                }
                Err(Lost::TooSlow) => {
                    let why =
                        format!("stopped after its timeout of {} s", self.timeout.as_secs_f32());
                    return Err(self.logged(InvokeError::TimedOut(self.timeout), &why));
                }
            }
        }
    }

    /// An environment that is free, and whose process has not ended meanwhile.
    fn take_idle(&self) -> Option<Environment> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(mut environment) = idle.pop() {
            if matches!(environment.process.try_wait(), Ok(None)) {
                return Some(environment);
            }
        }
        None
    }

    async fn start(&self) -> Result<Environment, InvokeError> {
        let mut environment = Environment::spawn(self).await.map_err(|error| {
            self.logged(InvokeError::Crashed, &format!("cannot be started: {error}"))
        })?;
        match timeout(INIT_TIMEOUT, environment.ready()).await {
            Ok(true) => Ok(environment),
            Ok(false) => {
                let why = "the process ended before it asked for an invocation";
                Err(self.logged(InvokeError::Crashed, why))
            }
            Err(_) => {
                let seconds = INIT_TIMEOUT.as_secs();
                let why = format!("stopped: no invocation asked for within {seconds} s");
                Err(self.logged(InvokeError::TimedOut(INIT_TIMEOUT), &why))
            }
        }
    }

    /// Returns `error`, having logged why.
    fn logged(&self, error: InvokeError, why: &str) -> InvokeError {
        (self.logs)(&self.name, why);
        error
    }
}

/// How an environment was lost.
enum Lost {
    /// Before the event was handed over.
    Idle,
    /// With the event in its hands.
    Working,
    /// It was stopped.
    TooSlow,
}

/// A process and its Runtime API. Dropping it kills the process.
struct Environment {
    process: Child,
    api: Arc<RuntimeApi>,
    invocations: mpsc::Sender<Invocation>,
    server: JoinHandle<()>,
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Environment {
    async fn spawn(function: &Function) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let (sender, receiver) = mpsc::channel(1);
        let api = Arc::new(RuntimeApi {
            function: function.name.clone(),
            logs: Arc::clone(&function.logs),
            invocations: tokio::sync::Mutex::new(receiver),
            current: Mutex::default(),
            asked: Notify::new(),
        });
        let app = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(respond))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(fail))
            .route("/2018-06-01/runtime/init/error", post(fail_init))
            .layer(DefaultBodyLimit::max(MAX_RESPONSE_BYTES))
            .with_state(Arc::clone(&api));
        let server = tokio::spawn(async move { drop(axum::serve(listener, app).await) });
        let stream = format!("local/[$LATEST]{}", Uuid::now_v7().simple());
        let mut process = Command::new(&function.binary)
            .env_clear()
            .envs(function.variables.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_LOG_STREAM_NAME", stream)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Out of the terminal's group: Ctrl-C reaches the stack alone, which then ends its
            // processes itself.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        pass_on(process.stdout.take(), function);
        pass_on(process.stderr.take(), function);
        Ok(Self { process, api, invocations: sender, server })
    }

    /// Waits until the process asks for an invocation; `false` if it ends before.
    async fn ready(&mut self) -> bool {
        tokio::select! {
            () = self.api.asked.notified() => true,
            _ = self.process.wait() => false,
        }
    }

    async fn invoke(
        &mut self,
        id: Uuid,
        event: Bytes,
        limit: Duration,
    ) -> Result<Result<Bytes, InvokeError>, Lost> {
        let (reply, mut answer) = oneshot::channel();
        let handed_over = Arc::new(AtomicBool::new(false));
        let invocation = Invocation {
            id,
            event,
            deadline: SystemTime::now() + limit,
            handed_over: Arc::clone(&handed_over),
            reply,
        };
        if self.invocations.send(invocation).await.is_err() {
            return Err(Lost::Idle);
        }
        tokio::select! {
            outcome = timeout(limit, &mut answer) => match outcome {
                Ok(outcome) => outcome.map_err(|_| Lost::Working),
                Err(_) => Err(Lost::TooSlow),
            },
            // It may have answered with its last breath: the answer is then on its way through the
            // server's task.
            _ = self.process.wait() => match timeout(LAST_BREATH, answer).await {
                Ok(Ok(outcome)) => Ok(outcome),
                _ if handed_over.load(Ordering::SeqCst) => Err(Lost::Working),
                _ => Err(Lost::Idle),
            },
        }
    }
}

/// Passes a process's lines on to the log.
fn pass_on(output: Option<impl AsyncRead + Unpin + Send + 'static>, function: &Function) {
    let Some(output) = output else { return };
    let (name, logs) = (function.name.clone(), Arc::clone(&function.logs));
    tokio::spawn(async move {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while matches!(output.read_until(b'\n', &mut line).await, Ok(1..)) {
            logs(&name, String::from_utf8_lossy(&line).trim_end());
            line.clear();
        }
    });
}

/// An event on its way to a process, and the way back for its answer.
struct Invocation {
    id: Uuid,
    event: Bytes,
    deadline: SystemTime,
    /// Set for good once a process was given the event.
    handed_over: Arc<AtomicBool>,
    reply: oneshot::Sender<Result<Bytes, InvokeError>>,
}

/// The Runtime API's state.
struct RuntimeApi {
    function: String,
    logs: LogSink,
    invocations: tokio::sync::Mutex<mpsc::Receiver<Invocation>>,
    current: Mutex<Option<Invocation>>,
    asked: Notify,
}

impl RuntimeApi {
    /// Ends the current invocation, if it is the one that `id` names.
    fn end(&self, id: &str, outcome: Result<Bytes, InvokeError>) -> Response {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match current.take_if(|invocation| invocation.id.to_string() == id) {
            Some(invocation) => {
                // Whoever asked may have gone: the invocation was still made.
                let _ = invocation.reply.send(outcome);
                StatusCode::ACCEPTED.into_response()
            }
            None => {
                (StatusCode::BAD_REQUEST, r#"{"errorType":"InvalidRequestID"}"#).into_response()
            }
        }
    }
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> Response {
    api.asked.notify_one();
    let Some(invocation) = api.invocations.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline =
        invocation.deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", invocation.id.to_string()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            format!("arn:aws:lambda:us-east-1:000000000000:function:{}", api.function),
        ),
        (
            "lambda-runtime-trace-id",
            format!(
                "Root=1-{:08x}-{:024x};Sampled=0",
                deadline / 1000,
                invocation.id.as_u128() >> 32
            ),
        ),
    ];
    let event = invocation.event.clone();
    invocation.handed_over.store(true, Ordering::SeqCst);
    *api.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(invocation);
    (headers, event).into_response()
}

async fn respond(
    State(api): State<Arc<RuntimeApi>>,
    Path(id): Path<String>,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Response {
    match body {
        Ok(body) => api.end(&id, Ok(body)),
        Err(_) => {
            let too_large = json!({
                "errorType": "Function.ResponseSizeTooLarge",
                "errorMessage": format!("Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."),
            });
            api.end(&id, Err(InvokeError::Failed(too_large.to_string().into())));
            StatusCode::PAYLOAD_TOO_LARGE.into_response()
        }
    }
}

async fn fail(State(api): State<Arc<RuntimeApi>>, Path(id): Path<String>, body: Bytes) -> Response {
    api.end(&id, Err(InvokeError::Failed(body)))
}

/// The process says why it cannot start; it then ends, which is what the stack acts on.
async fn fail_init(State(api): State<Arc<RuntimeApi>>, body: String) -> StatusCode {
    (api.logs)(&api.function, &format!("reported {body}"));
    StatusCode::ACCEPTED
}
