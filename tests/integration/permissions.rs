//! IAM roles: each allows the calls that are made, and no other.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;
use widgets::local::meter::Call;

use crate::{
    support::{
        app::{ASSISTANT_BODY, PATHWAY_BODY, TestApp},
        expanded::{EVERYTHING, Stack, list, owner},
    },
    template::once,
};

const FUNCTIONS: [&str; 2] = ["Assistant", "Pathway"];

/// The role of a function, by its logical id.
fn role<'a>(stack: &'a Stack, function: &str) -> &'a str {
    owner(&stack.properties(function)["Role"])
}

/// Every statement of every role.
fn statements(stack: &Stack) -> Vec<(&str, &Value)> {
    let roles = stack.of_type("AWS::IAM::Role");
    roles
        .flat_map(|(role, _)| {
            stack.statements(role).into_iter().map(move |statement| (role, statement))
        })
        .collect()
}

fn texts(value: &Value) -> Vec<&str> {
    list(value).into_iter().map(|value| value.as_str().unwrap()).collect()
}

#[tokio::test]
async fn function_role_allows_exactly_the_calls_it_makes() {
    let stack = Stack::with(&[]);
    let allowed = |function: &str| -> BTreeSet<(String, String)> {
        let mut allowed = BTreeSet::new();
        for statement in stack.statements(role(&stack, function)) {
            let actions = texts(&statement["Action"])
                .into_iter()
                .filter_map(|action| action.strip_prefix("dynamodb:"));
            for action in actions {
                let resources = texts(&statement["Resource"]).into_iter();
                allowed.extend(
                    resources.map(|resource| (action.to_owned(), resource.replacen(".Arn", "", 1))),
                );
            }
        }
        allowed
    };

    let (app, meter) = TestApp::start_metered().await;
    let actions =
        |call: Call| call.actions.into_iter().map(move |action| (action, call.resource.clone()));
    let store_calls = || meter.take().into_iter().flat_map(actions).collect::<BTreeSet<_>>();
    store_calls();
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
    assert_eq!(store_calls(), allowed("Assistant"));

    assert_eq!(once(&app, "/v1/widget", PATHWAY_BODY).await.status, 200);
    let id =
        app.create_pathway(PATHWAY_BODY).await.json()["data"]["id"].as_str().unwrap().to_owned();
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
    assert_eq!(store_calls(), allowed("Pathway"));
}

#[test]
fn function_role_otherwise_covers_only_log_queue_and_parameters() {
    let key = EVERYTHING.iter().find(|(name, _)| *name == "TableKey").unwrap();
    let decrypt = json!({
        "Effect": "Allow", "Action": "kms:Decrypt", "Resource": key.1,
        "Condition": {"StringEquals": {"kms:ViaService": "dynamodb.us-east-1.amazonaws.com"}},
    });
    let trace = json!({"Effect": "Allow", "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "Resource": "*"});
    for function in FUNCTIONS {
        let log = json!({
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": format!("{function}Logs.Arn"),
        });
        let queue = json!({
            "Effect": "Allow",
            "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
            "Resource": format!("{function}Commands.Arn"),
        });
        for (parameters, expected) in [
            (&[("Commands", "false")][..], vec![&log]),
            (&[], vec![&log, &queue]),
            (&[*key], vec![&log, &decrypt, &queue]),
            (&[("Tracing", "Active")], vec![&log, &trace, &queue]),
            (EVERYTHING, vec![&log, &decrypt, &trace, &queue]),
        ] {
            let stack = Stack::with(parameters);
            let mut statements = stack.statements(role(&stack, function));
            statements.retain(|it| {
                !texts(&it["Action"]).iter().all(|action| action.starts_with("dynamodb:"))
            });
            assert_eq!(statements, expected, "{function}, with {parameters:?}");
            assert_eq!(
                stack.properties(function)["LoggingConfig"]["LogGroup"],
                format!("{function}Logs")
            );
        }
    }
}

#[test]
fn roles_have_no_extra_policies_and_few_wildcard_resources() {
    let stack = Stack::with(EVERYTHING);
    for (name, role) in stack.of_type("AWS::IAM::Role") {
        assert_eq!(role.get("ManagedPolicyArns"), None, "{name}");
    }
    for kind in [
        "AWS::IAM::Policy",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::UserPolicy",
        "AWS::IAM::GroupPolicy",
    ] {
        assert_eq!(stack.of_type(kind).count(), 0, "{kind}");
    }
    let mut wildcards = BTreeSet::new();
    for (role, statement) in statements(&stack) {
        assert_eq!(statement["Effect"], "Allow", "{role}");
        let members = statement.as_object().unwrap().keys();
        let known = ["Action", "Condition", "Effect", "Resource"];
        assert!(
            members.into_iter().all(|member| known.contains(&member.as_str())),
            "{role}: {statement}"
        );
        let actions = texts(&statement["Action"]);
        assert!(actions.iter().all(|action| !action.contains('*')), "{role}: {statement}");
        if texts(&statement["Resource"]).iter().any(|resource| resource.contains('*')) {
            wildcards.extend(actions);
        }
    }
    // X-Ray has no resources, and neither has ListStreams; CodeDeploy reads how alarms stand.
    let expected = [
        "cloudwatch:DescribeAlarms",
        "dynamodb:ListStreams",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    ];
    assert_eq!(wildcards, BTreeSet::from(expected));
}

#[test]
fn no_deployed_role_can_write_api_keys() {
    let stack = Stack::with(EVERYTHING);
    let mut readers = BTreeSet::new();
    for (role, statement) in statements(&stack) {
        if texts(&statement["Resource"]).iter().any(|resource| resource.starts_with("ApiKeys")) {
            assert_eq!(texts(&statement["Action"]), ["dynamodb:GetItem"], "{role}");
            readers.insert(role);
        }
    }
    assert_eq!(readers, BTreeSet::from(["AssistantRole", "PathwayRole"]));
    assert_eq!(stack.properties("ApiKeys").get("ResourcePolicy"), None);
}

#[test]
fn pipe_role_can_only_read_publish_and_dead_letter() {
    let stack = Stack::with(&[]);
    let (_, pipe) = stack.of_type("AWS::Pipes::Pipe").next().unwrap();
    let source = &pipe["SourceParameters"]["DynamoDBStreamParameters"];
    let read =
        ["DescribeStream", "GetRecords", "GetShardIterator"].map(|name| format!("dynamodb:{name}"));
    let expected = [
        json!({"Effect": "Allow", "Action": read, "Resource": pipe["Source"]}),
        // On a stream it would allow nothing: IAM has no resource type for it.
        json!({"Effect": "Allow", "Action": "dynamodb:ListStreams", "Resource": "*"}),
        json!({"Effect": "Allow", "Action": "events:PutEvents", "Resource": pipe["Target"]}),
        json!({"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": source["DeadLetterConfig"]["Arn"]}),
    ];
    assert_eq!(stack.statements(owner(&pipe["RoleArn"])), expected.iter().collect::<Vec<_>>());
    assert_eq!(
        (&pipe["Source"], &pipe["Target"]),
        (&json!("Widgets.StreamArn"), &json!("Events.Arn"))
    );
    assert_eq!(source["OnPartialBatchItemFailure"], "AUTOMATIC_BISECT");
    // What one call of PutEvents takes, and half of what the stream keeps.
    assert!(source["BatchSize"].as_u64().unwrap() <= 10);
    assert_eq!(source["MaximumRecordAgeInSeconds"], 12 * 60 * 60);
}

#[test]
fn codedeploy_role_can_shift_only_the_function_aliases() {
    let stack = Stack::with(EVERYTHING);
    let statements = stack.statements("DeploymentRole");
    let aliases =
        FUNCTIONS.iter().flat_map(|name| [format!("{name}.Arn"), format!("{name}.Arn:live")]);
    assert_eq!(json!(statements[0]["Resource"]), json!(aliases.collect::<Vec<_>>()));
    let expected =
        ["lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig"];
    assert_eq!(texts(&statements[0]["Action"]), expected);
    assert_eq!(statements.len(), 2, "the other reads alarms");
    for (name, role) in stack.of_type("AWS::IAM::Role") {
        let trust = &role["AssumeRolePolicyDocument"]["Statement"];
        let service = trust[0]["Principal"]["Service"].as_str().unwrap();
        let expected = match name {
            "ChangesRole" => "pipes.amazonaws.com",
            "DeploymentRole" => "codedeploy.amazonaws.com",
            _ => "lambda.amazonaws.com",
        };
        assert_eq!((service, list(trust).len()), (expected, 1), "{name}");
    }
}
