//! Isolation between accounts. On every route and in every event, a widget of another account
//! looks like one that does not exist. No request or command changes or counts it.

use std::collections::{BTreeMap, HashMap};

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::{
    http::cursor,
    model::{AccountId, WidgetId},
};
use uuid::Uuid;
use widgets::local::{
    binaries,
    stack::DEVELOPMENT_ACCOUNT,
    template::{RouteSpec, Template},
};

use crate::{
    pipelines::{batch, event, failures, sqs_record},
    support::app::{
        ASSISTANT_CHANGE, Answer, Item, PATHWAY_CHANGE, TestApp, eventually, keys_in_order,
        marked_assistant, marked_pathway, raw_data,
    },
};

const JSON: (&str, &str) = ("content-type", "application/json");

/// What differs between the dialects.
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
    /// One widget of the account's.
    Widget,
    /// Many of them.
    List,
    /// Those of an assistant, many of them.
    ListOfAssistant,
    /// The one that it makes.
    Create,
    /// What everybody may know of a widget.
    Public,
    /// No widget.
    Description,
    /// Nothing, since no operation is there.
    AnythingElse,
}

/// The template's routes of a kind.
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

/// The path of a route for this id.
fn at(route: &RouteSpec, id: &str) -> String {
    let segments =
        route.path.split('/').map(|segment| if segment.starts_with('{') { id } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

/// Two accounts with widgets in both dialects. One of them, the development account, asks.
struct Accounts {
    app: TestApp,
    /// What every widget of the other account has in it.
    their_mark: Uuid,
    own_mark: Uuid,
    other: AccountId,
    other_key: String,
    /// The ids of each dialect's widgets, the oldest first.
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
            assert_eq!(updated.header("etag"), r#""2""#);
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

    /// Ids of which the development account has no widget in the dialect: the first is nobody's.
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

    /// Everything that is kept, in an order.
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

/// What can be told from an answer, and from the log line of its request, of the widget with the id
/// that was asked for.
#[derive(Debug, PartialEq)]
struct Looks {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
    log: Value,
}

/// The log lines of requests, by the requests' ids, without what is another one each time.
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

/// Fails unless all answers of a group look alike, each of them the answer to the same request
/// about another id.
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

/// Headers of a request about one widget, and whether they can be read.
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

/// Bodies of a request about one widget, and whether they are valid.
fn bodies(dialect: Dialect, method: &str) -> Vec<(String, bool)> {
    let is_assistant = dialect.name == "assistant";
    match method {
        "PUT" | "PATCH" => vec![
            (dialect.change.to_owned(), true),
            ((dialect.marked)(Uuid::nil()), true),
            // What relies on what is there, and what names nothing.
            (
                if is_assistant { r#"{"widget_type":null}"# } else { r#"{"pathway_id":null}"# }
                    .to_owned(),
                true,
            ),
            ("{}".to_owned(), !is_assistant),
            (
                if is_assistant { r#"{"widget_type":7}"# } else { r#"{"config":null}"# }.to_owned(),
                false,
            ),
            ("{".to_owned(), false),
        ],
        _ => vec![(String::new(), true)],
    }
}

#[tokio::test]
async fn widget_of_another_account_is_indistinguishable_from_none() {
    let there = Accounts::start().await;
    let (app, reader) = (&there.app, there.app.reading_key().await);
    for (root, key) in [(ASSISTANT.root, &reader), (PATHWAY.root, &reader)] {
        assert_eq!(there.send(key, "GET", root, &[], "").await.status, 200);
    }
    let before = there.kept().await;

    let of_route = async |(dialect, route): &(Dialect, RouteSpec)| {
        let (ids, mut groups) = (there.not_there(*dialect), Vec::new());
        for (headers, is_readable) in PRECONDITIONS {
            for (body, is_valid) in bodies(*dialect, &route.method) {
                let mut answers = Vec::new();
                for id in &ids {
                    let answer =
                        there.send(&app.key, &route.method, &at(route, id), headers, &body).await;
                    assert!(
                        answer.status == 404 || !is_readable || !is_valid,
                        "{route:?} {headers:?} {body}: {answer:?}"
                    );
                    assert!(
                        [400, 404, 422].contains(&answer.status),
                        "{route:?} {headers:?} {body}: {answer:?}"
                    );
                    assert!(there.is_free_of_theirs(&answer.body.replace(id, "")), "{answer:?}");
                    answers.push((id.clone(), answer));
                }
                groups.push((format!("{route:?} {headers:?} {body}"), answers));
            }
        }
        // However the id is written, and by whichever key.
        let body = if route.method == "GET" { "" } else { dialect.change };
        let in_query = format!("?api_key={}", app.key);
        let refused = if route.method == "GET" { 404 } else { 403 };
        for (key, query, status) in [("", in_query.as_str(), 404), (&reader, "", refused)] {
            let mut answers = Vec::new();
            for id in &ids {
                let path =
                    format!("{}{query}", at(route, &format!("urn:uuid:{}", id.to_uppercase())));
                let answer = there.send(key, &route.method, &path, &[], body).await;
                assert_eq!(answer.status, status, "{route:?} {query}: {answer:?}");
                answers.push((id.clone(), answer));
            }
            groups.push((format!("{route:?} {query} {status}"), answers));
        }
        expect_no_difference(app, &groups).await;
    };
    join_all(routes(Kind::Widget).iter().map(of_route)).await;

    // Neither is it there for methods and paths that have no operation.
    for (dialect, _) in routes(Kind::AnythingElse) {
        let mut groups = Vec::new();
        for (method, more) in [
            ("HEAD", ""),
            ("OPTIONS", ""),
            ("POST", ""),
            (if dialect.name == "assistant" { "PATCH" } else { "PUT" }, ""),
            ("GET", "/threads"),
            ("DELETE", if dialect.name == "assistant" { "/parameters" } else { "/config" }),
            ("POST", "/x/y"),
        ] {
            let mut answers = Vec::new();
            for id in there.not_there(dialect) {
                let path = format!("{}/{id}{more}", dialect.root);
                let answer = there.send(&app.key, method, &path, &[], dialect.change).await;
                assert!([404, 405].contains(&answer.status), "{method} {path}: {answer:?}");
                answers.push((id, answer));
            }
            groups.push((format!("{method} {more}"), answers));
        }
        expect_no_difference(app, &groups).await;
    }
    assert_eq!(there.kept().await, before, "nothing is another one than before");

    // What is one's own is there, and shows nothing of the other's.
    for (dialect, route) in
        routes(Kind::Widget).into_iter().filter(|(_, route)| route.method == "GET")
    {
        let own =
            there.send(&app.key, "GET", &at(&route, &there.own[dialect.name][0]), &[], "").await;
        assert!(own.status == 200 && own.body.contains(&there.own_mark.to_string()), "{own:?}");
        assert!(there.is_free_of_theirs(&own.body), "{own:?}");
    }
}

#[tokio::test]
async fn request_with_keys_of_two_accounts_returns_401() {
    let there = Accounts::start().await;
    let before = there.kept().await;
    let kinds = [Kind::Widget, Kind::List, Kind::ListOfAssistant, Kind::Create];
    for (dialect, route) in kinds.into_iter().flat_map(routes) {
        let body = match route.method.as_str() {
            "POST" => (dialect.marked)(there.own_mark),
            "PUT" | "PATCH" => dialect.change.to_owned(),
            _ => String::new(),
        };
        for (in_url, in_header) in
            [(&there.app.key, &there.other_key), (&there.other_key, &there.app.key)]
        {
            for id in [
                &there.own[dialect.name][0],
                &there.theirs[dialect.name][0],
                &there.own_mark.to_string(),
            ] {
                let path = format!("{}?api_key={in_url}", at(&route, id));
                for key in [in_header.clone(), format!("Bearer {in_header}")] {
                    let answer = there
                        .send(&key, &route.method, &path, &[("idempotency-key", "two")], &body)
                        .await;
                    assert_eq!(answer.status, 401, "{route:?}: {answer:?}");
                    assert!(!answer.body.contains(&there.own_mark.to_string()), "{answer:?}");
                    assert!(there.is_free_of_theirs(&answer.body), "{answer:?}");
                }
            }
        }
    }
    assert_eq!(there.kept().await, before, "nothing is made, changed or remembered");
}

/// The ids of a list's widgets, in its order.
fn ids(list: &Answer) -> Vec<String> {
    let data = &list.json()["data"];
    let items = data.get("items").unwrap_or(data).as_array().unwrap();
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// The cursor that leads on from a page.
fn cursor_of(page: &Answer) -> String {
    let link = page.header("link");
    link.split_once("cursor=").unwrap().1.split('>').next().unwrap().to_owned()
}

#[tokio::test]
async fn lists_totals_and_cursors_cover_only_one_account() {
    let there = Accounts::start().await;
    let app = &there.app;
    let list = async |key: &str, path: &str| {
        let answer = there.send(key, "GET", path, &[], "").await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer
    };
    let list_bodies = async || {
        let mut bodies = Vec::new();
        for (dialect, route) in routes(Kind::List) {
            let newest_first: Vec<String> = there.own[dialect.name].iter().rev().cloned().collect();
            for query in ["", "?size=2", "?page=2&size=1", "?page=9", "?limit=2", "?limit=100"] {
                let answer = list(&app.key, &format!("{}{query}", route.path)).await;
                let found = ids(&answer);
                assert!(found.iter().all(|id| newest_first.contains(id)), "{query}: {found:?}");
                assert!(there.is_free_of_theirs(&answer.body), "{query}: {answer:?}");
                match dialect.name {
                    "assistant" => assert_eq!(answer.json()["data"]["total"], 3, "{query}"),
                    _ if !query.starts_with("?limit=2") => {
                        assert_eq!(found, newest_first, "{query}")
                    }
                    _ => assert_eq!(found, newest_first[..2], "{query}"),
                }
                bodies.push(answer.body);
            }
        }
        bodies
    };

    // Whatever the other account does, the list is the same to the byte.
    let before = list_bodies().await;
    for dialect in [ASSISTANT, PATHWAY] {
        let created = there
            .send(&there.other_key, "POST", dialect.root, &[], &(dialect.marked)(there.their_mark))
            .await;
        assert_eq!(created.status, 200, "{created:?}");
        let path = format!("{}/{}", dialect.root, there.theirs[dialect.name][3]);
        assert_eq!(there.send(&there.other_key, "DELETE", &path, &[], "").await.status, 200);
    }
    assert_eq!(list_bodies().await, before);

    // Another account's cursor is as good as one that somebody made up, wherever it comes from.
    for (_, route) in
        routes(Kind::List).into_iter().filter(|(dialect, _)| dialect.name == "pathway")
    {
        let theirs = cursor_of(&list(&there.other_key, &format!("{}?limit=1", route.path)).await);
        let own = cursor_of(&list(&app.key, &format!("{}?limit=1", route.path)).await);
        let made_up: String = theirs.chars().rev().collect();
        for limit in ["limit=1&", "limit=100&", ""] {
            let mut answers = Vec::new();
            for cursor in [&made_up, &theirs] {
                let path = format!("{}?{limit}cursor={cursor}", route.path);
                let answer = there.send(&app.key, "GET", &path, &[], "").await;
                assert_eq!(answer.status, 400, "{answer:?}");
                answers.push((cursor.clone(), answer));
            }
            expect_no_difference(app, &[(format!("{route:?} {limit}"), answers)]).await;
            assert_eq!(
                list(&app.key, &format!("{}?{limit}cursor={own}", route.path)).await.status,
                200
            );
        }
        // Who computes the checksum of their own account over another's id gets to a place in their
        // own list.
        for id in &there.theirs["pathway"] {
            let forged = cursor::write(DEVELOPMENT_ACCOUNT, WidgetId(id.parse().unwrap()));
            let older = list(&app.key, &format!("{}?limit=100&cursor={forged}", route.path)).await;
            assert_eq!(ids(&older), there.own["pathway"].iter().rev().cloned().collect::<Vec<_>>());
            assert!(there.is_free_of_theirs(&older.body), "{older:?}");
        }
    }
    // The other dialect's lists know no cursors.
    let theirs = cursor_of(&list(&there.other_key, "/v1/widgets?limit=1").await);
    for (_, route) in
        routes(Kind::List).into_iter().filter(|(dialect, _)| dialect.name == "assistant")
    {
        let plain = list(&app.key, &route.path).await;
        assert_eq!(
            list(&app.key, &format!("{}?cursor={theirs}", route.path)).await.body,
            plain.body
        );
    }

    // An assistant of another account's is one that nobody has.
    for (dialect, route) in routes(Kind::ListOfAssistant) {
        let theirs = there.their_mark.to_string();
        for query in ["", "?page=2&size=1"] {
            let mut answers = Vec::new();
            for assistant in [&Uuid::new_v4().to_string(), &theirs] {
                let answer = list(&app.key, &format!("{}{query}", at(&route, assistant))).await;
                assert_eq!(
                    (&answer.json()["data"]["total"], ids(&answer)),
                    (&json!(0), Vec::new())
                );
                answers.push((assistant.clone(), answer));
            }
            expect_no_difference(app, &[(format!("{route:?} {query}"), answers)]).await;
        }
        // One's own widget of the same assistant, and of the same organisation, stays one's own.
        let body = (dialect.marked)(there.own_mark).replace(&there.own_mark.to_string(), &theirs);
        let own = there.send(&app.key, "POST", dialect.root, &[], &body).await.id();
        for (key, expected) in [(&app.key, vec![own.clone()]), (&there.other_key, Vec::new())] {
            let found = ids(&list(key, &at(&route, &theirs)).await);
            assert_eq!(found.contains(&own), !expected.is_empty());
            assert!(expected.is_empty() || found == expected, "{found:?}");
        }
        let all = list(&there.other_key, dialect.root).await;
        assert!(all.json()["data"]["total"] == 4 && !ids(&all).contains(&own), "{all:?}");
    }
}

fn is_replay(answer: &Answer) -> bool {
    answer.headers.contains_key("idempotency-replayed")
}

#[tokio::test]
async fn idempotency_key_belongs_to_one_account_and_dialect() {
    let there = Accounts::start().await;
    let (app, kept) = (&there.app, there.kept().await.len());
    let mut answers: Vec<(&str, Dialect, &RouteSpec, String, Answer)> = Vec::new();
    let creates = routes(Kind::Create);
    // The same key: with the same body, and with another one.
    for (key, mark) in [(&app.key, there.own_mark), (&there.other_key, there.own_mark)] {
        for (dialect, route) in &creates {
            let body = (dialect.marked)(mark);
            let answer = there
                .send(key, "POST", &route.path, &[("idempotency-key", "same body")], &body)
                .await;
            answers.push((key, *dialect, route, body, answer));
        }
    }
    for (key, mark) in [(&app.key, there.own_mark), (&there.other_key, there.their_mark)] {
        for (dialect, route) in &creates {
            let body = (dialect.marked)(mark);
            let answer = there
                .send(key, "POST", &route.path, &[("idempotency-key", "another body")], &body)
                .await;
            answers.push((key, *dialect, route, body, answer));
        }
    }
    let ids: BTreeMap<String, &str> =
        answers.iter().map(|(key, .., answer)| (answer.id(), *key)).collect();
    assert_eq!(ids.len(), 8, "each is a widget of its own");
    assert_eq!(there.kept().await.len(), kept + 16, "with a record of its own");
    for (index, (key, dialect, route, body, first)) in answers.iter().enumerate() {
        assert!(first.status == 200 && !is_replay(first), "{first:?}");
        let name = if index < 4 { "same body" } else { "another body" };
        let again = there.send(key, "POST", &route.path, &[("idempotency-key", name)], body).await;
        assert!(is_replay(&again) && again.body == first.body, "{again:?}");
        // It is there for its account alone.
        for reader in [&app.key, &there.other_key] {
            let read = there
                .send(reader, "GET", &format!("{}/{}", dialect.root, first.id()), &[], "")
                .await;
            assert_eq!(read.status, if reader == key { 200 } else { 404 }, "{read:?}");
        }
        // Within an account the key means what it did.
        let changed = body.replace("10", "11").replace("chat", "sms");
        let other =
            there.send(key, "POST", &route.path, &[("idempotency-key", name)], &changed).await;
        assert_eq!(other.status, 422, "{other:?}");
        assert!(!other.body.contains(&first.id()), "{other:?}");
    }
}

fn command(operation: &str, account: AccountId, more: &str) -> String {
    format!(r#"{{"operation":"{operation}","account":"{account}"{more}}}"#)
}

#[tokio::test]
async fn command_affects_only_the_account_it_names() {
    let there = Accounts::start().await;
    let app = &there.app;
    let before = there.kept().await;
    for dialect in [ASSISTANT, PATHWAY] {
        let ids = there.not_there(dialect);
        let update = format!(r#","body":{}"#, dialect.change);
        let refused = format!(
            r#","body":{}"#,
            if dialect.name == "assistant" { "{}" } else { r#"{"config":null}"# }
        );
        for (operation, more, error) in [
            ("read", "", "NotFound"),
            ("update", update.as_str(), "NotFound"),
            ("update", &refused, "ValidationError"),
            ("delete", "", "NotFound"),
        ] {
            let about = |id: &str| {
                command(operation, DEVELOPMENT_ACCOUNT, &format!(r#","widget_id":"{id}"{more}"#))
            };
            let mut looks = Vec::new();
            for id in &ids {
                // A widget that the account deleted itself is done with for whoever may bring its
                // deletion twice.
                let is_own = *id == there.own_deleted[dialect.name] && operation == "delete";
                let mut ways = vec![about(id)];
                if !is_own {
                    ways.push(event(&Uuid::new_v4().to_string(), &about(id)));
                    ways.push(format!("[{}]", about(id)));
                }
                for (index, payload) in ways.iter().enumerate() {
                    let failed = app.invoke(dialect.function, payload).await.expect_err(payload);
                    let told: Value = serde_json::from_str(&failed).unwrap();
                    assert_eq!(told["errorType"], error, "{payload}: {told}");
                    looks.push((index, failed.replace(id, "<id>")));
                }
                let message = Uuid::new_v4().to_string();
                let answer = app
                    .invoke(dialect.function, &batch(&[sqs_record(&message, 1, &about(id))]))
                    .await;
                let back: &[&str] = if is_own { &[] } else { &[message.as_str()] };
                assert_eq!(answer, Ok(failures(back)), "{operation} {id}");
            }
            for (index, failed) in &looks {
                assert_eq!(looks.iter().find(|(other, _)| other == index).unwrap().1, *failed);
            }
        }
        // A queue that brings many at once is told of each.
        let message = |(index, id): (usize, &String)| {
            let read = command("read", DEVELOPMENT_ACCOUNT, &format!(r#","widget_id":"{id}""#));
            sqs_record(&format!("m{index}"), 1, &read)
        };
        let records: Vec<Value> = ids.iter().enumerate().map(message).collect();
        let names: Vec<String> = (0..ids.len()).map(|index| format!("m{index}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(app.invoke(dialect.function, &batch(&records)).await, Ok(failures(&names)));
    }
    assert_eq!(there.kept().await, before, "nothing is another one than before");
    // One that is not there costs the same whosoever it is, and the log says the same of each.
    let mut kinds: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let all = lines_of_commands(app, 2 * (7 * 4 * 4 + 7 - 2)).await;
    for mut line in all {
        let cause = line["cause"].as_str().unwrap_or_default().to_owned();
        if let Some((text, id)) = cause.split_once(" with id ") {
            assert!(Uuid::parse_str(id).is_ok(), "{cause}");
            line["cause"] = json!(text);
        }
        if line["cause"].is_null() {
            continue;
        }
        let kind = format!("{} {} {}", line["Dialect"], line["trigger"], line["operation"]);
        kinds.entry(format!("{kind} {}", line["error"])).or_default().push(line);
    }
    assert_eq!(kinds.len(), 2 * 4 * 4);
    for (kind, lines) in kinds {
        assert!(
            lines.len() >= 6 && lines.iter().all(|line| *line == lines[0]),
            "{kind}: {lines:?}"
        );
    }

    // What a command makes is its account's, whosoever's organisation its body names and whatever
    // it is known by.
    for dialect in [ASSISTANT, PATHWAY] {
        let own = there.kept_ids(DEVELOPMENT_ACCOUNT, dialect).await;
        let theirs = there.kept_ids(there.other, dialect).await;
        let body = (dialect.marked)(there.other.0);
        let another = (dialect.marked)(there.own_mark);
        let create =
            |account, body: &str| command("create", account, &format!(r#","body":{body}"#));
        let records = [
            sqs_record("of both", 1, &create(DEVELOPMENT_ACCOUNT, &body)),
            sqs_record("of both", 1, &create(there.other, &body)),
            sqs_record("of both, with two bodies", 1, &create(DEVELOPMENT_ACCOUNT, &body)),
            sqs_record("of both, with two bodies", 1, &create(there.other, &another)),
        ];
        for _ in 0..2 {
            assert_eq!(app.invoke(dialect.function, &batch(&records)).await, Ok(failures(&[])));
            assert_eq!(there.kept_ids(DEVELOPMENT_ACCOUNT, dialect).await.len(), own.len() + 2);
            assert_eq!(there.kept_ids(there.other, dialect).await.len(), theirs.len() + 2);
        }
        // Over HTTP the names are as little one key.
        for key in [&app.key, &there.other_key] {
            let headers = [("idempotency-key", "of both, with two bodies")];
            let answer = there.send(key, "POST", dialect.root, &headers, &another).await;
            let expected = if *key == app.key { 422 } else { 200 };
            assert_eq!(
                (answer.status, is_replay(&answer)),
                (expected, expected == 200),
                "{answer:?}"
            );
        }
        if dialect.name == "assistant" {
            let created = there.send(&app.key, "POST", dialect.root, &[], &body).await;
            assert_eq!(created.json()["data"]["org_id"], there.other.to_string());
            assert_eq!(there.kept_ids(there.other, dialect).await.len(), theirs.len() + 2);
            let path = format!("{}/{}", dialect.root, created.id());
            assert_eq!(there.send(&there.other_key, "GET", &path, &[], "").await.status, 404);
        }
    }
}

/// The log lines of all commands, without what is another one each time.
async fn lines_of_commands(app: &TestApp, count: usize) -> Vec<Value> {
    let found = || {
        let log = app.log();
        let line = |line: &str| serde_json::from_str(line.split_once(' ').unwrap().1).ok();
        let mut lines: Vec<Value> = log
            .lines()
            .filter_map(line)
            .filter(|line: &Value| line["message"] == "command")
            .collect();
        for line in &mut lines {
            for name in ["requestId", "id", "timestamp", "durationMs", "coldStart", "_aws"] {
                line.as_object_mut().unwrap().remove(name);
            }
        }
        (lines.len() >= count).then_some(lines)
    };
    eventually("the log lines of all commands", found).await
}

impl Accounts {
    /// The ids of an account's widgets, as the store has them.
    async fn kept_ids(&self, account: AccountId, dialect: Dialect) -> Vec<String> {
        let items = self.app.stored_of(account, dialect.name).await;
        items.iter().map(|item| item["sk"].as_s().unwrap().clone()).collect()
    }
}

/// The public fields of a widget, by dialect.
const PUBLIC: [(&str, &str); 2] = [
    (
        "assistant",
        "bubble_bot_icon bubble_color bubble_text display_name intro_message user_opening_messages header_color \
         user_message_color bot_message_color bot_icon_color remove_branding conversation_bot_icon ice_break_color \
         user_text_message_color bot_text_message_color header_text_color textbox_default_text action_buttons \
         action_buttons_color style_params widget_type",
    ),
    ("pathway", "id config messages_per_minute"),
];

#[tokio::test]
async fn public_view_is_the_same_for_every_caller_and_holds_nothing_else() {
    let there = Accounts::start().await;
    let app = &there.app;
    let before = there.kept().await;
    let allowed = format!("https://{}.example", there.their_mark);
    for (dialect, route) in routes(Kind::Public) {
        let theirs = at(&route, &there.theirs[dialect.name][1]);
        // Whoever asks, by whichever key or none.
        let mut bodies = Vec::new();
        for key in ["", &app.key, &there.other_key, "in-unknown"] {
            let answer = there.send(key, "GET", &theirs, &[("origin", &allowed)], "").await;
            assert_eq!((answer.status, answer.header("etag")), (200, r#""1""#), "{answer:?}");
            bodies.push(answer.body);
        }
        assert!(bodies.iter().all(|body| *body == bodies[0]));
        let fields = PUBLIC.iter().find(|(name, _)| *name == dialect.name).unwrap().1;
        assert_eq!(
            keys_in_order(&raw_data(&bodies[0])),
            fields.split_whitespace().collect::<Vec<_>>()
        );
        let sent: Value = serde_json::from_str(&(dialect.marked)(there.their_mark)).unwrap();
        let shown: Value = serde_json::from_str(&raw_data(&bodies[0])).unwrap();
        for (field, value) in shown.as_object().unwrap() {
            let is_of_the_body = sent.get(field).is_none_or(|sent| sent == value);
            assert!(is_of_the_body || field == "id" || value.is_null(), "{field} {value}");
        }
        // What is private is in no other place of it either.
        for (field, value) in
            sent.as_object().unwrap().iter().filter(|(field, _)| shown.get(field).is_none())
        {
            let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            assert!(
                text == there.their_mark.to_string() || !bodies[0].contains(&text),
                "{field}: {}",
                bodies[0]
            );
        }

        // Where there is none in the dialect, or none any more, it is not there.
        let mut not_there = there.not_there(dialect);
        not_there.retain(|id| !there.theirs[dialect.name].contains(id));
        assert_eq!(not_there.len(), 5);
        let methods: &[&str] =
            if dialect.name == "assistant" { &["GET"] } else { &["GET", "OPTIONS"] };
        let mut groups = Vec::new();
        for method in methods {
            for (headers, is_readable) in PRECONDITIONS {
                for origin in [
                    &[][..],
                    &[("origin", allowed.as_str())],
                    &[("origin", "https://elsewhere.example")],
                ] {
                    let headers = [headers, origin].concat();
                    let mut answers = Vec::new();
                    for id in &not_there {
                        let answer = app.send(method, &at(&route, id), &headers, "").await;
                        let is_refused = !is_readable && *method == "GET";
                        assert_eq!(
                            answer.status == 404,
                            !is_refused,
                            "{method} {headers:?}: {answer:?}"
                        );
                        answers.push((id.clone(), answer));
                    }
                    groups.push((format!("{method} {route:?} {headers:?}"), answers));
                }
            }
        }
        expect_no_difference(app, &groups).await;

        // A page of another origin than the widget's is told that, and of which widget or account
        // it is makes no difference.
        if dialect.name == "pathway" {
            let own = at(&route, &there.own[dialect.name][0]);
            for method in methods {
                let mut refusals = Vec::new();
                for (path, headers) in PRECONDITIONS
                    .iter()
                    .filter(|(_, is_readable)| *is_readable)
                    .flat_map(|(headers, _)| {
                        [&theirs, &own].map(|path| {
                            (path, [*headers, &[("origin", "https://elsewhere.example")]].concat())
                        })
                    })
                {
                    let answer = app.send(method, path, &headers, "").await;
                    assert_eq!(answer.status, 403, "{answer:?}");
                    assert!(
                        !answer.headers.contains_key("etag")
                            && there.is_free_of_theirs(&answer.body),
                        "{answer:?}"
                    );
                    refusals.push((path.rsplit('/').nth(1).unwrap().to_owned(), answer));
                }
                expect_no_difference(app, &[(format!("{method} {route:?}"), refusals)]).await;
            }
        }
    }
    // Descriptions are of no account's widgets.
    for (_, route) in routes(Kind::Description) {
        let [own, theirs] = [app.key.as_str(), there.other_key.as_str()];
        let [own, theirs] = [
            there.send(own, "GET", &route.path, &[], "").await,
            there.send(theirs, "GET", &route.path, &[], "").await,
        ];
        assert_eq!((own.status, &own.body), (200, &theirs.body));
    }
    assert_eq!(there.kept().await, before);
}
