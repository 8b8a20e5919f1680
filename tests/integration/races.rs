//! Concurrent writers over several environments of a function. No acknowledged write is lost.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use serde_json::Value;
use tokio::sync::watch;
use uuid::Uuid;
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use crate::{
    execution::{mark_processes, processes},
    support::{
        app::{Answer, TestApp, rounds},
        dialect::{DIALECTS, Dialect},
        fault_proxy::{Fault, FaultProxy},
    },
};

/// How many clients write at once, each a field of its own.
const WRITERS: usize = 6;

/// How often a client asks for something at most: far more often than any run has needed.
pub const MOST_TRIES: usize = 1000;

/// Returns the value of `field` that is made of `n`.
pub fn value(field: &str, n: usize) -> Value {
    Dialect::value(field, Uuid::from_u128(n as u128))
}

/// Returns the `n` that the value was made of.
fn number(field: &str, found: &Value) -> usize {
    (0..1_000_000).find(|n| value(field, *n) == *found).expect("a value that nobody wrote")
}

impl Dialect {
    /// Returns the fields of the writers, and one that all of them write.
    fn writers_fields(&self) -> (Vec<&'static str>, &'static str) {
        let mut fields = self.marked_fields();
        fields.truncate(WRITERS + 1);
        let shared = fields.pop().unwrap();
        (fields, shared)
    }

    /// Returns the body of an update that sets this field.
    pub fn change_of(&self, field: &str, n: usize) -> Value {
        let body = self.body_of([field].into_iter(), Uuid::from_u128(n as u128));
        serde_json::from_str(&body).unwrap()
    }

    /// Creates a widget whose fields have the values of 0. Returns its path.
    async fn create_marked(&self, app: &TestApp) -> String {
        let created = app.call("POST", self.root, self.marked(Uuid::nil())).await;
        self.widget(&created.id())
    }
}

/// Returns the version and the widget that an answer shows.
fn versioned(answer: &Answer) -> (usize, Value) {
    (answer.header("etag").trim_matches('"').parse().unwrap(), answer.data())
}

#[tokio::test]
async fn concurrent_updates_form_a_serial_history() {
    let mut mark = String::new();
    let app = TestApp::start_with(|options| {
        options.concurrency = WRITERS;
        mark = mark_processes(options);
    })
    .await;
    for dialect in DIALECTS {
        let (widget, updates) = (&dialect.create_marked(&app).await, rounds(50));
        let (fields, shared) = dialect.writers_fields();
        let writer = async |writer: usize| {
            let mut written = Vec::new();
            for n in 1..=updates {
                let mut change = dialect.change_of(fields[writer], n);
                change[shared] = value(shared, writer * 1000 + n);
                let answer = app.call(dialect.update, widget, change.to_string()).await;
                assert_eq!(answer.status, 200, "{answer:?}: {}", app.log_of(&answer));
                written.push((versioned(&answer), change));
            }
            written
        };
        let (done, mut is_done) = watch::channel(false);
        let reader = async {
            let mut read = Vec::new();
            while !*is_done.borrow_and_update() {
                read.push(versioned(&app.call("GET", widget, "").await));
            }
            read
        };
        let writers = async {
            let written = join_all((0..WRITERS).map(writer)).await.concat();
            done.send_replace(true);
            written
        };
        let (mut written, mut read) = tokio::join!(writers, reader);
        assert!(read.len() > 10, "{}", read.len());

        written.sort_by_key(|((version, _), _)| *version);
        let versions = written.iter().map(|((version, _), _)| *version);
        let last_version = 1 + updates * WRITERS;
        assert!(versions.eq(2..=last_version), "one each: {written:?}");
        let mut serial: Value = serde_json::from_str(&dialect.marked(Uuid::nil())).unwrap();
        let mut history = BTreeMap::from([(1, serial.clone())]);
        for ((version, _), change) in &written {
            let serial = serial.as_object_mut().unwrap();
            serial.extend(change.as_object().unwrap().clone());
            history.insert(*version, serial.clone().into());
        }
        let last = versioned(&app.call("GET", widget, "").await);
        assert_eq!(last.0, last_version);
        read.push(last);
        read.extend(written.into_iter().map(|(answered, _)| answered));
        for (version, data) in read {
            for (field, value) in history[&version].as_object().unwrap() {
                assert_eq!(&data[field], value, "{field} of version {version}");
            }
        }
    }
    assert!(processes(&mark).len() > DIALECTS.len(), "several environments a function took part");
}

#[tokio::test]
async fn read_modify_write_with_if_match_loses_no_increment() {
    let app = TestApp::start_with(|options| options.concurrency = WRITERS).await;
    for dialect in DIALECTS {
        let (widget, steps) = (&dialect.create_marked(&app).await, rounds(20));
        let field = dialect.marked_fields()[0];
        let counter = async || {
            for _ in 0..steps {
                loop {
                    let read = app.call("GET", widget, "").await;
                    let change = dialect.change_of(field, 1 + number(field, &read.data()[field]));
                    let condition = [("if-match", read.header("etag"))];
                    let change = change.to_string();
                    match app.call_with(&condition, dialect.update, widget, change).await.status {
                        200 => break,
                        status => assert_eq!(status, 412),
                    }
                }
            }
        };
        join_all((0..WRITERS).map(|_| counter())).await;
        let (version, data) = versioned(&app.call("GET", widget, "").await);
        assert_eq!((number(field, &data[field]), version), (WRITERS * steps, WRITERS * steps + 1));
    }
}

#[tokio::test]
async fn writes_over_a_failing_store_apply_once_and_never_partially() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |options| options.concurrency = WRITERS).await;
    for dialect in DIALECTS {
        let (shared, rounds) = (&dialect.create_marked(&app).await, rounds(8));
        let (fields, _) = dialect.writers_fields();
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
        let insist = async |headers: &[(&str, &str)], method: &str, path: &str, body: &str| {
            for tries in 1..=MOST_TRIES {
                let answer = app.call_with(headers, method, path, body.to_owned()).await;
                if answer.status != 503 {
                    return (answer, tries > 1);
                }
                assert_eq!(answer.header("retry-after"), "1");
            }
            panic!("{method} {path} was never answered")
        };
        let client = async |field: &'static str| {
            let (mut kept, mut history) = (BTreeMap::new(), Vec::new());
            for n in 1..=rounds {
                let key = Uuid::new_v4().to_string();
                let key = [("idempotency-key", &*key)];
                let (created, _) = insist(&key, "POST", dialect.root, dialect.body).await;
                assert_eq!(created.status, 200, "{created:?}");
                let widget = dialect.widget(&created.id());
                let change = dialect.change_of(field, n).to_string();
                for path in [&widget, shared] {
                    let (updated, _) = insist(&[], dialect.update, path, &change).await;
                    assert_eq!(updated.status, 200, "{updated:?}");
                    assert_eq!(updated.data()[field], value(field, n));
                    if path == shared {
                        history.push(versioned(&updated));
                    }
                }
                if n % 2 == 0 {
                    let (deleted, is_retry) = insist(&[], "DELETE", &widget, "").await;
                    let is_deleted = deleted.status == 200 || is_retry && deleted.status == 404;
                    assert!(is_deleted, "{deleted:?}");
                } else {
                    kept.insert(created.id(), n);
                }
            }
            (field, kept, history)
        };
        let clients = join_all(fields.iter().map(|field| client(field))).await;
        proxy.plan(|_, _| Fault::None);

        let mut ids = BTreeSet::from([shared.rsplit('/').next().unwrap().to_owned()]);
        for (field, kept, _) in &clients {
            for (id, n) in kept {
                let read = app.call("GET", &dialect.widget(id), "").await;
                assert_eq!(read.data()[field], value(field, *n));
                ids.insert(id.clone());
            }
        }
        let stored = app.stored_of(DEVELOPMENT_ACCOUNT, dialect.name).await;
        let stored = stored.iter().map(|item| item["id"].as_s().unwrap().clone());
        assert_eq!(stored.collect::<BTreeSet<_>>(), ids);

        // Of the widget that all of them wrote, no version takes back what an earlier one was
        // answered with.
        let mut history: Vec<_> = clients.into_iter().flat_map(|(.., history)| history).collect();
        history.sort_by_key(|(version, _)| *version);
        let last = versioned(&app.call("GET", shared, "").await);
        history.push(last.clone());
        for field in fields {
            let numbers = history.iter().map(|(_, data)| number(field, &data[field]));
            assert!(numbers.is_sorted(), "{field}: {history:?}");
            assert_eq!(last.1[field], value(field, rounds), "{field}");
        }
    }
}
