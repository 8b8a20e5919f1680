//! Secrets never leak: API keys, request bodies and stored data.
//!
//! The tests send secrets through every entry point, into every kind of failure, at every log
//! level. They search every log line, header and body for them.
//!
//! Tests:
//!
//! * [`log_levels`] is about logs and answers at every log level.
//! * [`stuck_store`] is about a store that does not answer or is unreachable.
//!
//! What they send:
//!
//! * [`keys`] holds the keys, [`requests`] the requests, and [`ways`] the places that a key is put.

mod keys;
mod log_levels;
mod requests;
mod stuck_store;
mod ways;

use std::{collections::BTreeSet, sync::Mutex};

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use uuid::Uuid;

use self::{
    keys::Keys,
    requests::{Ask, Case},
    ways::{Outcome, Way},
};
use crate::support::{
    app::{Answer, TestApp, marked_assistant, marked_pathway},
    fault_proxy::FaultProxy,
};

/// The prefixes of markers in requests and in stored widgets. A marker is a UUID, because every
/// kind of field can hold one.
const SENT: &str = "5e5e5e5e-";
const KEPT: &str = "7e7e7e7e-";

fn new_marker(begins: &str) -> Uuid {
    begins
        .chars()
        .chain(Uuid::new_v4().to_string().chars().skip(begins.len()))
        .collect::<String>()
        .parse()
        .unwrap()
}

/// Returns the markers in `text` with this prefix.
fn markers_in<'a>(begins: &'a str, text: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(begins).map(|(at, _)| text.get(at..at + 36).unwrap_or(&text[at..]))
}

/// The function and names of a dialect.
#[derive(Debug, Clone, Copy)]
struct Dialect {
    function: &'static str,
    name: &'static str,
    root: &'static str,
    update: &'static str,
    public: &'static str,
    marked: fn(Uuid) -> String,
}

const DIALECTS: [Dialect; 2] = [
    Dialect {
        function: "Assistant",
        name: "assistant",
        root: "/api/v1/widget",
        update: "PUT",
        public: "parameters",
        marked: marked_assistant,
    },
    Dialect {
        function: "Pathway",
        name: "pathway",
        root: "/v1/widget",
        update: "PATCH",
        public: "config",
        marked: marked_pathway,
    },
];

/// The widgets of a dialect, by purpose.
struct Widgets {
    dialect: Dialect,
    /// A widget with a marker in every field.
    kept: String,
    /// A widget that pages of every origin may show.
    public: String,
    /// A widget to update.
    changing: String,
    /// Widgets to delete.
    doomed: Mutex<Vec<String>>,
    /// A widget whose item is unreadable.
    unreadable: String,
}

/// The widgets that requests are about, and the secrets that no answer and no log may hold.
struct World {
    keys: Keys,
    forms: Vec<Vec<String>>,
    widgets: Vec<Widgets>,
    /// The key of the account with the unreadable items.
    broken_key: String,
    /// The statuses so far, with the dialect and whether the URL had a key.
    seen: Mutex<BTreeSet<(&'static str, bool, u16)>>,
}

impl World {
    async fn new(app: &TestApp, keys: Keys, of_the_stacks: &[String]) -> Self {
        keys.put(app).await;
        let (broken_key, _) = app.another_account().await;
        let mut widgets = Vec::new();
        for dialect in DIALECTS {
            let create = async |key: &str, headers: &[(&str, &str)], body: String| {
                let headers =
                    [&[("authorization", key), ("content-type", "application/json")], headers]
                        .concat();
                let answer = app.send("POST", dialect.root, &headers, body).await;
                assert_eq!(answer.status, 200, "{answer:?}");
                answer.id()
            };
            let body = (dialect.marked)(new_marker(KEPT));
            let mut for_all: Value = serde_json::from_str(&body).unwrap();
            for_all["allowed_domains"] = json!([]);
            let kept = create(&app.key, &[("idempotency-key", "used")], body.clone()).await;
            let doomed = app.multiply(dialect.name, &kept, 150).await;
            let unreadable = create(&broken_key, &[], body.clone()).await;
            let items = app.items().await;
            let mut broken =
                items.into_iter().find(|item| item["sk"].as_s() == Ok(&unreadable)).unwrap();
            let (name, value) = match dialect.name {
                "assistant" => {
                    ("user_opening_messages", AttributeValue::L(vec![AttributeValue::Bool(true)]))
                }
                _ => ("config", AttributeValue::S(format!(r#"{{"{}"#, new_marker(KEPT)))),
            };
            broken.insert(name.to_owned(), value);
            app.store.put_item().table_name("Widgets").set_item(Some(broken)).send().await.unwrap();
            widgets.push(Widgets {
                dialect,
                kept,
                public: create(&app.key, &[], for_all.to_string()).await,
                changing: create(&app.key, &[], body).await,
                doomed: Mutex::new(doomed),
                unreadable,
            });
        }
        let forms = keys.forms(&[of_the_stacks, std::slice::from_ref(&broken_key)].concat());
        Self { keys, forms, widgets, broken_key, seen: Mutex::default() }
    }

    /// Sends the request of a case with its keys placed by `way`, and checks the answer. Returns
    /// the request id, if a function answered, and the status.
    async fn ask(
        &self,
        app: &TestApp,
        widgets: &Widgets,
        case: &Case,
        way: &Way,
    ) -> (Option<String>, u16) {
        let mut ask = (case.request)(widgets, new_marker(SENT));
        (way.put)(&mut ask, &self.keys);
        let headers: Vec<(&str, &str)> =
            ask.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = app.send(ask.method, &ask.url(), &headers, ask.body.clone()).await;
        let what = format!("{} {}, {}: {answer:?}", widgets.dialect.name, case.name, way.name);
        self.expect_no_secret(&ask, &answer, &what);
        expect_to_stay_where_it_belongs(&ask, &answer, &what);
        expect_nothing_of_the_inside(widgets.dialect, &answer);
        let expected =
            if widgets.dialect.name == "assistant" { case.statuses.0 } else { case.statuses.1 };
        match way.outcome {
            Outcome::Works => assert_eq!(answer.status, expected, "{what}"),
            Outcome::Refused => assert!(ask.is_public() || answer.status >= 400, "{what}"),
            Outcome::Open => {}
        }
        self.seen.lock().unwrap().insert((
            widgets.dialect.name,
            ask.has_key_in_url(),
            answer.status,
        ));
        let id = answer.headers.get("x-request-id").map(|id| id.to_str().unwrap().to_owned());
        (id, answer.status)
    }

    /// Asserts that an answer holds no key, and an error no marker. An answer may repeat what the
    /// request sent outside the places for keys.
    fn expect_no_secret(&self, ask: &Ask, answer: &Answer, what: &str) {
        for value in answer.headers.values() {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            assert!(self.keys_in(&value).is_empty(), "{what}");
            assert!(
                [SENT, KEPT].into_iter().all(|begins| markers_in(begins, &value).next().is_none()),
                "{what}"
            );
        }
        let own = ask.own();
        let own_keys = self.keys_in(&own);
        assert!(self.keys_in(&answer.body).iter().all(|key| own_keys.contains(key)), "{what}");
        if answer.status >= 400 {
            for begins in [SENT, KEPT] {
                assert!(markers_in(begins, &answer.body).all(|mark| own.contains(mark)), "{what}");
            }
        }
    }

    /// Returns the indexes of the keys in a text.
    fn keys_in(&self, text: &str) -> Vec<usize> {
        let is_in = |forms: &Vec<String>| forms.iter().any(|form| text.contains(form));
        self.forms
            .iter()
            .enumerate()
            .filter(|(_, forms)| is_in(forms))
            .map(|(index, _)| index)
            .collect()
    }

    /// Asserts that a log holds no key and no marker.
    fn expect_clean(&self, log: &str) {
        assert!(!log.is_empty());
        for line in log.lines() {
            assert!(self.keys_in(line).is_empty(), "a key: {line}");
            for begins in [SENT, KEPT] {
                let in_base64 = STANDARD.encode(begins);
                assert!(
                    !line.contains(begins) && !line.contains(&in_base64),
                    "what was sent or is kept: {line}"
                );
            }
        }
    }
}

/// Asserts that an answer of a function has the cache and security headers.
fn expect_to_stay_where_it_belongs(ask: &Ask, answer: &Answer, what: &str) {
    if !answer.headers.contains_key("x-request-id") {
        assert_eq!(answer.status, 502, "the gateway's own: {what}");
        return;
    }
    let is_public = ask.is_public() && !ask.path.ends_with("openapi.json") && ask.method == "GET";
    let is_to_be_kept = is_public && !ask.has_key_in_url() && matches!(answer.status, 200 | 304);
    for (name, expected) in [
        ("cache-control", if is_to_be_kept { "public, max-age=60" } else { "no-store" }),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("strict-transport-security", "max-age=31536000"),
    ] {
        let all: Vec<_> = answer.headers.get_all(name).iter().collect();
        assert_eq!(all, [expected], "{name} of {what}");
    }
}

/// Asserts that a 5xx answer reveals no cause.
fn expect_nothing_of_the_inside(dialect: Dialect, answer: &Answer) {
    let Some(id) = answer.headers.get("x-request-id").filter(|_| answer.status >= 500) else {
        return;
    };
    let id = id.to_str().unwrap();
    let (code, message) = match (dialect.name, answer.status) {
        ("assistant", 500) => ("", format!("Internal Server Error (request {id})")),
        ("assistant", _) => ("", "Service temporarily unavailable, please try again".to_owned()),
        (_, 500) => ("INTERNAL_ERROR", format!("something went wrong on our side (request {id})")),
        _ => (
            "SERVICE_UNAVAILABLE",
            "the service is temporarily unavailable: please try again".to_owned(),
        ),
    };
    let told = match dialect.name {
        "assistant" => json!({ "detail": message }),
        _ => {
            json!({"status": answer.status, "data": null, "errors": [{"error": code, "message": message}]})
        }
    };
    assert_eq!(answer.json(), told);
}

impl Widgets {
    fn at(&self, method: &'static str, id: impl std::fmt::Display) -> Ask {
        Ask::new(method, format!("{}/{id}", self.dialect.root))
    }

    fn on(&self, method: &'static str) -> Ask {
        Ask::new(method, self.dialect.root)
    }

    fn public(&self, method: &'static str, id: impl std::fmt::Display) -> Ask {
        Ask::new(method, format!("{}/{id}/{}", self.dialect.root, self.dialect.public))
    }

    fn body(&self, mark: Uuid) -> String {
        (self.dialect.marked)(mark)
    }

    fn is_assistant(&self) -> bool {
        self.dialect.name == "assistant"
    }
}

/// Starts a stack with this log level behind the fault proxy. Its functions panic if a request asks
/// for it.
async fn app_of_level(proxy: &FaultProxy, level: &str) -> TestApp {
    TestApp::start_over(proxy, |options| {
        options.concurrency = 1;
        for function in &mut options.template.functions {
            function.binary = "panicking".to_owned();
            function.log_level = Some(level.to_owned());
        }
    })
    .await
}
