//! IAM roles: each allows the calls that are made, and no other.

use std::collections::BTreeSet;

use bench::meter::Call;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    app::{JSON, TestApp},
    dialect::{DIALECTS, Dialect},
    expanded::{EVERYTHING, Stack, list, owner},
};

/// An action that a role allows, and the resource.
type Grant = (String, String);

fn texts(value: &Value) -> Vec<&str> {
    list(value).into_iter().map(|value| value.as_str().unwrap()).collect()
}

fn grants_of(statement: &Value) -> impl Iterator<Item = Grant> {
    let resources = texts(&statement["Resource"]);
    texts(&statement["Action"]).into_iter().flat_map(move |action| {
        let grant = |resource: &&str| (action.to_owned(), (*resource).to_owned());
        resources.iter().map(grant).collect::<Vec<_>>()
    })
}

/// Returns what the role of a dialect's function allows.
fn grants(stack: &Stack, dialect: Dialect) -> BTreeSet<Grant> {
    let role = owner(&stack.properties(dialect.function)["Role"]);
    stack.statements(role).into_iter().flat_map(grants_of).collect()
}

/// Returns every statement of every role.
fn statements(stack: &Stack) -> Vec<(&str, &Value)> {
    let roles = stack.of_type("AWS::IAM::Role").map(|(role, _)| role);
    roles.flat_map(|role| stack.statements(role).into_iter().map(move |it| (role, it))).collect()
}

#[tokio::test]
async fn every_operation_makes_few_calls_and_the_role_allows_exactly_those() {
    let stack = Stack::with(&[]);
    let (app, meter) = TestApp::start_metered().await;
    let once = [JSON, ("authorization", app.key.as_str()), ("idempotency-key", "once")];
    for dialect in DIALECTS {
        let created = app.call("POST", dialect.root, dialect.body).await.id();
        let reader = app.reading_key().await;
        meter.take();
        let mut calls: Vec<Call> = Vec::new();
        let mut expect_calls = |what: &str, expected: &[&str]| {
            let made = meter.take();
            let names: Vec<&str> = made.iter().map(|call| call.operation.as_str()).collect();
            assert_eq!(names, expected, "{} {what}", dialect.name);
            calls.extend(made);
        };
        let first = app.send("GET", dialect.list, &[("authorization", &reader)], "").await;
        assert_eq!(first.status, 200);
        expect_calls("a key that is not in the cache", &["GetItem", "Query"]);
        for what in ["create once", "replay"] {
            assert_eq!(app.send("POST", dialect.root, &once, dialect.body).await.status, 200);
            expect_calls(what, &["TransactWriteItems"]);
        }
        let widget = dialect.widget(&created);
        let openapi = dialect.list.rsplit_once('/').unwrap().0.to_owned() + "/openapi.json";
        let mut requests = vec![
            ("POST", dialect.root.to_owned(), &["PutItem"][..]),
            ("GET", dialect.list.to_owned(), &["Query"]),
            ("GET", widget.clone(), &["GetItem"]),
            (dialect.update, widget.clone(), &["UpdateItem"]),
            ("GET", dialect.public_path(&created), &["Query", "GetItem"]),
            // The second call removes the tombstone that the first one leaves.
            ("DELETE", widget, &["UpdateItem", "DeleteItem"]),
            ("GET", openapi, &[]),
        ];
        requests.extend(match dialect.name {
            "assistant" => vec![
                ("GET", format!("{}?page=2", dialect.list), &["Query"][..]),
                ("GET", format!("/api/v1/assistant/{}/widgets", Uuid::new_v4()), &["Query"]),
            ],
            _ => vec![("GET", dialect.root.to_owned(), &["Query"][..])],
        });
        for (method, path, expected) in requests {
            let answer = app.call(method, &path, dialect.body).await;
            assert_eq!(answer.status, 200, "{method} {path}: {answer:?}");
            expect_calls(&format!("{method} {path}"), expected);
        }

        let needed = calls.into_iter().flat_map(|Call { actions, resource, .. }| {
            actions.into_iter().map(move |action| (action, resource.clone()))
        });
        let allowed = grants(&stack, dialect).into_iter().filter_map(|(action, resource)| {
            let action = action.strip_prefix("dynamodb:")?;
            Some((action.to_owned(), resource.replacen(".Arn", "", 1)))
        });
        assert_eq!(needed.collect::<BTreeSet<_>>(), allowed.collect());
    }
}

#[test]
fn function_role_otherwise_covers_only_log_queue_key_and_traces() {
    let key = EVERYTHING.iter().find(|(name, _)| *name == "TableKey").unwrap();
    for dialect in DIALECTS {
        let log =
            (format!("{}Logs.Arn", dialect.function), "logs:CreateLogStream logs:PutLogEvents");
        let queue = (
            format!("{}Commands.Arn", dialect.function),
            "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes",
        );
        let decrypt = (key.1.to_owned(), "kms:Decrypt");
        let trace = ("*".to_owned(), "xray:PutTraceSegments xray:PutTelemetryRecords");
        for (parameters, expected) in [
            (&[("Commands", "false")][..], vec![&log]),
            (&[], vec![&log, &queue]),
            (&[*key], vec![&log, &queue, &decrypt]),
            (&[("Tracing", "Active")], vec![&log, &queue, &trace]),
            (EVERYTHING, vec![&log, &queue, &decrypt, &trace]),
        ] {
            let mut allowed = grants(&Stack::with(parameters), dialect);
            allowed.retain(|(action, _)| !action.starts_with("dynamodb:"));
            let expected = expected.into_iter().flat_map(|(resource, actions)| {
                actions.split(' ').map(|action| (action.to_owned(), resource.clone()))
            });
            assert_eq!(allowed, expected.collect(), "{} with {parameters:?}", dialect.name);
        }
    }
}

#[test]
fn roles_have_no_extra_policies_and_few_wildcard_resources() {
    let stack = Stack::with(EVERYTHING);
    for (name, role) in stack.of_type("AWS::IAM::Role") {
        assert_eq!(role.get("ManagedPolicyArns"), None, "{name}");
        let trust = list(&role["AssumeRolePolicyDocument"]["Statement"]);
        assert!(trust.len() == 1 && trust[0]["Principal"]["Service"].is_string(), "{name}");
    }
    for kind in ["Policy", "ManagedPolicy", "UserPolicy", "GroupPolicy"] {
        let policies =
            stack.resources.values().filter(|it| it["Type"] == format!("AWS::IAM::{kind}"));
        assert_eq!(policies.count(), 0, "{kind}");
    }
    let mut wildcards = BTreeSet::new();
    for (role, statement) in statements(&stack) {
        assert_eq!(statement["Effect"], "Allow", "{role}");
        let known = ["Action", "Condition", "Effect", "Resource"];
        let mut members = statement.as_object().unwrap().keys();
        assert!(members.all(|member| known.contains(&member.as_str())), "{role}: {statement}");
        for (action, resource) in grants_of(statement) {
            assert!(!action.contains('*'), "{role}: {statement}");
            if resource.contains('*') {
                wildcards.insert(action);
            }
        }
    }
    // X-Ray has no resources, and neither has ListStreams; CodeDeploy reads how alarms stand.
    let expected = [
        "cloudwatch:DescribeAlarms",
        "dynamodb:ListStreams",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    ];
    assert_eq!(wildcards, expected.map(ToOwned::to_owned).into());
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
}

#[test]
fn codedeploy_role_can_shift_only_the_function_aliases() {
    let stack = Stack::with(EVERYTHING);
    let statements = stack.statements("DeploymentRole");
    let aliases = DIALECTS
        .iter()
        .flat_map(|it| [format!("{}.Arn", it.function), format!("{}.Arn:live", it.function)]);
    assert_eq!(texts(&statements[0]["Resource"]), aliases.collect::<Vec<_>>());
    let expected =
        ["lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig"];
    assert_eq!(texts(&statements[0]["Action"]), expected);
    assert_eq!(statements.len(), 2, "the other reads alarms");
}
