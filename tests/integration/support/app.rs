//! A running stack with the calls that tests make of it.

use std::{
    collections::HashMap,
    env,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use axum::Router;
use bench::meter::Meter;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, value::RawValue};
use shared::{auth::Role, model::AccountId, validation::json};
use tokio::sync::OnceCell;
use uuid::Uuid;
use widgets::{
    keys,
    local::{
        binaries,
        embedded_store::{Store, StoreLocation},
        function_process::Function,
        stack::{BoundStack, DEVELOPMENT_ACCOUNT, Options, Stack},
        template::Template,
    },
};

use super::{dialect::Dialect, fault_proxy::FaultProxy};

/// The header of a JSON body.
pub const JSON: (&str, &str) = ("content-type", "application/json");

/// The binaries of this workspace, built once a run.
pub async fn built() -> &'static HashMap<String, PathBuf> {
    static BINARIES: OnceCell<HashMap<String, PathBuf>> = OnceCell::const_new();
    BINARIES
        .get_or_init(|| async {
            binaries::build(["assistant", "pathway", "widgets", "bench", "panicking"])
                .await
                .unwrap()
        })
        .await
}

/// A running stack, the key of its account, and what its functions logged.
pub struct TestApp {
    pub stack: Stack,
    pub key: String,
    logs: Arc<Mutex<Vec<(String, String)>>>,
    client: reqwest::Client,
    /// The store itself, whatever stands in front of it.
    pub store: Client,
    /// What a meter stands in front of.
    _beneath: Option<Store>,
}

/// What the table holds as one.
pub type Item = HashMap<String, AttributeValue>;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The `id` of the widget in `data`.
    pub fn id(&self) -> String {
        raw_member(&self.body, "id").trim_matches('"').to_owned()
    }

    /// Returns the version in the widget's `ETag`.
    pub fn version(&self) -> u64 {
        let tag = self.header("etag");
        let (version, answer) = tag.trim_matches('"').split_once('-').expect("two parts");
        assert_eq!(tag, format!("\"{version}-{answer}\""));
        assert_eq!(answer.len(), 16, "{tag}");
        version.parse().unwrap()
    }

    /// Returns the member `data` of the body.
    pub fn data(&self) -> Value {
        self.json()["data"].take()
    }

    /// Returns the status and `detail` of an error of the assistant dialect.
    pub fn detail(&self) -> (u16, Value) {
        (self.status, self.json()["detail"].take())
    }

    /// Returns the status and the first code of an error of the pathway dialect.
    pub fn error(&self) -> (u16, Value) {
        (self.status, self.json()["errors"][0]["error"].take())
    }

    /// Returns the messages of an error of the pathway dialect.
    pub fn messages(&self) -> Vec<String> {
        let body = self.json();
        let errors = body["errors"].as_array().unwrap().iter();
        errors.map(|error| error["message"].as_str().unwrap().to_owned()).collect()
    }

    pub fn header(&self, name: &str) -> &str {
        self.find_header(name).unwrap_or_else(|| panic!("no {name}: {self:?}"))
    }

    pub fn find_header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl TestApp {
    /// A stack as `widgets serve --ephemeral` starts it.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same over a store that tells what it is asked.
    pub async fn start_metered() -> (Self, Meter) {
        let tables = Template::read(binaries::workspace()).unwrap().tables;
        let store = Store::open(&StoreLocation::Memory, &tables).await.unwrap();
        let meter = Meter::start(&store.url).await.unwrap();
        let location = StoreLocation::Endpoint(meter.url.clone());
        let app = Self::start_with(|options| options.store_location = location).await;
        (Self { store: store.client(), _beneath: Some(store), ..app }, meter)
    }

    /// The same over a store that fails as it is told, with other options.
    pub async fn start_over(proxy: &FaultProxy, change: impl FnOnce(&mut Options)) -> Self {
        let app = Self::start_with(|options| {
            options.store_location = StoreLocation::Endpoint(proxy.url.clone());
            change(options);
        });
        Self { store: proxy.store.client(), ..app.await }
    }

    /// The same with other options.
    pub async fn start_with(change: impl FnOnce(&mut Options)) -> Self {
        let key = keys::generate().unwrap();
        let logs = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&logs);
        let mut options = Options {
            address: ([127, 0, 0, 1], 0).into(),
            prefix: String::new(),
            store_location: StoreLocation::Memory,
            store_address: None,
            concurrency: 4,
            template: Template::read(binaries::workspace()).unwrap(),
            logs: Arc::new(move |function, line| {
                sink.lock().unwrap().push((function.to_owned(), line.to_owned()))
            }),
        };
        change(&mut options);
        let bound = BoundStack::new(options).await.unwrap();
        keys::issue_development_key(&key, &bound.store).await.unwrap();
        let stack = bound.start(built().await, Router::new()).await.unwrap();
        let store = stack.store.client();
        Self {
            stack,
            key: key.reveal().to_owned(),
            logs,
            client: reqwest::Client::new(),
            store,
            _beneath: None,
        }
    }

    /// Sends a request as it is.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let method = method.parse().unwrap();
        let mut request =
            self.client.request(method, format!("{}{path}", self.stack.url)).body(body);
        for (name, value) in headers {
            let name = HeaderName::try_from(*name).unwrap();
            request = request.header(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let response = request.send().await.unwrap();
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.text().await.unwrap(),
        }
    }

    /// Sends a request with the account's key in a header and a body of JSON.
    pub async fn call(&self, method: &str, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.call_with(&[], method, path, body).await
    }

    /// Sends the same with more headers.
    pub async fn call_with(
        &self,
        headers: &[(&str, &str)],
        method: &str,
        path: &str,
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let headers = [&[("authorization", &*self.key), JSON], headers].concat();
        self.send(method, path, &headers, body).await
    }

    /// Creates a widget with the required fields alone.
    pub async fn create(&self, dialect: &Dialect) -> Answer {
        let created = self.call("POST", dialect.root, dialect.body).await;
        assert_eq!(created.status, 200, "{created:?}");
        created
    }

    /// Invokes a function as AWS's tools do: what it answers, or else what it fails with.
    pub async fn invoke(&self, function: &str, payload: &str) -> Result<String, String> {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let answer = self.send("POST", &path, &[], payload.to_owned()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        if answer.headers.contains_key("x-amz-function-error") {
            Err(answer.body)
        } else {
            Ok(answer.body)
        }
    }

    /// Creates an assistant widget as the service's clients do.
    pub async fn create_assistant(&self, body: impl Into<reqwest::Body>) -> Answer {
        let path = format!("/api/v1/widget?api_key={}", self.key);
        self.send("POST", &path, &[JSON], body).await
    }

    /// Creates a pathway widget as the service's clients do.
    pub async fn create_pathway(&self, body: impl Into<reqwest::Body>) -> Answer {
        self.call("POST", "/v1/widget", body).await
    }

    /// Writes an item to the table as it is.
    pub async fn put(&self, item: Item) {
        self.store.put_item().table_name("Widgets").set_item(Some(item)).send().await.unwrap();
    }

    /// The item that a widget of the development account is kept as.
    pub async fn stored(&self, dialect: &str, id: &str) -> Option<Item> {
        let is_it = |item: &Item| item["sk"] == AttributeValue::S(id.to_owned());
        self.stored_of(DEVELOPMENT_ACCOUNT, dialect).await.into_iter().find(is_it)
    }

    /// The items that an account's widgets are kept as.
    pub async fn stored_of(&self, account: AccountId, dialect: &str) -> Vec<Item> {
        let query = self.store.query().table_name("Widgets").key_condition_expression("pk = :pk");
        let query = query
            .expression_attribute_values(":pk", AttributeValue::S(format!("{account}#{dialect}")));
        let items: Result<Vec<Item>, _> = query.into_paginator().items().send().collect().await;
        items.unwrap().into_iter().filter(is_widget).collect()
    }

    /// Creates an account beside the development account. Returns its key.
    pub async fn another_key(&self) -> String {
        self.another_account().await.0
    }

    /// Creates an account beside the development account. Returns its key and its id.
    pub async fn another_account(&self) -> (String, AccountId) {
        let account = AccountId(Uuid::new_v4());
        (self.issue_key(account, Role::Full).await, account)
    }

    /// Creates a key of the development account that may only read.
    pub async fn reading_key(&self) -> String {
        self.issue_key(DEVELOPMENT_ACCOUNT, Role::Read).await
    }

    /// Creates a key of an account.
    pub async fn issue_key(&self, account: AccountId, role: Role) -> String {
        let key = keys::generate().unwrap();
        let item = keys::KeySpec { key: &key, account, role, expires_at: None, name: None };
        item.put(&self.stack.store.config, "ApiKeys").await.unwrap();
        key.reveal().to_owned()
    }

    /// How many widgets are kept.
    pub async fn count(&self) -> usize {
        self.items().await.into_iter().filter(is_widget).count()
    }

    /// Everything that is kept, widgets and what is remembered of requests and of deleted widgets.
    pub async fn items(&self) -> Vec<Item> {
        let scan = self.store.scan().table_name("Widgets").into_paginator().items().send();
        scan.collect::<Result<_, _>>().await.unwrap()
    }

    /// Waits for a log line of `function` that holds `part`.
    pub async fn logged(&self, function: &str, part: &str) -> String {
        let found = || {
            let logs = self.logs.lock().unwrap();
            logs.iter()
                .find(|(name, line)| name == function && line.contains(part))
                .map(|(_, line)| line.clone())
        };
        eventually(&format!("a line of {function} with {part}"), found).await
    }

    /// Waits for a log line of any function that holds `part`.
    pub async fn logged_any(&self, part: &str) {
        eventually(&format!("a line with {part}"), || self.log().contains(part).then_some(()))
            .await;
    }

    /// What was logged so far of the request that was answered with this.
    pub fn log_of(&self, answer: &Answer) -> String {
        self.log().lines().filter(|line| line.contains(answer.header("x-request-id"))).collect()
    }

    /// Everything that was logged so far.
    pub fn log(&self) -> String {
        self.logs.lock().unwrap().iter().map(|(name, line)| format!("{name} {line}\n")).collect()
    }
}

/// Whether what is kept is a widget.
pub fn is_widget(item: &Item) -> bool {
    item.contains_key("id")
}

/// What a function finds in its environment whose store is at `endpoint`.
pub fn variables(name: &str, endpoint: &str) -> Vec<(String, String)> {
    let variables = [
        ("AWS_LAMBDA_FUNCTION_NAME", name),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint.trim_end_matches('/')),
        ("WIDGETS_TABLE", "Widgets"),
        ("API_KEYS_TABLE", "ApiKeys"),
    ];
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// A function by itself, over the store at `endpoint`.
pub async fn function(binary: &str, endpoint: &str, more: &[(&str, &str)]) -> Function {
    let mut variables = variables(binary, endpoint);
    variables.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Function::new(
        binary,
        built().await[binary].clone(),
        Duration::from_secs(10),
        variables,
        1,
        Arc::new(|_, _| {}),
    )
}

/// How many rounds a test makes of what it does over and over: `few`, or as many times that as
/// `WIDGETS_TEST_FACTOR` says.
pub fn rounds(few: usize) -> usize {
    few * env::var("WIDGETS_TEST_FACTOR").map_or(1, |factor| factor.parse::<usize>().unwrap())
}

/// Waits until `condition` holds and tells what it found. A condition that stays away fails the
/// test.
pub async fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    let mut turn = tokio::time::interval(Duration::from_millis(5));
    loop {
        turn.tick().await;
        if let Some(found) = condition() {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "never came: {what}");
    }
}

/// Returns the keys of an object, in order of appearance. A parsed [`Value`] does not keep it.
pub fn keys_in_order(object: &str) -> Vec<String> {
    let members = json::members(json::value(object).unwrap()).unwrap();
    members.names().map(str::to_owned).collect()
}

/// Returns the text of a member of an object, as it stands there.
pub fn raw(object: &str, name: &str) -> String {
    serde_json::from_str::<HashMap<String, &RawValue>>(object).unwrap()[name].get().to_owned()
}

/// Returns the text of the object `data` in a body.
pub fn raw_data(body: &str) -> String {
    raw(body, "data")
}

/// Returns the text of one member of the object `data` in a body.
pub fn raw_member(body: &str, name: &str) -> String {
    raw(&raw_data(body), name)
}
