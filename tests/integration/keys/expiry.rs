//! Expiry and revocation, as environments with a key cache see them.

use std::{
    cell::Cell,
    time::{Duration, Instant, SystemTime},
};

use assistant::Assistant;
use aws_sdk_dynamodb::config::Credentials;
use futures_util::future::join_all;
use pathway::Pathway;
use serde_json::json;
use shared::{
    auth::{ApiKeys, Moment, Role},
    dynamodb::{ClientConfig, LeanClient},
    http::Request,
    runtime::{App, Dialect},
    store::Store,
};
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use super::{id_of, keys, listed, put};
use crate::support::{
    app::TestApp,
    dialect::{ASSISTANT, PATHWAY},
};

/// The time since [`BEGINNING`], by each of the two clocks of [`clock`].
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

/// An environment of one of the functions, in this process. It has its own key cache and tells the
/// time by [`clock`].
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
            api_keys: ApiKeys::new(client.clone(), "ApiKeys".to_owned(), clock),
            store: Store::new(client.clone(), "Widgets".to_owned()),
        };
        [Self::Assistant(Assistant(parts())), Self::Pathway(Pathway(parts()))]
    }

    /// Returns the status of a list request with `key`.
    async fn status(&self, key: &str) -> u16 {
        match self {
            Self::Assistant(dialect) => status(dialect, ASSISTANT.list, key).await,
            Self::Pathway(dialect) => status(dialect, PATHWAY.list, key).await,
        }
    }
}

async fn status(dialect: &impl Dialect, path: &str, key: &str) -> u16 {
    let event = json!({
        "version": "2.0", "rawPath": path, "headers": {"authorization": key}, "requestContext": {"http": {"method": "GET"}},
    });
    let event = event.to_string();
    let request = Request::parse(event.as_bytes()).unwrap();
    let answer = dialect.route(&request).await;
    let answer = answer.unwrap_or_else(|error| dialect.error_response(&request, &error, "test"));
    answer.status.as_u16()
}

async fn statuses(environments: &[Environment], key: &str) -> Vec<u16> {
    join_all(environments.iter().map(|environment| environment.status(key))).await
}

#[tokio::test]
async fn revoked_key_stops_within_60_seconds_even_after_a_freeze() {
    let app = TestApp::start().await;
    let store = app.stack.store.url.as_str();
    let wall = |seconds| Later { wall: Duration::from_secs(seconds), ..Later::default() };
    let monotonic = |seconds| Later { monotonic: Duration::from_secs(seconds), ..Later::default() };
    for (what, just_before, then) in [
        ("awake", Later::seconds(59), Later::seconds(60)),
        ("frozen", wall(59), wall(60)),
        ("a clock that is set back", monotonic(59), monotonic(60)),
    ] {
        LATER.set(Later::default());
        let environments: Vec<Environment> =
            (0..3).flat_map(|_| Environment::of_each(&app)).collect();
        let key = put(&app, DEVELOPMENT_ACCOUNT, Role::Full, None).await;
        assert_eq!(statuses(&environments, &key).await, [200; 6], "{what}");
        assert!(keys(store, &["revoke", &id_of(&key)]).await.is_success);
        // An environment that has the key in its cache accepts it until the cache entry expires.
        LATER.set(just_before);
        assert_eq!(statuses(&environments, &key).await, [200; 6], "{what}");
        LATER.set(then);
        assert_eq!(statuses(&environments, &key).await, [401; 6], "{what}");
        // An environment that has not rejects it at once.
        assert_eq!(listed(&app, &key).await, 401, "{what}");
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
    // Cached only a second before it expires.
    LATER.set(Later::seconds(69));
    let late = Environment::of_each(&app);
    assert_eq!(statuses(&late, &key).await, [200; 2]);
    LATER.set(Later::seconds(70));
    assert_eq!(statuses(&late, &key).await, [401; 2]);
}
