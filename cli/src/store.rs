//! The store behind a local stack: the embedded DynamoDB, in memory or in a folder, or a DynamoDB elsewhere.

use std::{
    env,
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::{
    Client,
    config::Credentials,
    types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType},
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use dynoxide::Database;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle, time::timeout};
use url::Url;

use crate::template::TableSpec;

/// How long the connections to a store that stops may take to end.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// Where a stack keeps its data.
#[derive(Debug, Clone)]
pub enum Place {
    /// In memory, gone with the stack.
    Memory,
    /// In a folder, there again at the next start.
    Folder(PathBuf),
    /// In a DynamoDB that runs elsewhere.
    Endpoint(Url),
}

/// A store that is ready: its tables are there.
#[derive(Debug)]
pub struct Store {
    /// Where it speaks DynamoDB's API.
    pub url: String,
    /// How it is spoken to.
    pub config: SdkConfig,
    embedded: Option<Embedded>,
}

impl Store {
    /// Opens the store at `place`, with every one of `tables` in it.
    pub async fn open(place: &Place, tables: &[TableSpec]) -> Result<Self> {
        let embedded = match place {
            Place::Memory => Some(Embedded::start(Database::memory()?, None).await?),
            Place::Folder(folder) => Some(Embedded::open(folder).await?),
            Place::Endpoint(_) => None,
        };
        let url = match (place, &embedded) {
            (Place::Endpoint(url), _) => url.as_str().trim_end_matches('/').to_owned(),
            (_, embedded) => embedded.as_ref().map(|embedded| embedded.url.clone()).unwrap_or_default(),
        };
        let config = config(Some(&url)).await;
        let store = Self { url, config, embedded };
        let client = store.client();
        for table in tables {
            ensure_table(&client, table).await.with_context(|| format!("the store at {} is of no use", store.url))?;
        }
        Ok(store)
    }

    /// A client of the store.
    pub fn client(&self) -> Client {
        Client::new(&self.config)
    }

    /// Stops the embedded store. What was written is on disk already.
    pub async fn stop(self) {
        if let Some(embedded) = self.embedded {
            drop(embedded.stop);
            let _ = timeout(STOP_TIMEOUT, embedded.server).await;
        }
    }
}

/// The URL of the store that a running stack keeps in `folder`, if there is one.
pub fn running_in(folder: &Path) -> Result<Option<Url>> {
    match File::open(folder.join(LOCK)) {
        Ok(mut file) => match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => {
                let mut url = String::new();
                file.read_to_string(&mut url).context("the running stack's store cannot be found")?;
                Ok(Some(url.parse().context("the running stack's store cannot be found")?))
            }
            Err(TryLockError::Error(error)) => Err(error).context("the folder's lock cannot be looked at"),
        },
        Err(_) => Ok(None),
    }
}

/// The file that whoever uses a folder's store holds locked; its text is the store's URL.
const LOCK: &str = "lock";

/// The embedded DynamoDB, served over HTTP as the functions expect it.
#[derive(Debug)]
struct Embedded {
    url: String,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl Embedded {
    async fn open(folder: &Path) -> Result<Self> {
        let unusable = || format!("the data folder {} cannot be used", folder.display());
        fs::create_dir_all(folder).with_context(unusable)?;
        let mut lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(folder.join(LOCK))
            .with_context(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("{}: another stack uses it", unusable()),
            Err(TryLockError::Error(error)) => return Err(error).with_context(unusable),
        }
        let file = folder.join("store.sqlite");
        let database = Database::new(&file.to_string_lossy()).map_err(|error| anyhow!("{}: {error}", unusable()))?;
        lock.set_len(0).with_context(unusable)?;
        lock.rewind().with_context(unusable)?;
        Self::start(database, Some(lock)).await
    }

    /// Serves `database` on a free port, which `lock` is told, and holds `lock` until it stops.
    async fn start(database: Database, lock: Option<File>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port for the embedded store")?;
        let url = format!("http://{}", listener.local_addr()?);
        if let Some(mut lock) = lock.as_ref() {
            lock.write_all(url.as_bytes()).context("the data folder cannot be written to")?;
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            if let Err(error) = dynoxide::server::serve_with_shutdown(listener, database, stopped).await {
                eprintln!("the embedded store stopped: {error}");
            }
            drop(lock);
        });
        Ok(Self { url, stop, server })
    }
}

/// How to speak to DynamoDB: with the usual AWS environment and profiles, at `endpoint` or, without one, at AWS. A
/// DynamoDB that is not Amazon's wants a key but does not look at it: it gets one where none is set up.
pub async fn config(endpoint: Option<&str>) -> SdkConfig {
    let https = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(https);
    if let Some(endpoint) = endpoint {
        loader = loader.endpoint_url(endpoint);
        let is_set_up = ["AWS_ACCESS_KEY_ID", "AWS_PROFILE"].iter().any(|name| env::var_os(name).is_some());
        if !is_set_up {
            loader = loader.credentials_provider(Credentials::new("local", "local", None, None, "local"));
        }
        if env::var_os("AWS_REGION").is_none() && !is_set_up {
            loader = loader.region(Region::from_static("us-east-1"));
        }
    }
    loader.load().await
}

/// Makes a table that is not there.
async fn ensure_table(client: &Client, table: &TableSpec) -> Result<()> {
    let describe = client.describe_table().table_name(&table.name).send();
    match describe.await {
        Ok(_) => return Ok(()),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {}
        Err(error) => return Err(error.into()),
    }
    let mut create = client.create_table().table_name(&table.name).billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in &table.attributes {
        let kind = ScalarAttributeType::from(kind.as_str());
        create = create
            .attribute_definitions(AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build()?);
    }
    for (name, kind) in &table.key {
        let kind = KeyType::from(kind.as_str());
        create = create.key_schema(KeySchemaElement::builder().attribute_name(name).key_type(kind).build()?);
    }
    create.send().await.with_context(|| format!("the table {} cannot be made", table.name))?;
    Ok(())
}
