//! The whole service on this machine.

use std::{
    collections::HashMap,
    env, fmt,
    io::ErrorKind,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use aws_sdk_dynamodb::config::ProvideCredentials;
use axum::Router;
use shared::model::AccountId;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle, time::timeout};
use uuid::Uuid;

use super::{
    embedded_store::{LOOPBACK, Store, StoreLocation},
    function_process::{Function, LogSink},
    gateway::{self, Routes},
    invocations::Functions,
    template::{FunctionSpec, Template},
};

/// The account of a local stack: the same at every start, so that what it made is there under the
/// next key too.
pub const DEVELOPMENT_ACCOUNT: AccountId =
    AccountId(Uuid::from_u128(0xd0000000_0000_4000_8000_000000000000));

/// How long requests have to come to their end when the stack stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// What a stack is started with.
pub struct Options {
    /// Where it listens; port 0 is any free one.
    pub address: SocketAddr,
    /// What precedes every route of the API: `/chat`, or nothing.
    pub prefix: String,
    /// Where it keeps its data.
    pub store_location: StoreLocation,
    /// Where an embedded store listens, if not on any free port that only this machine reaches.
    pub store_address: Option<SocketAddr>,
    /// The most execution environments a function has.
    pub concurrency: usize,
    /// What is deployed.
    pub template: Template,
    /// Takes the functions' log lines.
    pub logs: LogSink,
}

/// A stack whose port is bound and whose store is open. It does not answer yet.
pub struct BoundStack {
    /// Its store.
    pub store: Store,
    options: Options,
    listener: TcpListener,
}

/// A running stack. It stops soon after it is dropped; [`Stack::stop`] waits for that.
pub struct Stack {
    /// Where it answers, without the API's prefix.
    pub url: String,
    /// Its store.
    pub store: Store,
    stop: oneshot::Sender<()>,
    gateway: JoinHandle<()>,
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").field("url", &self.url).finish_non_exhaustive()
    }
}

impl BoundStack {
    /// Opens the store and takes the port: what can fail at once, does, before anything slow.
    pub async fn new(options: Options) -> Result<Self> {
        let Options { address, store_address, store_location, template, .. } = &options;
        let store_address = store_address.unwrap_or(LOOPBACK);
        let store = Store::open_at(store_address, store_location, &template.tables).await?;
        let listener = TcpListener::bind(address).await.map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => {
                anyhow!("{address} is in use by another program (--port takes another)")
            }
            ErrorKind::AddrNotAvailable => anyhow!(
                "{} is no address of this machine (--host takes one, such as 127.0.0.1)",
                address.ip()
            ),
            _ => anyhow!("cannot listen on {address}: {error} (--port takes another)"),
        })?;
        Ok(Self { options, listener, store })
    }

    /// Where it will answer, without the API's prefix.
    pub fn url(&self) -> Result<String> {
        Ok(url(self.listener.local_addr()?))
    }

    /// Starts to answer, with the functions' binaries by name. Their processes start with the first
    /// request. What no route of the API matches, `page` answers to this machine.
    pub async fn start(self, binaries: &HashMap<String, PathBuf>, page: Router) -> Result<Stack> {
        let url = self.url()?;
        let Self { options, listener, store } = self;
        let mut routes = Routes::new(options.prefix, Arc::clone(&options.logs));
        let mut functions = Functions::default();
        for spec in &options.template.functions {
            let binary = binaries
                .get(&spec.binary)
                .with_context(|| format!("no binary for {}", spec.name))?;
            let function = Arc::new(Function::new(
                &spec.name,
                binary.clone(),
                spec.timeout,
                environment(spec, binary, &store).await?,
                options.concurrency,
                Arc::clone(&options.logs),
            ));
            for route in &spec.routes {
                routes.add(route, Arc::clone(&function))?;
            }
            functions.add([&spec.name, &spec.binary], &function);
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let gateway = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            if let Err(error) = gateway::serve(listener, routes, functions, page, stopped).await {
                eprintln!("the gateway stopped: {error}");
            }
        });
        Ok(Stack { url, store, stop, gateway })
    }
}

impl Stack {
    /// Stops everything that was started: the gateway and with it the functions' processes, then
    /// the store. Requests that are being answered get two seconds for it.
    pub async fn stop(self) {
        drop(self.stop);
        let _ = timeout(STOP_TIMEOUT, self.gateway).await;
        self.store.stop().await;
    }
}

/// The URL that reaches `address` from this machine.
fn url(address: SocketAddr) -> String {
    let host = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => "127.0.0.1".to_owned(),
        IpAddr::V6(ip) if ip.is_unspecified() => "[::1]".to_owned(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    format!("http://{host}:{}", address.port())
}

/// The environment of a function's processes, as Lambda sets it
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>), with the store's
/// address and credentials.
pub async fn environment(
    spec: &FunctionSpec,
    binary: &Path,
    store: &Store,
) -> Result<Vec<(String, String)>> {
    let region = store.config.region().map_or("us-east-1", |region| region.as_ref()).to_owned();
    let provider = store.config.credentials_provider().context("no AWS credentials")?;
    let credentials = provider.provide_credentials().await.context("no AWS credentials")?;
    let mut environment: Vec<(String, String)> = spec.variables.clone().into_iter().collect();
    let mut set = |name: &str, value: &str| environment.push((name.to_owned(), value.to_owned()));
    set("AWS_LAMBDA_FUNCTION_NAME", &spec.name);
    set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &spec.memory);
    set("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
    set("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
    set("AWS_LAMBDA_LOG_GROUP_NAME", &format!("/aws/lambda/{}", spec.name));
    set("AWS_LAMBDA_LOG_FORMAT", "JSON");
    if let Some(level) = &spec.log_level {
        set("AWS_LAMBDA_LOG_LEVEL", level);
    }
    set("AWS_REGION", &region);
    set("AWS_DEFAULT_REGION", &region);
    set("AWS_ACCESS_KEY_ID", credentials.access_key_id());
    set("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key());
    if let Some(token) = credentials.session_token() {
        set("AWS_SESSION_TOKEN", token);
    }
    set("AWS_ENDPOINT_URL_DYNAMODB", &store.url);
    if let Some(bundle) = env::var_os("AWS_CA_BUNDLE") {
        set("AWS_CA_BUNDLE", &bundle.to_string_lossy());
    }
    set("LAMBDA_TASK_ROOT", &binary.parent().unwrap_or(binary).to_string_lossy());
    set("LAMBDA_RUNTIME_DIR", "/var/runtime");
    set("_HANDLER", "bootstrap");
    set("LANG", "en_US.UTF-8");
    set("TZ", ":UTC");
    set("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin");
    Ok(environment)
}
