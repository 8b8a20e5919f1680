//! Secrets never leak: API keys, request bodies and stored data.
//!
//! The tests send secrets through every entry point, into every kind of failure, at every log
//! level. They search every log line, header and body for them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::auth::{ApiKey, attribute};
use url::form_urlencoded;
use uuid::Uuid;
use widgets::local::{binaries, stack::DEVELOPMENT_ACCOUNT, template::Template};

use crate::{
    pipelines::{batch, event, sqs_record},
    support::{
        app::{Answer, TestApp, eventually, marked_assistant, marked_pathway},
        expanded::expanded,
        fault_proxy::{Effect, Fault, FaultProxy},
    },
};

/// How every text begins that requests bring, and every text that is kept. Each is a UUID, which
/// fields of all kinds can hold.
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

/// Every text in `text` that begins so.
fn markers_in<'a>(begins: &'a str, text: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(begins).map(|(at, _)| text.get(at..at + 36).unwrap_or(&text[at..]))
}

/// What differs between the dialects.
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

/// Keys, each another one.
struct Keys {
    works: String,
    of_another: String,
    reads: String,
    expired: String,
    revoked: String,
    unknown: String,
    /// Its item has no account.
    unreadable: String,
}

impl Keys {
    /// Of an operator's own make, with characters that are written otherwise in a URL.
    fn new() -> Self {
        let key = || format!("in-k+/=&%25#{}", Uuid::new_v4().simple());
        let [works, of_another, reads, expired, revoked, unknown, unreadable] =
            [(); 7].map(|()| key());
        Self { works, of_another, reads, expired, revoked, unknown, unreadable }
    }

    async fn put(&self, app: &TestApp) {
        let account = DEVELOPMENT_ACCOUNT.to_string();
        let another = Uuid::new_v4().to_string();
        for (key, attributes) in [
            (&self.works, &[(attribute::ACCOUNT_ID, account.as_str())][..]),
            (&self.of_another, &[(attribute::ACCOUNT_ID, another.as_str())]),
            (&self.reads, &[(attribute::ACCOUNT_ID, &account), (attribute::ROLE, "read")]),
            (
                &self.expired,
                &[
                    (attribute::ACCOUNT_ID, &account),
                    (attribute::EXPIRES_AT, "2026-01-01T00:00:00.000Z"),
                ],
            ),
            (
                &self.revoked,
                &[
                    (attribute::ACCOUNT_ID, &account),
                    (attribute::REVOKED_AT, "2026-01-01T00:00:00.000Z"),
                ],
            ),
            (&self.unreadable, &[(attribute::NAME, "without an account")]),
        ] {
            let hash = ApiKey::parse(key).unwrap().hash().to_string();
            let put = app
                .store
                .put_item()
                .table_name("ApiKeys")
                .item(attribute::KEY_HASH, AttributeValue::S(hash));
            let text = |value: &&str| AttributeValue::S((*value).to_owned());
            let put =
                attributes.iter().fold(put, |put, (name, value)| put.item(*name, text(value)));
            put.send().await.unwrap();
        }
    }

    /// Each key as it may be written, by what it is.
    fn forms(&self, of_the_stack: &[String]) -> Vec<Vec<String>> {
        let own = [
            &self.works,
            &self.of_another,
            &self.reads,
            &self.expired,
            &self.revoked,
            &self.unknown,
            &self.unreadable,
        ];
        let forms = |key: &String| {
            // Without its last bytes, which what stands behind it changes.
            let whole = &key.as_bytes()[..key.len() / 3 * 3];
            let in_url: String = form_urlencoded::byte_serialize(key.as_bytes()).collect();
            vec![key.clone(), in_url, STANDARD.encode(whole), URL_SAFE.encode(whole)]
        };
        own.into_iter().chain(of_the_stack).map(forms).collect()
    }
}

/// A dialect's widgets.
struct Widgets {
    dialect: Dialect,
    /// One with a text in every field.
    kept: String,
    /// One that pages of every origin may show.
    public: String,
    /// One that is changed.
    changing: String,
    /// Many to be deleted.
    doomed: Mutex<Vec<String>>,
    /// One whose item is broken.
    unreadable: String,
}

/// What is asked about, and what must not be told.
struct World {
    keys: Keys,
    forms: Vec<Vec<String>>,
    widgets: Vec<Widgets>,
    /// Of the account whose widgets' items are broken.
    broken_key: String,
    /// Which statuses were seen, by dialect and by whether the URL had a key.
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

    /// Sends the case's request with keys put in that way, looks at its answer, and tells its id,
    /// where a function answered.
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

    /// Fails if an answer has a key in it, or if it is a failure that has anything in it that it
    /// was not sent itself.
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

    /// Which of the keys are in a text.
    fn keys_in(&self, text: &str) -> Vec<usize> {
        let is_in = |forms: &Vec<String>| forms.iter().any(|form| text.contains(form));
        self.forms
            .iter()
            .enumerate()
            .filter(|(_, forms)| is_in(forms))
            .map(|(index, _)| index)
            .collect()
    }

    /// Fails if a log has anything in it that was sent or is kept.
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

/// A request before it is sent.
struct Ask {
    method: &'static str,
    path: String,
    query: Vec<(&'static str, String)>,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Ask {
    fn new(method: &'static str, path: impl Into<String>) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { method, path: path.into(), query: Vec::new(), headers, body: Vec::new() }
    }

    fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
        self
    }

    fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn url(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.query);
        format!("{}?{}", self.path, query.finish())
    }

    fn has_key_in_url(&self) -> bool {
        self.query.iter().any(|(name, _)| *name == "api_key")
    }

    fn is_public(&self) -> bool {
        ["parameters", "config", "openapi.json"].iter().any(|name| self.path.ends_with(name))
    }

    /// What its client said of itself, outside of the places that keys are for.
    fn own(&self) -> String {
        let query = self.query.iter().filter(|(name, _)| *name != "api_key");
        let headers = self.headers.iter().filter(|(name, _)| *name != "authorization");
        let values: String = query.chain(headers).map(|(_, value)| format!("{value}\n")).collect();
        format!("{}\n{values}{}", self.path, String::from_utf8_lossy(&self.body))
    }
}

/// Fails unless an answer of a function's says how far it may go.
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

/// Fails if a function says more of a fault of ours than that there was one.
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

/// A request, by what becomes of it in each dialect.
struct Case {
    name: &'static str,
    statuses: (u16, u16),
    request: fn(&Widgets, Uuid) -> Ask,
}

const fn case(
    name: &'static str,
    statuses: (u16, u16),
    request: fn(&Widgets, Uuid) -> Ask,
) -> Case {
    Case { name, statuses, request }
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

/// Bodies, paths and headers with `mark` in them.
const CASES: &[Case] = &[
    case("create", (200, 200), |it, mark| it.on("POST").body(it.body(mark))),
    case("create once", (200, 200), |it, mark| {
        it.on("POST").header("idempotency-key", mark.to_string()).body(it.body(mark))
    }),
    case("read", (200, 200), |it, _| it.at("GET", &it.kept)),
    case("update", (200, 200), |it, mark| {
        it.at(it.dialect.update, &it.changing).body(it.body(mark))
    }),
    case("delete", (200, 200), |it, _| it.at("DELETE", it.doomed.lock().unwrap().pop().unwrap())),
    case("list", (200, 200), |it, _| {
        it.on("GET").query(if it.is_assistant() { "size" } else { "limit" }, "1")
    }),
    case("other list", (200, 200), |it, mark| {
        let assistant = format!("/api/v1/assistant/{mark}/widgets");
        if it.is_assistant() {
            Ask::new("GET", assistant)
        } else {
            Ask::new("GET", "/v1/widgets").query("limit", "2")
        }
    }),
    case("public", (200, 200), |it, _| it.public("GET", &it.public)),
    case("description", (200, 200), |it, _| {
        Ask::new("GET", if it.is_assistant() { "/api/v1/openapi.json" } else { "/v1/openapi.json" })
    }),
    case("preflight", (204, 204), |it, _| it.public("OPTIONS", &it.public)),
    case("known", (304, 304), |it, _| it.at("GET", &it.kept).header("if-none-match", "*")),
    case("public and known", (304, 304), |it, _| {
        it.public("GET", &it.public).header("if-none-match", "*")
    }),
    case("not UTF-8", (400, 400), |it, mark| {
        it.on("POST").body([format!(r#"{{"name":"{mark}"#).as_bytes(), b"\xff\"}"].concat())
    }),
    case("rules broken", (422, 400), |it, mark| {
        let wrong = json!({
            "widget_type": mark, "user_opening_messages": [mark, 1], "action_buttons": mark, "org_id": format!("x{mark}"),
            "name": [mark], "remove_branding": mark, "attributes": mark, "pathway_id": format!("x{mark}"),
            "agent_prompt": [mark], "allowed_domains": [format!("https://{mark}"), mark, 1], "messages_per_minute": mark,
            "config": {"timeoutSeconds": mark}, "agent_id": [mark], "webhook_url": format!("http://{mark}"),
        });
        it.on("POST").body(wrong.to_string())
    }),
    case("update that breaks rules", (422, 400), |it, mark| {
        let wrong =
            format!(r#"{{"org_id":"{mark}x","allowed_domains":["{mark}:"],"name":"{mark}"}}"#);
        it.at(it.dialect.update, &it.kept).body(wrong)
    }),
    case("malformed", (422, 400), |it, mark| {
        it.on("POST").body(format!(r#"{{"name":"{mark}",{mark}"#))
    }),
    case("too deep", (422, 400), |it, mark| {
        it.on("POST").body(format!(
            r#"{{"config":{}"{mark}"{}}}"#,
            "[".repeat(200),
            "]".repeat(200)
        ))
    }),
    case("not JSON", (422, 400), |it, mark| {
        it.on("POST").header("content-type", "text/plain").body(mark.to_string())
    }),
    case("key of another body", (422, 422), |it, mark| {
        it.on("POST").header("idempotency-key", "used").body(it.body(mark))
    }),
    case("key too long", (422, 400), |it, mark| {
        it.on("POST").header("idempotency-key", mark.to_string().repeat(8)).body(it.body(mark))
    }),
    case("no id", (422, 400), |it, mark| it.at("GET", format!("x{mark}"))),
    case("no number", (422, 400), |it, mark| {
        it.on("GET").query(if it.is_assistant() { "page" } else { "limit" }, mark.to_string())
    }),
    case("no cursor", (200, 400), |it, mark| {
        it.on("GET").query("size", "1").query("cursor", mark.to_string())
    }),
    case("no tag", (422, 400), |it, mark| {
        it.at("GET", &it.kept).header("if-match", mark.to_string())
    }),
    case("not there", (404, 404), |it, mark| it.at("GET", mark)),
    case("not there to update", (404, 404), |it, mark| {
        it.at(it.dialect.update, mark).body(it.body(mark))
    }),
    case("not there to delete", (404, 404), |it, mark| it.at("DELETE", mark)),
    case("not public", (404, 404), |it, mark| it.public("GET", mark)),
    case("no route", (404, 404), |it, mark| it.at("GET", format!("{mark}/{mark}"))),
    case("no method", (405, 405), |it, _| it.on("DELETE")),
    case("another version", (412, 412), |it, mark| {
        it.at(it.dialect.update, &it.kept).header("if-match", r#""7""#).body(it.body(mark))
    }),
    case("another version to delete", (412, 412), |it, mark| {
        it.at("DELETE", &it.kept).header("if-match", format!(r#""7", "{mark}""#))
    }),
    case("another origin", (200, 403), |it, mark| {
        let id = if it.is_assistant() { &it.public } else { &it.kept };
        it.public("GET", id).header("origin", format!("{mark}.elsewhere"))
    }),
    case("body too large", (413, 413), |it, mark| {
        it.on("POST").body(format!(r#"{{"name":"{mark}{}"}}"#, " ".repeat(256 * 1024)))
    }),
    case("unreadable", (500, 500), |it, _| it.public("GET", &it.unreadable)),
    case("panic", (500, 500), |it, mark| {
        it.on("POST").header("x-panic", "before").body(it.body(mark))
    }),
    case("late panic", (500, 500), |it, mark| {
        it.on("POST").header("x-panic", "after").body(it.body(mark))
    }),
    case("panic at a refusal", (502, 502), |it, mark| {
        it.at("GET", format!("x{mark}")).header("x-panic", "refusing")
    }),
];

/// What keys in their places, and elsewhere, make of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Outcome {
    /// What becomes of it by itself.
    Works,
    /// It does not get through.
    Refused,
    /// One of the two.
    Open,
}

/// A way in: where keys are put.
struct Way {
    name: &'static str,
    outcome: Outcome,
    put: fn(&mut Ask, &Keys),
}

const fn way(name: &'static str, outcome: Outcome, put: fn(&mut Ask, &Keys)) -> Way {
    Way { name, outcome, put }
}

fn in_url(ask: &mut Ask, key: &str) {
    ask.query.push(("api_key", key.to_owned()));
}

fn in_header(ask: &mut Ask, name: &'static str, value: impl Into<String>) {
    ask.headers.retain(|(other, _)| *other != name);
    ask.headers.push((name, value.into()));
}

const IN_HEADER: Way =
    way("in the header", Outcome::Works, |ask, keys| in_header(ask, "authorization", &keys.works));

const WAYS: &[Way] = &[
    IN_HEADER,
    way("in the URL", Outcome::Works, |ask, keys| in_url(ask, &keys.works)),
    way("as Bearer", Outcome::Works, |ask, keys| {
        in_header(ask, "authorization", format!("Bearer {}", keys.works))
    }),
    way("in both", Outcome::Works, |ask, keys| {
        in_url(ask, &keys.works);
        in_header(ask, "authorization", format!("bearer  {}", keys.works));
    }),
    way("none", Outcome::Refused, |_, _| {}),
    way("two", Outcome::Refused, |ask, keys| {
        in_url(ask, &keys.works);
        in_header(ask, "authorization", &keys.of_another);
    }),
    way("two in the URL", Outcome::Refused, |ask, keys| {
        in_url(ask, &keys.works);
        in_url(ask, &keys.of_another);
    }),
    way("unknown in the URL", Outcome::Refused, |ask, keys| in_url(ask, &keys.unknown)),
    way("unknown in the header", Outcome::Refused, |ask, keys| {
        in_header(ask, "authorization", &keys.unknown)
    }),
    way("revoked", Outcome::Refused, |ask, keys| in_url(ask, &keys.revoked)),
    way("expired", Outcome::Refused, |ask, keys| in_header(ask, "authorization", &keys.expired)),
    way("unreadable", Outcome::Refused, |ask, keys| in_url(ask, &keys.unreadable)),
    way("may only read", Outcome::Open, |ask, keys| in_url(ask, &keys.reads)),
    way("as Basic", Outcome::Refused, |ask, keys| {
        in_header(ask, "authorization", format!("Basic {}", STANDARD.encode(&keys.works)));
    }),
    way("in a cookie, too", Outcome::Works, |ask, keys| {
        (IN_HEADER.put)(ask, keys);
        in_header(ask, "cookie", format!("api_key={}; other={}", keys.works, keys.unknown));
    }),
    way("in another header", Outcome::Refused, |ask, keys| {
        in_header(ask, "x-api-key", &keys.works)
    }),
    way("as the user agent, too", Outcome::Works, |ask, keys| {
        in_url(ask, &keys.works);
        in_header(ask, "user-agent", format!("client {}", keys.works));
        in_header(ask, "referer", format!("https://example.com/?api_key={}", keys.works));
    }),
    way("in another parameter, too", Outcome::Works, |ask, keys| {
        (IN_HEADER.put)(ask, keys);
        ask.query.push(("key", keys.works.clone()));
    }),
    way("in the body, too", Outcome::Works, |ask, keys| {
        in_url(ask, &keys.works);
        if ask.body.starts_with(b"{") {
            let members = format!(
                r#"{{"api_key":"{}","{}":{{"x":"{}"}},"#,
                keys.works, keys.unknown, keys.of_another
            );
            ask.body.splice(..1, members.into_bytes());
        }
    }),
    way("as the idempotency key, too", Outcome::Open, |ask, keys| {
        (IN_HEADER.put)(ask, keys);
        in_header(ask, "idempotency-key", &keys.works);
    }),
    way("as preconditions, too", Outcome::Open, |ask, keys| {
        in_url(ask, &keys.works);
        in_header(ask, "if-match", &keys.works);
        in_header(ask, "if-none-match", format!(r#""{}""#, keys.works));
    }),
    way("in the path, too", Outcome::Open, |ask, keys| {
        (IN_HEADER.put)(ask, keys);
        ask.path.extend(
            ["/"].into_iter().chain(form_urlencoded::byte_serialize(keys.works.as_bytes())),
        );
    }),
];

/// Every level that a function's log can be set to: those that the template lets in, and Lambda's
/// others.
fn levels() -> Vec<String> {
    let allowed = expanded("defaults")["Parameters"]["LogLevel"]["AllowedValues"].clone();
    let mut levels: Vec<String> = serde_json::from_value(allowed).unwrap();
    assert!(!levels.is_empty());
    levels.extend(["FATAL", "DEBUG", "TRACE"].map(ToOwned::to_owned));
    levels
}

/// Functions of this log level over a store that fails as it is told. They are as they are
/// deployed, but that they panic where a request asks for it.
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

/// What a stack of a level was asked, for its log to be looked at.
struct Level {
    name: String,
    app: TestApp,
    /// The requests that functions answered: id, status.
    asked: Mutex<Vec<(String, u16)>>,
}

impl Level {
    /// Whether ordinary requests have a line.
    fn logs_all(&self) -> bool {
        matches!(self.name.as_str(), "TRACE" | "DEBUG" | "INFO")
    }

    async fn ask(&self, world: &World, widgets: &Widgets, case: &Case, way: &Way) -> u16 {
        let (id, status) = world.ask(&self.app, widgets, case, way).await;
        self.asked.lock().unwrap().extend(id.map(|id| (id, status)));
        status
    }

    /// Every case and every way; where the log says most, each with each.
    async fn ask_all(&self, world: &World) {
        let of_dialect = async |widgets: &Widgets| {
            if self.name == "TRACE" {
                for case in CASES {
                    for way in WAYS {
                        self.ask(world, widgets, case, way).await;
                    }
                }
            } else {
                for index in 0..CASES.len().max(WAYS.len()) {
                    let (case, way) = (&CASES[index % CASES.len()], &WAYS[index % WAYS.len()]);
                    self.ask(world, widgets, case, way).await;
                    self.ask(world, widgets, case, &IN_HEADER).await;
                }
            }
            self.invoke_all(world, widgets).await;
        };
        join_all(world.widgets.iter().map(of_dialect)).await;
    }

    /// Everything that reads an item that cannot be read. To delete it is the last of it.
    async fn ask_for_what_is_broken(&self, world: &World) {
        for widgets in &world.widgets {
            let at = |method| widgets.at(method, &widgets.unreadable);
            // What it does not name stays broken.
            let change = format!(
                r#"{{"widget_type":"sms","webhook_url":"https://{}.example"}}"#,
                new_marker(SENT)
            );
            let update = at(widgets.dialect.update).body(change);
            let mut asks = vec![at("GET"), widgets.on("GET"), update];
            asks.extend((self.name == "TRACE").then(|| at("DELETE")));
            for ask in asks {
                let headers = [
                    ("authorization", world.broken_key.as_str()),
                    ("content-type", "application/json"),
                ];
                let answer = self.app.send(ask.method, &ask.path, &headers, ask.body.clone()).await;
                let what = format!("{} {}: {answer:?}", ask.method, ask.path);
                assert_eq!(answer.status, 500, "{what}");
                world.expect_no_secret(&ask, &answer, &what);
                expect_to_stay_where_it_belongs(&ask, &answer, &what);
                expect_nothing_of_the_inside(widgets.dialect, &answer);
                self.asked
                    .lock()
                    .unwrap()
                    .push((answer.header("x-request-id").to_owned(), answer.status));
            }
        }
    }

    /// Events that come without HTTP, with keys and texts wherever there is room for one.
    async fn invoke_all(&self, world: &World, widgets: &Widgets) {
        let (mark, key) = (new_marker(SENT), &world.keys.works);
        let command = |operation: &str, more: &str| {
            format!(r#"{{"operation":"{operation}","account":"{DEVELOPMENT_ACCOUNT}"{more}}}"#)
        };
        let create =
            |more: &str, body: &str| command("create", &format!(r#"{more},"body":{body}"#));
        let body = widgets.body(mark);
        let wrong = format!(
            r#"{{"{mark}":1,"allowed_domains":["https://{mark}"],"widget_type":"{mark}","org_id":"x{mark}","webhook_url":"{key}"}}"#
        );
        let http = |more: Value| {
            let mut payload = json!({
                "rawPath": format!("/{key}"), "rawQueryString": format!("api_key={key}"), "headers": {"authorization": key},
                "routeKey": "GET /v1/widgets", "requestContext": {"http": {"method": "GET", "path": format!("/{mark}")}},
            });
            payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            payload.to_string()
        };
        let messages = [
            sqs_record(key, 1, &format!("{mark} {key}")),
            sqs_record("m1", 1, &format!(r#"{{"{key}":"{mark}"}}"#)),
            sqs_record("m2", 1, &create(&format!(r#","api_key":"{key}""#), &wrong)),
            sqs_record("m3", 1, &command("read", &format!(r#","widget_id":"{mark}{key}""#))),
            sqs_record(
                "m4",
                1,
                &event(key, &format!(r#"{{"operation":"{mark}","account":"{key}"}}"#)),
            ),
            sqs_record(
                "m5",
                1,
                &create(
                    "",
                    &format!(r#"{{"config":{}"{mark}"{}}}"#, "[".repeat(200), "]".repeat(200)),
                ),
            ),
        ];
        for payload in [
            create("", &body),
            create(&format!(r#","idempotency_key":"{key}""#), &body),
            create(&format!(r#","idempotency_key":"{key}""#), &wrong),
            create(&format!(r#","idempotency_key":"{}""#, key.repeat(9)), &body),
            create(&format!(r#","{key}":"{mark}","{mark}":"{key}""#), &body),
            create("", &wrong),
            command("update", &format!(r#","widget_id":"{}","body":{wrong}"#, widgets.kept)),
            command("read", &format!(r#","widget_id":"{}""#, widgets.unreadable)),
            command("read", &format!(r#","widget_id":"{}""#, Uuid::now_v7())),
            command("delete", &format!(r#","widget_id":"{key}""#)),
            command(key, ""),
            event(key, &create("", &wrong)),
            event(&Uuid::new_v4().to_string(), &create("", &body)),
            batch(&messages),
            format!("[{},{}]", create("", &wrong), event(key, &create("", &body))),
            format!(r#"{{"{key}":"{mark}"}}"#),
            format!(r#"["{key}","{mark}"]"#),
            format!(r#""{key} {mark}""#),
            http(json!({"version": "1.0"})),
            http(
                json!({"version": "2.0", "body": format!("{key}{mark}"), "isBase64Encoded": true}),
            ),
            http(json!({"version": "2.0", "headers": {"authorization": key, "x": 1}})),
            http(json!({"version": key, "operation": mark})),
        ] {
            // Whoever sends one is told of what they sent, and of nothing else.
            let (Ok(told) | Err(told)) = self.app.invoke(widgets.dialect.function, &payload).await;
            let own = world.keys_in(&payload);
            assert!(world.keys_in(&told).iter().all(|key| own.contains(key)), "{payload}: {told}");
            assert!(markers_in(SENT, &told).all(|it| payload.contains(it)), "{payload}: {told}");
            assert!(markers_in(KEPT, &told).next().is_none(), "{payload}: {told}");
        }
    }

    /// What the store fails with: every request that goes there, and a key that is looked up.
    async fn ask_a_failing_store(&self, world: &World) -> Vec<u16> {
        let of_dialect = async |widgets: &Widgets| {
            let mut statuses = Vec::new();
            for name in [
                "create",
                "create once",
                "read",
                "update",
                "delete",
                "list",
                "public",
                "another version",
            ] {
                let case = CASES.iter().find(|case| case.name == name).unwrap();
                statuses.push(self.ask(world, widgets, case, &OF_A_FAILING_STORE[0]).await);
            }
            statuses.push(self.ask(world, widgets, &CASES[0], &OF_A_FAILING_STORE[1]).await);
            statuses
        };
        join_all(world.widgets.iter().map(of_dialect)).await.concat()
    }

    /// Waits for the lines of all that was asked, and looks at them.
    async fn expect_clean(&self, world: &World) {
        let asked = self.asked.lock().unwrap().clone();
        let lines = || {
            let log = self.app.log();
            let line = |line: &str| {
                let line: Value = serde_json::from_str(line.split_once(' ')?.1).ok()?;
                Some((line["requestId"].as_str()?.to_owned(), line))
            };
            let lines: BTreeMap<String, Value> = log.lines().filter_map(line).collect();
            let is_expected = |status: u16| status >= 500 || self.logs_all();
            asked
                .iter()
                .all(|(id, status)| !is_expected(*status) || lines.contains_key(id))
                .then_some((log, lines))
        };
        let (log, lines) = eventually(&format!("the log of {}", self.name), lines).await;
        world.expect_clean(&log);
        // So that there is something to look at, and no more of it than the level says.
        let has = |part: &str| log.lines().any(|line| line.contains(part));
        assert!(has(r#""message":"panic""#) && has(r#""cause":"#), "{}", self.name);
        assert_eq!(
            has(r#""level":"INFO""#) && has(r#""_aws":"#) && has(r#""Refused":1"#),
            self.logs_all(),
            "{}",
            self.name
        );
        let routes: BTreeSet<String> = routes().collect();
        for line in lines.values().filter(|line| line["message"] == "request") {
            assert!(routes.contains(line["route"].as_str().unwrap()), "{line}");
        }
    }
}

/// The template's routes, as it names them.
fn routes() -> impl Iterator<Item = String> {
    let functions = Template::read(binaries::workspace()).unwrap().functions;
    functions
        .into_iter()
        .flat_map(|it| it.routes)
        .map(|route| format!("{} {}", route.method, route.path))
}

/// The ways of requests that the store fails.
const OF_A_FAILING_STORE: [Way; 2] = [
    way("in the URL", Outcome::Open, |ask, keys| in_url(ask, &keys.works)),
    way("unknown", Outcome::Open, |ask, keys| in_url(ask, &keys.unknown)),
];

#[tokio::test]
async fn keys_bodies_and_stored_data_never_leak_into_logs_or_errors() {
    let proxy = FaultProxy::start().await;
    let new = async |name: String| Level {
        app: app_of_level(&proxy, &name).await,
        name,
        asked: Mutex::default(),
    };
    let levels = join_all(levels().into_iter().map(new)).await;
    let of_the_stacks: Vec<String> = levels.iter().map(|level| level.app.key.clone()).collect();
    let world = World::new(&levels[0].app, Keys::new(), &of_the_stacks).await;

    join_all(levels.iter().map(|level| level.ask_all(&world))).await;
    for level in &levels {
        level.ask_for_what_is_broken(&world).await;
    }
    for fault in [
        Fault::Refused(400, "ThrottlingException"),
        Fault::Refused(400, "AccessDeniedException"),
        Fault::Quoting,
        Fault::Conflict,
        Fault::Failed(Effect::Done),
        Fault::Reset(Effect::Done),
        Fault::Garbage(Effect::Done),
        Fault::HalfAnswer,
    ] {
        proxy.plan(move |_, _| fault);
        let statuses =
            join_all(levels.iter().map(|level| level.ask_a_failing_store(&world))).await.concat();
        assert!(statuses.iter().any(|status| *status >= 500), "{fault:?}: {statuses:?}");
    }
    proxy.plan(|_, _| Fault::None);
    for level in &levels {
        level.expect_clean(&world).await;
    }

    // Each kind of answer was looked at, with a key in the URL and without.
    let seen = world.seen.lock().unwrap().clone();
    for dialect in DIALECTS {
        let of_cases = CASES.iter().map(|case| {
            if dialect.name == "assistant" { case.statuses.0 } else { case.statuses.1 }
        });
        for status in of_cases.chain([401, 403, 500, 503]) {
            let is_of_a_key = matches!(status, 403 | 503);
            for in_url in [true, false].into_iter().take(if is_of_a_key { 1 } else { 2 }) {
                assert!(
                    seen.contains(&(dialect.name, in_url, status)),
                    "{} {in_url} {status}",
                    dialect.name
                );
            }
        }
    }
    // And each route's success.
    let log = levels.iter().find(|level| level.name == "TRACE").unwrap().app.log();
    for route in routes().filter(|route| !route.ends_with("{proxy+}")) {
        let line = format!(r#""route":"{route}","status":200"#);
        assert!(log.contains(&line), "{route}");
    }
    // A key is in no item of the table either, wherever it was sent.
    let kept = format!("{:?}", levels[0].app.items().await);
    assert!(kept.contains(SENT) && kept.contains(KEPT) && world.keys_in(&kept).is_empty());
}

#[tokio::test]
async fn stuck_or_unreachable_store_leaks_no_secret() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |options| {
        for function in &mut options.template.functions {
            function.timeout = Duration::from_secs(1);
            function.log_level = Some("TRACE".to_owned());
        }
    })
    .await;
    let patient = TestApp::start_over(&proxy, |_| {}).await;
    let world = World::new(&patient, Keys::new(), &[app.key.clone(), patient.key.clone()]).await;
    let names = ["create", "create once", "read", "update", "list", "public"];
    let asked = CASES.iter().filter(|case| names.contains(&case.name));
    let of_all = |asked: Vec<&'static Case>| {
        let (world, app) = (&world, &app);
        let pairs = world
            .widgets
            .iter()
            .flat_map(move |widgets| asked.clone().into_iter().map(move |case| (widgets, case)));
        pairs.map(async |(widgets, case)| {
            world.ask(app, widgets, case, &OF_A_FAILING_STORE[0]).await
        })
    };
    // Known before the store is stuck.
    join_all(of_all(asked.clone().collect())).await;
    for fault in [Fault::Silent(Effect::Done), Fault::Trickle] {
        proxy.plan(move |_, _| fault);
        for (id, status) in join_all(of_all(asked.clone().collect())).await {
            assert_eq!(status, 503, "{fault:?}");
            app.logged_any(&id.unwrap()).await;
        }
    }
    assert!(app.log().contains("not done before the function's timeout"));

    // Another stack, whose functions do not find it when they start.
    proxy.plan(|_, _| Fault::None);
    let gone = app_of_level(&proxy, "TRACE").await;
    drop(proxy);
    for widgets in &world.widgets {
        for case in asked.clone() {
            let (id, status) = world.ask(&gone, widgets, case, &OF_A_FAILING_STORE[0]).await;
            assert_eq!(status, 503, "{}", case.name);
            gone.logged_any(&id.unwrap()).await;
        }
        gone.logged(widgets.dialect.function, r#""level":"WARN""#).await;
    }
    for app in [&app, &gone] {
        world.expect_clean(&app.log());
    }
}
