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

use serde_json::json;
use tokio::time::timeout;

use crate::support::{
    app::{Answer, TestApp},
    fault_proxy::Call,
};

/// Asserts that an answer is the complete 503 of its dialect.
fn is_unavailable(dialect: Dialect, answer: &Answer) {
    let told = match dialect.name {
        "assistant" => json!({"detail": "Service temporarily unavailable, please try again"}),
        _ => {
            json!({"status": 503, "data": null, "errors": [{"error": "SERVICE_UNAVAILABLE", "message": "the service is temporarily unavailable: please try again"}]})
        }
    };
    assert_eq!((answer.status, answer.json()), (503, told), "{answer:?}");
    assert_eq!(
        (answer.header("retry-after"), answer.header("content-type")),
        ("1", "application/json")
    );
}

/// Polls until `is_so` holds. Fails after 30 seconds.
async fn until(is_so: impl AsyncFn() -> bool) {
    let asking = async { while !is_so().await {} };
    timeout(Duration::from_secs(30), asking).await.expect("it never came");
}

/// The names and bodies of a dialect.
#[derive(Clone, Copy)]
struct Dialect {
    name: &'static str,
    root: &'static str,
    update: &'static str,
    public: &'static str,
    body: &'static str,
    change: &'static str,
    other_change: &'static str,
    /// Attributes of the item: two that `change` sets, and one that it leaves unchanged.
    changes: (&'static str, &'static str, &'static str),
}

const DIALECTS: [Dialect; 2] = [
    Dialect {
        name: "assistant",
        root: "/api/v1/widget",
        update: "PUT",
        public: "parameters",
        body: r#"{"widget_type":"chat","user_opening_messages":[],"action_buttons":[],"assistant_id":"3c90c3cc-0d44-4b50-8888-8dd25736052a","name":"old","bubble_text":"old"}"#,
        change: r#"{"widget_type":"chat","name":"new","bubble_text":"new"}"#,
        other_change: r#"{"widget_type":"sms"}"#,
        changes: ("name", "bubble_text", "widget_type"),
    },
    Dialect {
        name: "pathway",
        root: "/v1/widget",
        update: "PATCH",
        public: "config",
        body: r#"{"agent_prompt":"old","allowed_domains":[],"messages_per_minute":1,"config":{},"webhook_url":"https://example.com/old"}"#,
        change: r#"{"agent_prompt":"new","webhook_url":"https://example.com/new"}"#,
        other_change: r#"{"agent_prompt":"other"}"#,
        changes: ("agent_prompt", "webhook_url", "config"),
    },
];

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
            Self::Limited | Self::UpdateNothing | Self::Preflight => dialect.name == "pathway",
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
        let (root, widget) = (dialect.root, format!("{}/{id}", dialect.root));
        let (method, path, body) = match self {
            Self::Create | Self::CreateOnce => ("POST", root.to_owned(), dialect.body),
            Self::Read => ("GET", widget, ""),
            Self::Update | Self::UpdateIf => (dialect.update, widget, dialect.change),
            Self::UpdateNothing => (dialect.update, widget, "{}"),
            Self::Delete | Self::DeleteIf => ("DELETE", widget, ""),
            Self::Limited => ("GET", format!("{root}?limit=1"), ""),
            Self::LookUpKey | Self::List => ("GET", root.to_owned(), ""),
            Self::LastPage => ("GET", format!("{root}?page=2&size=1"), ""),
            Self::OfAssistant => (
                "GET",
                "/api/v1/assistant/3c90c3cc-0d44-4b50-8888-8dd25736052a/widgets".to_owned(),
                "",
            ),
            Self::FindPublic | Self::ReadPublic => {
                ("GET", format!("{widget}/{}", dialect.public), "")
            }
            Self::Preflight => ("OPTIONS", format!("{widget}/{}", dialect.public), ""),
        };
        let mut headers = vec![
            ("authorization", key),
            ("content-type", "application/json"),
            ("origin", "https://a.example"),
        ];
        headers.extend(match self {
            Self::CreateOnce => Some(("idempotency-key", "once")),
            Self::UpdateIf | Self::DeleteIf => Some(("if-match", r#""1""#)),
            _ => None,
        });
        app.send(method, &path, &headers, body).await
    }
}
