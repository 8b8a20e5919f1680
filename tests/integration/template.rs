//! What is deployed, held together: the template, `cargo lambda watch`'s routes, and the functions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;
use widgets::{binaries, meter::Call, template::Template};

use crate::app::{ASSISTANT_BODY, Answer, PATHWAY_BODY, TestApp};

fn template() -> Template {
    Template::read(binaries::workspace()).unwrap()
}

/// Creates a widget with an idempotency key.
async fn once(app: &TestApp, root: &str, body: &'static str) -> Answer {
    let headers =
        [("authorization", app.key.as_str()), ("content-type", "application/json"), ("idempotency-key", "once")];
    app.send("POST", root, &headers, body).await
}

#[tokio::test]
async fn every_route_of_the_template_leads_to_its_function() {
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
            assert!(line.contains(&format!(r#""route":"{} {}""#, route.method, route.path)), "{line}");
        }
    }
}

#[tokio::test]
async fn what_no_route_matches_is_the_gateway_s_404() {
    let app = TestApp::start().await;
    for path in ["/", "/v1", "/api", "/api/v2/widget", "//v1/widget", "/v1/", "/V1/widget"] {
        let answer = app.send("GET", path, &[], "").await;
        assert_eq!((answer.status, answer.json()), (404, json!({"message": "Not Found"})), "{path}");
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
async fn a_function_s_role_allows_the_calls_it_makes_and_no_other() {
    #[derive(Deserialize)]
    struct Template {
        #[serde(rename = "Resources")]
        resources: BTreeMap<String, Resource>,
    }

    #[derive(Deserialize)]
    struct Resource {
        #[serde(rename = "Properties", default)]
        properties: Properties,
    }

    #[derive(Deserialize, Default)]
    struct Properties {
        #[serde(rename = "Policies", default)]
        policies: Vec<Policy>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Policy {
        #[serde(default)]
        statement: Vec<Statement>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Statement {
        effect: String,
        action: Vec<String>,
        resource: Vec<String>,
    }

    let yaml = fs::read_to_string(binaries::workspace().join("template.yaml")).unwrap();
    let template: Template = serde_saphyr::from_str(&yaml).unwrap();
    let allowed = |function: &str| -> BTreeSet<(String, String)> {
        let statements = template.resources[function].properties.policies.iter().flat_map(|policy| &policy.statement);
        let allow = |statement: &Statement| -> Vec<(String, String)> {
            assert_eq!(statement.effect, "Allow");
            let resources: Vec<String> = statement
                .resource
                .iter()
                .map(|it| it.replace("${Widgets.Arn}", "Widgets").replace(".Arn", ""))
                .collect();
            let actions = statement.action.iter().map(|action| action.strip_prefix("dynamodb:").unwrap());
            actions.flat_map(|action| resources.iter().map(|it| (action.to_owned(), it.clone()))).collect()
        };
        statements.flat_map(allow).collect()
    };

    let (app, meter) = TestApp::start_metered().await;
    let actions = |call: Call| call.actions.into_iter().map(move |action| (action, call.resource.clone()));
    let made = || meter.take().into_iter().flat_map(actions).collect::<BTreeSet<_>>();
    made();
    let assistant_id = Uuid::new_v4();
    let body = ASSISTANT_BODY.replace('}', &format!(r#","assistant_id":"{assistant_id}"}}"#));
    assert_eq!(once(&app, "/api/v1/widget", ASSISTANT_BODY).await.status, 200);
    let id = app.create_assistant(body).await.json()["data"]["id"].as_str().unwrap().to_owned();
    for (method, path) in [
        ("GET", "/api/v1/widget".to_owned()),
        ("GET", "/api/v1/widget?page=2".to_owned()),
        ("GET", format!("/api/v1/assistant/{assistant_id}/widgets")),
        ("GET", format!("/api/v1/widget/{id}")),
        ("PUT", format!("/api/v1/widget/{id}")),
        ("GET", format!("/api/v1/widget/{id}/parameters")),
        ("DELETE", format!("/api/v1/widget/{id}")),
        ("GET", "/api/v1/openapi.json".to_owned()),
    ] {
        assert_eq!(app.call(method, &path, ASSISTANT_BODY).await.status, 200, "{method} {path}");
    }
    assert_eq!(made(), allowed("Assistant"));

    assert_eq!(once(&app, "/v1/widget", PATHWAY_BODY).await.status, 200);
    let id = app.create_pathway(PATHWAY_BODY).await.json()["data"]["id"].as_str().unwrap().to_owned();
    for (method, path) in [
        ("GET", "/v1/widgets".to_owned()),
        ("GET", "/v1/widget".to_owned()),
        ("GET", format!("/v1/widget/{id}")),
        ("PATCH", format!("/v1/widget/{id}")),
        ("GET", format!("/v1/widget/{id}/config")),
        ("DELETE", format!("/v1/widget/{id}")),
        ("GET", "/v1/openapi.json".to_owned()),
    ] {
        assert_eq!(app.call(method, &path, PATHWAY_BODY).await.status, 200, "{method} {path}");
    }
    assert_eq!(made(), allowed("Pathway"));
}

#[tokio::test]
async fn an_operation_on_one_widget_is_one_call_and_a_public_read_two() {
    let (app, meter) = TestApp::start_metered().await;
    let made = || meter.take().into_iter().map(|call| call.operation).collect::<Vec<_>>();
    for (root, update, public, body) in
        [("/api/v1/widget", "PUT", "parameters", ASSISTANT_BODY), ("/v1/widget", "PATCH", "config", PATHWAY_BODY)]
    {
        // The first request looks up the key.
        assert_eq!(app.call("GET", root, "").await.status, 200);
        made();
        let created = app.call("POST", root, body).await;
        assert_eq!(made(), ["PutItem"], "{root}");
        for _ in ["the first time", "again"] {
            assert_eq!(once(&app, root, body).await.status, 200);
            assert_eq!(made(), ["TransactWriteItems"], "{root}");
        }
        let widget = format!("{root}/{}", created.json()["data"]["id"].as_str().unwrap());
        for (method, path, expected) in [
            ("GET", root, &["Query"][..]),
            ("GET", &widget, &["GetItem"]),
            (update, &widget, &["UpdateItem"]),
            ("GET", &format!("{widget}/{public}"), &["Query", "GetItem"]),
            ("DELETE", &widget, &["UpdateItem"]),
        ] {
            assert_eq!(app.call(method, path, body).await.status, 200, "{method} {path}");
            assert_eq!(made(), expected, "{method} {path}");
        }
    }
}

/// The template's resources: tags such as `!GetAtt` are dropped, their values stay.
fn resources() -> BTreeMap<String, Value> {
    let yaml = fs::read_to_string(binaries::workspace().join("template.yaml")).unwrap();
    let template: BTreeMap<String, Value> = serde_saphyr::from_str(&yaml).unwrap();
    serde_json::from_value(template["Resources"].clone()).unwrap()
}

/// Those of a type, with their properties.
fn of_type<'a>(
    resources: &'a BTreeMap<String, Value>,
    kind: &'static str,
) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let resources = resources.iter().filter(move |(_, resource)| resource["Type"] == kind);
    resources.map(|(name, resource)| (name.as_str(), &resource["Properties"]))
}

#[test]
fn a_message_is_tried_again_after_whatever_the_function_does_with_it_and_then_kept_and_told_of() {
    let resources = resources();
    let timeouts: BTreeMap<String, u64> =
        template().functions.into_iter().map(|function| (function.name, function.timeout.as_secs())).collect();
    let mut fed = BTreeSet::new();
    for (name, source) in of_type(&resources, "AWS::Lambda::EventSourceMapping") {
        let function = source["FunctionName"].as_str().unwrap();
        let queue = source["EventSourceArn"].as_str().unwrap().strip_suffix(".Arn").unwrap();
        let properties = &resources[queue]["Properties"];
        assert!(properties["VisibilityTimeout"].as_u64().unwrap() >= 6 * timeouts[function], "{name}");
        assert!(properties["RedrivePolicy"]["maxReceiveCount"].as_u64().unwrap() >= 5, "{name}");
        assert_eq!(source["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
        let roles: Vec<&Value> = of_type(&resources, "AWS::IAM::RolePolicy")
            .map(|(_, policy)| policy)
            .filter(|policy| policy["RoleName"] == format!("{function}Role"))
            .collect();
        let statements = json!([{
            "Effect": "Allow",
            "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
            "Resource": format!("{queue}.Arn"),
        }]);
        assert_eq!(roles.len(), 1);
        assert_eq!(roles[0]["PolicyDocument"]["Statement"], statements, "{name}");
        fed.insert(function.to_owned());
    }
    assert_eq!(fed, timeouts.into_keys().collect());

    let text = serde_json::to_string(&resources).unwrap();
    for (queue, properties) in of_type(&resources, "AWS::SQS::Queue") {
        assert_eq!(properties["SqsManagedSseEnabled"], true, "{queue}");
        let mut policies = of_type(&resources, "AWS::SQS::QueuePolicy");
        let (_, policy) =
            policies.find(|(_, policy)| policy["Queues"].as_array().unwrap().contains(&json!(queue))).unwrap();
        let denial = policy["PolicyDocument"]["Statement"].as_array().unwrap().iter().find(|it| it["Effect"] == "Deny");
        assert_eq!(denial.unwrap()["Condition"], json!({"Bool": {"aws:SecureTransport": "false"}}), "{queue}");
        assert!(denial.unwrap()["Resource"].to_string().contains(&format!("\"{queue}.Arn\"")), "{queue}");
        let is_told_of = of_type(&resources, "AWS::CloudWatch::Alarm").any(|(_, alarm)| {
            alarm["Dimensions"][0]["Value"] == format!("{queue}.QueueName") && alarm["Threshold"] == 0
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
fn the_pipe_may_read_the_stream_publish_and_put_aside_and_nothing_else() {
    let resources = resources();
    let (_, pipe) = of_type(&resources, "AWS::Pipes::Pipe").next().unwrap();
    let role = &resources[pipe["RoleArn"].as_str().unwrap().strip_suffix(".Arn").unwrap()]["Properties"];
    let source = &pipe["SourceParameters"]["DynamoDBStreamParameters"];
    let read =
        ["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"].map(|name| format!("dynamodb:{name}"));
    assert_eq!(
        role["Policies"][0]["PolicyDocument"]["Statement"],
        json!([
            {"Effect": "Allow", "Action": read, "Resource": pipe["Source"]},
            {"Effect": "Allow", "Action": "events:PutEvents", "Resource": pipe["Target"]},
            {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": source["DeadLetterConfig"]["Arn"]},
        ])
    );
    assert_eq!((&pipe["Source"], &pipe["Target"]), (&json!("Widgets.StreamArn"), &json!("Events.Arn")));
    assert_eq!(source["OnPartialBatchItemFailure"], "AUTOMATIC_BISECT");
    // What one call of PutEvents takes, and half of what the stream keeps.
    assert!(source["BatchSize"].as_u64().unwrap() <= 10);
    assert_eq!(source["MaximumRecordAgeInSeconds"], 12 * 60 * 60);
}

#[test]
fn what_a_switch_takes_away_is_asked_for_by_nothing_that_stays() {
    /// All strings in a value.
    fn texts(value: &Value) -> Vec<&str> {
        match value {
            Value::String(text) => vec![text],
            Value::Array(values) => values.iter().flat_map(texts).collect(),
            Value::Object(members) => members.values().flat_map(texts).collect(),
            _ => Vec::new(),
        }
    }

    let resources = resources();
    let yaml = fs::read_to_string(binaries::workspace().join("template.yaml")).unwrap();
    let template: BTreeMap<String, Value> = serde_saphyr::from_str(&yaml).unwrap();
    let outputs: BTreeMap<String, Value> = serde_json::from_value(template["Outputs"].clone()).unwrap();
    let mut left = 0;
    for (commands, changes) in [(false, false), (false, true), (true, false), (true, true)] {
        let is_there = |resource: &Value| match resource["Condition"].as_str() {
            None => true,
            Some("TakesCommands") => commands,
            Some("PublishesChanges") => changes,
            Some("HasBus") => commands || changes,
            unknown => panic!("{unknown:?}"),
        };
        let is_gone = |text: &&str| {
            let name = text.split('.').next().unwrap();
            resources.get(name).is_some_and(|resource| !is_there(resource))
        };
        for (name, kept) in resources.iter().chain(&outputs).filter(|(_, resource)| is_there(resource)) {
            let missing: Vec<&str> = texts(kept).into_iter().filter(is_gone).collect();
            assert_eq!(missing, [""; 0], "{name}, with Commands={commands} and ChangeEvents={changes}");
            left += 1;
        }
    }
    assert!(left > resources.len(), "they were looked at");
}
