//! Concurrent writers over several environments of a function. No acknowledged write is lost.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    execution::{MARK, processes},
    support::{
        app::{Answer, TestApp, rounds},
        fault_proxy::{Fault, FaultProxy},
    },
};

/// A dialect with a field a writer, whose values are texts of its own, and one that all of them
/// write.
pub struct Dialect {
    pub root: &'static str,
    pub update: &'static str,
    pub body: &'static str,
    pub fields: &'static [&'static str],
    shared: &'static str,
    /// What a body has to have besides.
    required: &'static str,
}

pub const DIALECTS: [Dialect; 2] = [
    Dialect {
        root: "/api/v1/widget",
        update: "PUT",
        body: r#"{"widget_type":"chat","user_opening_messages":[],"action_buttons":[]}"#,
        fields: &[
            "name",
            "description",
            "display_name",
            "intro_message",
            "bubble_text",
            "header_color",
        ],
        shared: "textbox_default_text",
        required: r#"{"widget_type":"chat"}"#,
    },
    Dialect {
        root: "/v1/widget",
        update: "PATCH",
        body: r#"{"agent_prompt":"x","allowed_domains":[],"messages_per_minute":0,"config":0}"#,
        fields: &[
            "agent_id",
            "allowed_domains",
            "messages_per_minute",
            "webhook_url",
            "config",
            "pathway_id",
        ],
        shared: "agent_prompt",
        required: "{}",
    },
];

/// How often a client asks for something at most: far more often than any run has needed.
pub const MOST_TRIES: usize = 1000;

impl Dialect {
    /// A value that `field` may have, another one for each `n`.
    pub fn value(field: &str, n: usize) -> Value {
        match field {
            "agent_id" | "pathway_id" => json!(Uuid::from_u128(n as u128)),
            "allowed_domains" => json!([format!("{n}.example.com")]),
            "messages_per_minute" | "config" => json!(n),
            "webhook_url" => json!(format!("https://example.com/{n}")),
            _ => json!(n.to_string()),
        }
    }

    /// The `n` that the field's value was made of.
    fn n(field: &str, value: &Value) -> usize {
        (0..1_000_000)
            .find(|n| Self::value(field, *n) == *value)
            .expect("a value that nobody wrote")
    }

    /// An update of these fields.
    pub fn change(&self, fields: &[(&str, usize)]) -> Map<String, Value> {
        let mut change: Map<String, Value> = serde_json::from_str(self.required).unwrap();
        change
            .extend(fields.iter().map(|(field, n)| ((*field).to_owned(), Self::value(field, *n))));
        change
    }

    async fn create(&self, app: &TestApp) -> String {
        format!("{}/{}", self.root, app.call("POST", self.root, self.body).await.id())
    }
}

/// The version that an answer shows.
fn version(answer: &Answer) -> usize {
    answer.version().try_into().unwrap()
}

#[tokio::test]
async fn concurrent_updates_form_a_serial_history() {
    let mark = Uuid::new_v4().to_string();
    let app = TestApp::start_with(|options| {
        options.concurrency = 6;
        for function in &mut options.template.functions {
            function.variables.insert(MARK.to_owned(), mark.clone());
        }
    })
    .await;
    for dialect in &DIALECTS {
        let (widget, updates) = (&dialect.create(&app).await, rounds(50));
        let writer = async |writer: usize| {
            let mut written = Vec::new();
            for n in 1..=updates {
                let own = (dialect.fields[writer], n);
                let change = dialect.change(&[own, (dialect.shared, writer * 1000 + n)]);
                let answer = app
                    .call(dialect.update, widget, Value::Object(change.clone()).to_string())
                    .await;
                assert_eq!(answer.status, 200, "{answer:?}: {}", app.log_of(&answer));
                written.push((version(&answer), change, answer.json()["data"].clone()));
            }
            written
        };
        let (done, mut is_done) = watch::channel(false);
        let reader = async {
            let mut read = Vec::new();
            while !*is_done.borrow_and_update() {
                let answer = app.call("GET", widget, "").await;
                read.push((version(&answer), answer.json()["data"].clone()));
            }
            read
        };
        let writers = async {
            let written = join_all((0..dialect.fields.len()).map(writer)).await.concat();
            done.send_replace(true);
            written
        };
        let (mut written, read) = tokio::join!(writers, reader);

        written.sort_by_key(|(version, ..)| *version);
        let versions: Vec<usize> = written.iter().map(|(version, ..)| *version).collect();
        assert_eq!(
            versions,
            (2..2 + updates * dialect.fields.len()).collect::<Vec<_>>(),
            "one each"
        );
        let mut serial: Map<String, Value> = serde_json::from_str(dialect.body).unwrap();
        let mut history = BTreeMap::from([(1, serial.clone())]);
        for (version, change, _) in &written {
            serial.extend(change.clone());
            history.insert(*version, serial.clone());
        }
        let answered = written.iter().map(|(version, _, data)| (version, data));
        let last = app.call("GET", widget, "").await;
        let last = (version(&last), last.json()["data"].clone());
        assert_eq!(last.0, versions.len() + 1);
        for (version, data) in
            answered.chain(read.iter().chain([&last]).map(|(version, data)| (version, data)))
        {
            for (field, value) in &history[version] {
                assert_eq!(&data[field], value, "{field} of version {version}");
            }
        }
        assert!(read.len() > 10, "{}", read.len());
    }
    assert!(processes(&mark).len() > DIALECTS.len(), "several environments a function took part");
}

#[tokio::test]
async fn read_modify_write_with_if_match_loses_no_increment() {
    let app = TestApp::start_with(|options| options.concurrency = 6).await;
    for dialect in &DIALECTS {
        let (widget, steps) = (&dialect.create(&app).await, rounds(20));
        let (field, start) = (dialect.fields[0], dialect.change(&[(dialect.fields[0], 0)]));
        assert_eq!(
            app.call(dialect.update, widget, Value::Object(start).to_string()).await.status,
            200
        );
        let counter = async || {
            for _ in 0..steps {
                loop {
                    let read = app.call("GET", widget, "").await;
                    let n = Dialect::n(field, &read.json()["data"][field]);
                    let headers = [
                        ("authorization", app.key.as_str()),
                        ("content-type", "application/json"),
                        ("if-match", read.header("etag")),
                    ];
                    let change = Value::Object(dialect.change(&[(field, n + 1)])).to_string();
                    match app.send(dialect.update, widget, &headers, change).await.status {
                        200 => break,
                        status => assert_eq!(status, 412),
                    }
                }
            }
        };
        join_all((0..6).map(|_| counter())).await;
        let read = app.call("GET", widget, "").await;
        assert_eq!(
            (Dialect::n(field, &read.json()["data"][field]), version(&read)),
            (6 * steps, 6 * steps + 2)
        );
    }
}

#[tokio::test]
async fn writes_over_a_failing_store_apply_once_and_never_partially() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |options| options.concurrency = 6).await;
    for dialect in &DIALECTS {
        let (shared, rounds) = (&dialect.create(&app).await, rounds(8));
        // Every third call fails.
        proxy.plan(|_, _| {
            let random = Uuid::new_v4().as_u128() as usize;
            if random.is_multiple_of(3) {
                Fault::QUICK[random / 3 % Fault::QUICK.len()]
            } else {
                Fault::None
            }
        });
        // Asks until there is an answer that says what became of it, and tells whether it was asked
        // more than once.
        let insist = async |method: &str, path: &str, key: &str, body: &str| {
            let mut headers =
                vec![("authorization", app.key.as_str()), ("content-type", "application/json")];
            if method == "POST" {
                headers.push(("idempotency-key", key));
            }
            for tries in 1..=MOST_TRIES {
                let answer = app.send(method, path, &headers, body.to_owned()).await;
                if answer.status != 503 {
                    return (answer, tries > 1);
                }
                assert_eq!(answer.header("retry-after"), "1");
            }
            panic!("{method} {path} was never answered")
        };
        let client = async |client: usize| {
            let (field, mut kept, mut history) =
                (dialect.fields[client], BTreeMap::new(), Vec::new());
            for n in 1..=rounds {
                let (created, _) =
                    insist("POST", dialect.root, &Uuid::new_v4().to_string(), dialect.body).await;
                assert_eq!(created.status, 200, "{created:?}");
                let widget = format!("{}/{}", dialect.root, created.id());
                let change = Value::Object(dialect.change(&[(field, n)])).to_string();
                for path in [&widget, shared] {
                    let (updated, _) = insist(dialect.update, path, "", &change).await;
                    assert_eq!(
                        (updated.status, &updated.json()["data"][field]),
                        (200, &Dialect::value(field, n))
                    );
                    if path == shared {
                        history.push((version(&updated), updated.json()["data"].clone()));
                    }
                }
                if n % 2 == 0 {
                    let (deleted, is_retry) = insist("DELETE", &widget, "", "").await;
                    assert!(
                        deleted.status == 200 || is_retry && deleted.status == 404,
                        "{deleted:?}"
                    );
                } else {
                    kept.insert(created.id(), n);
                }
            }
            (field, kept, history)
        };
        let clients = join_all((0..dialect.fields.len()).map(client)).await;
        proxy.plan(|_, _| Fault::None);

        let mut ids: BTreeSet<String> =
            BTreeSet::from([shared.rsplit('/').next().unwrap().to_owned()]);
        for (field, kept, _) in &clients {
            for (id, n) in kept {
                let read = app.call("GET", &format!("{}/{id}", dialect.root), "").await;
                assert_eq!(read.json()["data"][field], Dialect::value(field, *n));
                ids.insert(id.clone());
            }
        }
        let name = if dialect.root == "/v1/widget" { "pathway" } else { "assistant" };
        let stored = app.stored_of(widgets::local::stack::DEVELOPMENT_ACCOUNT, name).await;
        assert_eq!(
            stored.iter().map(|item| item["id"].as_s().unwrap().clone()).collect::<BTreeSet<_>>(),
            ids
        );

        // Of the widget that all of them wrote, no version takes back what an earlier one was
        // answered with.
        let mut history: Vec<(usize, Value)> =
            clients.iter().flat_map(|(.., history)| history.clone()).collect();
        let last = app.call("GET", shared, "").await;
        history.push((version(&last), last.json()["data"].clone()));
        history.sort_by_key(|(version, _)| *version);
        for pair in history.windows(2) {
            for field in dialect.fields {
                let n = |data: &Value| match &data[field] {
                    // What it was created with.
                    Value::Null => 0,
                    Value::Array(domains) if domains.is_empty() => 0,
                    value => Dialect::n(field, value),
                };
                assert!(n(&pair[0].1) <= n(&pair[1].1), "{field}: {pair:?}");
            }
        }
        for (field, ..) in &clients {
            assert_eq!(last.json()["data"][field], Dialect::value(field, rounds), "{field}");
        }
    }
}
