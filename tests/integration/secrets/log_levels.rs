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
    KEPT, SENT, Widgets, World, app_of_level, expect_cache_and_security_headers,
    expect_no_internals, markers_in, new_marker,
    requests::{CASES, Case, nested},
    ways::{IN_HEADER, OF_A_FAILING_STORE, WAYS, Way},
};
use crate::support::{
    app::{JSON, TestApp, eventually},
    dialect::DIALECTS,
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
    async fn ask_for_unreadable_items(&self, world: &World) {
        for widgets in &world.widgets {
            let at = |method| widgets.at(method, &widgets.unreadable);
            // The update leaves the unreadable attribute as it is.
            let webhook_url = format!("https://{}.example", new_marker(SENT));
            let change = json!({"widget_type": "sms", "webhook_url": webhook_url});
            let update = at(widgets.dialect.update).body(change.to_string());
            let mut asks = vec![at("GET"), widgets.on("GET"), update];
            asks.extend((self.name == "TRACE").then(|| at("DELETE")));
            for ask in asks {
                let headers = [JSON, ("authorization", &world.broken_key)];
                let answer = self.app.send(ask.method, &ask.path, &headers, ask.body.clone()).await;
                let what = format!("{} {}: {answer:?}", ask.method, ask.path);
                assert_eq!(answer.status, 500, "{what}");
                world.expect_no_secret(&ask, &answer, &what);
                expect_cache_and_security_headers(&ask, &answer, &what);
                expect_no_internals(widgets.dialect, &answer);
                let id = answer.header("x-request-id").to_owned();
                self.asked.lock().unwrap().push((id, answer.status));
            }
        }
    }

    /// Invokes the function directly, with a key or a marker in every member that can hold one.
    async fn invoke_all(&self, world: &World, widgets: &Widgets) {
        let (mark, key) = (new_marker(SENT), &world.keys.works);
        let command = |operation: &str, more: &str| {
            format!(r#"{{"operation":"{operation}","account":"{DEVELOPMENT_ACCOUNT}"{more}}}"#)
        };
        let about =
            |operation: &str, id: &str| command(operation, &format!(r#","widget_id":"{id}""#));
        let create =
            |more: &str, body: &str| command("create", &format!(r#"{more},"body":{body}"#));
        let create_once =
            |name: &str, body: &str| create(&format!(r#","idempotency_key":"{name}""#), body);
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
        let unknown_command = format!(r#"{{"operation":"{mark}","account":"{key}"}}"#);
        let messages = [
            (key.as_str(), format!("{mark} {key}")),
            ("m1", format!(r#"{{"{key}":"{mark}"}}"#)),
            ("m2", create(&format!(r#","api_key":"{key}""#), &wrong)),
            ("m3", about("read", &format!("{mark}{key}"))),
            ("m4", event(key, &unknown_command)),
            ("m5", create("", &nested(200, mark))),
        ];
        for payload in [
            create("", &body),
            create_once(key, &body),
            create_once(key, &wrong),
            create_once(&key.repeat(9), &body),
            create(&format!(r#","{key}":"{mark}","{mark}":"{key}""#), &body),
            create("", &wrong),
            command("update", &format!(r#","widget_id":"{}","body":{wrong}"#, widgets.kept)),
            about("read", &widgets.unreadable),
            about("read", &Uuid::now_v7().to_string()),
            about("delete", key),
            command(key, ""),
            event(key, &create("", &wrong)),
            event(&Uuid::new_v4().to_string(), &create("", &body)),
            batch(&messages.map(|(id, body)| sqs_record(id, 1, &body))),
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
            // An answer may repeat what its payload holds, and no other secret.
            let (Ok(answer) | Err(answer)) =
                self.app.invoke(widgets.dialect.function, &payload).await;
            let (own, what) = (world.keys_in(&payload), format!("{payload}: {answer}"));
            assert!(world.keys_in(&answer).iter().all(|key| own.contains(key)), "{what}");
            assert!(markers_in(SENT, &answer).all(|it| payload.contains(it)), "{what}");
            assert!(markers_in(KEPT, &answer).next().is_none(), "{what}");
        }
    }

    /// Sends every request that calls the store, and one with a key that is not in the cache.
    async fn ask_a_failing_store(&self, world: &World) -> Vec<u16> {
        let of_dialect = async |widgets: &Widgets| {
            let names = [
                "create",
                "create once",
                "read",
                "update",
                "delete",
                "list",
                "public",
                "another version",
            ];
            let cases = CASES.iter().filter(|case| names.contains(&case.name));
            let [known, unknown] = &OF_A_FAILING_STORE;
            let mut statuses = Vec::new();
            for (case, way) in cases.map(|case| (case, known)).chain([(&CASES[0], unknown)]) {
                statuses.push(self.ask(world, widgets, case, way).await);
            }
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
            let mut expected = asked.iter().filter(|(_, status)| *status >= 500 || self.logs_all());
            expected.all(|(id, _)| lines.contains_key(id)).then_some((log, lines))
        };
        let (log, lines) = eventually(&format!("the log of {}", self.name), lines).await;
        world.expect_clean(&log);
        // The log has the lines of its level, and no others.
        let has = |part: &str| log.lines().any(|line| line.contains(part));
        assert!(has(r#""message":"panic""#) && has(r#""cause":"#), "{}", self.name);
        let has_requests = has(r#""level":"INFO""#) && has(r#""_aws":"#) && has(r#""Refused":1"#);
        assert_eq!(has_requests, self.logs_all(), "{}", self.name);
        let routes: BTreeSet<String> = routes().collect();
        for line in lines.values().filter(|line| line["message"] == "request") {
            assert!(routes.contains(line["route"].as_str().unwrap()), "{line}");
        }
    }
}

/// Returns the method and path of each route in the template.
fn routes() -> impl Iterator<Item = String> {
    let functions = Template::read(binaries::workspace()).unwrap().functions;
    let routes = functions.into_iter().flat_map(|function| function.routes);
    routes.map(|route| format!("{} {}", route.method, route.path))
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
    let stack_keys: Vec<String> = levels.iter().map(|level| level.app.key.clone()).collect();
    let world = World::new(&levels[0].app, &stack_keys).await;

    join_all(levels.iter().map(|level| level.ask_all(&world))).await;
    for level in &levels {
        level.ask_for_unreadable_items(&world).await;
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

    // Every status was searched, with a key in the URL and without.
    let seen = world.seen.lock().unwrap().clone();
    for dialect in DIALECTS {
        let of_cases = CASES.iter().map(|case| case.status(dialect));
        for status in of_cases.chain([401, 403, 500, 503]) {
            // These two come of a key in the URL.
            let places = if matches!(status, 403 | 503) { &[true][..] } else { &[true, false] };
            for in_url in places {
                let is_seen = seen.contains(&(dialect.name, *in_url, status));
                assert!(is_seen, "{} {in_url} {status}", dialect.name);
            }
        }
    }
    // So was the success of every route.
    let log = levels.iter().find(|level| level.name == "TRACE").unwrap().app.log();
    for route in routes().filter(|route| !route.ends_with("{proxy+}")) {
        assert!(log.contains(&format!(r#""route":"{route}","status":200"#)), "{route}");
    }
    // No item of the table holds a key.
    let kept = format!("{:?}", levels[0].app.items().await);
    assert!(kept.contains(SENT) && kept.contains(KEPT) && world.keys_in(&kept).is_empty());
}
