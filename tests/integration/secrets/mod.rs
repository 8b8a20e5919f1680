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

use bench::copy_widget;
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
    app::{Answer, JSON, TestApp},
    dialect::{DIALECTS, Dialect},
    fault_proxy::FaultProxy,
};

/// The prefixes of markers in requests and in stored widgets. A marker is a UUID, because every
/// kind of field can hold one.
const SENT: &str = "5e5e5e5e-";
const KEPT: &str = "7e7e7e7e-";

fn new_marker(prefix: &str) -> Uuid {
    format!("{prefix}{}", &Uuid::new_v4().to_string()[prefix.len()..]).parse().unwrap()
}

/// Returns the markers in `text` with this prefix.
fn markers_in<'a>(prefix: &'a str, text: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(prefix).map(|(at, _)| text.get(at..at + 36).unwrap_or(&text[at..]))
}

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
    /// `stack_keys` are those that the stacks issued for themselves.
    async fn new(app: &TestApp, stack_keys: &[String]) -> Self {
        let keys = Keys::new();
        keys.put(app).await;
        let (broken_key, _) = app.another_account().await;
        let mut widgets = Vec::new();
        for dialect in DIALECTS {
            let create = async |key: &str, headers: &[(&str, &str)], body: String| {
                let headers = [&[JSON, ("authorization", key)], headers].concat();
                let answer = app.send("POST", dialect.root, &headers, body).await;
                assert_eq!(answer.status, 200, "{answer:?}");
                answer.id()
            };
            let body = dialect.marked(new_marker(KEPT));
            let mut for_all: Value = serde_json::from_str(&body).unwrap();
            for_all["allowed_domains"] = json!([]);
            let kept = create(&app.key, &[("idempotency-key", "used")], body.clone()).await;
            let doomed = copy_widget(&app.store, dialect.name, &kept, 150).await.unwrap();
            let unreadable = create(&broken_key, &[], body.clone()).await;
            let mut items = app.items().await.into_iter();
            let mut broken = items.find(|item| item["sk"].as_s() == Ok(&unreadable)).unwrap();
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
        let forms = keys.forms(stack_keys.iter().chain([&broken_key]));
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
        expect_cache_and_security_headers(&ask, &answer, &what);
        expect_no_internals(widgets.dialect, &answer);
        match way.outcome {
            Outcome::Works => assert_eq!(answer.status, case.status(widgets.dialect), "{what}"),
            Outcome::Refused => assert!(ask.is_public() || answer.status >= 400, "{what}"),
            Outcome::Open => {}
        }
        let seen = (widgets.dialect.name, ask.has_key_in_url(), answer.status);
        self.seen.lock().unwrap().insert(seen);
        let id = answer.headers.get("x-request-id").map(|id| id.to_str().unwrap().to_owned());
        (id, answer.status)
    }

    /// Asserts that an answer holds no key, and an error no marker. An answer may repeat what the
    /// request sent outside the places for keys.
    fn expect_no_secret(&self, ask: &Ask, answer: &Answer, what: &str) {
        for value in answer.headers.values() {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            assert!(self.keys_in(&value).is_empty(), "{what}");
            assert!(!value.contains(SENT) && !value.contains(KEPT), "{what}");
        }
        let own = ask.own();
        let own_keys = self.keys_in(&own);
        assert!(self.keys_in(&answer.body).iter().all(|key| own_keys.contains(key)), "{what}");
        if answer.status >= 400 {
            for prefix in [SENT, KEPT] {
                assert!(markers_in(prefix, &answer.body).all(|mark| own.contains(mark)), "{what}");
            }
        }
    }

    /// Returns the indexes of the keys in a text.
    fn keys_in(&self, text: &str) -> Vec<usize> {
        let is_in = |forms: &Vec<String>| forms.iter().any(|form| text.contains(form));
        (0..self.forms.len()).filter(|index| is_in(&self.forms[*index])).collect()
    }

    /// Asserts that a log holds no key and no marker.
    fn expect_clean(&self, log: &str) {
        assert!(!log.is_empty());
        for line in log.lines() {
            assert!(self.keys_in(line).is_empty(), "a key: {line}");
            for prefix in [SENT, KEPT] {
                let is_clean = !line.contains(prefix) && !line.contains(&STANDARD.encode(prefix));
                assert!(is_clean, "a marker: {line}");
            }
        }
    }
}

/// Asserts that an answer of a function has the cache and security headers.
fn expect_cache_and_security_headers(ask: &Ask, answer: &Answer, what: &str) {
    if !answer.headers.contains_key("x-request-id") {
        assert_eq!(answer.status, 502, "the gateway's own: {what}");
        return;
    }
    let is_public = ask.is_public() && !ask.path.ends_with("openapi.json") && ask.method == "GET";
    let is_cacheable = is_public && !ask.has_key_in_url() && matches!(answer.status, 200 | 304);
    for (name, expected) in [
        ("cache-control", if is_cacheable { "public, max-age=60" } else { "no-store" }),
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
fn expect_no_internals(dialect: Dialect, answer: &Answer) {
    let Some(id) = answer.headers.get("x-request-id").filter(|_| answer.status >= 500) else {
        return;
    };
    let id = id.to_str().unwrap();
    let body = match answer.status {
        500 => dialect.error(
            500,
            &format!("Internal Server Error (request {id})"),
            "INTERNAL_ERROR",
            &format!("something went wrong on our side (request {id})"),
        ),
        status => dialect.error(
            status,
            "Service temporarily unavailable, please try again",
            "SERVICE_UNAVAILABLE",
            "the service is temporarily unavailable: please try again",
        ),
    };
    assert_eq!(answer.json(), body);
}

impl Widgets {
    fn at(&self, method: &'static str, id: impl std::fmt::Display) -> Ask {
        Ask::new(method, format!("{}/{id}", self.dialect.root))
    }

    fn on(&self, method: &'static str) -> Ask {
        Ask::new(method, self.dialect.root)
    }

    fn public(&self, method: &'static str, id: impl std::fmt::Display) -> Ask {
        Ask::new(method, self.dialect.public_path(&id.to_string()))
    }

    fn body(&self, mark: Uuid) -> String {
        self.dialect.marked(mark)
    }

    /// Requests an update of the widget `id`.
    fn update(&self, id: impl std::fmt::Display) -> Ask {
        self.at(self.dialect.update, id)
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
