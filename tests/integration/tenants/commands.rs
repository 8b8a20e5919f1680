//! Commands without HTTP. Each affects only the account that it names.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::model::AccountId;
use uuid::Uuid;
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use super::{Accounts, is_replay, lines};
use crate::support::{
    app::eventually,
    dialect::{DIALECTS, Dialect},
    payloads::{batch, event, failures, sqs_record},
};

/// What each command runs through: itself, an event, a pipe's batch and a queue's message.
const TRIGGERS: usize = 4;

fn command(operation: &str, account: AccountId, more: &str) -> String {
    format!(r#"{{"operation":"{operation}","account":"{account}"{more}}}"#)
}

/// Returns a command of the development account about a widget.
fn about(operation: &str, id: &str, more: &str) -> String {
    command(operation, DEVELOPMENT_ACCOUNT, &format!(r#","widget_id":"{id}"{more}"#))
}

#[tokio::test]
async fn command_finds_no_widget_of_another_account() {
    let there = Accounts::start().await;
    let app = &there.app;
    let before = there.items().await;
    let mut commands = 0;
    for dialect in DIALECTS {
        let ids = there.not_there(dialect);
        let update = format!(r#","body":{}"#, dialect.change);
        let invalid = match dialect.name {
            "assistant" => r#","body":{}"#,
            _ => r#","body":{"config":null}"#,
        };
        for (operation, more, error) in [
            ("read", "", "NotFound"),
            ("update", update.as_str(), "NotFound"),
            ("update", invalid, "ValidationError"),
            ("delete", "", "NotFound"),
        ] {
            let mut errors: BTreeMap<usize, Vec<String>> = BTreeMap::new();
            for id in &ids {
                let command = about(operation, id, more);
                // To a trigger that may deliver it twice, a delete that finds no widget succeeds.
                let is_done = operation == "delete";
                let payloads = [
                    (command.clone(), None),
                    (event(&Uuid::new_v4().to_string(), &command), is_done.then_some("null")),
                    (format!("[{command}]"), is_done.then_some("[null]")),
                ];
                for (trigger, (payload, done)) in payloads.iter().enumerate() {
                    let outcome = app.invoke(dialect.function, payload).await;
                    if let Some(done) = done {
                        assert_eq!(outcome.as_deref(), Ok(*done), "{payload}");
                        continue;
                    }
                    let failed = outcome.expect_err(payload);
                    let document: Value = serde_json::from_str(&failed).unwrap();
                    assert_eq!(document["errorType"], error, "{payload}: {document}");
                    errors.entry(trigger).or_default().push(failed.replace(id, "<id>"));
                }
                let message = Uuid::new_v4().to_string();
                let records = batch(&[sqs_record(&message, 1, &command)]);
                let returned: &[&str] = if is_done { &[] } else { &[&message] };
                let answer = app.invoke(dialect.function, &records).await;
                assert_eq!(answer, Ok(failures(returned)), "{operation} {id}");
                commands += TRIGGERS;
            }
            for errors in errors.values() {
                assert!(errors.iter().all(|error| *error == errors[0]), "{errors:?}");
            }
        }
        // One batch about all of them returns each message.
        let names: Vec<String> = (0..ids.len()).map(|index| format!("m{index}")).collect();
        let messages = names.iter().zip(&ids);
        let records: Vec<Value> =
            messages.map(|(name, id)| sqs_record(name, 1, &about("read", id, ""))).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(app.invoke(dialect.function, &batch(&records)).await, Ok(failures(&names)));
        commands += ids.len();
    }
    assert_eq!(there.items().await, before, "no command changes anything");

    // The log lines of all ids are the same, down to the number of calls.
    let lines = eventually("the log lines of all commands", || {
        let mut lines: Vec<Value> = lines(app).into_iter().map(|(_, line)| line).collect();
        lines.retain(|line| line["message"] == "command");
        (lines.len() >= commands).then_some(lines)
    })
    .await;
    let mut kinds: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for mut line in lines {
        let cause = line["cause"].as_str().unwrap_or_default().to_owned();
        if let Some((text, id)) = cause.split_once(" with id ") {
            assert!(Uuid::parse_str(id).is_ok(), "{cause}");
            line["cause"] = json!(text);
        }
        let kind = ["Dialect", "trigger", "operation", "error"].map(|name| line[name].to_string());
        kinds.entry(kind.join(" ")).or_default().push(line);
    }
    // A delete that succeeds without a widget has no metric, so its line names no dialect.
    assert_eq!(kinds.len(), DIALECTS.len() * (3 * TRIGGERS + 1) + (TRIGGERS - 1));
    for (kind, lines) in kinds {
        assert!(lines.len() >= 6, "{kind}: {lines:?}");
        assert!(lines.iter().all(|line| *line == lines[0]), "{kind}: {lines:?}");
    }
}

#[tokio::test]
async fn command_creates_in_the_account_it_names_whatever_its_body_and_key() {
    let there = Accounts::start().await;
    let app = &there.app;
    let ids = async |dialect: Dialect, account| app.stored_of(account, dialect.name).await.len();
    for dialect in DIALECTS {
        let own = ids(dialect, DEVELOPMENT_ACCOUNT).await;
        let theirs = ids(dialect, there.other).await;
        // The assistant's body names the other account as its organisation.
        let body = dialect.marked(there.other.0);
        let another = dialect.marked(there.own_mark);
        let create = |key: &str, account, body: &str| {
            sqs_record(key, 1, &command("create", account, &format!(r#","body":{body}"#)))
        };
        let records = [
            create("of both", DEVELOPMENT_ACCOUNT, &body),
            create("of both", there.other, &body),
            create("of both, with two bodies", DEVELOPMENT_ACCOUNT, &body),
            create("of both, with two bodies", there.other, &another),
        ];
        for _ in 0..2 {
            assert_eq!(app.invoke(dialect.function, &batch(&records)).await, Ok(failures(&[])));
            assert_eq!(ids(dialect, DEVELOPMENT_ACCOUNT).await, own + 2);
            assert_eq!(ids(dialect, there.other).await, theirs + 2);
        }
        // The key of a message is also an idempotency key over HTTP, in its account.
        let headers = [("idempotency-key", "of both, with two bodies")];
        for (key, expected) in [(&app.key, (422, false)), (&there.other_key, (200, true))] {
            let answer = there.send(key, "POST", dialect.root, &headers, &another).await;
            assert_eq!((answer.status, is_replay(&answer)), expected, "{answer:?}");
        }
        if dialect.name == "assistant" {
            let created = there.ask("POST", dialect.root, &[], &body).await;
            assert_eq!(created.json()["data"]["org_id"], there.other.to_string());
            assert_eq!(ids(dialect, there.other).await, theirs + 2);
            let path = dialect.widget(&created.id());
            assert_eq!(there.send(&there.other_key, "GET", &path, &[], "").await.status, 404);
        }
    }
}
