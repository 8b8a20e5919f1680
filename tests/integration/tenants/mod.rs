//! Isolation between accounts. On every route and in every event, a widget of another account
//! looks like one that does not exist. No request or command changes or counts it.
//!
//! * [`requests`] is about one widget, [`lists`] about lists, totals and cursors, [`public`] about
//!   public reads.
//! * [`idempotency`] is about idempotency keys, [`commands`] about commands without HTTP.

mod commands;
mod idempotency;
mod lists;
mod public;
mod requests;

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use shared::model::AccountId;
use uuid::Uuid;
use widgets::local::{
    binaries,
    template::{RouteSpec, Template},
};

use crate::support::{
    app::{Answer, Item, JSON, TestApp, eventually},
    dialect::{DIALECTS, Dialect},
};

/// What a route shows.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// One widget of the account.
    Widget,
    /// Widgets of the account.
    List,
    /// Widgets of the account that belong to one assistant.
    ListOfAssistant,
    /// The widget that the request creates.
    Create,
    /// The public view of a widget.
    Public,
    /// The OpenAPI document.
    OpenApi,
    /// Nothing: the route has no operation.
    NoOperation,
}

/// Returns the routes of a kind in the template.
fn routes(kind: Kind) -> Vec<(Dialect, RouteSpec)> {
    let mut routes = Vec::new();
    for function in Template::read(binaries::workspace()).unwrap().functions {
        let dialect = DIALECTS.into_iter().find(|it| it.function == function.name).unwrap();
        for route in function.routes {
            let its_kind = match (route.method.as_str(), route.path.as_str()) {
                ("GET" | "PUT" | "DELETE", "/api/v1/widget/{widget_id}") => Kind::Widget,
                ("GET" | "PATCH" | "DELETE", "/v1/widget/{id}") => Kind::Widget,
                ("GET", "/api/v1/widget" | "/v1/widgets" | "/v1/widget") => Kind::List,
                ("GET", "/api/v1/assistant/{assistant_id}/widgets") => Kind::ListOfAssistant,
                ("POST", "/api/v1/widget" | "/v1/widget") => Kind::Create,
                ("GET", "/api/v1/widget/{widget_id}/parameters" | "/v1/widget/{id}/config") => {
                    Kind::Public
                }
                ("GET", "/api/v1/openapi.json" | "/v1/openapi.json") => Kind::OpenApi,
                ("ANY", "/api/v1/{proxy+}" | "/v1/{proxy+}") => Kind::NoOperation,
                _ => {
                    panic!("{route:?} is new: add its kind here, and check the tests of that kind")
                }
            };
            if its_kind == kind {
                routes.push((dialect, route));
            }
        }
    }
    assert!(!routes.is_empty());
    routes
}

/// Returns the path of a route with `id` as its parameter.
fn at(route: &RouteSpec, id: &str) -> String {
    let segments =
        route.path.split('/').map(|segment| if segment.starts_with('{') { id } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

/// The widgets of an account, by the dialect's name.
#[derive(Default)]
struct Owned {
    /// Ids, oldest first.
    ids: HashMap<&'static str, Vec<String>>,
    deleted: HashMap<&'static str, String>,
}

/// Two accounts with widgets in both dialects. The development account sends the requests.
struct Accounts {
    app: TestApp,
    other: AccountId,
    other_key: String,
    /// The marker in every widget of the development account.
    own_mark: Uuid,
    /// The marker in every widget of the other account.
    their_mark: Uuid,
    own: Owned,
    theirs: Owned,
}

impl Accounts {
    async fn start() -> Self {
        // One environment a function, which knows the keys from its first request on.
        let app = TestApp::start_with(|options| options.concurrency = 1).await;
        let (other_key, other) = app.another_account().await;
        let [own_mark, their_mark] = [(); 2].map(|()| Uuid::new_v4());
        let (own, theirs) = (Owned::default(), Owned::default());
        let mut it = Self { app, other, other_key, own_mark, their_mark, own, theirs };
        it.own = it.create(&it.app.key, own_mark, 3).await;
        it.theirs = it.create(&it.other_key, their_mark, 4).await;
        for dialect in DIALECTS {
            let path = dialect.widget(&it.theirs.ids[dialect.name][0]);
            let updated = it.send(&it.other_key, dialect.update, &path, &[], dialect.change).await;
            assert_eq!(updated.header("etag"), r#""2""#);
        }
        it
    }

    /// Creates `count` widgets in each dialect, and one more that it deletes.
    async fn create(&self, key: &str, mark: Uuid, count: usize) -> Owned {
        let mut owned = Owned::default();
        for dialect in DIALECTS {
            let mut ids = Vec::new();
            for _ in 0..=count {
                let created =
                    self.send(key, "POST", dialect.root, &[], &dialect.marked(mark)).await;
                assert_eq!(created.status, 200, "{created:?}");
                ids.push(created.id());
            }
            let deleted = ids.pop().unwrap();
            let answer = self.send(key, "DELETE", &dialect.widget(&deleted), &[], "").await;
            assert_eq!(answer.status, 200, "{answer:?}");
            owned.ids.insert(dialect.name, ids);
            owned.deleted.insert(dialect.name, deleted);
        }
        owned
    }

    /// Sends a request of the development account.
    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.send(&self.app.key, method, path, headers, body).await
    }

    async fn send(
        &self,
        key: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let headers = [&[JSON, ("authorization", key)], headers].concat();
        self.app.send(method, path, &headers, body.to_owned()).await
    }

    /// Returns ids without a widget of the development account in the dialect. The first id belongs
    /// to no account.
    fn not_there(&self, dialect: Dialect) -> Vec<String> {
        let name = dialect.name;
        let other = DIALECTS.into_iter().find(|it| it.name != name).unwrap().name;
        let (own, theirs) = (&self.own, &self.theirs);
        let ids = [&theirs.ids[name][0], &theirs.ids[name][1]]
            .into_iter()
            .chain([&theirs.deleted[name], &own.deleted[name]])
            .chain([&own.ids[other][0], &theirs.ids[other][0]]);
        [Uuid::now_v7().to_string()].into_iter().chain(ids.cloned()).collect()
    }

    /// Returns all items of the table, sorted by key.
    async fn items(&self) -> Vec<Item> {
        let mut items = self.app.items().await;
        items.sort_by_key(|item| ["pk", "sk"].map(|name| item[name].as_s().unwrap().clone()));
        items
    }

    fn is_free_of_theirs(&self, text: &str) -> bool {
        let mut theirs = self.theirs.ids.values().flatten().chain(self.theirs.deleted.values());
        !text.contains(&self.their_mark.to_string()) && !theirs.any(|id| text.contains(id))
    }
}

/// Everything that an answer and the log line of its request reveal about the requested widget.
#[derive(Debug, PartialEq)]
struct Looks {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
    log: Value,
}

/// Returns the log lines so far, each with its request id and without the members that differ each
/// time.
fn lines(app: &TestApp) -> Vec<(String, Value)> {
    let line = |line: &str| {
        let mut line: Value = serde_json::from_str(line.split_once(' ')?.1).ok()?;
        let id = line["requestId"].as_str()?.to_owned();
        for name in ["requestId", "id", "timestamp", "durationMs", "coldStart", "_aws"] {
            line.as_object_mut()?.remove(name);
        }
        Some((id, line))
    };
    app.log().lines().filter_map(line).collect()
}

/// Asserts that the answers of each group are indistinguishable. The requests of a group differ
/// only in the id.
async fn expect_no_difference(app: &TestApp, groups: &[(String, Vec<(String, Answer)>)]) {
    let lines = eventually("the log lines of all requests", || {
        let lines: HashMap<String, Value> = lines(app).into_iter().collect();
        let mut answers = groups.iter().flat_map(|(_, answers)| answers);
        let is_complete = answers.all(|(_, it)| lines.contains_key(it.header("x-request-id")));
        is_complete.then_some(lines)
    })
    .await;
    let looks = |(id, answer): &(String, Answer)| {
        let header = |name: &str| answer.headers[name].to_str().unwrap().replace(id, "<id>");
        let names = answer.headers.keys().map(|name| name.as_str());
        let names = names.filter(|name| !["x-request-id", "date"].contains(name));
        Looks {
            status: answer.status,
            headers: names.map(|name| (name.to_owned(), header(name))).collect(),
            body: answer.body.replace(id, "<id>"),
            log: lines[answer.header("x-request-id")].clone(),
        }
    };
    for (what, answers) in groups {
        let of_no_account = looks(&answers[0]);
        for answer in answers {
            assert_eq!(looks(answer), of_no_account, "{what}: {}", answer.0);
        }
    }
}

/// Headers of a request about one widget, and whether they are well-formed.
const PRECONDITIONS: [(&[(&str, &str)], bool); 9] = [
    (&[], true),
    (&[("if-match", "*")], true),
    (&[("if-match", r#""2""#)], true),
    (&[("if-match", r#""1""#)], true),
    (&[("if-none-match", "*")], true),
    (&[("if-none-match", r#""2""#)], true),
    (&[("if-match", r#""2""#), ("if-none-match", r#"W/"1""#)], true),
    (&[("if-match", "2")], false),
    (&[("if-none-match", r#""2"#)], false),
];

fn is_replay(answer: &Answer) -> bool {
    answer.headers.contains_key("idempotency-replayed")
}
