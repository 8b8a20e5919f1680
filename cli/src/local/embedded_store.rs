//! The store behind a local stack: the embedded DynamoDB, in memory or in a folder, or a DynamoDB
//! elsewhere.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    client::Waiters,
    types::{
        BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
        GlobalSecondaryIndexUpdate, TableDescription, TimeToLiveSpecification,
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
    store_access::{config, local_config, reason},
    template::TableSpec,
};

/// The table of keys, as the template names it.
pub const API_KEYS_TABLE: &str = "ApiKeys";

/// The table of widgets, as the template names it.
pub const WIDGETS_TABLE: &str = "Widgets";

/// How long DynamoDB may take to make a table.
const TABLE_TIMEOUT: Duration = Duration::from_secs(60);

/// How often the embedded store deletes what has expired; DynamoDB does so within days
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html>).
const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// How long the connections to a store that stops may take to end.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// A free port that only this machine reaches.
pub const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

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

/// Checks that a data folder is not a file.
pub fn check_folder(folder: &Path) -> Result<()> {
    ensure!(!folder.is_file(), "{} is a file: --data takes a folder", folder.display());
    Ok(())
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
        Self::open_at(LOOPBACK, location, tables).await
    }

    /// Opens the store at `location`, with every one of `tables` in it. An embedded one listens on
    /// `address`.
    pub async fn open_at(
        address: SocketAddr,
        location: &StoreLocation,
        tables: &[TableSpec],
    ) -> Result<Self> {
        let store = match location {
            StoreLocation::Memory => Self::serve(address, Database::memory()?, None).await?,
            StoreLocation::Folder(folder) => {
                let store = Self::in_folder(address, folder).await?;
                ensure!(
                    store.is_embedded(),
                    "the data folder {} is in use by another stack: stop that one, or give this one \
                     another folder and port (--data, --port)",
                    folder.display()
                );
                store
            }
            StoreLocation::Endpoint(url) => Self {
                url: url.as_str().trim_end_matches('/').to_owned(),
                config: config(Some(url)).await?,
                embedded: None,
            },
        };
        store.with_tables(tables).await
    }

    /// Opens the store in `folder`, or speaks to it through the stack that has it open.
    pub async fn open_or_join(folder: &Path, tables: &[TableSpec]) -> Result<Self> {
        Self::in_folder(LOOPBACK, folder).await?.with_tables(tables).await
    }

    async fn in_folder(address: SocketAddr, folder: &Path) -> Result<Self> {
        check_folder(folder)?;
        let shown = folder.display();
        let unusable = || format!("the data folder {shown} cannot be used (--data takes another)");
        let (lock, url) = lock(folder).await.with_context(unusable)?;
        if let Some(url) = url {
            return Ok(Self { config: local_config(&url), url, embedded: None });
        }
        let file = folder.join("store.sqlite");
        let database = open_database(&file.to_string_lossy()).with_context(|| {
            let file = file.display();
            format!("the store {file} cannot be read: move it away to begin with an empty one")
        })?;
        Self::serve(address, database, Some(lock)).await
    }

    /// Serves `database` on `address`, which `lock` is told, and holds `lock` until it stops.
    async fn serve(address: SocketAddr, database: Database, lock: Option<File>) -> Result<Self> {
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("the store cannot listen on {address} (--store-address takes another)")
        })?;
        let url = format!("http://{}", listener.local_addr()?);
        if let Some(mut lock) = lock.as_ref() {
            let written = lock.rewind().and_then(|()| lock.write_all(url.as_bytes()));
            written.context("the data folder cannot be written to")?;
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
        Ok(Self { config: local_config(&url), url, embedded: Some(Embedded { stop, server }) })
    }

    async fn with_tables(self, tables: &[TableSpec]) -> Result<Self> {
        for table in tables {
            let ensured = ensure_table(&self, table).await;
            ensured.with_context(|| format!("the table {} cannot be made", table.name))?;
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

    /// Stops the embedded store. What was written survives the end of the process already.
    pub async fn stop(self) {
        if let Some(embedded) = self.embedded {
            drop(embedded.stop);
            let _ = timeout(STOP_TIMEOUT, embedded.server).await;
        }
    }
}

/// The file that whoever uses a folder's store holds locked; its text is the store's URL.
const LOCK: &str = "lock";

/// Locks `folder`, or returns the URL of the store that another process serves from it. One that is
/// just opening or closing it is waited for.
async fn lock(folder: &Path) -> Result<(File, Option<String>)> {
    fs::create_dir_all(folder)?;
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    let mut lock = options.open(folder.join(LOCK))?;
    let mut turn = interval(Duration::from_millis(20));
    for _ in 0..100 {
        turn.tick().await;
        match lock.try_lock() {
            Ok(()) => {
                lock.set_len(0)?;
                return Ok((lock, None));
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
            Err(TryLockError::WouldBlock) => {}
        }
        let mut url = String::new();
        lock.rewind()?;
        lock.read_to_string(&mut url)?;
        if let Some(address) = url.strip_prefix("http://")
            && TcpStream::connect(address).await.is_ok()
        {
            return Ok((lock, Some(url)));
        }
    }
    bail!("another process holds it and does not answer")
}

/// The embedded DynamoDB, served over HTTP as the functions expect it.
#[derive(Debug)]
struct Embedded {
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
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
    let database = Database::new(file)?;
    // It has `PRAGMA synchronous = NORMAL`: a write does not wait for the disk. A process that is
    // killed loses nothing all the same, a machine that loses power its last writes.
    database.disable_bulk_loading()?;
    Ok(database)
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
    match client.describe_table().table_name(&table.name).send().await {
        Ok(described) => {
            let existing = described.table.context("DynamoDB describes no table")?;
            complete(store, table, &existing).await?;
        }
        Err(error)
            if error.as_service_error().is_some_and(|it| it.is_resource_not_found_exception()) =>
        {
            create(store, table).await?;
        }
        Err(error) => return Err(reason(&error, &store.config)),
    }
    match &table.ttl {
        Some(attribute) => ensure_ttl(store, table, attribute).await,
        None => Ok(()),
    }
}

async fn create(store: &Store, table: &TableSpec) -> Result<()> {
    let mut create = store
        .client()
        .create_table()
        .table_name(&table.name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(table.attributes.clone()))
        .set_key_schema(Some(table.key.clone()))
        .set_stream_specification(table.stream.clone());
    for index in &table.indexes {
        create = create.global_secondary_indexes(index.clone());
    }
    create.send().await.map_err(|error| reason(&error, &store.config))?;
    wait(store, table).await
}

/// Adds the indexes and the stream that a table lacks. DynamoDB refuses to change the view of a
/// stream that exists.
async fn complete(store: &Store, table: &TableSpec, existing: &TableDescription) -> Result<()> {
    let client = store.client();
    let exists = |index: &GlobalSecondaryIndex| {
        let mut indexes = existing.global_secondary_indexes().iter();
        indexes.any(|existing| existing.index_name() == Some(index.index_name()))
    };
    let update = || client.update_table().table_name(&table.name);
    for index in table.indexes.iter().filter(|index| !exists(index)) {
        let create = CreateGlobalSecondaryIndexAction::builder()
            .index_name(&index.index_name)
            .set_key_schema(Some(index.key_schema.clone()))
            .set_projection(index.projection.clone())
            .build()?;
        update()
            .set_attribute_definitions(Some(table.attributes.clone()))
            .global_secondary_index_updates(
                GlobalSecondaryIndexUpdate::builder().create(create).build(),
            )
            .send()
            .await
            .map_err(|error| reason(&error, &store.config))?;
        // One at a time
        // (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.OnlineOps.html).
        wait(store, table).await?;
    }
    if table.stream.is_some() && existing.stream_specification != table.stream {
        let update = update().set_stream_specification(table.stream.clone());
        update.send().await.map_err(|error| reason(&error, &store.config))?;
        wait(store, table).await?;
    }
    Ok(())
}

async fn ensure_ttl(store: &Store, table: &TableSpec, attribute: &str) -> Result<()> {
    let client = store.client();
    let described = client.describe_time_to_live().table_name(&table.name).send().await;
    let described = described.map_err(|error| reason(&error, &store.config))?;
    let ttl = described.time_to_live_description;
    if ttl.is_some_and(|ttl| ttl.attribute_name() == Some(attribute)) {
        return Ok(());
    }
    let ttl = TimeToLiveSpecification::builder().attribute_name(attribute).enabled(true).build()?;
    let update = client.update_time_to_live().table_name(&table.name);
    let updated = update.time_to_live_specification(ttl).send().await;
    updated.map_err(|error| reason(&error, &store.config))?;
    Ok(())
}

/// Waits until a table can be used.
async fn wait(store: &Store, table: &TableSpec) -> Result<()> {
    store.client().wait_until_table_exists().table_name(&table.name).wait(TABLE_TIMEOUT).await?;
    Ok(())
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
