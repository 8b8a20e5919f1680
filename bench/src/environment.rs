//! An execution environment that is measured: a process between stubs of the Runtime API and of the
//! store.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use axum::body::Bytes;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io,
    process::{Child, Command},
    task::JoinSet,
    time::{sleep, timeout},
};
use uuid::Uuid;

use crate::{
    process,
    runtime_api::{Poll, RuntimeApi},
    store_stub::StoreStub,
};

/// How long a process may take for its start, for an invocation or to come to rest: valgrind makes
/// each fifty times as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The environment. Dropping it kills the process.
pub struct Environment {
    process: Child,
    _logs: JoinSet<()>,
    folder: PathBuf,
    api: RuntimeApi,
    poll: Option<Poll>,
    started: Instant,
    pub store: StoreStub,
}

impl Environment {
    /// Starts `program` over `store`.
    pub async fn start(program: &Path, store: StoreStub) -> Result<Self> {
        Self::with(&mut Command::new(program), &[], store).await
    }

    /// Starts what `command` says, which ends as a function, with these variables beside those that
    /// Lambda sets.
    pub async fn with(
        command: &mut Command,
        variables: &[(&str, &OsStr)],
        store: StoreStub,
    ) -> Result<Self> {
        let api = RuntimeApi::start().await?;
        command
            .env_clear()
            .envs(LAMBDA)
            // As long as those of a role, which is part of what is signed.
            .env("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2VjEXAMPLE".repeat(40))
            .env("AWS_ENDPOINT_URL_DYNAMODB", &store.url)
            .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            // As Lambda has it: a line that is logged costs what a pipe does.
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let started = Instant::now();
        let mut process =
            command.spawn().with_context(|| format!("{command:?} cannot be started"))?;
        let mut output = process.stdout.take().context("a process without standard output")?;
        let mut logs = JoinSet::new();
        logs.spawn(async move { drop(io::copy(&mut output, &mut io::sink()).await) });
        let folder =
            Path::new("/proc").join(process.id().context("the process has ended")?.to_string());
        Ok(Self { process, _logs: logs, folder, api, poll: None, started, store })
    }

    /// The next poll, which no event was handed to yet.
    pub async fn poll(&mut self) -> Result<Poll> {
        if let Some(poll) = self.poll.take() {
            return Ok(poll);
        }
        tokio::select! {
            poll = self.api.poll() => poll.context("the Runtime API has ended"),
            status = self.process.wait() => bail!("the process ended with {} and asked for no event", status?),
            () = sleep(PATIENCE) => bail!("the process asked for no event within {} s", PATIENCE.as_secs()),
        }
    }

    /// Waits until the process polls and sleeps, so that what it did so far is done, and tells what
    /// that cost.
    pub async fn rest(&mut self) -> Result<Spent> {
        let poll = self.poll().await?;
        let time = poll.at - self.started;
        self.poll = Some(poll);
        let asleep = async {
            while !process::is_asleep(&self.folder).context("the process has ended")? {
                // One that has ended keeps its folder, and never sleeps, until somebody asks what
                // it ended with.
                if let Some(status) = self.process.try_wait()? {
                    bail!("the process ended with {status} while it waited for an event");
                }
                sleep(Duration::from_millis(1)).await;
            }
            Ok(())
        };
        let in_time = timeout(PATIENCE, asleep).await;
        in_time.with_context(|| {
            format!("the process did not come to rest within {} s", PATIENCE.as_secs())
        })??;
        let cpu = process::cpu(&self.folder).context("the process has ended")?;
        Ok(Spent { cpu, time })
    }

    /// Has the process handle `event`. A failure of the function is an error here.
    pub async fn invoke(&mut self, event: &Bytes) -> Result<(Bytes, Duration)> {
        hand_out(self.poll().await?, Uuid::new_v4(), event.clone()).await
    }

    /// The most memory that the process ever had, in MiB.
    pub fn peak(&self) -> Result<f64> {
        process::peak(&self.folder).context("the process has ended")
    }

    /// Ends the process as Lambda does, and waits for its end.
    pub async fn terminate(mut self) -> Result<()> {
        let id = self.process.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        kill_process(id.context("the process has ended")?, Signal::TERM)?;
        timeout(PATIENCE, self.process.wait()).await.context("the process does not end")??;
        Ok(())
    }
}

/// Has the process that polled handle `event` in the invocation `id`, and tells its answer and how
/// long that took. A failure of the function is an error here, and so is no answer in time.
pub async fn hand_out(poll: Poll, id: Uuid, event: Bytes) -> Result<(Bytes, Duration)> {
    let in_time = timeout(PATIENCE, poll.hand_out(id, event)).await;
    let answer = in_time
        .with_context(|| format!("an event was not answered within {} s", PATIENCE.as_secs()))?;
    let answer = answer.context("the process has ended")?;
    match answer.outcome {
        Ok(payload) => Ok((payload, answer.latency)),
        Err(error) => bail!("the invocation failed: {}", String::from_utf8_lossy(&error)),
    }
}

/// What a process used since its start.
#[derive(Debug, Clone, Copy)]
pub struct Spent {
    pub cpu: Duration,
    /// Until its last poll.
    pub time: Duration,
}

/// What Lambda sets (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>),
/// and the template.
const LAMBDA: [(&str, &str); 18] = [
    ("AWS_LAMBDA_FUNCTION_NAME", "benchmark"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
    ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
    ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/benchmark"),
    ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/20/[1]0123456789abcdef0123456789abcdef"),
    ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
    ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_DEFAULT_REGION", "us-east-1"),
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    ("WIDGETS_TABLE", "Widgets"),
    ("API_KEYS_TABLE", "ApiKeys"),
    ("_HANDLER", "bootstrap"),
    ("LANG", "en_US.UTF-8"),
    ("TZ", ":UTC"),
    ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin"),
];
