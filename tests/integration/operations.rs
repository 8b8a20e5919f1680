//! Alarms, the dashboard, traces, and how a new version takes over.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{
    dialect::{DIALECTS, Dialect},
    expanded::{EVERYTHING, STACK_ID, SWITCHES, Stack, TOPIC, list, owner},
};

/// Returns the alarm on a metric with one dimension.
fn alarm_on<'a>(stack: &'a Stack, metric: &str, value: &str) -> &'a Value {
    let mut alarms = stack.of_type("AWS::CloudWatch::Alarm").map(|(_, alarm)| alarm).filter(|it| {
        let name = format!("{} {}", it["Namespace"], it["MetricName"]).replace('"', "");
        name == metric && it["Dimensions"][0]["Value"] == value
    });
    alarms.next().unwrap_or_else(|| panic!("no alarm on {metric} of {value}"))
}

#[test]
fn first_failure_or_throttle_and_high_latency_raise_an_alarm() {
    let stack = Stack::with(&[]);
    for Dialect { function, .. } in DIALECTS {
        for metric in ["AWS/Lambda Errors", "AWS/Lambda Throttles"] {
            assert_eq!(alarm_on(&stack, metric, function)["Threshold"], 0, "{function} {metric}");
        }
        // In milliseconds: a quarter of the function's timeout.
        let timeout = stack.properties(function)["Timeout"].as_u64().unwrap();
        let latency = alarm_on(&stack, "AWS/Lambda Duration", function);
        assert_eq!(latency["Threshold"], timeout * 1000 / 4);
    }
    assert_eq!(alarm_on(&stack, "AWS/ApiGateway 5xx", "Api")["Threshold"], 0);
}

#[test]
fn every_alarm_says_what_to_do_and_notifies_the_topic_if_set() {
    let (silent, loud) = (Stack::with(&[]), Stack::with(EVERYTHING));
    for (name, alarm) in loud.of_type("AWS::CloudWatch::Alarm") {
        assert_eq!(alarm["AlarmActions"], json!([TOPIC]), "{name}");
        let description = alarm["AlarmDescription"].as_str().unwrap();
        assert!((60..1024).contains(&description.len()), "{name}");
        // What counts failures is quiet if there is no count, and what counts work is raised.
        let counts_work = alarm["ComparisonOperator"] == "LessThanThreshold";
        let expected = if counts_work { "breaching" } else { "notBreaching" };
        assert_eq!(alarm["TreatMissingData"], expected, "{name}");
        assert_eq!(silent.properties(name).get("AlarmActions"), None, "{name}");
    }
    let count = |stack: &Stack| stack.of_type("AWS::CloudWatch::Alarm").count();
    assert_eq!(count(&silent), count(&loud));
}

#[test]
fn alarm_on_waiting_commands_comes_after_the_last_attempt() {
    let stack = Stack::with(&[]);
    for (name, source) in stack.of_type("AWS::Lambda::EventSourceMapping") {
        let queue = owner(&source["EventSourceArn"]);
        let properties = stack.properties(queue);
        let number = |value: &Value| value.as_u64().unwrap();
        let attempts = number(&properties["VisibilityTimeout"])
            * number(&properties["RedrivePolicy"]["maxReceiveCount"]);
        let metric = "AWS/SQS ApproximateAgeOfOldestMessage";
        let alarm = alarm_on(&stack, metric, &format!("{queue}.QueueName"));
        assert_eq!(alarm["Statistic"], "Maximum", "{queue}");
        let threshold = number(&alarm["Threshold"]);
        assert!(threshold > attempts, "{queue}");
        assert!(threshold < number(&properties["MessageRetentionPeriod"]) / 24, "{queue}");
        // It names what may have been switched off.
        assert!(alarm["AlarmDescription"].as_str().unwrap().contains(name), "{queue}");
    }
}

/// A pipe that AWS has stopped has no metrics of its own, no more than one that has nothing to do.
#[test]
fn alarm_stays_raised_while_nobody_reads_the_stream_of_the_pipe() {
    let stack = Stack::with(&[]);
    let (_, pipe) = stack.of_type("AWS::Pipes::Pipe").next().unwrap();
    let table = owner(&pipe["Source"]);
    let alarm = alarm_on(&stack, "AWS/DynamoDB SuccessfulRequestLatency", table);
    assert_eq!(
        alarm["Dimensions"],
        json!([
            {"Name": "TableName", "Value": table},
            {"Name": "Operation", "Value": "GetRecords"},
            // arn:aws:dynamodb:REGION:ACCOUNT:table/TABLE/stream/LABEL
            {"Name": "StreamLabel", "Value": format!("{table}.StreamArn[3]")},
        ])
    );
    assert_eq!(
        (&alarm["Statistic"], &alarm["ComparisonOperator"], &alarm["Threshold"]),
        (&json!("SampleCount"), &json!("LessThanThreshold"), &json!(1))
    );
    // Long before the first change is too old for the pipe.
    let seconds = alarm["Period"].as_u64().unwrap() * alarm["EvaluationPeriods"].as_u64().unwrap();
    let age = &pipe["SourceParameters"]["DynamoDBStreamParameters"]["MaximumRecordAgeInSeconds"];
    assert!(seconds <= age.as_u64().unwrap() / 12, "{seconds}");
    // The pipe's log says why it fails, and holds no change.
    let log = &pipe["LogConfiguration"];
    assert_eq!((&log["Level"], log.get("IncludeExecutionData")), (&json!("ERROR"), None));
}

#[test]
fn bus_and_dashboard_have_names_of_their_own() {
    let stack = Stack::with(&[]);
    let (_, bus) = stack.of_type("AWS::Events::EventBus").next().unwrap();
    let id = STACK_ID.rsplit('/').next().unwrap().split('-').next().unwrap();
    assert_eq!(bus["Name"], format!("widgets-{id}"));
    // CloudFormation makes one up.
    let (_, dashboard) = stack.of_type("AWS::CloudWatch::Dashboard").next().unwrap();
    assert_eq!(dashboard.get("DashboardName"), None);
    assert_eq!(stack.outputs["Dashboard"]["Value"], "Dashboard");
}

#[test]
fn every_caller_of_a_function_uses_its_alias() {
    let stack = Stack::with(EVERYTHING);
    let aliases: BTreeSet<&str> =
        stack.of_type("AWS::Lambda::Alias").map(|(name, _)| name).collect();
    assert_eq!(aliases.len(), DIALECTS.len());
    let mut callers = 0;
    for kind in ["AWS::Lambda::Permission", "AWS::Lambda::EventSourceMapping"] {
        for (name, caller) in stack.of_type(kind) {
            assert!(aliases.contains(caller["FunctionName"].as_str().unwrap()), "{name}");
            callers += 1;
        }
    }
    let (_, api) = stack.of_type("AWS::ApiGatewayV2::Api").next().unwrap();
    for (path, methods) in api["Body"]["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            let uri = operation["x-amazon-apigateway-integration"]["uri"].as_str().unwrap();
            let called = uri.split("functions/").nth(1).unwrap();
            assert!(aliases.contains(called.trim_end_matches("/invocations")), "{path}: {uri}");
            callers += 1;
        }
    }
    for output in ["AssistantFunction", "PathwayFunction"] {
        assert!(aliases.contains(stack.outputs[output]["Value"].as_str().unwrap()), "{output}");
    }
    assert!(callers > 30, "{callers}");
}

#[test]
fn canary_deployment_rolls_back_on_alarm_and_the_default_uses_no_codedeploy() {
    for (name, resource) in &Stack::with(&[]).resources {
        let kind = resource["Type"].as_str().unwrap();
        assert!(!kind.starts_with("AWS::CodeDeploy") && name != "DeploymentRole", "{name}");
        assert_eq!(resource.get("UpdatePolicy"), None, "{name}");
    }
    let stack = Stack::with(EVERYTHING);
    // Not the function's errors: a command that it rejects raises that alarm too.
    let alarm = &alarm_on(&stack, "AWS/ApiGateway 5xx", "Api")["AlarmName"];
    for Dialect { function, .. } in DIALECTS {
        let alias = &stack.resources[&format!("{function}Aliaslive")];
        let policy = &alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"];
        let group = stack.properties(policy["DeploymentGroupName"].as_str().unwrap());
        assert_eq!(group["ApplicationName"], policy["ApplicationName"]);
        let rollback = &group["AutoRollbackConfiguration"];
        assert_eq!(rollback["Enabled"], true);
        assert!(list(&rollback["Events"]).contains(&&json!("DEPLOYMENT_STOP_ON_ALARM")));
        let expected = json!({"Enabled": true, "Alarms": [{"Name": alarm}]});
        assert_eq!(group["AlarmConfiguration"], expected);
    }
}

/// A published version keeps the configuration it was published with, and the transform sees no
/// parameters: without another description the alias would stay at the version of before.
#[test]
fn parameter_that_changes_a_function_publishes_a_new_version() {
    let version = |stack: &Stack, function: &str| {
        let mut versions =
            stack.of_type("AWS::Lambda::Version").filter(|(_, it)| it["FunctionName"] == function);
        versions.next().unwrap().1["Description"].clone()
    };
    let before = Stack::with(&[]);
    let mut publishing = Vec::new();
    for change in [
        &[("Stage", "test")][..],
        &[("Architecture", "arm64")],
        &[("Memory", "512")],
        &[("ThrottleRate", "1")],
        &[("ThrottleBurst", "1")],
        &[("LogLevel", "WARN")],
        &[("LogRetention", "1")],
        &[("Commands", "false")],
        &[("ChangeEvents", "false")],
        &EVERYTHING[..1],
        &EVERYTHING[2..3],
        &EVERYTHING[3..4],
        &EVERYTHING[4..],
    ] {
        let after = Stack::with(change);
        for Dialect { function, .. } in DIALECTS {
            let is_changed = before.properties(function) != after.properties(function);
            let is_published = version(&before, function) != version(&after, function);
            assert_eq!(is_changed, is_published, "{function}, with {change:?}");
        }
        if version(&before, "Assistant") != version(&after, "Assistant") {
            publishing.push(change[0].0);
        }
    }
    assert_eq!(publishing, ["Architecture", "Memory", "LogLevel", "Tracing"]);
}

#[test]
fn dashboard_shows_every_deployed_resource() {
    for switches in SWITCHES {
        let stack = Stack::with(switches);
        let (_, dashboard) = stack.of_type("AWS::CloudWatch::Dashboard").next().unwrap();
        let body: Value =
            serde_json::from_str(dashboard["DashboardBody"].as_str().unwrap()).unwrap();
        let mut shown = BTreeSet::new();
        for widget in body["widgets"].as_array().unwrap() {
            for metric in widget["properties"]["metrics"].as_array().unwrap() {
                let words: Vec<&str> = list(metric).into_iter().filter_map(Value::as_str).collect();
                shown.insert(words.join(" "));
            }
        }
        let mut expected: Vec<String> = ["Count", "4xx", "5xx", "Latency"]
            .map(|metric| format!("AWS/ApiGateway {metric} ApiId Api"))
            .into();
        for Dialect { function, name, .. } in DIALECTS {
            for metric in ["Duration", "Errors", "Throttles", "ConcurrentExecutions"] {
                expected.push(format!("AWS/Lambda {metric} FunctionName {function}"));
            }
            for metric in ["Created", "Updated", "Deleted", "Refused"] {
                expected.push(format!("Widgets {metric} FunctionName {function} Dialect {name}"));
            }
        }
        for (table, properties) in stack.of_type("AWS::DynamoDB::Table") {
            for metric in ["ConsumedReadCapacityUnits", "ReadThrottleEvents"] {
                expected.push(format!("AWS/DynamoDB {metric} TableName {table}"));
            }
            for index in properties["GlobalSecondaryIndexes"].as_array().into_iter().flatten() {
                let index = index["IndexName"].as_str().unwrap();
                for metric in ["ReadThrottleEvents", "WriteThrottleEvents"] {
                    expected.push(format!(
                        "AWS/DynamoDB {metric} TableName {table} GlobalSecondaryIndexName {index}"
                    ));
                }
            }
        }
        for (queue, _) in stack.of_type("AWS::SQS::Queue") {
            let metric = "ApproximateNumberOfMessagesVisible";
            expected.push(format!("AWS/SQS {metric} QueueName {queue}.QueueName"));
        }
        for (pipe, _) in stack.of_type("AWS::Pipes::Pipe") {
            expected.push(format!("AWS/EventBridge/Pipes ExecutionFailed PipeName {pipe}"));
        }
        let missing: Vec<&String> =
            expected.iter().filter(|metric| !shown.contains(*metric)).collect();
        assert_eq!(missing, [""; 0], "with {switches:?}");
        // The dashboard shows every metric that has an alarm.
        for (name, alarm) in stack.of_type("AWS::CloudWatch::Alarm") {
            let Some(metric) = alarm["MetricName"].as_str() else { continue };
            let mut words = vec![alarm["Namespace"].as_str().unwrap(), metric];
            for dimension in list(&alarm["Dimensions"]) {
                words.extend(
                    [&dimension["Name"], &dimension["Value"]].map(|it| it.as_str().unwrap()),
                );
            }
            assert!(shown.contains(&words.join(" ")), "{name}: {words:?}");
        }
    }
}
