//! Recovery, encryption, log retention and access logs in the template.

use std::fs;

use serde_json::{Value, json};
use widgets::local::binaries;

use crate::support::expanded::{EVERYTHING, Stack, owner};

#[test]
fn every_table_has_point_in_time_recovery_and_survives_the_stack() {
    for parameters in [&[][..], EVERYTHING] {
        let stack = Stack::with(parameters);
        for (name, table) in stack.of_type("AWS::DynamoDB::Table") {
            let recovery = &table["PointInTimeRecoverySpecification"];
            assert_eq!(recovery["PointInTimeRecoveryEnabled"], true, "{name}");
            assert_eq!(table["DeletionProtectionEnabled"], true, "{name}");
            for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
                assert_eq!(stack.resources[name][policy], "Retain", "{name}");
            }
        }
        assert_eq!(stack.of_type("AWS::DynamoDB::Table").count(), 2);
    }
}

#[test]
fn every_role_may_use_the_kms_key_of_the_tables_before_they_have_it() {
    let own = Stack::with(&[]);
    assert!(own.resources.values().all(|resource| !resource.to_string().contains("kms:Decrypt")));

    let key = "arn:aws:kms:eu-central-1:123456789012:key/mrk-1";
    let given = Stack::with(&[("TableKey", key)]);
    // DynamoDB decrypts with the permissions of its caller.
    for (role, _) in given.of_type("AWS::IAM::Role") {
        let may_decrypt = |it: &&Value| it["Action"] == "kms:Decrypt" && it["Resource"] == key;
        assert!(given.statements(role).iter().any(may_decrypt), "{role}");
    }
    for (name, table) in given.of_type("AWS::DynamoDB::Table") {
        // DynamoDB rejects an update that turns off what is off.
        assert_eq!(own.properties(name).get("SSESpecification"), None, "{name}");
        assert_eq!(table["SSESpecification"]["KMSMasterKeyId"], key, "{name}");
        // Otherwise the functions are denied between the two changes of an update.
        let functions_roles = json!(["AssistantRole", "PathwayRole"]);
        assert_eq!(given.resources[name]["DependsOn"], functions_roles, "{name}");
    }
}

#[test]
fn everything_logs_into_a_group_that_expires_after_the_configured_days() {
    let stack = Stack::with(&[("LogRetention", "7")]);
    let groups = stack.of_type("AWS::Logs::LogGroup");
    let expiring = groups.filter(|(_, group)| group["RetentionInDays"] == "7");
    let functions =
        stack.of_type("AWS::Lambda::Function").map(|(_, it)| &it["LoggingConfig"]["LogGroup"]);
    let stages = stack
        .of_type("AWS::ApiGatewayV2::Stage")
        .map(|(_, it)| &it["AccessLogSettings"]["DestinationArn"]);
    let pipes = stack
        .of_type("AWS::Pipes::Pipe")
        .map(|(_, it)| &it["LogConfiguration"]["CloudwatchLogsLogDestination"]["LogGroupArn"]);
    let mut logged: Vec<&str> = functions.chain(stages).chain(pipes).map(owner).collect();
    assert_eq!(logged, ["AssistantLogs", "PathwayLogs", "AccessLogs", "ChangesLogs"]);
    logged.sort_unstable();
    assert_eq!(expiring.map(|(name, _)| name).collect::<Vec<_>>(), logged);
    assert_eq!(stack.of_type("AWS::Logs::LogGroup").count(), logged.len());
}

#[test]
fn access_log_holds_nothing_that_a_client_sent() {
    let stack = Stack::with(&[]);
    let (_, stage) = stack.of_type("AWS::ApiGatewayV2::Stage").next().unwrap();
    let format = stage["AccessLogSettings"]["Format"].as_str().unwrap();
    let line: Value = serde_json::from_str(format).unwrap();
    // The two messages are the gateway's own, and Lambda's about a function that ended. Neither
    // quotes a request.
    let known = "requestId awsEndpointRequestId requestTime identity.sourceIp routeKey status \
                 error.message integrationErrorMessage responseLatency integrationLatency \
                 responseLength";
    for (name, value) in line.as_object().unwrap() {
        let variable = value.as_str().unwrap().strip_prefix("$context.").unwrap();
        assert!(known.split(' ').any(|it| it == variable), "{name}: {variable}");
    }
}

#[test]
fn every_scanner_suppression_has_a_reason() {
    let settings = fs::read_to_string(binaries::workspace().join(".checkov.yaml")).unwrap();
    let (_, skipped) = settings.split_once("\nskip-check:\n").unwrap();
    let (mut reason, mut checks) = (String::new(), 0);
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
