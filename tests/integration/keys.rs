//! API keys: where a request presents them, when they expire or are revoked, and `widgets keys`.

use std::{
    cell::Cell,
    fs,
    io::pipe,
    process::Stdio,
    time::{Duration, Instant, SystemTime},
};

use assistant::Assistant;
use aws_sdk_dynamodb::{
    config::Credentials,
    types::{AttributeValue, PutRequest, WriteRequest},
};
use futures_util::future::join_all;
use pathway::Pathway;
use serde_json::{Value, json};
use shared::{
    auth::{ApiKey, ApiKeys, Moment, Role},
    dynamodb::{ClientConfig, LeanClient},
    http::Request,
    model::{AccountId, Hash, Timestamp},
    runtime::{App, Dialect},
    store::Store,
};
use uuid::Uuid;
use widgets::{
    keys::{KeySpec, NewKey, generate},
    local::stack::DEVELOPMENT_ACCOUNT,
};

use crate::{
    command::widgets,
    support::{
        app::{ASSISTANT_BODY, PATHWAY_BODY, TestApp},
        fault_proxy::{Call, Effect, Fault, FaultProxy},
    },
};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn both_dialects_accept_a_key_in_every_place() {
    let app = TestApp::start().await;
    let bearer = format!("Bearer {}", app.key);
    for (path, body) in [("/api/v1/widget", ASSISTANT_BODY), ("/v1/widget", PATHWAY_BODY)] {
        let with_query = format!("{path}?api_key={}", app.key);
        for (path, headers) in [
            (with_query.as_str(), &[JSON][..]),
            (path, &[JSON, ("authorization", &app.key)]),
            (path, &[JSON, ("Authorization", &bearer)]),
            (&with_query, &[JSON, ("authorization", &bearer)]),
        ] {
            let answer = app.send("POST", path, headers, body).await;
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn request_without_a_valid_key_returns_401_and_writes_nothing() {
    let app = TestApp::start().await;
    let other = generate().unwrap().reveal().to_owned();
    let two_keys = format!("/api/v1/widget?api_key={}", app.key);
    for (path, headers, detail) in [
        ("/api/v1/widget", &[][..], "Not authenticated"),
        ("/api/v1/widget?api_key=", &[], "Not authenticated"),
        ("/api/v1/widget", &[("authorization", "Bearer ")], "Not authenticated"),
        ("/api/v1/widget?api_key=nope", &[], "Invalid API key"),
        ("/api/v1/widget?api_key=%00%FF", &[], "Invalid API key"),
        ("/api/v1/widget", &[("authorization", other.as_str())], "Invalid API key"),
        ("/api/v1/widget", &[("authorization", "Basic dTpw")], "Invalid API key"),
        ("/api/v1/widget", &[("authorization", "é")], "Invalid API key"),
        (
            two_keys.as_str(),
            &[("authorization", other.as_str())],
            "Two different API keys in one request",
        ),
    ] {
        // A body that would be refused, to see that the key comes first.
        let answer = app.send("POST", path, headers, "{").await;
        assert_eq!(
            (answer.status, answer.json()),
            (401, json!({"detail": detail})),
            "{path} {headers:?}"
        );
        assert!(answer.headers.contains_key("www-authenticate"));
    }
    for headers in [&[][..], &[("authorization", other.as_str())]] {
        let answer = app.send("POST", "/v1/widget", headers, "{").await;
        assert_eq!(
            (answer.status, &answer.json()["errors"][0]["error"]),
            (401, &json!("UNAUTHORIZED"))
        );
    }
    assert_eq!(app.count().await, 0);
}

#[tokio::test]
async fn key_reaches_only_its_own_account_and_is_never_logged() {
    let app = TestApp::start().await;
    let account = AccountId(Uuid::new_v4());
    let key = generate().unwrap();
    let item = KeySpec { key: &key, account, role: Role::Full, expires_at: None, name: None };
    // Unknown first, to see that this is not remembered.
    let headers = [JSON, ("authorization", key.reveal())];
    assert_eq!(app.send("POST", "/api/v1/widget", &headers, ASSISTANT_BODY).await.status, 401);
    item.put(&app.stack.store.client(), "ApiKeys").await.unwrap();

    let answer = app.send("POST", "/api/v1/widget", &headers, ASSISTANT_BODY).await;
    let data = &answer.json()["data"];
    assert_eq!(data["org_id"], account.to_string());
    assert!(
        app.stored("assistant", data["id"].as_str().unwrap()).await.is_none(),
        "not the development account's"
    );

    app.send(
        "POST",
        &format!("/v1/{}?api_key={}", key.reveal(), key.reveal()),
        &headers,
        ASSISTANT_BODY,
    )
    .await;
    app.logged("Pathway", "404").await;
    let log = app.log();
    assert!(!log.contains(key.reveal()) && !log.contains(&app.key), "{log}");

    let scanned = app.stack.store.client().scan().table_name("ApiKeys").send().await.unwrap();
    let kept = format!("{:?}", scanned.items());
    assert!(kept.contains(&account.to_string()) && !kept.contains(key.reveal()), "{kept}");
}

/// Puts another key into the table.
async fn put(app: &TestApp, account: AccountId, role: Role, expires_at: Option<&str>) -> String {
    let key = generate().unwrap();
    let expires_at = expires_at.map(|moment| Timestamp::parse(moment).unwrap());
    let item = KeySpec { key: &key, account, role, expires_at, name: None };
    item.put(&app.stack.store.client(), "ApiKeys").await.unwrap();
    key.reveal().to_owned()
}

#[tokio::test]
async fn read_only_key_can_read_and_gets_403_on_writes() {
    let app = TestApp::start().await;
    let key = put(&app, DEVELOPMENT_ACCOUNT, Role::Read, None).await;
    let headers = [JSON, ("authorization", key.as_str())];
    let assistant = format!("/api/v1/widget/{}", app.create_assistant(ASSISTANT_BODY).await.id());
    let pathway = format!("/v1/widget/{}", app.create_pathway(PATHWAY_BODY).await.id());
    for path in ["/api/v1/widget", &assistant, "/v1/widgets", &pathway] {
        assert_eq!(app.send("GET", path, &headers, "").await.status, 200, "{path}");
    }
    for (method, path) in [("POST", "/api/v1/widget"), ("PUT", &assistant), ("DELETE", &assistant)]
    {
        // The body would be refused: the key comes first.
        let answer = app.send(method, path, &headers, "{}").await;
        assert_eq!(
            (answer.status, answer.json()),
            (403, json!({"detail": "This API key may only read"})),
            "{method}"
        );
    }
    for (method, path) in [("POST", "/v1/widget"), ("PATCH", &pathway), ("DELETE", &pathway)] {
        let answer = app.send(method, path, &headers, "{}").await;
        assert_eq!(
            (answer.status, &answer.json()["errors"][0]["error"]),
            (403, &json!("FORBIDDEN")),
            "{method}"
        );
    }
    assert_eq!(app.count().await, 2);
}

#[tokio::test]
async fn expired_key_is_rejected_and_unexpired_key_is_accepted() {
    let app = TestApp::start().await;
    let expired = put(&app, DEVELOPMENT_ACCOUNT, Role::Full, Some("2026-01-01T00:00:00Z")).await;
    let valid = put(&app, DEVELOPMENT_ACCOUNT, Role::Full, Some("2999-01-01T00:00:00+02:00")).await;
    for (key, status) in [(&expired, 401), (&valid, 200), (&expired, 401), (&valid, 200)] {
        let answer = app.send("GET", "/v1/widgets", &[("authorization", key)], "").await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

/// The time as [`clock`] tells it, which moves when it is told to: how much later it is than at its
/// beginning by each clock.
#[derive(Debug, Clone, Copy, Default)]
struct Later {
    monotonic: Duration,
    wall: Duration,
}

impl Later {
    const fn seconds(seconds: u64) -> Self {
        Self { monotonic: Duration::from_secs(seconds), wall: Duration::from_secs(seconds) }
    }
}

thread_local! {
    /// 2999-01-01T00:00:00Z.
    static BEGINNING: Moment =
        Moment { monotonic: Instant::now(), wall: SystemTime::UNIX_EPOCH + Duration::from_secs(32_472_144_000) };
    static LATER: Cell<Later> = const { Cell::new(Later::seconds(0)) };
}

fn clock() -> Moment {
    let (beginning, later) = (BEGINNING.with(Moment::clone), LATER.get());
    Moment { monotonic: beginning.monotonic + later.monotonic, wall: beginning.wall + later.wall }
}

/// An environment of either function, in this process and by [`clock`]: its own memory over the
/// same store.
enum Environment {
    Assistant(Assistant),
    Pathway(Pathway),
}

impl Environment {
    fn of_each(app: &TestApp) -> [Self; 2] {
        let credentials = Credentials::new("local", "local", None, None, "test");
        let config = ClientConfig::for_url(&app.stack.store.url, "us-east-1", credentials);
        let client = LeanClient::new(config.unwrap()).unwrap();
        let parts = || App {
            api_keys: ApiKeys::with_clock(client.clone(), "ApiKeys".to_owned(), clock),
            store: Store::new(client.clone(), "Widgets".to_owned()),
        };
        [Self::Assistant(Assistant(parts())), Self::Pathway(Pathway(parts()))]
    }

    /// The status of a list asked for with `key`.
    async fn status(&self, key: &str) -> u16 {
        match self {
            Self::Assistant(dialect) => status(dialect, "/api/v1/widget", key).await,
            Self::Pathway(dialect) => status(dialect, "/v1/widgets", key).await,
        }
    }
}

async fn status(dialect: &impl Dialect, path: &str, key: &str) -> u16 {
    let event = json!({
        "version": "2.0", "rawPath": path, "headers": {"authorization": key}, "requestContext": {"http": {"method": "GET"}},
    });
    let event = event.to_string();
    let request = Request::parse(event.as_bytes()).unwrap();
    let answer = dialect
        .route(&request)
        .await
        .unwrap_or_else(|error| dialect.error_response(&request, &error, "test"));
    answer.status.as_u16()
}

async fn statuses(environments: &[Environment], key: &str) -> Vec<u16> {
    join_all(environments.iter().map(|environment| environment.status(key))).await
}

#[tokio::test]
async fn revoked_key_stops_within_60_seconds_even_after_a_freeze() {
    let app = TestApp::start().await;
    let store = app.stack.store.url.as_str();
    for (what, just_before, then) in [
        ("awake", Later::seconds(59), Later::seconds(60)),
        (
            "frozen",
            Later { wall: Duration::from_secs(59), ..Later::default() },
            Later { wall: Duration::from_secs(60), ..Later::default() },
        ),
        (
            "a clock that is set back",
            Later { monotonic: Duration::from_secs(59), ..Later::default() },
            Later { monotonic: Duration::from_secs(60), ..Later::default() },
        ),
    ] {
        LATER.set(Later::default());
        let environments: Vec<Environment> =
            (0..3).flat_map(|_| Environment::of_each(&app)).collect();
        let key = put(&app, DEVELOPMENT_ACCOUNT, Role::Full, None).await;
        assert_eq!(statuses(&environments, &key).await, [200; 6], "{what}");
        assert!(keys(store, &["revoke", &id_of(&key)]).await.is_success);
        // Those that knew it believe it, so that what is seen below is the end of that.
        LATER.set(just_before);
        assert_eq!(statuses(&environments, &key).await, [200; 6], "{what}");
        LATER.set(then);
        assert_eq!(statuses(&environments, &key).await, [401; 6], "{what}");
        // Those that did not, do not.
        for path in ["/api/v1/widget", "/v1/widgets"] {
            assert_eq!(
                app.send("GET", path, &[("authorization", &key)], "").await.status,
                401,
                "{what} {path}"
            );
        }
    }
}

#[tokio::test]
async fn expiring_key_stops_everywhere_at_its_expiry() {
    let app = TestApp::start().await;
    let environments: Vec<Environment> = (0..3).flat_map(|_| Environment::of_each(&app)).collect();
    let key = put(&app, DEVELOPMENT_ACCOUNT, Role::Full, Some("2999-01-01T00:01:10Z")).await;
    for (seconds, status) in [(0, 200), (10, 200), (69, 200), (70, 401)] {
        LATER.set(Later::seconds(seconds));
        assert_eq!(statuses(&environments, &key).await, [status; 6], "{seconds}");
    }
    // Seen for the first time a second before.
    LATER.set(Later::seconds(69));
    let late = Environment::of_each(&app);
    assert_eq!(statuses(&late, &key).await, [200; 2]);
    LATER.set(Later::seconds(70));
    assert_eq!(statuses(&late, &key).await, [401; 2]);
}

#[tokio::test]
async fn revocation_holds_whatever_value_revoked_at_has() {
    let app = TestApp::start().await;
    for revoked_at in [
        AttributeValue::S("2999-01-01T00:00:00Z".to_owned()),
        AttributeValue::S("no time".to_owned()),
        AttributeValue::S(String::new()),
        AttributeValue::Null(true),
        AttributeValue::Bool(false),
    ] {
        let key = put(&app, DEVELOPMENT_ACCOUNT, Role::Full, None).await;
        let hash = ApiKey::parse(&key).unwrap().hash().to_string();
        let update =
            app.store.update_item().table_name("ApiKeys").key("key_hash", AttributeValue::S(hash));
        let update = update
            .update_expression("SET revoked_at = :at")
            .expression_attribute_values(":at", revoked_at);
        update.send().await.unwrap();
        for path in ["/api/v1/widget", "/v1/widgets"] {
            assert_eq!(
                app.send("GET", path, &[("authorization", &key)], "").await.status,
                401,
                "{path}"
            );
        }
        // And it does not come back.
        let again = NewKey::parse(&key).unwrap();
        let item = KeySpec {
            key: &again,
            account: DEVELOPMENT_ACCOUNT,
            role: Role::Full,
            expires_at: None,
            name: None,
        };
        let refusal = item.put(&app.store, "ApiKeys").await.unwrap_err().to_string();
        assert_eq!(refusal, "this key was revoked, which nothing undoes");
    }
}

#[tokio::test]
async fn existing_key_is_unchanged_when_put_again() {
    let app = TestApp::start().await;
    let store = app.stack.store.url.as_str();
    let list = async || keys(store, &["list", "--json"]).await.json();
    let another = AccountId(Uuid::new_v4());
    for (account, expires_at, refusal) in [
        (DEVELOPMENT_ACCOUNT, None, None),
        (DEVELOPMENT_ACCOUNT, Some("2999-01-01T00:00:00Z"), None),
        (
            DEVELOPMENT_ACCOUNT,
            Some("2026-01-01T00:00:00Z"),
            Some("this key has expired, which nothing undoes"),
        ),
        (another, None, Some("this key belongs to another account")),
    ] {
        let key = NewKey::parse(&put(&app, account, Role::Read, expires_at).await).unwrap();
        let before = list().await;
        // As a local stack does at each start.
        let item = KeySpec {
            key: &key,
            account: DEVELOPMENT_ACCOUNT,
            role: Role::Full,
            expires_at: None,
            name: Some("local stack"),
        };
        let again = item.put(&app.store, "ApiKeys").await;
        match refusal {
            Some(refusal) => assert_eq!(again.unwrap_err().to_string(), refusal),
            None => assert_eq!(
                (again.unwrap().role, list().await.to_string().contains(&id_of(key.reveal()))),
                (Ok(Role::Read), true)
            ),
        }
        assert_eq!(list().await, before);
    }
}

const PUT: Call<'static> = Call("PutItem", "ApiKeys");
const ROTATE: Call<'static> = Call("TransactWriteItems", "ApiKeys");
const REVOKE: Call<'static> = Call("UpdateItem", "ApiKeys");
const SCAN: Call<'static> = Call("Scan", "ApiKeys");

/// What a `widgets keys` printed.
#[derive(Debug)]
struct Printed {
    is_success: bool,
    out: String,
    told: String,
}

impl Printed {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs `widgets keys` as an operator does, on the store at `url`.
async fn keys(url: &str, arguments: &[&str]) -> Printed {
    run(&[&["keys"], arguments, &["--endpoint-url", url]].concat()).await
}

async fn run(arguments: &[&str]) -> Printed {
    let output = widgets(arguments).await.output().await.unwrap();
    Printed {
        is_success: output.status.success(),
        out: String::from_utf8(output.stdout).unwrap(),
        told: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The id of a key as somebody finds it who has nothing but the key.
fn id_of(key: &str) -> String {
    ApiKey::parse(key).unwrap().hash().to_string()[..16].to_owned()
}

/// The statuses of a list in both dialects.
async fn listed(app: &TestApp, key: &str) -> [u16; 2] {
    let headers = [("authorization", key)];
    let assistant = app.send("GET", "/api/v1/widget", &headers, "").await.status;
    [assistant, app.send("GET", "/v1/widgets", &headers, "").await.status]
}

#[tokio::test]
async fn key_can_be_issued_listed_rotated_and_revoked() {
    let app = TestApp::start().await;
    let store = app.stack.store.url.as_str();
    let account = "3c90c3cc-0d44-4b50-8888-8dd25736052a";
    let of_account = async || keys(store, &["list", "--json", "--account", account]).await.json();
    assert_eq!(of_account().await, json!([]));
    let none = keys(store, &["list", "--account", account]).await;
    assert!(
        none.is_success
            && none.out.is_empty()
            && none.told.contains(&format!("The account {account} has no keys in")),
        "{none:?}"
    );

    // Two keys, for a person and for a script.
    let expires = "2999-01-31T01:00:00+01:00";
    let for_person = keys(store, &["issue", "--account", account, "--name", "production"]).await;
    let first = for_person.out.trim();
    assert!(for_person.told.contains(&id_of(first)), "{for_person:?}");
    let options = [
        "issue",
        "--json",
        "--account",
        account,
        "--name",
        "a\u{1b}[31m",
        "--role",
        "read",
        "--expires",
        expires,
    ];
    let for_script = keys(store, &options).await.json();
    let reader = for_script["key"].as_str().unwrap().to_owned();
    let issued = json!({
        "key": reader, "id": id_of(&reader), "prefix": reader[..7], "account": account, "role": "read",
        "name": "a\u{1b}[31m", "state": "active", "created_at": for_script["created_at"],
        "expires_at": "2999-01-31T00:00:00.000Z", "revoked_at": null, "rotated_to": null,
    });
    assert_eq!(for_script, issued);
    assert!(
        Timestamp::parse(for_script["created_at"].as_str().unwrap()).unwrap() <= Timestamp::now()
    );
    assert_eq!((listed(&app, first).await, listed(&app, &reader).await), ([200; 2], [200; 2]));

    // A rotation: both work. What it makes has what the old one had.
    let rotation = keys(store, &["rotate", &id_of(first), "--overlap", "7d"]).await;
    let second = rotation.out.trim();
    assert!(
        rotation.told.contains(&id_of(first)) && rotation.told.contains(&id_of(second)),
        "{rotation:?}"
    );
    assert_eq!((listed(&app, first).await, listed(&app, second).await), ([200; 2], [200; 2]));
    // Without an overlap the old one ends at once where it is not in memory: it was not used yet.
    let unused =
        keys(store, &["issue", "--account", account, "--role", "read", "--expires", expires]).await;
    let unused = unused.out.trim();
    let rotation =
        keys(store, &["rotate", &id_of(unused), "--overlap", "0s", "--json"]).await.json();
    let third = rotation["key"].as_str().unwrap();
    assert_eq!((listed(&app, unused).await, listed(&app, third).await), ([401; 2], [200; 2]));
    assert_eq!(
        app.send("DELETE", "/v1/widget/x", &[("authorization", third)], "").await.status,
        403
    );
    let of_rotation = |member: &str| (&rotation[member], &rotation["replaces"][member]);
    assert_eq!(of_rotation("account"), (&json!(account), &json!(account)));
    assert_eq!(of_rotation("role"), (&json!("read"), &json!("read")));
    assert_eq!(rotation["expires_at"], "2999-01-31T00:00:00.000Z", "the old one's own end");
    assert_eq!(
        (&rotation["replaces"]["state"], &rotation["replaces"]["rotated_to"]),
        (&json!("expired"), &rotation["id"])
    );
    // A new end for the new one, and the old one ends before the overlap does if it would have
    // anyway.
    let soon = Timestamp::now().after(Duration::from_secs(60 * 60)).to_string();
    let ending = keys(store, &["issue", "--account", account, "--expires", &soon]).await;
    let ending =
        ["rotate", &id_of(ending.out.trim()), "--expires", "2999-12-31T00:00:00Z", "--json"];
    let rotation = keys(store, &ending).await.json();
    assert_eq!(rotation["expires_at"], "2999-12-31T00:00:00.000Z");
    assert_eq!(rotation["replaces"]["expires_at"], soon, "before the 24 hours that an overlap has");

    // Revoked, twice.
    let fourth = rotation["key"].as_str().unwrap();
    let revoke = ["revoke", &id_of(fourth), "--json"];
    let revocation = keys(store, &revoke).await.json();
    assert_eq!(revocation, json!({"id": id_of(fourth), "revoked_at": revocation["revoked_at"]}));
    assert_eq!(listed(&app, fourth).await, [401; 2]);
    assert_eq!(keys(store, &revoke).await.json(), revocation, "since when it was");
    let again = keys(store, &["revoke", &id_of(fourth)]).await;
    assert!(
        again.is_success && again.out.contains(revocation["revoked_at"].as_str().unwrap()),
        "{again:?}"
    );
    let revocation = keys(store, &["revoke", &id_of(first).to_uppercase()]).await;
    assert!(revocation.is_success && revocation.out.contains("60 seconds"), "{revocation:?}");

    // All of them, in the order in which they were issued, and none of them itself.
    let list = of_account().await;
    let members = |name: &str| {
        list.as_array().unwrap().iter().map(|key| key[name].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        members("state"),
        ["revoked", "active", "active", "expired", "active", "active", "revoked"]
    );
    assert_eq!(members("id")[..4], [first, &reader, second, unused].map(id_of));
    let as_text = keys(store, &["list"]).await;
    let lines: Vec<&str> = as_text.out.lines().collect();
    assert!(
        lines.len() == 1 + 7 + 1 && as_text.told.is_empty(),
        "the development account has one too: {as_text:?}"
    );
    assert!(lines[0].starts_with("ID  ") && lines[0].ends_with("STATE"), "{as_text:?}");
    let row = |key: &str| *lines.iter().find(|line| line.starts_with(&id_of(key))).unwrap();
    for (key, part) in [
        (first, "…  3c90c3cc-0d44-4b50-8888-8dd25736052a  full  production "),
        (first, &*format!("  {}…  ", &first[..7])),
        (first, "Z  revoked 2"),
        (first, &format!(", rotated to {}", id_of(second))),
        (second, "Z  active"),
        (&reader, "  read  a\u{fffd}[31m "),
        (&reader, "Z  active until 2999-01-31T00:00:00.000Z"),
        (unused, "Z  expired 2"),
    ] {
        assert!(row(key).contains(part), "{part}: {as_text:?}");
    }
    let list = list.to_string();
    for key in [first, &reader, second, unused, third, fourth, &app.key] {
        assert!(
            !list.contains(&key[8..]) && !as_text.out.contains(&key[8..]),
            "{as_text:?} {list}"
        );
    }
}

#[tokio::test]
async fn failed_key_command_says_why_and_changes_nothing() {
    let app = TestApp::start().await;
    let store = app.stack.store.url.as_str();
    let issued = async || keys(store, &["issue"]).await.out.trim().to_owned();
    let (revoked, rotated, expired) = (issued().await, issued().await, issued().await);
    assert!(keys(store, &["revoke", &id_of(&revoked)]).await.is_success);
    let next = id_of(keys(store, &["rotate", &id_of(&rotated)]).await.out.trim());
    assert!(keys(store, &["rotate", &id_of(&expired), "--overlap", "0s"]).await.is_success);
    // Made by hand: two that have one id, and one that nobody can read.
    for (hash, role) in [
        ("0123456789abcdef00", "full"),
        ("0123456789abcdef01", "full"),
        ("fedcba9876543210", "admin"),
    ] {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let put = app.store.put_item().table_name("ApiKeys").item("key_hash", text(hash));
        put.item("account_id", text(&DEVELOPMENT_ACCOUNT.to_string()))
            .item("role", text(role))
            .send()
            .await
            .unwrap();
    }
    let before = keys(store, &["list", "--json"]).await;
    assert!(
        before.is_success
            && before.told.contains("the key fedcba9876543210 has no role that can be read"),
        "{before:?}"
    );

    for (arguments, says) in [
        (
            &["revoke", "0000000000000000"][..],
            "no key has the id 0000000000000000 in the table ApiKeys",
        ),
        (
            &["rotate", "0000000000000000"],
            "no key has the id 0000000000000000 in the table ApiKeys",
        ),
        (&["revoke", "0123456789abcdef"], "several keys have the id 0123456789abcdef"),
        (&["revoke", &id_of(&revoked)[..15]], "ID must be the 16 hex characters"),
        (&["revoke", &revoked], "ID must be the 16 hex characters"),
        (&["rotate", &revoked], "ID must be the 16 hex characters"),
        (&["rotate", &id_of(&revoked)], "is revoked"),
        (&["rotate", &id_of(&expired)], "has expired"),
        (&["rotate", &id_of(&rotated)], &format!("{next} replaces it")),
        (&["rotate", "fedcba9876543210"], "the key fedcba9876543210 has no role that can be read"),
        (&["rotate", &next, "--overlap", "367d"], "more than a year"),
        (&["rotate", &next, "--overlap", "1"], "time unit needed"),
        (&["rotate", &next, "--expires", "2020-01-01T00:00:00Z"], "this is in the past"),
        (&["issue", "--expires", "9999-12-31T23:59:59-23:00"], "expected a date"),
        (&["list", "--table", "Nowhere"], "there is no table Nowhere in us-east-1"),
        (&["issue", "--table", "Nowhere"], "there is no table Nowhere in us-east-1"),
    ] {
        let printed = keys(store, arguments).await;
        assert!(!printed.is_success && printed.out.is_empty(), "{arguments:?}: {printed:?}");
        assert!(
            printed.told.contains(says) && !printed.told.contains(&revoked),
            "{arguments:?}: {printed:?}"
        );
    }
    assert_eq!(keys(store, &["list", "--json"]).await.json(), before.json());
    assert!(
        keys(store, &["revoke", "fedcba9876543210"]).await.is_success,
        "which takes no more than its id"
    );
}

#[tokio::test]
async fn list_shows_every_key_in_the_state_the_functions_see() {
    let app = TestApp::start().await;
    let store = app.stack.store.url.as_str();
    let account = AccountId(Uuid::new_v4()).to_string();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let number = || AttributeValue::N("1".to_owned());
    let mut ids = Vec::new();
    for (attributes, status, state) in [
        // What only decorates.
        (vec![], 200, "active"),
        (vec![("created_at", number())], 200, "active"),
        (vec![("created_at", text("yesterday"))], 200, "active"),
        (vec![("name", AttributeValue::Null(true))], 200, "active"),
        (vec![("prefix", number())], 200, "active"),
        (vec![("rotated_to", number())], 200, "active"),
        (vec![("rotated_to", text("\u{1b}[31m"))], 200, "active"),
        // What the functions go by.
        (vec![("account_id", number())], 500, "unreadable"),
        (vec![("account_id", text("me"))], 500, "unreadable"),
        (vec![("role", number())], 500, "unreadable"),
        (vec![("role", text("admin")), ("created_at", number())], 500, "unreadable"),
        (vec![("expires_at", number())], 500, "unreadable"),
        (vec![("expires_at", text("tomorrow"))], 500, "unreadable"),
        (vec![("revoked_at", AttributeValue::Bool(false))], 401, "revoked"),
        (
            vec![("revoked_at", text("2026-01-01T00:00:00Z")), ("role", text("admin"))],
            401,
            "revoked",
        ),
    ] {
        let key = generate().unwrap().reveal().to_owned();
        let hash = ApiKey::parse(&key).unwrap().hash().to_string();
        let put = app.store.put_item().table_name("ApiKeys").item("key_hash", text(&hash));
        let put = put.item("account_id", text(&account)).item("role", text("full"));
        let put = attributes.iter().cloned().fold(put, |put, (name, value)| put.item(name, value));
        put.send().await.unwrap();
        assert_eq!(listed(&app, &key).await, [status; 2], "{attributes:?}");

        let shown = keys(store, &["list", "--json"]).await;
        let of_it = shown
            .json()
            .as_array()
            .unwrap()
            .iter()
            .find(|shown| shown["id"] == id_of(&key))
            .cloned()
            .unwrap();
        assert_eq!(
            (&of_it["state"], of_it.as_object().unwrap().len()),
            (&json!(state), 10),
            "{attributes:?}: {of_it}"
        );
        let is_told = shown.told.contains(&format!("the key {} has no ", id_of(&key)));
        assert_eq!(is_told, state == "unreadable", "{attributes:?}: {shown:?}");
        let shown = keys(store, &["list"]).await;
        let row = shown.out.lines().find(|line| line.starts_with(&id_of(&key))).unwrap();
        assert!(
            row.contains(&format!("  {state}")) && !row.contains('\u{1b}'),
            "{attributes:?}: {row}"
        );
        if status == 500 {
            let log = app.logged("Assistant", &format!("the key {} has no", id_of(&key))).await;
            assert!(!log.contains(&hash[..17]), "{log}");
        }
        ids.push((id_of(&key), state, of_it["account"] == account));
    }
    // An account's are those that have it, whatever else they have.
    let of_account =
        keys(store, &["list", "--json", "--account", &account]).await.json().to_string();
    for (id, _, is_of_account) in &ids {
        assert_eq!(of_account.contains(id), *is_of_account, "{id}: {of_account}");
    }
    assert_eq!(ids.iter().filter(|(.., is_of_account)| !is_of_account).count(), 2);
    // Each can be revoked, and then nothing more is said of it.
    for (id, ..) in &ids {
        assert!(keys(store, &["revoke", id]).await.is_success, "{id}");
    }
    let shown = keys(store, &["list", "--json"]).await;
    let revoked =
        shown.json().as_array().unwrap().iter().filter(|key| key["state"] == "revoked").count();
    assert_eq!((revoked, shown.told.as_str()), (ids.len(), ""));
}

#[tokio::test]
async fn key_on_the_last_scan_page_is_found() {
    let app = TestApp::start().await;
    let store = app.stack.store.url.as_str();
    let account = AccountId(Uuid::new_v4()).to_string();
    let long = AttributeValue::S("n".repeat(60_000));
    for _ in 0..2 {
        let item = |_| {
            let hash = ApiKey::parse(generate().unwrap().reveal()).unwrap().hash().to_string();
            let attributes = [
                ("key_hash", AttributeValue::S(hash)),
                ("account_id", AttributeValue::S(account.clone())),
            ];
            let put = PutRequest::builder()
                .set_item(Some(attributes.map(|(name, value)| (name.to_owned(), value)).into()));
            WriteRequest::builder()
                .put_request(put.item("name", long.clone()).build().unwrap())
                .build()
        };
        let batch =
            app.store.batch_write_item().request_items("ApiKeys", (0..25).map(item).collect());
        assert!(batch.send().await.unwrap().unprocessed_items().unwrap().is_empty());
    }
    let pages: Vec<_> = app
        .store
        .scan()
        .table_name("ApiKeys")
        .consistent_read(true)
        .into_paginator()
        .send()
        .collect::<Result<_, _>>()
        .await
        .unwrap();
    assert!(pages.len() > 2, "{}", pages.len());
    let last = pages.last().unwrap().items().iter().filter(|item| item.contains_key("account_id"));
    let ids: Vec<&str> = last.map(|item| &item["key_hash"].as_s().unwrap()[..16]).collect();
    let (revoked, rotated) = (ids[0], ids[1]);

    let state = async |id: &str| {
        let list = keys(store, &["list", "--json", "--account", &account]).await.json();
        let of_id = list.as_array().unwrap().iter().find(|key| key["id"] == id).cloned().unwrap();
        (list.as_array().unwrap().len(), of_id["state"].as_str().unwrap().to_owned())
    };
    assert_eq!(state(revoked).await, (50, "active".to_owned()));
    assert!(keys(store, &["revoke", revoked]).await.is_success);
    assert_eq!(state(revoked).await, (50, "revoked".to_owned()));
    assert!(keys(store, &["rotate", rotated, "--overlap", "0s"]).await.is_success);
    assert_eq!(state(rotated).await, (51, "expired".to_owned()));
}

#[tokio::test]
async fn new_key_is_printed_even_if_stderr_is_closed() {
    let app = TestApp::start().await;
    let store = app.stack.store.url.as_str();
    let closed = || {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        writer
    };
    let unheard = async |arguments: &[&str]| {
        let arguments = [&["keys"], arguments, &["--endpoint-url", store]].concat();
        let output =
            widgets(&arguments).await.stdout(Stdio::piped()).stderr(closed()).spawn().unwrap();
        let output = output.wait_with_output().await.unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let issued = unheard(&["issue"]).await;
    assert_eq!(listed(&app, issued.trim()).await, [200; 2]);
    let rotated = unheard(&["rotate", &id_of(issued.trim())]).await;
    assert_eq!(listed(&app, rotated.trim()).await, [200; 2]);
    assert_eq!(unheard(&["list", "--account", &Uuid::new_v4().to_string()]).await, "");

    // Where the key itself cannot be shown, it is named.
    let unseen = async |arguments: &[&str]| {
        let arguments = [&["keys"], arguments, &["--endpoint-url", store]].concat();
        let output =
            widgets(&arguments).await.stdout(closed()).stderr(Stdio::piped()).spawn().unwrap();
        let output = output.wait_with_output().await.unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    for arguments in [&["issue"][..], &["rotate", &id_of(rotated.trim())]] {
        let (is_success, told) = unseen(arguments).await;
        assert!(!is_success && told.contains("is in the table but cannot be shown"), "{told}");
        let newest = keys(store, &["list", "--json"]).await.json();
        let newest = newest
            .as_array()
            .unwrap()
            .iter()
            .max_by_key(|key| key["created_at"].to_string())
            .unwrap()
            .clone();
        assert!(
            told.contains(newest["id"].as_str().unwrap()) && told.lines().count() == 1,
            "{told} {newest}"
        );
    }
    assert_eq!(unseen(&["list"]).await, (true, String::new()), "as `head` leaves it");
}

#[tokio::test]
async fn aws_login_session_signs_requests() {
    let proxy = FaultProxy::start().await;
    let folder = tempfile::tempdir().unwrap();
    let session = "arn:aws:iam::012345678901:user/operator";
    let config = folder.path().join("config");
    fs::write(
        &config,
        format!("[profile operator]\nlogin_session = {session}\nregion = eu-west-1\n"),
    )
    .unwrap();
    let token = json!({
        "accessToken": {
            "accessKeyId": "ASOPERATOR", "secretAccessKey": "secret", "sessionToken": "session",
            "accountId": "012345678901", "expiresAt": "2999-01-01T00:00:00Z",
        },
        "tokenType": "aws_sigv4", "refreshToken": "none", "clientId": "arn:aws:signin:::devtools/same-device",
        "dpopKey": "none",
    });
    let file = folder.path().join(format!("{}.json", Hash::of(session.as_bytes())));
    fs::write(file, token.to_string()).unwrap();
    let mut command = widgets(&["keys", "list", "--endpoint-url", proxy.url.as_str()]).await;
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"] {
        command.env_remove(name);
    }
    command
        .env("AWS_SHARED_CREDENTIALS_FILE", folder.path().join("none"))
        .env("AWS_CONFIG_FILE", config);
    command.env("AWS_LOGIN_CACHE_DIRECTORY", folder.path()).env("AWS_PROFILE", "operator");
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "There are no keys in the table ApiKeys.\n"
    );
    assert!(proxy.signature().contains("Credential=ASOPERATOR/"), "{}", proxy.signature());
}

#[tokio::test]
async fn only_issue_accepts_a_folder_without_a_stack() {
    let folder = tempfile::tempdir().unwrap();
    let (missing, empty) = (folder.path().join("missing"), folder.path().join("empty"));
    fs::create_dir(&empty).unwrap();
    let id = "0123456789abcdef";
    for arguments in [&["list"][..], &["list", "--json"], &["revoke", id], &["rotate", id]] {
        for data in [&missing, &empty] {
            let printed =
                run(&[&["keys"], arguments, &["--data", data.to_str().unwrap()]].concat()).await;
            assert!(
                !printed.is_success && printed.told.contains("no local stack has been in"),
                "{printed:?}"
            );
        }
    }
    let printed = run(&["keys", "issue", "--data", missing.to_str().unwrap()]).await;
    assert!(
        !printed.is_success && printed.told.contains("is not there") && printed.out.is_empty(),
        "{printed:?}"
    );
    assert!(!missing.exists() && fs::read_dir(&empty).unwrap().next().is_none());

    let data = ["--data", empty.to_str().unwrap()];
    let key = run(&[&["keys", "issue"], &data[..]].concat()).await;
    let list = run(&[&["keys", "list", "--json"], &data[..]].concat()).await.json();
    assert_eq!(list[0]["id"], id_of(key.out.trim()));
}

#[tokio::test]
async fn key_of_unknown_outcome_is_named_and_a_rejected_one_is_not() {
    let proxy = FaultProxy::start().await;
    let url = proxy.url.as_str();
    let list = async || keys(url, &["list", "--json"]).await.json();

    // An answer that is lost once is no failure.
    proxy.next(PUT, [Fault::Reset(Effect::Done)]);
    let first = keys(url, &["issue", "--name", "production"]).await;
    proxy.next(ROTATE, [Fault::Reset(Effect::Done)]);
    let second = keys(url, &["rotate", &id_of(first.out.trim())]).await;
    let second = second.out.trim();
    assert_eq!(list().await[1]["id"], id_of(second));

    let mut newest = id_of(second);
    for fault in [Fault::Reset(Effect::Done), Fault::Garbage(Effect::Done)] {
        let known = list().await;
        proxy.always(PUT, fault);
        let issue = keys(url, &["issue"]).await;
        proxy.always(ROTATE, fault);
        let rotation = keys(url, &["rotate", &newest]).await;
        proxy.always(ROTATE, Fault::None);
        let list = list().await;
        let ids = |list: &Value| {
            list.as_array().unwrap().iter().map(|key| key["id"].to_string()).collect::<Vec<_>>()
        };
        let unseen: Vec<String> =
            ids(&list).into_iter().filter(|id| !ids(&known).contains(id)).collect();
        assert_eq!(unseen.len(), 2, "{fault:?}: {list}");
        for printed in [&issue, &rotation] {
            assert!(!printed.is_success && printed.out.is_empty(), "{fault:?}: {printed:?}");
            let named =
                unseen.iter().filter(|id| printed.told.contains(id.trim_matches('"'))).count();
            assert_eq!(named, 1, "{fault:?}: {unseen:?} {printed:?}");
        }
        // What it says is to be done then.
        let (_, way) = rotation.told.split_once("`widgets keys rotate ").unwrap();
        let (way, _) = way.split_once('`').unwrap();
        let way = keys(
            url,
            &[&["rotate"], &way.split(' ').collect::<Vec<_>>()[..], &["--json"]].concat(),
        )
        .await
        .json();
        assert_eq!(
            (&way["name"], &way["replaces"]["state"]),
            (&json!("production"), &json!("expired")),
            "{fault:?}"
        );
        newest = way["id"].as_str().unwrap().to_owned();
    }

    // A refusal tells nothing of the attempts before it.
    let throttled = Fault::Refused(400, "ThrottlingException");
    proxy.next(PUT, [Fault::Reset(Effect::Done), throttled, throttled]);
    let printed = keys(url, &["issue"]).await;
    let newest_of_all = list().await;
    let newest_of_all =
        newest_of_all.as_array().unwrap().iter().max_by_key(|key| key["created_at"].to_string());
    let id = newest_of_all.unwrap()["id"].as_str().unwrap().to_owned();
    assert!(
        !printed.is_success && printed.out.is_empty() && printed.told.contains(&id),
        "{printed:?}"
    );

    // What was refused is not there: nothing is said of it.
    for (call, arguments, code, says) in [
        (
            PUT,
            &["issue"][..],
            "AccessDeniedException",
            "your AWS credentials do not allow it: as told",
        ),
        (
            ROTATE,
            &["rotate", &newest],
            "AccessDeniedException",
            "your AWS credentials do not allow it: as told",
        ),
        (
            REVOKE,
            &["revoke", &newest],
            "AccessDeniedException",
            "your AWS credentials do not allow it: as told",
        ),
        (SCAN, &["list"], "AccessDeniedException", "your AWS credentials do not allow it: as told"),
        (
            SCAN,
            &["list"],
            "ExpiredTokenException",
            "AWS does not take your credentials, which may have expired: as told",
        ),
        (SCAN, &["list"], "ThrottlingException", "DynamoDB is throttled: try again in a minute"),
        (SCAN, &["list"], "ValidationException", "ValidationException: as told"),
    ] {
        proxy.always(call, Fault::Refused(400, code));
        let printed = keys(url, arguments).await;
        assert!(!printed.is_success && printed.out.is_empty(), "{arguments:?}: {printed:?}");
        assert!(
            printed.told.trim_end().ends_with(says) && printed.told.lines().count() == 1,
            "{printed:?}"
        );
    }
}

#[tokio::test]
async fn failed_rotation_says_why() {
    let proxy = FaultProxy::start().await;
    let url = proxy.url.as_str();
    let issued = keys(url, &["issue"]).await;
    let id = id_of(issued.out.trim());
    let before = keys(url, &["list", "--json"]).await.json();
    proxy.always(ROTATE, Fault::Conflict);
    let printed = keys(url, &["rotate", &id]).await;
    assert!(!printed.is_success && printed.out.is_empty(), "{printed:?}");
    assert!(printed.told.trim_end().ends_with("nothing was changed, try again"), "{printed:?}");
    assert_eq!(keys(url, &["list", "--json"]).await.json(), before);

    // Something else is done to the key between the look at it and the rotation.
    for (faster, says) in [
        (&["rotate", "--overlap", "1h"][..], "was rotated already: {} replaces it"),
        (&["rotate", "--overlap", "0s"], "has expired: {} replaces it"),
        (&["revoke"], "is revoked: `widgets keys issue` makes a new one"),
    ] {
        let proxy = FaultProxy::start().await;
        let url = proxy.url.as_str();
        let issued = keys(url, &["issue"]).await;
        let id = id_of(issued.out.trim());
        proxy.next(ROTATE, [Fault::Silent(Effect::None)]);
        let faster = async {
            proxy.wait_for_calls(ROTATE, 1).await;
            let printed =
                keys(&proxy.store.url, &[&faster[..1], &[&id, "--json"], &faster[1..]].concat())
                    .await;
            proxy.release();
            printed
        };
        let arguments = ["rotate", &id];
        let (late, faster) = tokio::join!(keys(url, &arguments), faster);
        assert!(
            faster.is_success && !late.is_success && late.out.is_empty(),
            "{faster:?} {late:?}"
        );
        let says = says.replace("{}", faster.json()["id"].as_str().unwrap());
        assert!(late.told.contains(&format!("the key {id} {says}")), "{says}: {late:?}");
    }
}

#[tokio::test]
async fn revocation_holds_even_if_its_answer_is_lost() {
    let proxy = FaultProxy::start().await;
    let url = proxy.url.as_str();
    let issued = async || id_of(keys(url, &["issue"]).await.out.trim());
    let revoked_at = async |id: &str| {
        let list = keys(url, &["list", "--json"]).await.json();
        list.as_array().unwrap().iter().find(|key| key["id"] == id).unwrap()["revoked_at"].clone()
    };
    // Once: the retry meets what the first attempt did.
    let (for_person, for_script, unknown) = (issued().await, issued().await, issued().await);
    proxy.next(REVOKE, [Fault::Reset(Effect::Done)]);
    let printed = keys(url, &["revoke", &for_person]).await;
    assert!(
        printed.is_success
            && printed.out.contains("is revoked. ")
            && printed.out.contains("60 seconds"),
        "{printed:?}"
    );
    proxy.next(REVOKE, [Fault::Reset(Effect::Done)]);
    let printed = keys(url, &["revoke", "--json", &for_script]).await.json();
    assert_eq!(printed, json!({"id": for_script, "revoked_at": revoked_at(&for_script).await}));
    // Always.
    proxy.always(REVOKE, Fault::Reset(Effect::Done));
    let printed = keys(url, &["revoke", &unknown]).await;
    assert!(!printed.is_success && printed.out.is_empty(), "{printed:?}");
    assert!(
        printed.told.contains("may have been done all the same: `widgets keys list` shows whether"),
        "{printed:?}"
    );
    assert!(revoked_at(&unknown).await.is_string());
}
