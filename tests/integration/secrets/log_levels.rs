//! Logs and answers at every log level.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;
use widgets::local::{binaries, stack::DEVELOPMENT_ACCOUNT, template::Template};

use super::{
    DIALECTS, KEPT, SENT, Widgets, World, app_of_level, expect_nothing_of_the_inside,
    expect_to_stay_where_it_belongs,
    keys::Keys,
    markers_in, new_marker,
    requests::{CASES, Case},
    ways::{IN_HEADER, OF_A_FAILING_STORE, WAYS, Way},
};
use crate::support::{
    app::{TestApp, eventually},
    expanded::expanded,
    fault_proxy::{Effect, Fault, FaultProxy},
    payloads::{batch, event, sqs_record},
};

/// Returns every log level of a function: those that the template allows, and the rest of Lambda's.
fn levels() -> Vec<String> {
    let allowed = expanded("defaults")["Parameters"]["LogLevel"]["AllowedValues"].clone();
    let mut levels: Vec<String> = serde_json::from_value(allowed).unwrap();
    assert!(!levels.is_empty());
    levels.extend(["FATAL", "DEBUG", "TRACE"].map(ToOwned::to_owned));
    levels
}

/// A stack with one log level, and the requests that it got.
struct Level {
    name: String,
    app: TestApp,
    /// The id and status of each request that a function answered.
    asked: Mutex<Vec<(String, u16)>>,
}

impl Level {
    /// Returns whether a request with a status below 500 has a log line.
    fn logs_all(&self) -> bool {
        matches!(self.name.as_str(), "TRACE" | "DEBUG" | "INFO")
    }

    async fn ask(&self, world: &World, widgets: &Widgets, case: &Case, way: &Way) -> u16 {
        let (id, status) = world.ask(&self.app, widgets, case, way).await;
        self.asked.lock().unwrap().extend(id.map(|id| (id, status)));
        status
    }

    /// Sends every case and every way. At level TRACE, sends each case in each way.
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

    /// Sends every request that reads an unreadable item. At level TRACE, the last one deletes it.
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

    /// Invokes the function directly, with a key or a marker in every member that can hold one.
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

    /// Sends every request that calls the store, and one with a key that is not in the cache.
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

    /// Waits for the log lines of all requests and searches them for secrets.
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

/// Returns the method and path of each route in the template.
fn routes() -> impl Iterator<Item = String> {
    let functions = Template::read(binaries::workspace()).unwrap().functions;
    functions
        .into_iter()
        .flat_map(|it| it.routes)
        .map(|route| format!("{} {}", route.method, route.path))
}

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
