//! The template, the routes of `cargo lambda watch` and the functions match.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use widgets::local::{binaries, template::Template};

use crate::support::{
    app::{ASSISTANT_BODY, Answer, PATHWAY_BODY, TestApp},
    expanded::{EVERYTHING, SWITCHES, Stack, expanded, list, owner},
};

fn template() -> Template {
    Template::read(binaries::workspace()).unwrap()
}

/// Creates a widget with an idempotency key.
pub async fn once(app: &TestApp, root: &str, body: &'static str) -> Answer {
    let headers = [
        ("authorization", app.key.as_str()),
        ("content-type", "application/json"),
        ("idempotency-key", "once"),
    ];
    app.send("POST", root, &headers, body).await
}

#[tokio::test]
async fn every_template_route_reaches_its_function() {
    let app = TestApp::start().await;
    for function in template().functions {
        for route in &function.routes {
            let method = if route.method == "ANY" { "PURGE" } else { &route.method };
            let path = route.path.replace("{proxy+}", "nothing/there");
            let answer = app.send(method, &path, &[], "").await;
            let expected = match route.path.rsplit('/').next().unwrap() {
                "{proxy+}" => &[404][..],
                "openapi.json" => &[200],
                // Public: it is the id that is wrong.
                "parameters" => &[422],
                "config" => &[400],
                _ => &[401],
            };
            assert!(expected.contains(&answer.status), "{route:?}: {answer:?}");
            let line = app.logged(&function.name, answer.header("x-request-id")).await;
            assert!(
                line.contains(&format!(r#""route":"{} {}""#, route.method, route.path)),
                "{line}"
            );
        }
    }
}

#[tokio::test]
async fn unmatched_route_returns_gateway_404() {
    let app = TestApp::start().await;
    for path in ["/", "/v1", "/api", "/api/v2/widget", "//v1/widget", "/v1/", "/V1/widget"] {
        let answer = app.send("GET", path, &[], "").await;
        assert_eq!(
            (answer.status, answer.json()),
            (404, json!({"message": "Not Found"})),
            "{path}"
        );
    }
}

#[test]
fn cargo_lambda_watch_has_the_same_routes_and_variables() {
    #[derive(Deserialize)]
    struct Config {
        env: BTreeMap<String, String>,
        watch: Watch,
    }

    #[derive(Deserialize)]
    struct Watch {
        router: BTreeMap<String, String>,
    }

    let file = binaries::workspace().join("CargoLambda.toml");
    let config: Config = toml::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let mut routes = BTreeMap::new();
    for mut function in template().functions {
        // Where the store is, is said on the command line there.
        assert_eq!(function.variables.remove("AWS_ENDPOINT_URL_DYNAMODB").as_deref(), Some(""));
        assert_eq!(function.variables, config.env);
        for route in function.routes {
            if route.path.ends_with("{proxy+}") {
                routes.insert(route.path.replace("{proxy+}", "{*proxy}"), function.binary.clone());
            }
        }
    }
    assert_eq!(config.watch.router, routes);
}

#[tokio::test]
async fn single_widget_operation_takes_one_call_and_delete_and_public_read_two() {
    let (app, meter) = TestApp::start_metered().await;
    let store_calls = || meter.take().into_iter().map(|call| call.operation).collect::<Vec<_>>();
    for (root, update, public, body) in [
        ("/api/v1/widget", "PUT", "parameters", ASSISTANT_BODY),
        ("/v1/widget", "PATCH", "config", PATHWAY_BODY),
    ] {
        // The first request looks up the key.
        assert_eq!(app.call("GET", root, "").await.status, 200);
        store_calls();
        let created = app.call("POST", root, body).await;
        assert_eq!(store_calls(), ["PutItem"], "{root}");
        for _ in ["the first time", "again"] {
            assert_eq!(once(&app, root, body).await.status, 200);
            assert_eq!(store_calls(), ["TransactWriteItems"], "{root}");
        }
        let widget = format!("{root}/{}", created.json()["data"]["id"].as_str().unwrap());
        for (method, path, expected) in [
            ("GET", root, &["Query"][..]),
            ("GET", &widget, &["GetItem"]),
            (update, &widget, &["UpdateItem"]),
            ("GET", &format!("{widget}/{public}"), &["Query", "GetItem"]),
            // The second call removes the tombstone that the first one leaves.
            ("DELETE", &widget, &["UpdateItem", "DeleteItem"]),
        ] {
            assert_eq!(app.call(method, path, body).await.status, 200, "{method} {path}");
            assert_eq!(store_calls(), expected, "{method} {path}");
        }
    }
}

#[test]
fn failed_message_is_retried_then_dead_lettered_with_an_alarm() {
    let stack = Stack::with(&[]);
    let timeouts: BTreeMap<String, u64> = template()
        .functions
        .into_iter()
        .map(|function| (function.name, function.timeout.as_secs()))
        .collect();
    let mut fed = BTreeSet::new();
    for (name, source) in stack.of_type("AWS::Lambda::EventSourceMapping") {
        let function =
            owner(&stack.properties(source["FunctionName"].as_str().unwrap())["FunctionName"]);
        let queue = stack.properties(owner(&source["EventSourceArn"]));
        assert!(queue["VisibilityTimeout"].as_u64().unwrap() >= 6 * timeouts[function], "{name}");
        assert!(queue["RedrivePolicy"]["maxReceiveCount"].as_u64().unwrap() >= 5, "{name}");
        assert_eq!(source["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
        fed.insert(function.to_owned());
    }
    assert_eq!(fed, timeouts.into_keys().collect());

    let text = serde_json::to_string(&stack.resources).unwrap();
    for (queue, properties) in stack.of_type("AWS::SQS::Queue") {
        assert_eq!(properties["SqsManagedSseEnabled"], true, "{queue}");
        let mut policies = stack.of_type("AWS::SQS::QueuePolicy");
        let (_, policy) =
            policies.find(|(_, policy)| list(&policy["Queues"]).contains(&&json!(queue))).unwrap();
        let statements = list(&policy["PolicyDocument"]["Statement"]);
        let denial =
            statements.into_iter().find(|statement| statement["Effect"] == "Deny").unwrap();
        assert_eq!(
            denial["Condition"],
            json!({"Bool": {"aws:SecureTransport": "false"}}),
            "{queue}"
        );
        assert_eq!(denial["Resource"], format!("{queue}.Arn"), "{queue}");
        let is_told_of = stack.of_type("AWS::CloudWatch::Alarm").any(|(_, alarm)| {
            alarm["Dimensions"][0]["Value"] == format!("{queue}.QueueName")
                && alarm["Threshold"] == 0
        });
        let is_for_the_dead = [r#""deadLetterTargetArn":"#, r#""DeadLetterConfig":{"Arn":"#]
            .iter()
            .any(|member| text.contains(&format!("{member}\"{queue}.Arn\"")));
        assert_eq!(is_told_of, is_for_the_dead, "{queue}");
        // Two weeks is the longest there is.
        assert_eq!(properties["MessageRetentionPeriod"] == 1_209_600, is_for_the_dead, "{queue}");
    }
}

#[test]
fn expanded_templates_match_template_yaml() {
    let template = fs::read(binaries::workspace().join("template.yaml")).unwrap();
    let digest: String =
        Sha256::digest(template).iter().map(|byte| format!("{byte:02x}")).collect();
    for name in ["defaults", "everything"] {
        assert_eq!(
            expanded(name)["Metadata"]["Source"],
            digest,
            "template.yaml was changed since tests/template/{name}.json was made of it. Make it anew with SAM CLI: \
             python3 -m venv target/sam && target/sam/bin/pip install aws-sam-cli==1.170.0 && \
             target/sam/bin/python tests/template/expand.py"
        );
    }
}

#[test]
fn no_resource_refers_to_one_that_a_switch_removes() {
    let sizes = SWITCHES.map(|switches| {
        let everything = [switches, EVERYTHING].concat();
        (Stack::with(switches).resources.len(), Stack::with(&everything).resources.len())
    });
    assert!(sizes.iter().all(|(defaults, everything)| defaults < everything), "{sizes:?}");
    assert!(sizes.is_sorted() && sizes[0].0 < sizes[3].0, "{sizes:?}");
}
