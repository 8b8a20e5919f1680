//! Payloads of triggers without HTTP, as AWS documents them.

use serde_json::{Value, json};

/// Returns a record as SQS sends it (<https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>).
pub fn sqs_record(id: &str, received: u32, body: &str) -> Value {
    json!({
        "messageId": id,
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": received.to_string(),
            "SentTimestamp": "1545082649183",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1545082649185"
        },
        "messageAttributes": {
            "myAttribute": {"stringValue": "myValue", "stringListValues": [], "binaryListValues": [], "dataType": "String"}
        },
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:my-queue",
        "awsRegion": "us-east-2"
    })
}

/// Returns the payload of a batch of SQS records.
pub fn batch(records: &[Value]) -> String {
    json!({ "Records": records }).to_string()
}

/// Returns the answer that sends the messages with these ids back to the queue.
pub fn failures(ids: &[&str]) -> String {
    let failures: Vec<Value> = ids.iter().map(|id| json!({"itemIdentifier": id})).collect();
    json!({ "batchItemFailures": failures }).to_string()
}

/// Returns an event as EventBridge sends it
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html>).
pub fn event(id: &str, detail: &str) -> String {
    format!(
        r#"{{"version":"0","id":"{id}","detail-type":"Pathway Command","source":"com.example.crm","account":"123456789012","time":"2026-11-21T04:00:00Z","region":"us-east-2","resources":[],"detail":{detail}}}"#
    )
}
