//! An execution environment: a process between a Runtime API and a store.

use std::time::{Duration, Instant};
use std::{ffi::OsStr, process::Stdio};

use anyhow::{Context, Result, bail, ensure};
use axum::body::Bytes;
use procfs::process::Process;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use tokio::{io, io::AsyncWriteExt, task::JoinSet};
use uuid::Uuid;
use widgets::local::runtime_api::{Poll, RuntimeApi};

use crate::process;

/// How long a process may take for its start or for an invocation: under valgrind, each takes fifty
/// times as long.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The environment. Dropping it kills the process.
pub struct Environment {
    child: Child,
    pub process: Process,
    api: RuntimeApi,
    poll: Option<Poll>,
    started: Instant,
    _logs: JoinSet<()>,
}

/// What a process used since its start.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    pub cpu: Duration,
    /// From the start to the last poll.
    pub time: Duration,
}

impl Environment {
    /// Starts a program over the store at `store`.
    pub async fn start(program: impl AsRef<OsStr>, store: &str) -> Result<Self> {
        Self::with(Command::new(program), store).await
    }

    /// Starts `command`, which runs a program, over the store at `store`.
    pub async fn with(mut command: Command, store: &str) -> Result<Self> {
        let api = RuntimeApi::start("benchmark").await?;
        command
            .env_clear()
            .envs(VARIABLES)
            // As long as the token of a role. It is part of what is signed.
            .env("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2VjEXAMPLE".repeat(40))
            .env("AWS_ENDPOINT_URL_DYNAMODB", store)
            .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
            .stdin(Stdio::piped())
            // Lambda reads a pipe, too.
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let started = Instant::now();
        let mut child = command.spawn().with_context(|| format!("{command:?} does not start"))?;
        let mut output = child.stdout.take().context("a process without standard output")?;
        let mut logs = JoinSet::new();
        logs.spawn(async move { drop(io::copy(&mut output, &mut io::sink()).await) });
        let id = child.id().context("the process has ended")?;
        let process = Process::new(i32::try_from(id)?)?;
        Ok(Self { child, process, api, poll: None, started, _logs: logs })
    }

    /// Waits for the next poll, unless the process polls already.
    async fn poll(&mut self) -> Result<Poll> {
        if let Some(poll) = self.poll.take() {
            return Ok(poll);
        }
        tokio::select! {
            poll = timeout(TIMEOUT, self.api.poll()) => {
                poll.context("the process does not poll")?.context("the Runtime API has ended")
            }
            status = self.child.wait() => bail!("the process ended with {}", status?),
        }
    }

    /// Waits until the process polls and sleeps. Returns what it used so far.
    pub async fn rest(&mut self) -> Result<Usage> {
        let poll = self.poll().await?;
        let time = poll.at - self.started;
        self.poll = Some(poll);
        self.asleep().await?;
        Ok(Usage { cpu: process::cpu(&self.process)?, time })
    }

    /// Waits until the process sleeps.
    pub async fn asleep(&mut self) -> Result<()> {
        while !process::is_asleep(&self.process)? {
            // A process that has ended never sleeps.
            ensure!(self.child.try_wait()?.is_none(), "the process ended before an event");
            ensure!(self.started.elapsed() < TIMEOUT * 10, "the process does not come to rest");
            sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Has the process handle `event`. Returns its answer, or the document of its failure, and the
    /// time from handing out the event to the answer.
    pub async fn outcome(&mut self, event: Bytes) -> Result<(Result<Bytes, Bytes>, Duration)> {
        let answer = self.poll().await?.hand_out(Uuid::new_v4(), event, TIMEOUT);
        let answer = answer.context("the process has ended")?;
        let answer = timeout(TIMEOUT, answer).await.context("the process does not answer")?;
        let answer = answer.context("the process has ended")?;
        Ok((answer.outcome, answer.latency))
    }

    /// Has the process handle `event`. A failure of the function is an error.
    pub async fn invoke(&mut self, event: Bytes) -> Result<(Bytes, Duration)> {
        match self.outcome(event).await? {
            (Ok(answer), latency) => Ok((answer, latency)),
            (Err(error), _) => bail!("the invocation failed: {}", String::from_utf8_lossy(&error)),
        }
    }

    /// Sends the line that a shell waits for before it becomes the program. The time
    /// counts from now.
    pub async fn resume(&mut self) -> Result<()> {
        let mut input = self.child.stdin.take().context("a process without standard input")?;
        self.started = Instant::now();
        Ok(input.write_all(b"\n").await?)
    }

    /// Returns the time since the start.
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Ends the process as Lambda does, and waits for its end.
    pub async fn terminate(mut self) -> Result<()> {
        let id = Pid::from_raw(self.process.pid()).context("a process without an id")?;
        kill_process(id, Signal::TERM)?;
        timeout(TIMEOUT, self.child.wait()).await.context("the process does not end")??;
        Ok(())
    }
}

/// What Lambda sets (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>) and
/// the template, as far as a program reads it.
const VARIABLES: [(&str, &str); 12] = [
    ("AWS_LAMBDA_FUNCTION_NAME", "benchmark"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
    ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/benchmark"),
    ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/20/[1]0123456789abcdef0123456789abcdef"),
    ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
    ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    ("WIDGETS_TABLE", "Widgets"),
    ("API_KEYS_TABLE", "ApiKeys"),
];
