//! `widgets serve`: both APIs on this machine.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    sync::Arc,
};

use anstream::adapter::strip_str;
use anyhow::{Context, Result, anyhow, ensure};
use clap::{Args, value_parser};
use serde_json::json;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::{block_in_place, spawn_blocking},
};
use url::Url;

use crate::{
    keys::{self, NewKey, Unusable},
    local::{
        binaries,
        embedded_store::{self, StoreLocation},
        logs,
        stack::{BoundStack, DEVELOPMENT_ACCOUNT, Options, Stack},
        template::Template,
    },
    page::{
        self,
        feed::{Feed, Kind},
        summary::{self, CurlLines, StackSummary},
    },
};

/// What `widgets serve` is told.
#[derive(Args)]
#[command(after_help = "Examples:
  widgets serve
  widgets serve --ephemeral --port 8080
  widgets serve --data demo --api-key in-demo")]
pub struct Serve {
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// The port to listen on; 0 is any free one, and is printed
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// What precedes every path of the API, as the mapping of a custom domain does: /chat
    #[arg(long, value_name = "PATH", value_parser = prefix)]
    prefix: Option<String>,
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
    /// The address and port that the store listens on, for functions in containers; whoever reaches
    /// it reads and writes everything [default: any free port of 127.0.0.1]
    #[arg(long, value_name = "ADDRESS", conflicts_with = "endpoint_url")]
    store_address: Option<SocketAddr>,
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
    let (stack, feed) = started;
    // A page that is open would otherwise keep its request from ending.
    feed.end();
    stack.stop().await;
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

async fn start(serve: Serve) -> Result<(Stack, Arc<Feed>)> {
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
    let key_file = keys::development_key_file(&store_location);
    let kept = match &store_location {
        StoreLocation::Memory => Some("data in memory, gone when this stops".to_owned()),
        StoreLocation::Folder(folder) => {
            Some(format!("data in {}, there again at the next start", folder.display()))
        }
        StoreLocation::Endpoint(_) => None,
    };
    let prefix = serve.prefix.unwrap_or_default();
    let address = address(&serve.host, serve.port)?;
    let template = Template::read(binaries::workspace())?;
    let feed = Arc::new(Feed::default());
    let log_feed = Arc::clone(&feed);
    let bound = BoundStack::new(Options {
        address,
        prefix: prefix.clone(),
        store_location,
        store_address: serve.store_address,
        concurrency: serve.concurrency.into(),
        template: template.clone(),
        // Nobody may read it: the other tasks go on meanwhile.
        logs: Arc::new(move |function, line| {
            let words = strip_str(&logs::words(line)).to_string();
            log_feed.push(Kind::Log, &json!({"function": function, "text": words}));
            block_in_place(|| anstream::eprintln!("{}", logs::readable(function, line)));
        }),
    })
    .await?;
    let key = match (key, key_file) {
        (None, Some(file)) => keys::kept_development_key(&file, &bound.store).await?,
        (given, _) => {
            let key = given.map_or_else(keys::generate, Ok)?;
            let issued = keys::issue_development_key(&key, &bound.store).await;
            issued.map_err(|error| match error.downcast::<Unusable>() {
                Ok(unusable) => anyhow!("--api-key needs another key: {unusable}"),
                Err(error) => error,
            })?;
            key
        }
    };
    let names: Vec<&str> = template.functions.iter().map(|it| it.binary.as_str()).collect();
    let names = names.join(", ");
    eprintln!("Building the functions ({names}): minutes the first time, then at once.");
    let binaries = binaries::of(&template).await?;
    let summary = StackSummary {
        url: bound.url()?,
        curl: curl_lines(&format!("{}{prefix}", bound.url()?), key.reveal()),
        prefix,
        key: key.reveal().to_owned(),
        account: DEVELOPMENT_ACCOUNT,
        store: bound.store.url.clone(),
        kept,
        functions: summary::functions(&template),
    };
    let page = page::router(&summary, &template, &bound.store.config, &feed);
    let stack = bound.start(&binaries, page).await?;
    let shows_page = address.ip().is_loopback() || address.ip().is_unspecified();
    println!("{}", banner(&summary, shows_page));
    Ok((stack, feed))
}

fn address(host: &str, port: u16) -> Result<SocketAddr> {
    let unknown =
        || format!("{host} is no address of this machine (--host takes one, such as 127.0.0.1)");
    (host, port).to_socket_addrs().with_context(unknown)?.next().with_context(unknown)
}

/// Parses a prefix, which is one or more segments of what API Gateway lets a mapping have
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mappings.html>).
fn prefix(text: &str) -> Result<String> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/$-_.+!*'()".contains(&byte);
    let segments = text.trim_matches('/');
    ensure!(
        !segments.is_empty() && !segments.contains("//") && text.bytes().all(is_allowed),
        "a prefix is a path of letters, digits and $-_.+!*'(), such as /chat"
    );
    Ok(format!("/{segments}"))
}

/// Returns the lines that create a widget of each dialect.
fn curl_lines(base_url: &str, key: &str) -> CurlLines {
    let query_key: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
    let assistant_url = quoted(&format!("{base_url}/api/v1/widget?api_key={query_key}"));
    let pathway_url = quoted(&format!("{base_url}/v1/widget"));
    let authorization = quoted(&format!("authorization: {key}"));
    CurlLines {
        assistant: format!(
            r#"curl -X POST {assistant_url} -H 'content-type: application/json' -d '{{"widget_type":"chat","user_opening_messages":["How can I help?"],"action_buttons":[],"display_name":"Support"}}'"#
        ),
        pathway: format!(
            r#"curl -X POST {pathway_url} -H {authorization} -H 'content-type: application/json' -d '{{"pathway_id":"a0f0d4ed-f5f5-4f16-b3f9-22166594d7a7","allowed_domains":["example.com"],"messages_per_minute":10,"config":{{"theme":"light"}}}}'"#
        ),
    }
}

/// Returns what is printed once the stack answers. It names the page where this machine reaches it.
fn banner(summary: &StackSummary, shows_page: bool) -> String {
    let StackSummary { url, key, account, store, kept, curl, .. } = summary;
    let kept = kept.as_ref().map(|kept| format!("; {kept}")).unwrap_or_default();
    let page = "(what runs, both APIs to try, a preview of each widget; this machine alone)";
    let page = if shows_page { format!("\n  page      {url}/ {page}") } else { String::new() };
    let CurlLines { assistant, pathway } = curl;
    format!(
        r#"
Listening on {url}{page}
  API key   {key}
  account   {account} (the development account, the same at every start)
  store     {store} (DynamoDB's API{kept})

The assistant dialect (Insighto's API), create a widget:

{assistant}

The pathway dialect (Bland's API), create a widget:

{pathway}

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
    fn curl_lines_quote_any_api_key() {
        let lines = curl_lines("http://127.0.0.1:3000/chat", "it's&<one>");
        let CurlLines { assistant, pathway } = lines;
        assert!(assistant.contains("-X POST 'http://127.0.0.1:3000/chat/api/v1/widget?api_key="));
        assert!(assistant.contains("api_key=it%27s%26%3Cone%3E' -H"), "{assistant}");
        assert!(pathway.contains("-X POST 'http://127.0.0.1:3000/chat/v1/widget' "), "{pathway}");
        assert!(pathway.contains(r"-H 'authorization: it'\''s&<one>' -H"), "{pathway}");
    }

    #[test]
    fn prefix_is_one_segment_or_more() {
        for (text, expected) in
            [("/chat", "/chat"), ("chat/", "/chat"), ("/a/b.c", "/a/b.c"), ("/v1", "/v1")]
        {
            assert_eq!(prefix(text).unwrap(), expected);
        }
        for text in ["", "/", "//", "/a//b", "/a b", "/ü", "/a?b", "/%61"] {
            assert!(prefix(text).is_err(), "{text}");
        }
    }
}
