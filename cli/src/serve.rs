//! `widgets serve`: both APIs on this machine.

use std::{
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    path::PathBuf,
    sync::Arc,
};

use anyhow::{Context, Result};
use clap::{Args, value_parser};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::{block_in_place, spawn_blocking},
};
use url::Url;

use crate::{
    keys::{self, NewKey},
    local::{
        binaries,
        embedded_store::{self, StoreLocation},
        logs,
        stack::{BoundStack, DEVELOPMENT_ACCOUNT, Options, Stack},
        template::Template,
    },
};

/// What `widgets serve` is told.
#[derive(Args)]
pub struct Serve {
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// The port to listen on; 0 is any free one, and is printed
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// The folder that keeps what is created, from one start to the next [default: .widgets in the
    /// checkout]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Keep everything in memory: gone when it stops
    #[arg(long, conflicts_with = "data")]
    ephemeral: bool,
    /// The key to use the development account with; it is kept nowhere [default: the one that the
    /// data folder keeps]
    #[arg(long, value_name = "KEY")]
    api_key: Option<String>,
    /// Use a DynamoDB elsewhere (DynamoDB Local, say), and make the tables there that are missing
    #[arg(long, value_name = "URL", conflicts_with_all = ["data", "ephemeral"])]
    endpoint_url: Option<Url>,
    /// The most execution environments a function has; each handles one request at a time, and more
    /// start as requests overlap. Requests beyond that wait their turn
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = value_parser!(u16).range(1..=1000))]
    concurrency: u16,
}

/// Serves until Ctrl-C or SIGTERM.
pub async fn run(serve: Serve) -> Result<()> {
    // Listened for from the start: what is compiling stops too.
    let stopped = stopped()?;
    tokio::pin!(stopped);
    let started = tokio::select! {
        started = start(serve) => started?,
        () = &mut stopped => return Ok(()),
    };
    stopped.await;
    // Not waited for: nobody may read it.
    drop(spawn_blocking(|| eprintln!("Stopping.")));
    started.stop().await;
    Ok(())
}

/// Ends with the first Ctrl-C or SIGTERM from now on.
pub fn stopped() -> Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

async fn start(serve: Serve) -> Result<Stack> {
    // Checked here and not by the parser of options, whose message would quote it.
    let key = serve.api_key.map(|key| {
        NewKey::parse(&key)
            .context("--api-key must be 1 to 255 printable ASCII characters without spaces")
    });
    let key = key.transpose()?;
    let store_location = match serve.endpoint_url {
        Some(url) => StoreLocation::Endpoint(url),
        None if serve.ephemeral => StoreLocation::Memory,
        None => StoreLocation::Folder(serve.data.unwrap_or_else(embedded_store::data_folder)),
    };
    let (kept, key_folder) = match &store_location {
        StoreLocation::Memory => ("; data in memory, gone when this stops".to_owned(), None),
        StoreLocation::Folder(folder) => {
            let kept = format!("; data in {}, there again at the next start", folder.display());
            (kept, Some(folder.clone()))
        }
        StoreLocation::Endpoint(_) => (String::new(), Some(embedded_store::data_folder())),
    };
    let template = Template::read(binaries::workspace())?;
    let functions: Vec<String> =
        template.functions.iter().map(|function| function.binary.clone()).collect();
    let bound = BoundStack::new(Options {
        address: address(&serve.host, serve.port)?,
        store_location,
        concurrency: serve.concurrency.into(),
        template,
        // Nobody may read it: the other tasks go on meanwhile.
        logs: Arc::new(|function, line| {
            block_in_place(|| eprintln!("{}", logs::readable(function, line)));
        }),
    })
    .await?;
    let key = match (key, key_folder) {
        (None, Some(folder)) => keys::kept_development_key(&folder, &bound.store).await?,
        (Some(key), _) => {
            let issued = keys::issue_development_key(&key, &bound.store).await;
            issued.context("--api-key needs another key")?;
            key
        }
        (None, None) => {
            let key = keys::generate()?;
            keys::issue_development_key(&key, &bound.store).await?;
            key
        }
    };
    eprintln!(
        "Building the functions ({}): minutes the first time, then at once.",
        functions.join(", ")
    );
    let binaries = binaries::build(functions.iter().map(String::as_str)).await?;
    let stack = bound.start(&binaries).await?;
    println!("{}", banner(&stack.url, &stack.store.url, &kept, key.reveal()));
    Ok(stack)
}

fn address(host: &str, port: u16) -> Result<SocketAddr> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, port));
    }
    let unknown =
        || format!("{host} is no address of this machine (--host takes one, such as 127.0.0.1)");
    let mut addresses = (host, port).to_socket_addrs().with_context(unknown)?;
    addresses.next().with_context(unknown)
}

fn banner(url: &str, store: &str, kept: &str, key: &str) -> String {
    let query_key: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
    let assistant_url = quoted(&format!("{url}/api/v1/widget?api_key={query_key}"));
    let pathway_url = quoted(&format!("{url}/v1/widget"));
    let authorization = quoted(&format!("authorization: {key}"));
    format!(
        r#"
Listening on {url}
  API key   {key}
  account   {DEVELOPMENT_ACCOUNT} (the development account, the same at every start)
  store     {store} (DynamoDB's API{kept})

The assistant dialect (Insighto's API), create a widget:

curl -X POST {assistant_url} -H 'content-type: application/json' -d '{{"widget_type":"chat","user_opening_messages":["How can I help?"],"action_buttons":[],"display_name":"Support"}}'

The pathway dialect (Bland's API), create a widget:

curl -X POST {pathway_url} -H {authorization} -H 'content-type: application/json' -d '{{"pathway_id":"a0f0d4ed-f5f5-4f16-b3f9-22166594d7a7","allowed_domains":["example.com"],"messages_per_minute":10,"config":{{"theme":"light"}}}}'

Send a function any event, and follow the events of all changes:

cargo run -- invoke Pathway --event FILE --url {url}
cargo run -- events --endpoint-url {store}

Ctrl-C stops it. The functions' log follows.
"#
    )
}

/// A word as a shell takes it literally.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_curl_lines_quote_any_api_key() {
        let banner = banner("http://127.0.0.1:3000", "http://127.0.0.1:1", "", "it's&<one>");
        assert!(banner.contains("api_key=it%27s%26%3Cone%3E' -H"), "{banner}");
        assert!(banner.contains(r"-H 'authorization: it'\''s&<one>' -H"), "{banner}");
    }
}
