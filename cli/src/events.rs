//! `widgets events`: the change events of the local as they would be published.

use std::{
    io::{self, ErrorKind, Write},
    path::PathBuf,
};

use anyhow::{Context, Result, anyhow, bail};
use aws_config::SdkConfig;
use chrono::Utc;
use clap::Args;
use tokio::task::spawn_blocking;
use url::Url;

use crate::{
    local::{
        binaries,
        embedded_store::{self, Store},
        pipe::{Pipe, PublishedEvent},
        store_access,
        stream::{Start, Stream},
        template::Template,
    },
    serve,
};

/// What `widgets events` is told.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  widgets events
  widgets events --from-start | jq .detail.type")]
pub struct Events {
    /// Begin with the oldest change that the stream still has, and not with the next one
    #[arg(long)]
    from_start: bool,
    /// The DynamoDB to follow, such as the store that `widgets serve --ephemeral` prints
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<Url>,
    /// The folder of the local stack, which has to run [default: .widgets in the checkout]
    #[arg(long, value_name = "DIR", conflicts_with = "endpoint_url")]
    data: Option<PathBuf>,
}

/// The events that a template's pipe publishes of the changes in a store.
#[derive(Debug)]
pub struct Changes {
    stream: Stream,
    pipe: Pipe,
}

impl Changes {
    /// Follows the store that `config` speaks to. What is changed after this has returned is seen.
    pub async fn follow(config: &SdkConfig, template: &Template, start: Start) -> Result<Self> {
        let [spec] = template.pipes.as_slice() else {
            bail!(
                "the template has {} pipes from a table's stream to an event bus, not one",
                template.pipes.len()
            );
        };
        let region = config.region().context("no AWS region")?;
        let stream = Stream::follow(config, &spec.table, start).await?;
        let pipe = Pipe::new(spec, stream.arn(), region.as_ref())?;
        Ok(Self { stream, pipe })
    }

    /// The next events, in the order of the changes, or none if a quarter of a second brought none.
    /// A change that cannot be published is an error in its place. Who stops waiting loses none.
    pub async fn next(&mut self) -> Result<Vec<Result<PublishedEvent>>> {
        let records = self.stream.next().await?;
        Ok(records
            .iter()
            .filter_map(|record| self.pipe.publish(record, Utc::now()).transpose())
            .collect())
    }
}

/// Prints events, one a line, until it is stopped or nobody reads them any more.
pub async fn run(events: Events) -> Result<()> {
    let stopped = serve::stopped()?;
    tokio::select! {
        followed = follow(events) => followed,
        () = stopped => Ok(()),
    }
}

async fn follow(events: Events) -> Result<()> {
    let template = Template::read(binaries::workspace())?;
    let config = match events.endpoint_url {
        Some(url) => store_access::config(Some(&url)).await?,
        None => {
            running_store(events.data.unwrap_or_else(embedded_store::data_folder), &template)
                .await?
        }
    };
    let start = if events.from_start { Start::Oldest } else { Start::Now };
    let mut changes = Changes::follow(&config, &template, start).await?;
    eprintln!("Following the changes in {}.", config.endpoint_url().unwrap_or("AWS"));
    loop {
        for event in changes
            .next()
            .await
            .context("the store cannot be read any more: has its stack stopped?")?
        {
            match event {
                // On a thread of its own: it blocks for as long as a full pipe is not read.
                Ok(event) => match spawn_blocking(move || print(&event)).await? {
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                    printed => printed?,
                },
                Err(error) => eprintln!("widgets: {error:#}"),
            }
        }
    }
}

/// How to speak to the store of the stack that has `folder` open. Where none has, there is nothing
/// to wait for, and to wait would keep the folder from a stack that starts.
async fn running_store(folder: PathBuf, template: &Template) -> Result<SdkConfig> {
    let none = || {
        let folder = folder.display();
        anyhow!(
            "no stack runs in {folder} (`widgets serve` starts one; --data or --endpoint-url names another)"
        )
    };
    // Opening would make it.
    if !Store::is_in(&folder) {
        return Err(none());
    }
    let store = Store::open_or_join(&folder, &template.tables).await?;
    if store.is_embedded() {
        store.stop().await;
        return Err(none());
    }
    Ok(store.config)
}

fn print(event: &PublishedEvent) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    serde_json::to_writer(&mut stdout, event)?;
    stdout.write_all(b"\n")?;
    stdout.flush()
}
