//! A failing store. The client gets a correct success, or a 503 that it may retry, within the
//! function's timeout. A write takes effect once and completely, or not at all.
//!
//! * [`faults`] combines every operation with every fault.
//! * [`retries`] is about retried writes and concurrent changes.
//! * [`errors`] is about the answer and the log line of a failure.
//! * [`embedded`] is about the embedded store.

mod embedded;
mod errors;
mod faults;
mod retries;

use std::time::Duration;

use tokio::time::timeout;

use crate::support::{
    app::{Answer, JSON, TestApp},
    dialect::Dialect,
    fault_proxy::Call,
};

/// Asserts that an answer is the complete 503 of its dialect.
#[track_caller]
fn expect_unavailable(dialect: Dialect, answer: &Answer) {
    let body = dialect.error(
        503,
        "Service temporarily unavailable, please try again",
        "SERVICE_UNAVAILABLE",
        "the service is temporarily unavailable: please try again",
    );
    assert_eq!((answer.status, answer.json()), (503, body), "{answer:?}");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.header("content-type"), "application/json");
}

/// Polls until `is_so` holds. Fails after 30 seconds.
async fn until(is_so: impl AsyncFn() -> bool) {
    let polling = async { while !is_so().await {} };
    timeout(Duration::from_secs(30), polling).await.expect("it never came");
}

/// The bodies of [`Operation`], and the attributes that they set.
struct Bodies {
    create: &'static str,
    change: &'static str,
    other_change: &'static str,
    /// The attributes that `change` sets.
    changed: [&'static str; 2],
    /// An attribute that `change` does not name.
    unchanged: &'static str,
}

fn bodies(dialect: Dialect) -> Bodies {
    match dialect.name {
        "assistant" => Bodies {
            create: r#"{"widget_type":"chat","user_opening_messages":[],"action_buttons":[],"assistant_id":"3c90c3cc-0d44-4b50-8888-8dd25736052a","name":"old","bubble_text":"old"}"#,
            change: r#"{"widget_type":"chat","name":"new","bubble_text":"new"}"#,
            other_change: r#"{"widget_type":"sms"}"#,
            changed: ["name", "bubble_text"],
            unchanged: "widget_type",
        },
        _ => Bodies {
            create: r#"{"agent_prompt":"old","allowed_domains":[],"messages_per_minute":1,"config":{},"webhook_url":"https://example.com/old"}"#,
            change: r#"{"agent_prompt":"new","webhook_url":"https://example.com/new"}"#,
            other_change: r#"{"agent_prompt":"other"}"#,
            changed: ["agent_prompt", "webhook_url"],
            unchanged: "config",
        },
    }
}

/// A request of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    /// Any request with a key that is not in the function's cache.
    LookUpKey,
    Create,
    CreateOnce,
    Read,
    Update,
    UpdateIf,
    UpdateNothing,
    Delete,
    DeleteIf,
    List,
    Limited,
    LastPage,
    OfAssistant,
    FindPublic,
    ReadPublic,
    Preflight,
}

impl Operation {
    const ALL: [Self; 16] = [
        Self::LookUpKey,
        Self::Create,
        Self::CreateOnce,
        Self::Read,
        Self::Update,
        Self::UpdateIf,
        Self::UpdateNothing,
        Self::Delete,
        Self::DeleteIf,
        Self::List,
        Self::Limited,
        Self::LastPage,
        Self::OfAssistant,
        Self::FindPublic,
        Self::ReadPublic,
        Self::Preflight,
    ];

    fn is_of(self, dialect: Dialect) -> bool {
        match self {
            Self::LastPage | Self::OfAssistant => dialect.name == "assistant",
            // The other has no such list, no update without a field, and a preflight that does not
            // ask the store.
            Self::Limited | Self::UpdateNothing | Self::Preflight => dialect.name != "assistant",
            _ => true,
        }
    }

    fn is_public(self) -> bool {
        matches!(self, Self::FindPublic | Self::ReadPublic | Self::Preflight)
    }

    /// Returns the call to the store that the operation makes.
    fn call(self) -> Call<'static> {
        match self {
            Self::LookUpKey => Call::LOOK_UP_KEY,
            Self::Create => Call::CREATE,
            Self::CreateOnce => Call::CREATE_ONCE,
            Self::Read | Self::UpdateNothing | Self::ReadPublic => Call::READ,
            Self::Update | Self::UpdateIf => Call::UPDATE,
            Self::Delete | Self::DeleteIf => Call::DELETE,
            Self::List
            | Self::Limited
            | Self::LastPage
            | Self::OfAssistant
            | Self::FindPublic
            | Self::Preflight => Call::QUERY,
        }
    }

    fn creates(self) -> bool {
        matches!(self, Self::Create | Self::CreateOnce)
    }

    fn deletes(self) -> bool {
        matches!(self, Self::Delete | Self::DeleteIf)
    }

    async fn ask(self, app: &TestApp, dialect: Dialect, key: &str, id: &str) -> Answer {
        let (root, widget, bodies) = (dialect.root, dialect.widget(id), bodies(dialect));
        let (method, path, body) = match self {
            Self::Create | Self::CreateOnce => ("POST", root.to_owned(), bodies.create),
            Self::Read => ("GET", widget, ""),
            Self::Update | Self::UpdateIf => (dialect.update, widget, bodies.change),
            Self::UpdateNothing => (dialect.update, widget, "{}"),
            Self::Delete | Self::DeleteIf => ("DELETE", widget, ""),
            Self::Limited => ("GET", format!("{root}?limit=1"), ""),
            Self::LookUpKey | Self::List => ("GET", root.to_owned(), ""),
            Self::LastPage => ("GET", format!("{root}?page=2&size=1"), ""),
            Self::OfAssistant => {
                let assistant_id = "3c90c3cc-0d44-4b50-8888-8dd25736052a";
                ("GET", format!("/api/v1/assistant/{assistant_id}/widgets"), "")
            }
            Self::FindPublic | Self::ReadPublic => ("GET", dialect.public_path(id), ""),
            Self::Preflight => ("OPTIONS", dialect.public_path(id), ""),
        };
        let mut headers = vec![JSON, ("authorization", key), ("origin", "https://a.example")];
        headers.extend(match self {
            Self::CreateOnce => Some(("idempotency-key", "once")),
            Self::UpdateIf | Self::DeleteIf => Some(("if-match", r#""1""#)),
            _ => None,
        });
        app.send(method, &path, &headers, body).await
    }

    /// Creates a widget of the development account. Returns its id.
    async fn created(app: &TestApp, dialect: Dialect) -> String {
        Self::Create.ask(app, dialect, &app.key, "").await.id()
    }
}
