//! The store behind a local stack: the embedded DynamoDB, in memory or in a folder, or a DynamoDB
//! elsewhere.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    client::Waiters,
    error::BuildError,
    operation::describe_table::DescribeTableError,
    types::{
        AttributeDefinition, BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
        GlobalSecondaryIndexUpdate, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType, StreamSpecification, StreamViewType, TableDescription,
        TimeToLiveSpecification,
    },
};
use dynoxide::{Database, storage::Storage};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::{JoinHandle, spawn_blocking},
    time::{interval, timeout},
};
use url::Url;

use super::{
    binaries,
    store_access::{config, failed, local_config},
    template::{AttributeSpec, IndexSpec, KeyPart, TableSpec},
};

/// The table of keys, as the template names it.
pub const API_KEYS_TABLE: &str = "ApiKeys";

/// How long DynamoDB may take to make a table.
const TABLE_TIMEOUT: Duration = Duration::from_secs(60);

/// How often the embedded store deletes what has expired; DynamoDB does so within days
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html>).
const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// How long the connections to a store that stops may take to end.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// Where a stack keeps its data.
#[derive(Debug, Clone)]
pub enum StoreLocation {
    /// In memory, gone with the stack.
    Memory,
    /// In a folder, there again at the next start.
    Folder(PathBuf),
    /// In a DynamoDB that runs elsewhere.
    Endpoint(Url),
}

/// Returns the folder that keeps a local stack's data unless another is named. It is in the
/// checkout, whatever the current directory.
pub fn data_folder() -> PathBuf {
    binaries::workspace().join(".widgets")
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
    /// Opens the store at `location`, with every one of `tables` in it.
    pub async fn open(location: &StoreLocation, tables: &[TableSpec]) -> Result<Self> {
        match location {
            StoreLocation::Memory => {
                Self::of(Embedded::start(Database::memory()?, None).await?, tables).await
            }
            StoreLocation::Folder(folder) => match Embedded::open(folder).await? {
                OpenOutcome::Opened(embedded) => Self::of(embedded, tables).await,
                OpenOutcome::InUse(_) => {
                    bail!(
                        "the data folder {} is in use by another stack: stop that one, or give this one \
                         another folder and port (--data, --port)",
                        folder.display()
                    )
                }
            },
            StoreLocation::Endpoint(url) => {
                let config = config(Some(url)).await?;
                let url = url.as_str().trim_end_matches('/').to_owned();
                Self { url, config, embedded: None }.with_tables(tables).await
            }
        }
    }

    /// Opens the store in `folder`, or speaks to it through the stack that has it open.
    pub async fn open_or_join(folder: &Path, tables: &[TableSpec]) -> Result<Self> {
        match Embedded::open(folder).await? {
            OpenOutcome::Opened(embedded) => Self::of(embedded, tables).await,
            OpenOutcome::InUse(url) => {
                let config = local_config(&url);
                Self { url, config, embedded: None }.with_tables(tables).await
            }
        }
    }

    async fn of(embedded: Embedded, tables: &[TableSpec]) -> Result<Self> {
        let url = embedded.url.clone();
        let config = local_config(&url);
        Self { url, config, embedded: Some(embedded) }.with_tables(tables).await
    }

    async fn with_tables(self, tables: &[TableSpec]) -> Result<Self> {
        for table in tables {
            ensure_table(&self, table).await?;
        }
        Ok(self)
    }

    /// A client of the store.
    pub fn client(&self) -> Client {
        Client::new(&self.config)
    }

    /// Whether there is one in `folder`, in use or not.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(LOCK).exists()
    }

    /// Whether it is this process that has it open, and not a stack or a DynamoDB elsewhere.
    pub fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// Stops the embedded store. What was written is on disk already.
    pub async fn stop(self) {
        if let Some(embedded) = self.embedded {
            drop(embedded.stop);
            let _ = timeout(STOP_TIMEOUT, embedded.server).await;
        }
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

/// The outcome of opening the store in a folder.
enum OpenOutcome {
    Opened(Embedded),
    /// Another process has it open, and serves it at this URL.
    InUse(String),
}

impl Embedded {
    /// Opens the store in `folder`, unless another process has it open. One that is just opening or
    /// closing it is waited for.
    async fn open(folder: &Path) -> Result<OpenOutcome> {
        let shown = folder.display();
        let unusable = || format!("the data folder {shown} cannot be used (--data takes another)");
        ensure!(!folder.is_file(), "{shown} is a file: --data takes a folder");
        fs::create_dir_all(folder).with_context(unusable)?;
        let file = folder.join(LOCK);
        let mut lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(file)
            .with_context(unusable)?;
        let mut turn = interval(Duration::from_millis(20));
        for _ in 0..100 {
            turn.tick().await;
            match lock.try_lock() {
                Ok(()) => {
                    lock.set_len(0).with_context(unusable)?;
                    let file = folder.join("store.sqlite");
                    let database = open_database(&file.to_string_lossy()).with_context(|| {
                        let file = file.display();
                        format!("the store {file} cannot be read: move it away to begin with an empty one")
                    })?;
                    return Ok(OpenOutcome::Opened(Self::start(database, Some(lock)).await?));
                }
                Err(TryLockError::Error(error)) => return Err(error).with_context(unusable),
                Err(TryLockError::WouldBlock) => {}
            }
            let mut url = String::new();
            lock.rewind().with_context(unusable)?;
            lock.read_to_string(&mut url).with_context(unusable)?;
            if let Some(address) = url.strip_prefix("http://")
                && TcpStream::connect(address).await.is_ok()
            {
                return Ok(OpenOutcome::InUse(url));
            }
        }
        bail!("{}: another process holds it and does not answer", unusable())
    }

    /// Serves `database` on a free port, which `lock` is told, and holds `lock` until it stops.
    async fn start(database: Database, lock: Option<File>) -> Result<Self> {
        let listener =
            TcpListener::bind("127.0.0.1:0").await.context("no port for the embedded store")?;
        let url = format!("http://{}", listener.local_addr()?);
        if let Some(mut lock) = lock.as_ref() {
            lock.rewind().context("the data folder cannot be written to")?;
            lock.write_all(url.as_bytes()).context("the data folder cannot be written to")?;
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            let sweeper = tokio::spawn(sweep(database.clone()));
            if let Err(error) =
                dynoxide::server::serve_with_shutdown(listener, database, stopped).await
            {
                eprintln!("the embedded store stopped: {error}");
            }
            sweeper.abort();
            drop(lock);
        });
        Ok(Self { url, stop, server })
    }
}

/// Opens the database in `file`. On its own it would keep a stream's records for ever, and look
/// through all of them at each write: here they have an index, and those that are older than 24
/// hours, which is as long as DynamoDB keeps them
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html>), go each time
/// it is opened.
fn open_database(file: &str) -> Result<Database> {
    let storage = Storage::new(file).map_err(|error| {
        // What else it says is about features of the crate.
        match error.to_string().split_once("encrypted or not a valid SQLite database") {
            Some(_) => anyhow!("it is not an SQLite database"),
            None => error.into(),
        }
    })?;
    storage.conn().execute_batch(
        "CREATE INDEX IF NOT EXISTS stream_records_in_order
             ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
         DELETE FROM _stream_records WHERE created_at < strftime('%s', 'now') - 24 * 60 * 60;",
    )?;
    drop(storage);
    Ok(Database::new(file)?)
}

/// Deletes what has expired, now and then.
async fn sweep(database: Database) {
    let mut turn = interval(SWEEP_INTERVAL);
    loop {
        turn.tick().await;
        let database = database.clone();
        if let Ok(Err(error)) = spawn_blocking(move || database.sweep_ttl()).await {
            eprintln!("what has expired cannot be deleted: {error}");
        }
    }
}

/// Creates a table, or adds what one that an earlier version created lacks.
async fn ensure_table(store: &Store, table: &TableSpec) -> Result<()> {
    let client = &store.client();
    let ensured = match describe(store, table).await? {
        Some(existing) => complete(client, table, &existing).await,
        None => create(client, table).await,
    };
    let unmade = || format!("the table {} cannot be made", table.name);
    ensured.with_context(unmade)?;
    match &table.ttl {
        Some(attribute) => ensure_ttl(client, table, attribute).await.with_context(unmade),
        None => Ok(()),
    }
}

/// Returns what is known of a table, if it exists.
async fn describe(store: &Store, table: &TableSpec) -> Result<Option<TableDescription>> {
    match store.client().describe_table().table_name(&table.name).send().await {
        Ok(described) => Ok(described.table),
        Err(error) => match error.as_service_error() {
            Some(DescribeTableError::ResourceNotFoundException(_)) => Ok(None),
            _ => {
                let what = format!("the table {} cannot be described", table.name);
                Err(failed(what, &error, &store.config))
            }
        },
    }
}

async fn create(client: &Client, table: &TableSpec) -> Result<()> {
    let mut create = client
        .create_table()
        .table_name(&table.name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(attribute_definitions(&table.attributes)?))
        .set_key_schema(Some(key_schema(&table.key)?))
        .set_stream_specification(stream_specification(table)?);
    for index in &table.indexes {
        create = create.global_secondary_indexes(
            GlobalSecondaryIndex::builder()
                .index_name(&index.name)
                .set_key_schema(Some(key_schema(&index.key)?))
                .projection(projection(index))
                .build()?,
        );
    }
    create.send().await?;
    wait(client, table).await
}

/// Adds the indexes and the stream that a table lacks. DynamoDB refuses to change the view of a
/// stream that exists.
async fn complete(client: &Client, table: &TableSpec, existing: &TableDescription) -> Result<()> {
    let exists = |index: &IndexSpec| {
        let mut indexes = existing.global_secondary_indexes().iter();
        indexes.any(|existing| existing.index_name() == Some(&index.name))
    };
    for index in table.indexes.iter().filter(|index| !exists(index)) {
        add_index(client, table, index).await?;
        // One at a time
        // (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.OnlineOps.html).
        wait(client, table).await?;
    }
    let stream = stream_specification(table)?;
    if stream.is_some() && existing.stream_specification != stream {
        let update = client.update_table().table_name(&table.name);
        update.set_stream_specification(stream).send().await?;
        wait(client, table).await?;
    }
    Ok(())
}

async fn ensure_ttl(client: &Client, table: &TableSpec, attribute: &str) -> Result<()> {
    let described = client.describe_time_to_live().table_name(&table.name).send().await?;
    let ttl = described.time_to_live_description;
    if ttl.is_some_and(|ttl| ttl.attribute_name() == Some(attribute)) {
        return Ok(());
    }
    let ttl = TimeToLiveSpecification::builder().attribute_name(attribute).enabled(true).build()?;
    let update = client.update_time_to_live().table_name(&table.name);
    update.time_to_live_specification(ttl).send().await?;
    Ok(())
}

/// Waits until a table can be used.
async fn wait(client: &Client, table: &TableSpec) -> Result<()> {
    client.wait_until_table_exists().table_name(&table.name).wait(TABLE_TIMEOUT).await?;
    Ok(())
}

async fn add_index(client: &Client, table: &TableSpec, index: &IndexSpec) -> Result<()> {
    let create = CreateGlobalSecondaryIndexAction::builder()
        .index_name(&index.name)
        .set_key_schema(Some(key_schema(&index.key)?))
        .projection(projection(index))
        .build()?;
    client
        .update_table()
        .table_name(&table.name)
        .set_attribute_definitions(Some(attribute_definitions(&table.attributes)?))
        .global_secondary_index_updates(
            GlobalSecondaryIndexUpdate::builder().create(create).build(),
        )
        .send()
        .await?;
    Ok(())
}

fn attribute_definitions(
    attributes: &[AttributeSpec],
) -> Result<Vec<AttributeDefinition>, BuildError> {
    let definition = |attribute: &AttributeSpec| {
        let kind = ScalarAttributeType::from(attribute.kind.as_str());
        AttributeDefinition::builder().attribute_name(&attribute.name).attribute_type(kind).build()
    };
    attributes.iter().map(definition).collect()
}

fn key_schema(key: &[KeyPart]) -> Result<Vec<KeySchemaElement>, BuildError> {
    let element = |part: &KeyPart| {
        let kind = KeyType::from(part.kind.as_str());
        KeySchemaElement::builder().attribute_name(&part.attribute).key_type(kind).build()
    };
    key.iter().map(element).collect()
}

fn projection(index: &IndexSpec) -> Projection {
    let kind = ProjectionType::from(index.projection.kind.as_str());
    Projection::builder().projection_type(kind).build()
}

fn stream_specification(table: &TableSpec) -> Result<Option<StreamSpecification>, BuildError> {
    let specification = |view: &String| {
        let view = StreamViewType::from(view.as_str());
        StreamSpecification::builder().stream_enabled(true).stream_view_type(view).build()
    };
    table.stream.as_ref().map(specification).transpose()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn stream_records_expire_after_24_hours() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("store.sqlite").to_string_lossy().into_owned();
        drop(open_database(&file).unwrap());
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() as i64;
        let day = 24 * 60 * 60;
        let storage = Storage::new(&file).unwrap();
        for (number, time) in
            [("1", now - 2 * day), ("2", now - day - 60), ("3", now - day + 60), ("4", now)]
        {
            storage
                .insert_stream_record("T", "REMOVE", "{}", None, None, number, "shard", time)
                .unwrap();
        }
        drop(storage);
        drop(open_database(&file).unwrap());
        let left = Storage::new(&file).unwrap().get_stream_records("T", "shard", 0, 10).unwrap();
        assert_eq!(
            left.iter().map(|record| record.sequence_number.as_str()).collect::<Vec<_>>(),
            ["3", "4"]
        );
    }
}
