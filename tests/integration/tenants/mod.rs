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

use crate::support::app::{
    ASSISTANT_CHANGE, Answer, Item, JSON, PATHWAY_CHANGE, TestApp, eventually, marked_assistant,
    marked_pathway,
};

/// The function, names and bodies of a dialect.
#[derive(Debug, Clone, Copy)]
struct Dialect {
    function: &'static str,
    name: &'static str,
    root: &'static str,
    marked: fn(Uuid) -> String,
    change: &'static str,
}

const ASSISTANT: Dialect = Dialect {
    function: "Assistant",
    name: "assistant",
    root: "/api/v1/widget",
    marked: marked_assistant,
    change: ASSISTANT_CHANGE,
};

const PATHWAY: Dialect = Dialect {
    function: "Pathway",
    name: "pathway",
    root: "/v1/widget",
    marked: marked_pathway,
    change: PATHWAY_CHANGE,
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
    Description,
    /// Nothing: the route has no operation.
    AnythingElse,
}

/// Returns the routes of a kind in the template.
fn routes(kind: Kind) -> Vec<(Dialect, RouteSpec)> {
    let mut routes = Vec::new();
    for function in Template::read(binaries::workspace()).unwrap().functions {
        let dialect =
            [ASSISTANT, PATHWAY].into_iter().find(|it| it.function == function.name).unwrap();
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
                ("GET", "/api/v1/openapi.json" | "/v1/openapi.json") => Kind::Description,
                ("ANY", "/api/v1/{proxy+}" | "/v1/{proxy+}") => Kind::AnythingElse,
                _ => panic!(
                    "{route:?} is new: say here what it shows, and look whether the tests of that kind are enough"
                ),
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

/// Two accounts with widgets in both dialects. The development account sends the requests.
struct Accounts {
    app: TestApp,
    /// The marker in every widget of the other account.
    their_mark: Uuid,
    own_mark: Uuid,
    other: AccountId,
    other_key: String,
    /// The widget ids of each dialect, oldest first.
    own: HashMap<&'static str, Vec<String>>,
    theirs: HashMap<&'static str, Vec<String>>,
    own_deleted: HashMap<&'static str, String>,
    their_deleted: HashMap<&'static str, String>,
}

impl Accounts {
    async fn start() -> Self {
        // One environment a function: it knows the keys from its first request on.
        let app = TestApp::start_with(|options| options.concurrency = 1).await;
        let (other_key, other) = app.another_account().await;
        let mut it = Self {
            their_mark: Uuid::new_v4(),
            own_mark: Uuid::new_v4(),
            other,
            other_key,
            own: HashMap::new(),
            theirs: HashMap::new(),
            own_deleted: HashMap::new(),
            their_deleted: HashMap::new(),
            app,
        };
        for dialect in [ASSISTANT, PATHWAY] {
            for (key, mark, count) in
                [(&it.app.key, it.own_mark, 3), (&it.other_key, it.their_mark, 4)]
            {
                let mut ids = Vec::new();
                for _ in 0..=count {
                    let created =
                        it.send(key, "POST", dialect.root, &[], &(dialect.marked)(mark)).await;
                    assert_eq!(created.status, 200, "{created:?}");
                    ids.push(created.id());
                }
                let deleted = ids.pop().unwrap();
                let gone =
                    it.send(key, "DELETE", &format!("{}/{deleted}", dialect.root), &[], "").await;
                assert_eq!(gone.status, 200, "{gone:?}");
                let is_own = *key == it.app.key;
                if is_own { &mut it.own } else { &mut it.theirs }.insert(dialect.name, ids);
                if is_own { &mut it.own_deleted } else { &mut it.their_deleted }
                    .insert(dialect.name, deleted);
            }
            // Of the second version.
            let theirs = format!("{}/{}", dialect.root, it.theirs[dialect.name][0]);
            let method = if dialect.name == "assistant" { "PUT" } else { "PATCH" };
            let updated = it.send(&it.other_key, method, &theirs, &[], dialect.change).await;
            assert_eq!(updated.version(), 2);
        }
        it
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
        let other_dialect = if dialect.name == "assistant" { "pathway" } else { "assistant" };
        vec![
            Uuid::now_v7().to_string(),
            self.theirs[dialect.name][0].clone(),
            self.theirs[dialect.name][1].clone(),
            self.their_deleted[dialect.name].clone(),
            self.own_deleted[dialect.name].clone(),
            self.own[other_dialect][0].clone(),
            self.theirs[other_dialect][0].clone(),
        ]
    }

    /// Returns all items of the table, sorted by key.
    async fn kept(&self) -> Vec<Item> {
        let mut items = self.app.items().await;
        items.sort_by_key(|item| ["pk", "sk"].map(|name| item[name].as_s().unwrap().clone()));
        items
    }

    fn is_free_of_theirs(&self, text: &str) -> bool {
        let theirs = self.theirs.values().flatten().chain(self.their_deleted.values());
        !text.contains(&self.their_mark.to_string())
            && !theirs.into_iter().any(|id| text.contains(id))
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

/// Returns the log line of each request by its request id, without the members that differ each
/// time.
fn lines(app: &TestApp) -> HashMap<String, Value> {
    let line = |line: &str| {
        let mut line: Value = serde_json::from_str(line.split_once(' ')?.1).ok()?;
        let id = line["requestId"].as_str()?.to_owned();
        for name in ["requestId", "timestamp", "durationMs", "coldStart", "_aws"] {
            line.as_object_mut()?.remove(name);
        }
        Some((id, line))
    };
    app.log().lines().filter_map(line).collect()
}

/// Asserts that the answers of each group are indistinguishable. The requests of a group differ
/// only in the id.
async fn expect_no_difference(app: &TestApp, groups: &[(String, Vec<(String, Answer)>)]) {
    let asked: Vec<&str> = groups
        .iter()
        .flat_map(|(_, answers)| answers)
        .map(|(_, answer)| answer.header("x-request-id"))
        .collect();
    let lines = eventually("the log lines of all requests", || {
        let lines = lines(app);
        asked.iter().all(|id| lines.contains_key(*id)).then_some(lines)
    })
    .await;
    let looks = |(id, answer): &(String, Answer)| {
        let header = |name: &str| answer.headers[name].to_str().unwrap().replace(id, "<id>");
        let names = answer
            .headers
            .keys()
            .map(|name| name.as_str())
            .filter(|name| !["x-request-id", "date"].contains(name));
        Looks {
            status: answer.status,
            headers: names.map(|name| (name.to_owned(), header(name))).collect(),
            body: answer.body.replace(id, "<id>"),
            log: lines[answer.header("x-request-id")].clone(),
        }
    };
    for (what, answers) in groups {
        let nobody_s = looks(&answers[0]);
        for answer in answers {
            assert_eq!(looks(answer), nobody_s, "{what}: {}", answer.0);
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
