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
    app::TestApp,
    expanded::{EVERYTHING, SWITCHES, Stack, expanded, owner},
};

fn template() -> Template {
    Template::read(binaries::workspace()).unwrap()
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
                "{proxy+}" => 404,
                "openapi.json" => 200,
                // A public read needs no key. The id is invalid.
                "parameters" => 422,
                "config" => 400,
                _ => 401,
            };
            assert_eq!(answer.status, expected, "{route:?}: {answer:?}");
            let line = app.logged(&function.name, answer.header("x-request-id")).await;
            let logged_route = format!(r#""route":"{} {}""#, route.method, route.path);
            assert!(line.contains(&logged_route), "{line}");
        }
    }
}

#[tokio::test]
async fn unmatched_route_returns_gateway_404() {
    let app = TestApp::start().await;
    for path in ["/", "/v1", "/api", "/api/v2/widget", "//v1/widget", "/v1/", "/V1/widget"] {
        let answer = app.send("GET", path, &[], "").await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json(), json!({"message": "Not Found"}), "{path}");
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
        // `cargo lambda watch` gets the store's address on its command line.
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

#[test]
fn failed_message_is_retried_then_dead_lettered_with_an_alarm() {
    let stack = Stack::with(&[]);
    let functions = template().functions.into_iter();
    let timeouts: BTreeMap<String, u64> =
        functions.map(|function| (function.name, function.timeout.as_secs())).collect();
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
    for (queue, _) in stack.of_type("AWS::SQS::Queue") {
        let has_alarm = stack.of_type("AWS::CloudWatch::Alarm").any(|(_, alarm)| {
            alarm["Dimensions"][0]["Value"] == format!("{queue}.QueueName")
                && alarm["Threshold"] == 0
        });
        let is_dead_letter_queue = [r#""deadLetterTargetArn":"#, r#""DeadLetterConfig":{"Arn":"#]
            .iter()
            .any(|member| text.contains(&format!("{member}\"{queue}.Arn\"")));
        assert_eq!(has_alarm, is_dead_letter_queue, "{queue}");
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
