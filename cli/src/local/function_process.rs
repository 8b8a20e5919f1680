//! Functions as Lambda runs them: each execution environment is a process with a [`RuntimeApi`] of
//! its own and has one invocation at a time. Requests that overlap start more environments.

use std::{
    fmt, io,
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::body::Bytes;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::Semaphore,
    time::timeout,
};
use uuid::Uuid;

use super::runtime_api::{Poll, RuntimeApi};

/// How long an environment may take to ask for its first invocation.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request waits for a free environment: what API Gateway waits for an answer at most.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long an answer may still be on its way when its process has ended.
const LAST_BREATH: Duration = Duration::from_millis(100);

/// The most bytes Lambda takes as an event
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
pub const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;

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
    /// Its name.
    pub name: String,
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
                    lock(&self.idle).push(environment);
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
        let mut idle = lock(&self.idle);
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
    api: RuntimeApi,
    /// The process's request for an event, if it has asked for one.
    poll: Option<Poll>,
}

impl Environment {
    async fn spawn(function: &Function) -> io::Result<Self> {
        let api = RuntimeApi::start(&function.name).await?;
        let stream = format!("local/[$LATEST]{}", Uuid::now_v7().simple());
        let mut process = Command::new(&function.binary)
            .env_clear()
            .envs(function.variables.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
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
        Ok(Self { process, api, poll: None })
    }

    /// Waits until the process asks for an event. Returns `false` if it ends before.
    async fn ready(&mut self) -> bool {
        if self.poll.is_none() {
            self.poll = tokio::select! {
                poll = self.api.poll() => poll,
                _ = self.process.wait() => None,
            };
        }
        self.poll.is_some()
    }

    async fn invoke(
        &mut self,
        id: Uuid,
        event: Bytes,
        limit: Duration,
    ) -> Result<Result<Bytes, InvokeError>, Lost> {
        let ready = timeout(limit, self.ready()).await.map_err(|_| Lost::TooSlow)?;
        let poll = self.poll.take().filter(|_| ready).ok_or(Lost::Idle)?;
        let mut answer = poll.hand_out(id, event, limit).ok_or(Lost::Idle)?;
        let answer = tokio::select! {
            answer = timeout(limit, &mut answer) => answer.map_err(|_| Lost::TooSlow)?.ok(),
            // It may have answered with its last breath: the answer is then on its way through the
            // server's task.
            _ = self.process.wait() => timeout(LAST_BREATH, answer).await.ok().and_then(Result::ok),
        };
        answer.map(|answer| answer.outcome.map_err(InvokeError::Failed)).ok_or(Lost::Working)
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
