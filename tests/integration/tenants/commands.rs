//! Commands without HTTP. Each affects only the account that it names.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::model::AccountId;
use uuid::Uuid;
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use super::{ASSISTANT, Accounts, Dialect, PATHWAY, is_replay};
use crate::support::{
    app::{TestApp, eventually},
    payloads::{batch, event, failures, sqs_record},
};

fn command(operation: &str, account: AccountId, more: &str) -> String {
    format!(r#"{{"operation":"{operation}","account":"{account}"{more}}}"#)
}

#[tokio::test]
async fn command_affects_only_the_account_it_names() {
    let there = Accounts::start().await;
    let app = &there.app;
    let before = there.kept().await;
    for dialect in [ASSISTANT, PATHWAY] {
        let ids = there.not_there(dialect);
        let update = format!(r#","body":{}"#, dialect.change);
        let refused = format!(
            r#","body":{}"#,
            if dialect.name == "assistant" { "{}" } else { r#"{"config":null}"# }
        );
        for (operation, more, error) in [
            ("read", "", "NotFound"),
            ("update", update.as_str(), "NotFound"),
            ("update", &refused, "ValidationError"),
            ("delete", "", "NotFound"),
        ] {
            let about = |id: &str| {
                command(operation, DEVELOPMENT_ACCOUNT, &format!(r#","widget_id":"{id}"{more}"#))
            };
            let mut looks = Vec::new();
            for id in &ids {
                let ways = [
                    (about(id), None),
                    (event(&Uuid::new_v4().to_string(), &about(id)), Some("null")),
                    (format!("[{}]", about(id)), Some("[null]")),
                ];
                for (index, (payload, done)) in ways.iter().enumerate() {
                    let outcome = app.invoke(dialect.function, payload).await;
                    // Whoever may deliver a delete twice is told that it is done.
                    if let (Some(done), "delete") = (done, operation) {
                        assert_eq!(outcome, Ok((*done).to_owned()), "{payload}");
                        continue;
                    }
                    let failed = outcome.expect_err(payload);
                    let told: Value = serde_json::from_str(&failed).unwrap();
                    assert_eq!(told["errorType"], error, "{payload}: {told}");
                    looks.push((index, failed.replace(id, "<id>")));
                }
                let message = Uuid::new_v4().to_string();
                let answer = app
                    .invoke(dialect.function, &batch(&[sqs_record(&message, 1, &about(id))]))
                    .await;
                let back: &[&str] = if operation == "delete" { &[] } else { &[message.as_str()] };
                assert_eq!(answer, Ok(failures(back)), "{operation} {id}");
            }
            for (index, failed) in &looks {
                assert_eq!(looks.iter().find(|(other, _)| other == index).unwrap().1, *failed);
            }
        }
        // A queue that brings many at once is told of each.
        let message = |(index, id): (usize, &String)| {
            let read = command("read", DEVELOPMENT_ACCOUNT, &format!(r#","widget_id":"{id}""#));
            sqs_record(&format!("m{index}"), 1, &read)
        };
        let records: Vec<Value> = ids.iter().enumerate().map(message).collect();
        let names: Vec<String> = (0..ids.len()).map(|index| format!("m{index}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(app.invoke(dialect.function, &batch(&records)).await, Ok(failures(&names)));
    }
    assert_eq!(there.kept().await, before, "nothing is another one than before");
    // One that is not there costs the same whosoever it is, and the log says the same of each.
    let mut kinds: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let all = lines_of_commands(app, 2 * (7 * 4 * 4 + 7)).await;
    for mut line in all {
        let cause = line["cause"].as_str().unwrap_or_default().to_owned();
        if let Some((text, id)) = cause.split_once(" with id ") {
            assert!(Uuid::parse_str(id).is_ok(), "{cause}");
            line["cause"] = json!(text);
        }
        let kind = format!("{} {} {}", line["Dialect"], line["trigger"], line["operation"]);
        kinds.entry(format!("{kind} {}", line["error"])).or_default().push(line);
    }
    // A delete that finds nothing is done. It counts as nothing, so its line names no dialect.
    assert_eq!(kinds.len(), 2 * 4 * 4 - 3);
    for (kind, lines) in kinds {
        assert!(
            lines.len() >= 6 && lines.iter().all(|line| *line == lines[0]),
            "{kind}: {lines:?}"
        );
    }

    // What a command makes is its account's, whosoever's organisation its body names and whatever
    // it is known by.
    for dialect in [ASSISTANT, PATHWAY] {
        let own = there.kept_ids(DEVELOPMENT_ACCOUNT, dialect).await;
        let theirs = there.kept_ids(there.other, dialect).await;
        let body = (dialect.marked)(there.other.0);
        let another = (dialect.marked)(there.own_mark);
        let create =
            |account, body: &str| command("create", account, &format!(r#","body":{body}"#));
        let records = [
            sqs_record("of both", 1, &create(DEVELOPMENT_ACCOUNT, &body)),
            sqs_record("of both", 1, &create(there.other, &body)),
            sqs_record("of both, with two bodies", 1, &create(DEVELOPMENT_ACCOUNT, &body)),
            sqs_record("of both, with two bodies", 1, &create(there.other, &another)),
        ];
        for _ in 0..2 {
            assert_eq!(app.invoke(dialect.function, &batch(&records)).await, Ok(failures(&[])));
            assert_eq!(there.kept_ids(DEVELOPMENT_ACCOUNT, dialect).await.len(), own.len() + 2);
            assert_eq!(there.kept_ids(there.other, dialect).await.len(), theirs.len() + 2);
        }
        // Over HTTP the names are as little one key.
        for key in [&app.key, &there.other_key] {
            let headers = [("idempotency-key", "of both, with two bodies")];
            let answer = there.send(key, "POST", dialect.root, &headers, &another).await;
            let expected = if *key == app.key { 422 } else { 200 };
            assert_eq!(
                (answer.status, is_replay(&answer)),
                (expected, expected == 200),
                "{answer:?}"
            );
        }
        if dialect.name == "assistant" {
            let created = there.send(&app.key, "POST", dialect.root, &[], &body).await;
            assert_eq!(created.json()["data"]["org_id"], there.other.to_string());
            assert_eq!(there.kept_ids(there.other, dialect).await.len(), theirs.len() + 2);
            let path = format!("{}/{}", dialect.root, created.id());
            assert_eq!(there.send(&there.other_key, "GET", &path, &[], "").await.status, 404);
        }
    }
}

/// Waits for the log lines of `count` commands. Returns them without the members that differ each
/// time.
async fn lines_of_commands(app: &TestApp, count: usize) -> Vec<Value> {
    let found = || {
        let log = app.log();
        let line = |line: &str| serde_json::from_str(line.split_once(' ').unwrap().1).ok();
        let mut lines: Vec<Value> = log
            .lines()
            .filter_map(line)
            .filter(|line: &Value| line["message"] == "command")
            .collect();
        for line in &mut lines {
            for name in ["requestId", "id", "timestamp", "durationMs", "coldStart", "_aws"] {
                line.as_object_mut().unwrap().remove(name);
            }
        }
        (lines.len() >= count).then_some(lines)
    };
    eventually("the log lines of all commands", found).await
}

impl Accounts {
    /// Returns the ids of an account's stored widgets.
    async fn kept_ids(&self, account: AccountId, dialect: Dialect) -> Vec<String> {
        let items = self.app.stored_of(account, dialect.name).await;
        items.iter().map(|item| item["sk"].as_s().unwrap().clone()).collect()
    }
}
