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
    expanded::{DOMAIN, EVERYTHING, SWITCHES, Stack, broken_rules, expanded, owner},
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

#[test]
fn domain_serves_all_routes_in_place_of_the_default_endpoint() {
    let endpoint = |stack: &Stack| {
        let (_, api) = stack.of_type("AWS::ApiGatewayV2::Api").next().unwrap();
        let [server] = &api["Body"]["servers"].as_array().unwrap()[..] else { panic!("{api}") };
        let settings = &server["x-amazon-apigateway-endpoint-configuration"];
        let is_off = settings["disableExecuteApiEndpoint"].as_bool().unwrap();
        (is_off, stack.outputs["ApiUrl"]["Value"].clone())
    };
    let of_domains = |stack: &Stack| {
        let types = ["AWS::ApiGatewayV2::DomainName", "AWS::ApiGatewayV2::ApiMapping"];
        [types[0], types[1], "AWS::Route53::RecordSet"].map(|it| stack.of_type(it).count())
    };
    let without = Stack::with(&[]);
    assert_eq!(endpoint(&without), (false, json!("Api.ApiEndpoint")));
    assert_eq!(of_domains(&without), [0, 0, 0]);

    let with = Stack::with(&DOMAIN);
    assert_eq!(endpoint(&with), (true, json!("https://widgets.example.com")));
    assert_eq!(of_domains(&with), [1, 1, 0]);
    let (domain, properties) = with.of_type("AWS::ApiGatewayV2::DomainName").next().unwrap();
    assert_eq!(properties["DomainNameConfigurations"][0]["CertificateArn"], DOMAIN[1].1);
    let (stage, _) = with.of_type("AWS::ApiGatewayV2::Stage").next().unwrap();
    // Without a key, which would stand before every route.
    let (_, mapping) = with.of_type("AWS::ApiGatewayV2::ApiMapping").next().unwrap();
    assert_eq!(*mapping, json!({"ApiId": "Api", "DomainName": domain, "Stage": stage}));
    assert_eq!(with.outputs["DomainTarget"]["Value"], format!("{domain}.RegionalDomainName"));

    let with_record = Stack::with(EVERYTHING);
    assert_eq!(of_domains(&with_record), [1, 1, 1]);
    let (_, record) = with_record.of_type("AWS::Route53::RecordSet").next().unwrap();
    assert_eq!(record["Name"], DOMAIN[0].1);
    let target = ["RegionalDomainName", "RegionalHostedZoneId"].map(|it| format!("{domain}.{it}"));
    assert_eq!(record["AliasTarget"], json!({"DNSName": target[0], "HostedZoneId": target[1]}));
}

#[test]
fn incomplete_domain_is_refused_with_the_parameter_to_set() {
    let zone = ("HostedZoneId", "Z0123456789ABCDEFGHIJ");
    for (parameters, missing) in [
        (&[][..], &[][..]),
        (&DOMAIN, &[]),
        (&[DOMAIN[0], DOMAIN[1], zone], &[]),
        (&DOMAIN[..1], &["CertificateArn"]),
        (&DOMAIN[1..], &["DomainName"]),
        (&[zone], &["DomainName"]),
        (&[DOMAIN[1], zone], &["DomainName", "DomainName"]),
        (&[DOMAIN[0], zone], &["CertificateArn"]),
    ] {
        let said = broken_rules(parameters);
        assert_eq!(said.len(), missing.len(), "{parameters:?}: {said:?}");
        for (said, missing) in said.iter().zip(missing) {
            assert!(said.ends_with(&format!(" Set {missing}, too.")), "{said}");
        }
    }
}

#[test]
fn whoever_deploys_is_told_of_every_service_in_the_template() {
    let file = binaries::workspace().join("docs/deploying.md");
    let text = fs::read_to_string(file).unwrap();
    let (_, section) = text.split_once("## Who may deploy").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    for (name, resource) in Stack::with(EVERYTHING).resources {
        let service = resource["Type"].as_str().unwrap().split("::").nth(1).unwrap().to_lowercase();
        let prefix = service.strip_suffix("v2").unwrap_or(&service);
        assert!(section.contains(&format!("(`{prefix}`)")), "{name}: {prefix}");
    }
}
