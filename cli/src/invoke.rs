//! `widgets invoke`: an event for a function of the local stack.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use serde_json::Value;
use shared::validation::json::BYTE_ORDER_MARK;
use url::Url;

use crate::local::{
    invocations::{ERROR_TYPE, FUNCTION_ERROR},
    store_access::root_cause,
};

/// What `widgets invoke` is told.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  widgets invoke Pathway --event tests/events/command_pathway.json
  widgets invoke Assistant --event - --url http://127.0.0.1:8080")]
pub struct Invoke {
    /// The function: its name in template.yaml (Assistant) or its binary's (assistant)
    function: String,
    /// The file that holds the event, in JSON; - is standard input
    #[arg(long, value_name = "FILE")]
    event: PathBuf,
    /// Where the local stack listens
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:3000")]
    url: Url,
}

/// Sends the event, and prints the function's answer, or its error document, as it came. A function
/// that fails is an error.
pub async fn run(invoke: Invoke) -> Result<()> {
    let event = read(&invoke.event)?;
    // Lambda refuses an event with the mark that some editors put before a text.
    let event = event.strip_prefix(BYTE_ORDER_MARK.as_bytes()).unwrap_or(&event).to_owned();
    let stack = invoke.url.as_str().trim_end_matches('/');
    // No proxy: the stack answers this to programs on its own machine alone.
    let client = reqwest::Client::builder().no_proxy().build()?;
    let answer =
        client.post(invocations_url(&invoke.url, &invoke.function)?).body(event).send().await;
    let answer = answer.map_err(|error| anyhow!(root_cause(&error))).with_context(|| {
        format!("no stack answers at {stack} (`widgets serve` starts one, --url names another)")
    })?;
    let status = answer.status();
    let header = |name| {
        answer
            .headers()
            .get(name)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let (error, refusal) = (header(FUNCTION_ERROR), header(ERROR_TYPE));
    let payload = answer.bytes().await.context("the answer ended early")?;
    if let Some(kind) = refusal {
        return Err(api_error(&kind, &payload));
    }
    if !status.is_success() {
        bail!(
            "what answers at {stack} is no local stack, or not one that can be invoked: {status}"
        );
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(&payload)?;
    stdout.write_all(b"\n")?;
    stdout.flush()?;
    match error {
        Some(kind) => Err(anyhow!("the function {} failed ({kind})", invoke.function)),
        None => Ok(()),
    }
}

fn read(file: &Path) -> Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut event = Vec::new();
        io::stdin().read_to_end(&mut event).context("standard input cannot be read")?;
        return Ok(event);
    }
    fs::read(file).with_context(|| format!("{} cannot be read", file.display()))
}

/// Where a function of the stack at `url` is invoked.
fn invocations_url(url: &Url, function: &str) -> Result<Url> {
    let mut url = url.clone();
    url.path_segments_mut()
        .map_err(|()| anyhow!("--url is no URL such as http://127.0.0.1:3000"))?
        .pop_if_empty()
        .extend(["2015-03-31", "functions", function, "invocations"]);
    Ok(url)
}

/// Returns the error of an event that the API did not hand to a function.
fn api_error(kind: &str, body: &[u8]) -> anyhow::Error {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let message =
        body["message"].as_str().or(body["Message"].as_str()).unwrap_or("for no reason it tells");
    anyhow!("{kind}: {message}")
}
