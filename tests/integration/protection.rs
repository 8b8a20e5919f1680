//! Recovery, encryption, log retention and throttling in the template.

use std::fs;

use serde_json::{Value, json};
use widgets::local::binaries;

use crate::support::expanded::{EVERYTHING, Stack, owner};

#[test]
fn tables_have_point_in_time_recovery_and_survive_the_stack() {
    for parameters in [&[][..], EVERYTHING] {
        let stack = Stack::with(parameters);
        let mut tables = 0;
        for (name, table) in stack.of_type("AWS::DynamoDB::Table") {
            assert_eq!(
                table["PointInTimeRecoverySpecification"],
                json!({"PointInTimeRecoveryEnabled": true}),
                "{name}"
            );
            assert_eq!(table["DeletionProtectionEnabled"], true, "{name}");
            for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
                assert_eq!(stack.resources[name][policy], "Retain", "{name}");
            }
            tables += 1;
        }
        assert_eq!(tables, 2);
    }
}

#[test]
fn tables_are_encrypted_with_the_default_or_the_given_kms_key() {
    let own = Stack::with(&[]);
    for (name, table) in own.of_type("AWS::DynamoDB::Table") {
        // DynamoDB refuses to turn off what is off.
        assert_eq!(table.get("SSESpecification"), None, "{name}");
    }
    assert!(own.resources.values().all(|resource| !resource.to_string().contains("kms:Decrypt")));

    let key = "arn:aws:kms:eu-central-1:123456789012:key/mrk-1";
    let given = Stack::with(&[("TableKey", key)]);
    for (name, table) in given.of_type("AWS::DynamoDB::Table") {
        let expected = json!({"SSEEnabled": true, "SSEType": "KMS", "KMSMasterKeyId": key});
        assert_eq!(table["SSESpecification"], expected, "{name}");
    }
    // DynamoDB decrypts in the name of who calls it.
    for (role, _) in given.of_type("AWS::IAM::Role") {
        let statements = given.statements(role);
        assert!(
            statements.iter().any(|it| it["Action"] == "kms:Decrypt" && it["Resource"] == key),
            "{role}"
        );
    }
    // The functions' roles have it before a table has the key, or there is a time without answers.
    for (name, _) in given.of_type("AWS::DynamoDB::Table") {
        assert_eq!(
            given.resources[name]["DependsOn"],
            json!(["AssistantRole", "PathwayRole"]),
            "{name}"
        );
        for role in ["AssistantRole", "PathwayRole"] {
            assert!(given.properties(role).to_string().contains("kms:Decrypt"), "{role}");
        }
    }
}

#[test]
fn every_log_group_expires_after_the_configured_days() {
    let stack = Stack::with(&[("LogRetention", "7")]);
    for (name, group) in stack.of_type("AWS::Logs::LogGroup") {
        assert_eq!(group["RetentionInDays"], "7", "{name}");
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            assert_eq!(stack.resources[name][policy], "Delete", "{name}");
        }
    }
    let functions =
        stack.of_type("AWS::Lambda::Function").map(|(_, it)| &it["LoggingConfig"]["LogGroup"]);
    let stages = stack
        .of_type("AWS::ApiGatewayV2::Stage")
        .map(|(_, it)| &it["AccessLogSettings"]["DestinationArn"]);
    let pipes = stack
        .of_type("AWS::Pipes::Pipe")
        .map(|(_, it)| &it["LogConfiguration"]["CloudwatchLogsLogDestination"]["LogGroupArn"]);
    let logged: Vec<&str> = functions.chain(stages).chain(pipes).map(owner).collect();
    assert_eq!(logged, ["AssistantLogs", "PathwayLogs", "AccessLogs", "ChangesLogs"]);
    assert_eq!(stack.of_type("AWS::Logs::LogGroup").count(), logged.len());
}

#[test]
fn access_log_has_the_route_and_nothing_that_a_client_sent() {
    let stack = Stack::with(&[]);
    let (_, stage) = stack.of_type("AWS::ApiGatewayV2::Stage").next().unwrap();
    let format = stage["AccessLogSettings"]["Format"].as_str().unwrap();
    let line: Value = serde_json::from_str(format).unwrap();
    let expected = json!({
        "requestId": "$context.requestId",
        "functionRequestId": "$context.awsEndpointRequestId",
        "time": "$context.requestTime",
        "ip": "$context.identity.sourceIp",
        "route": "$context.routeKey",
        "status": "$context.status",
        // The gateway's own words, and Lambda's of a function that ended: neither quotes a request.
        "error": "$context.error.message",
        "integrationError": "$context.integrationErrorMessage",
        "latencyMs": "$context.responseLatency",
        "integrationLatencyMs": "$context.integrationLatency",
        "bytes": "$context.responseLength",
    });
    assert_eq!(line, expected);
}

#[test]
fn api_throttle_limits_are_the_configured_ones() {
    for (parameters, expected) in [
        (&[][..], json!({"ThrottlingRateLimit": 500, "ThrottlingBurstLimit": 1000})),
        (
            &[("ThrottleRate", "5"), ("ThrottleBurst", "9")],
            json!({"ThrottlingRateLimit": "5", "ThrottlingBurstLimit": "9"}),
        ),
    ] {
        let stack = Stack::with(parameters);
        let stages: Vec<&Value> =
            stack.of_type("AWS::ApiGatewayV2::Stage").map(|(_, stage)| stage).collect();
        assert_eq!(stages.len(), 1);
        assert_eq!(stages[0]["DefaultRouteSettings"], expected);
        // No route has a bound of its own, which would come before it.
        assert_eq!(stages[0].get("RouteSettings"), None);
    }
}

#[test]
fn every_scanner_suppression_has_a_reason() {
    let settings = fs::read_to_string(binaries::workspace().join(".checkov.yaml")).unwrap();
    let (_, skipped) = settings.split_once("\nskip-check:\n").unwrap();
    let mut reason = String::new();
    let mut checks = 0;
    for line in skipped.lines() {
        if let Some(comment) = line.strip_prefix("  # ") {
            reason.push_str(comment);
            continue;
        }
        assert!(line.starts_with("  - CKV_AWS_"), "{line}");
        assert!(reason.split(' ').count() > 5, "{line} has no reason");
        reason.clear();
        checks += 1;
    }
    assert!(checks > 0);
    // A suppression beside a resource would stand in its metadata.
    for (name, resource) in &Stack::with(EVERYTHING).resources {
        assert_eq!(resource["Metadata"].get("checkov"), None, "{name}");
    }
}
