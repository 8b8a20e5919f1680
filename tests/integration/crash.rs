//! `kill -9` at any moment. Every acknowledged write is present afterwards, exactly once, and no
//! write is partial.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    fs::{self, OpenOptions},
    time::Duration,
};

use futures_util::future::join_all;
use serde_json::Value;
use tokio::{process::Command, sync::watch, time::timeout};
use uuid::Uuid;

use crate::{
    command::Serve,
    execution::{mark_processes, processes},
    races::{MOST_TRIES, value},
    support::{
        app::{Answer, Item, JSON, TestApp, is_widget, rounds},
        dialect::{DIALECTS, Dialect},
    },
};

/// A request as a client sends it: its method, path, idempotency key and body.
type Request<'a> = (&'a str, &'a str, Option<&'a str>, &'a str);

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Anything from 0 to `bound`, that one not included.
fn random(bound: usize) -> usize {
    Uuid::new_v4().as_u128() as usize % bound
}

/// Who writes while others kill.
struct Clients<S, L> {
    /// Sends a request; there is no answer where the connection breaks.
    send: S,
    /// Tells what was logged so far.
    log: L,
    /// How many requests were answered.
    answered: watch::Sender<usize>,
    is_over: Cell<bool>,
}

/// What clients were answered.
#[derive(Default)]
struct Answered {
    /// The widgets that are to be there, by path: a field and its value.
    there: BTreeMap<String, (&'static str, Value)>,
    /// Those that were deleted.
    deleted: BTreeSet<String>,
}

impl<S: AsyncFn(&Request<'_>) -> Option<Answer>, L: Fn() -> String> Clients<S, L> {
    fn new(send: S, log: L) -> Self {
        Self { send, log, answered: watch::Sender::new(0), is_over: Cell::new(false) }
    }

    /// Waits until so many more requests were answered.
    async fn answer(&self, more: usize) {
        let target = *self.answered.borrow() + more;
        let mut answered = self.answered.subscribe();
        let reached = answered.wait_for(|answered| *answered >= target);
        timeout(PATIENCE, reached).await.expect("nothing is answered any more").unwrap();
    }

    /// Sends a request until it is answered by the function, and tells whether it was sent more
    /// than once.
    async fn insist(&self, request: Request<'_>) -> (Answer, bool) {
        for tries in 1..=MOST_TRIES {
            if let Some(answer) = (self.send)(&request).await
                && !matches!(answer.status, 502..=504)
            {
                self.answered.send_modify(|answered| *answered += 1);
                return (answer, tries > 1);
            }
        }
        panic!("{request:?} was never answered")
    }

    /// Fails the test unless the answer is fine, with what the log says of it.
    fn expect(&self, is_fine: bool, answer: &Answer) {
        if !is_fine {
            let (log, id) = ((self.log)(), answer.header("x-request-id"));
            let lines: String = log.lines().filter(|line| line.contains(id)).collect();
            panic!("{answer:?}\n{lines}");
        }
    }

    /// Creates, changes and deletes widgets until it is over.
    async fn work(&self, dialect: &Dialect, field: &'static str) -> Answered {
        let mut answered = Answered::default();
        for n in 1.. {
            if self.is_over.get() {
                break;
            }
            let key = Uuid::new_v4().to_string();
            let create = ("POST", dialect.root, Some(&*key), dialect.body);
            let (created, _) = self.insist(create).await;
            self.expect(created.status == 200, &created);
            let path = dialect.widget(&created.id());

            let change = dialect.change_of(field, n).to_string();
            let (updated, _) = self.insist((dialect.update, &path, None, &change)).await;
            self.expect(updated.status == 200, &updated);

            if random(2) == 0 {
                let (deleted, is_retry) = self.insist(("DELETE", &path, None, "")).await;
                self.expect(deleted.status == 200 || is_retry && deleted.status == 404, &deleted);
                answered.deleted.insert(path);
            } else {
                answered.there.insert(path, (field, value(field, n)));
            }
        }
        answered
    }

    /// Has two clients of each dialect work until `kill` is over, and tells what came of both.
    async fn work_while<T>(&self, kill: impl Future<Output = T>) -> (Answered, T) {
        let works = DIALECTS.iter().flat_map(|dialect| {
            let fields = dialect.marked_fields().into_iter().take(2);
            fields.map(|field| self.work(dialect, field))
        });
        let kill = async {
            let killed = kill.await;
            self.is_over.set(true);
            killed
        };
        let (answered, killed) = tokio::join!(join_all(works), kill);
        let all = answered.into_iter().fold(Answered::default(), |mut all, one| {
            all.there.extend(one.there);
            all.deleted.extend(one.deleted);
            all
        });
        (all, killed)
    }

    /// What was answered is what is kept, neither more nor less.
    async fn check(&self, answered: &Answered, items: &[Item]) {
        let text = |item: &Item, name: &str| item[name].as_s().unwrap().clone();
        let id = |path: &String| path.rsplit('/').next().unwrap().to_owned();
        let kept: BTreeSet<String> =
            items.iter().filter(|item| is_widget(item)).map(|item| text(item, "id")).collect();
        assert_eq!(kept, answered.there.keys().map(id).collect());
        // Each was created in one transaction with the record of its request.
        let records = items
            .iter()
            .filter(|item| item.contains_key("widget_id"))
            .map(|item| text(item, "widget_id"));
        let created: BTreeSet<String> =
            answered.there.keys().chain(&answered.deleted).map(id).collect();
        assert_eq!(records.collect::<BTreeSet<_>>(), created);
        for (path, (field, value)) in &answered.there {
            let read = (self.send)(&("GET", path, None, "")).await.unwrap();
            assert_eq!(read.status, 200, "{read:?}");
            assert_eq!(&read.data()[field], value, "{path}");
        }
    }
}

fn headers<'a>(key: &'a str, idempotency_key: Option<&'a str>) -> Vec<(&'static str, &'a str)> {
    let mut headers = vec![("authorization", key), JSON];
    headers.extend(idempotency_key.map(|key| ("idempotency-key", key)));
    headers
}

#[tokio::test]
async fn acknowledged_writes_survive_function_crashes_exactly_once() {
    let mut mark = String::new();
    let app = TestApp::start_with(|options| mark = mark_processes(options)).await;
    let send = async |&(method, path, key, body): &Request<'_>| {
        Some(app.send(method, path, &headers(&app.key, key), body.to_owned()).await)
    };
    let clients = Clients::new(send, || app.log());
    let kill = async {
        let mut killed = 0;
        while killed < rounds(25) {
            clients.answer(random(8)).await;
            let victims = processes(&mark);
            if let Some(victim) = victims.get(random(victims.len().max(1))) {
                // It may have ended by itself meanwhile.
                let kill = Command::new("kill").arg("-9").arg(victim).output().await.unwrap();
                killed += usize::from(kill.status.success());
            }
        }
    };
    let (answered, ()) = clients.work_while(kill).await;
    clients.check(&answered, &app.items().await).await;
    assert!(
        app.log().contains("the process ended without an answer"),
        "some died with a request in their hands"
    );
}

#[tokio::test]
async fn acknowledged_writes_survive_stack_crashes_exactly_once() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--data", folder.path().to_str().unwrap(), "--api-key", "in-crash"];
    let log = folder.path().join("log");
    let start = async || {
        let log = OpenOptions::new().create(true).append(true).open(&log).unwrap();
        Serve::start_logging(&arguments, log).await
    };
    let mut serve = start().await;
    let (url, _) = watch::channel(serve.url.clone());
    let http = reqwest::Client::new();
    let send = async |&(method, path, key, body): &Request<'_>| {
        let at = url.borrow().clone();
        let mut request = http.request(method.parse().unwrap(), format!("{at}{path}"));
        for (name, value) in headers("in-crash", key) {
            request = request.header(name, value);
        }
        let answer = async {
            let answer = request.body(body.to_owned()).send().await?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            Ok::<_, reqwest::Error>(Answer { status, headers, body: answer.text().await? })
        };
        let answer = answer.await.ok();
        if answer.is_none() {
            let mut restarts = url.subscribe();
            let restarted = timeout(PATIENCE, restarts.wait_for(|url| *url != at)).await;
            drop(restarted.expect("a stack that was not killed does not answer").unwrap());
        }
        answer
    };
    let clients = Clients::new(send, || fs::read_to_string(&log).unwrap());
    let kill = async {
        for _ in 0..rounds(4) {
            clients.answer(random(40)).await;
            serve.end("-9").await;
            serve = start().await;
            url.send_replace(serve.url.clone());
        }
        serve
    };
    let (answered, serve) = clients.work_while(kill).await;
    clients.check(&answered, &serve.items().await).await;
}
