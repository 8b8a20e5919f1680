//! `widgets import`: what a line may say, what is written, and what is never touched.

use std::{collections::BTreeMap, fs, io::Read, path::PathBuf, process::Stdio};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use shared::model::AccountId;
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, process::Command, task::spawn_blocking};
use uuid::Uuid;
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use super::terminal::terminal;
use crate::{
    changes::{follow, next},
    command::{Printed, run, widgets},
    support::{
        app::{Item, TestApp, raw, raw_data},
        dialect::{ASSISTANT, DIALECTS, Dialect, PATHWAY},
        fault_proxy::{Call, Effect, Fault, FaultProxy},
    },
};

/// A file of lines in a folder of its own.
struct Lines {
    folder: TempDir,
    path: String,
}

impl Lines {
    fn new(lines: &[impl ToString]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("widgets.jsonl");
        let text: String = lines.iter().map(|line| line.to_string() + "\n").collect();
        fs::write(&path, text).unwrap();
        Self { path: path.to_str().unwrap().to_owned(), folder }
    }

    fn refused(&self) -> PathBuf {
        self.folder.path().join("refused.jsonl")
    }

    /// Returns the arguments that import the file into the store at `url`.
    fn arguments<'a>(&'a self, url: &'a str, dialect: &Dialect, account: &'a str) -> [&'a str; 8] {
        let dialect = dialect.name;
        ["import", &self.path, "--dialect", dialect, "--account", account, "--endpoint-url", url]
    }

    async fn import_to(
        &self,
        url: &str,
        dialect: &Dialect,
        account: AccountId,
        options: &[&str],
    ) -> Printed {
        let account = account.to_string();
        run(&[&self.arguments(url, dialect, &account), options].concat()).await
    }

    /// Imports the file into the development account.
    async fn import(&self, app: &TestApp, dialect: &Dialect, options: &[&str]) -> Printed {
        let url = app.stack.store.url.as_str();
        self.import_to(url, dialect, DEVELOPMENT_ACCOUNT, options).await
    }
}

impl Printed {
    /// Asserts that the import succeeded with this line and no other.
    #[track_caller]
    fn expect_summary(&self, summary: &str) {
        assert!(self.is_success, "{self:?}");
        assert_eq!(self.stdout, format!("{summary}\n"), "{self:?}");
        assert_eq!(self.stderr, "", "{self:?}");
    }
}

/// Returns an id that no other number and no other dialect has.
fn id(dialect: &Dialect, number: u128) -> String {
    let place = DIALECTS.iter().position(|it| it.name == dialect.name).unwrap();
    Uuid::from_u128(number << 64 | place as u128).to_string()
}

/// Returns a widget that a create would accept.
fn widget(dialect: &Dialect, number: u128) -> Value {
    let mut widget: Value = serde_json::from_str(dialect.body).unwrap();
    widget["id"] = json!(id(dialect, number));
    widget
}

fn with(mut widget: Value, field: &str, value: Value) -> Value {
    widget[field] = value;
    widget
}

fn without(mut widget: Value, field: &str) -> Value {
    widget.as_object_mut().unwrap().remove(field);
    widget
}

/// Returns the widget with this id as its dialect answers it.
async fn read(app: &TestApp, dialect: &Dialect, id: &str) -> String {
    let answer = app.call("GET", &dialect.widget(id), "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    raw_data(&answer.body)
}

/// Returns everything in the table, by key.
async fn table(app: &TestApp) -> BTreeMap<String, Item> {
    let key = |item: &Item| format!("{:?} {:?}", item["pk"], item["sk"]);
    app.items().await.into_iter().map(|item| (key(&item), item)).collect()
}

#[tokio::test]
async fn imported_widget_is_read_as_its_line_was() {
    let (app, service) = (TestApp::start().await, TestApp::start().await);
    for dialect in DIALECTS {
        let created = service.call("POST", dialect.root, dialect.marked(Uuid::new_v4())).await.body;
        // The services give ids that do not sort by time.
        let id = Uuid::new_v4().to_string();
        let own = raw(&raw_data(&created), "id");
        let line = raw_data(&created).replace(&own, &json!(id).to_string());
        // Any time but that of the import.
        let line = line.replace("\"created_at\":\"20", "\"created_at\":\"19");
        let lines = Lines::new(&[&line]);
        let imported = lines.import(&app, &dialect, &[]).await;
        imported.expect_summary("created 1, left 0, replaced 0, refused 0");
        assert_eq!(read(&app, &dialect, &id).await, line);
        let widget = app.call("GET", &dialect.widget(&id), "").await;
        assert_eq!(widget.version(), 1);
        // It is in every list, and changes as any other.
        let list = app.call("GET", dialect.list, "").await.body;
        assert!(list.contains(&line), "{list}");
        let updated = app.call(dialect.update, &dialect.widget(&id), dialect.change).await;
        assert_eq!((updated.status, updated.version()), (200, 2));
    }
}

#[tokio::test]
async fn what_services_leave_out_or_write_otherwise_is_no_fault() {
    let app = TestApp::start().await;
    let null = Value::Null;
    for (dialect, cases) in [
        (
            ASSISTANT,
            vec![
                ("widget_type", None, null.clone()),
                ("user_opening_messages", None, null.clone()),
                ("user_opening_messages", Some(null.clone()), null.clone()),
                ("action_buttons", None, null.clone()),
                ("action_buttons", Some(null.clone()), null.clone()),
                ("attributes", Some(null.clone()), json!({})),
                ("style_params", Some(null.clone()), json!({})),
                ("remove_branding", None, json!(false)),
                ("org_id", None, json!(DEVELOPMENT_ACCOUNT.to_string())),
                ("org_id", Some(null.clone()), null.clone()),
                ("bubble_bot_icon", Some(json!("icon.svg")), json!("icon.svg")),
                ("conversation_bot_icon", Some(null.clone()), null.clone()),
                ("widget_provider", Some(json!("own")), json!("web")),
            ],
        ),
        (
            PATHWAY,
            vec![
                ("allowed_domains", None, json!([])),
                ("allowed_domains", Some(null.clone()), json!([])),
                ("config", None, json!({})),
                ("config", Some(null.clone()), json!({})),
                ("agent_prompt", None, null.clone()),
                ("agent_prompt", Some(json!("")), null.clone()),
                ("agent_id", Some(json!("")), null.clone()),
                ("webhook_url", Some(json!("")), null.clone()),
                (
                    "created_at",
                    Some(json!("2024-01-15T11:30:00.0004+01:00")),
                    json!("2024-01-15T10:30:00.000Z"),
                ),
            ],
        ),
    ] {
        let lines = cases.iter().enumerate().map(|(number, (field, value, _))| {
            let widget = with(widget(&dialect, number as u128), "unknown", json!({}));
            match value {
                Some(value) => with(widget, field, value.clone()),
                None => without(widget, field),
            }
        });
        let lines = Lines::new(&lines.collect::<Vec<_>>());
        let imported = lines.import(&app, &dialect, &[]).await;
        imported.expect_summary(&format!("created {}, left 0, replaced 0, refused 0", cases.len()));
        for (number, (field, value, meaning)) in cases.iter().enumerate() {
            let read: Value =
                serde_json::from_str(&read(&app, &dialect, &id(&dialect, number as u128)).await)
                    .unwrap();
            assert_eq!(&read[field], meaning, "{field} {value:?}");
            assert_eq!(read.get("unknown"), None);
        }
    }
    // An empty text stands for none only where the other one is there.
    let prompt =
        with(without(widget(&PATHWAY, 99), "pathway_id"), "agent_prompt", json!("Be kind"));
    let lines = Lines::new(&[with(prompt, "pathway_id", json!(""))]);
    let imported = lines.import(&app, &PATHWAY, &[]).await;
    imported.expect_summary("created 1, left 0, replaced 0, refused 0");
}

/// Lines with faults, and one that is valid, with the faults as they are told.
fn faulty() -> (Vec<String>, Vec<&'static str>) {
    let valid = || widget(&PATHWAY, 1);
    let big = "x".repeat(410_000);
    let lines = vec![
        valid().to_string(),
        "{".to_owned(),
        without(without(widget(&PATHWAY, 3), "id"), "messages_per_minute").to_string(),
        String::new(),
        with(valid(), "config", json!(5)).to_string(),
        with(valid(), "id", json!("7")).to_string(),
        with(widget(&PATHWAY, 7), "created_at", json!("2999-01-01T00:00:00Z")).to_string(),
        with(widget(&PATHWAY, 8), "updated_at", json!("yesterday")).to_string(),
        with(widget(&PATHWAY, 9), "config", json!(big)).to_string(),
        with(widget(&PATHWAY, 10), "allowed_domains", json!(["a.b", "http://x"])).to_string(),
        r#"["a", "list"]"#.to_owned(),
        with(without(widget(&PATHWAY, 12), "pathway_id"), "agent_prompt", json!("")).to_string(),
        with(widget(&PATHWAY, 13), "created_at", json!("0000-01-01T00:00:00+01:00")).to_string(),
    ];
    let faults = vec![
        "line 2: the widget is not valid JSON: EOF while parsing an object at character 2",
        "line 3: id is required",
        "line 3: messages_per_minute is required",
        "line 5: id 00000000-0000-0001-0000-000000000001 is that of line 1",
        "line 6: id must be a UUID, such as 3c90c3cc-0d44-4b50-8888-8dd25736052a",
        "line 7: created_at must not be in the future",
        "line 8: updated_at must be a time of RFC 3339, such as 2024-01-15T10:30:00.000Z",
        "line 9: the widget is over the 400 KB of a DynamoDB item",
        "line 10: allowed_domains[1] \"http://x\" must be a host name",
        "line 11: the widget must be a JSON object",
        "line 12: pathway_id is required unless agent_prompt is given",
        "line 13: created_at must be a time of RFC 3339",
    ];
    (lines, faults)
}

/// Asserts that the first lines of `told` begin as `expected`. Returns the other lines.
#[track_caller]
fn expect_faults<'a>(told: &'a str, expected: &[&str]) -> Vec<&'a str> {
    let mut lines: Vec<&str> = told.lines().collect();
    assert!(lines.len() >= expected.len(), "{told}");
    let rest = lines.split_off(expected.len());
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{expected}: {told}");
    }
    rest
}

#[tokio::test]
async fn every_fault_is_told_with_its_line_before_anything_is_written() {
    let app = TestApp::start().await;
    let (lines, faults) = faulty();
    let lines = Lines::new(&lines);
    for options in [&[][..], &["--dry-run"], &["--replace"]] {
        let refused = lines.import(&app, &PATHWAY, options).await;
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""), "{refused:?}");
        let rest = expect_faults(&refused.stderr, &faults);
        let expected = "widgets: 11 of 12 lines cannot be imported, and nothing was written \
                        (--skip-invalid REFUSED_FILE imports the others)";
        assert_eq!(rest, [expected]);
    }
    assert!(app.items().await.is_empty());
}

#[tokio::test]
async fn dry_run_says_what_an_import_would_do_and_writes_nothing() {
    let app = TestApp::start().await;
    let both = Lines::new(&[widget(&PATHWAY, 1), widget(&PATHWAY, 2)]);
    let one = Lines::new(&[widget(&PATHWAY, 1)]);
    let told = both.import(&app, &PATHWAY, &["--dry-run"]).await;
    told.expect_summary("2 widgets can be imported: 2 are new, 0 are there already");
    assert!(app.items().await.is_empty());
    assert!(one.import(&app, &PATHWAY, &[]).await.is_success);
    let told = both.import(&app, &PATHWAY, &["--dry-run"]).await;
    told.expect_summary("2 widgets can be imported: 1 are new, 1 are there already");
    assert_eq!(app.count().await, 1);
}

#[tokio::test]
async fn skip_invalid_imports_the_valid_lines_and_keeps_the_others_as_they_are() {
    let app = TestApp::start().await;
    let (all, faults) = faulty();
    let lines = Lines::new(&all);
    let refused = lines.refused();
    let skip = ["--skip-invalid", refused.to_str().unwrap()];
    let imported = lines.import(&app, &PATHWAY, &skip).await;
    assert_eq!(imported.stdout, "created 1, left 0, replaced 0, refused 11\n", "{imported:?}");
    assert!(imported.is_success && expect_faults(&imported.stderr, &faults).is_empty());
    let mut expected: Vec<&str> = all.iter().map(String::as_str).collect();
    expected.retain(|line| !line.is_empty());
    let kept = fs::read_to_string(&refused).unwrap();
    assert_eq!(kept.lines().collect::<Vec<_>>(), expected[1..]);
    // It has the config of the first line with its id.
    assert_eq!(raw(&read(&app, &PATHWAY, &id(&PATHWAY, 1)).await, "config"), "{}");

    // A file that exists is not written over. Without faults there is no file.
    let again = lines.import(&app, &PATHWAY, &skip).await;
    again.expect_failure("refused.jsonl exists already: --skip-invalid takes a new file");
    fs::remove_file(&refused).unwrap();
    let valid = Lines::new(&[widget(&PATHWAY, 1)]);
    let imported = valid.import(&app, &PATHWAY, &skip).await;
    imported.expect_summary("created 0, left 1, replaced 0, refused 0");
    assert!(!refused.exists());
    let both = [&skip[..], &["--dry-run"]].concat();
    assert_eq!(valid.import(&app, &PATHWAY, &both).await.code, Some(2));
}

#[tokio::test]
async fn existing_widget_is_left_and_a_second_run_changes_nothing() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let lines = Lines::new(&[widget(&dialect, 1), widget(&dialect, 2)]);
        assert!(lines.import(&app, &dialect, &[]).await.is_success);
        let path = dialect.widget(&id(&dialect, 1));
        assert_eq!(app.call(dialect.update, &path, dialect.change).await.status, 200);
        let before = table(&app).await;
        for options in [&[][..], &["--no-events"]] {
            let again = lines.import(&app, &dialect, options).await;
            again.expect_summary("created 0, left 2, replaced 0, refused 0");
        }
        assert_eq!(table(&app).await, before);
    }
}

#[tokio::test]
async fn replace_makes_a_version_of_what_differs_and_leaves_what_does_not() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let first = Lines::new(&[widget(&dialect, 1), widget(&dialect, 2)]);
        assert!(first.import(&app, &dialect, &[]).await.is_success);
        let created =
            app.stored(dialect.name, &id(&dialect, 1)).await.unwrap()["created_at"].clone();
        let change: Value = serde_json::from_str(dialect.change).unwrap();
        let (field, value) = change.as_object().unwrap().iter().next().unwrap();
        let changed = with(widget(&dialect, 1), field, value.clone());
        let lines = Lines::new(&[changed, widget(&dialect, 2), widget(&dialect, 3)]);
        let mut changes = follow(&app).await;
        let imported = lines.import(&app, &dialect, &["--replace"]).await;
        imported.expect_summary("created 1, left 1, replaced 1, refused 0");
        let mut told: Vec<(String, String)> = next(&mut changes, 2)
            .await
            .iter()
            .map(|event| &event["detail"])
            .map(|it| (it["id"].as_str().unwrap().into(), it["type"].as_str().unwrap().into()))
            .collect();
        told.sort();
        let expected = [(1, 2, "updated"), (3, 1, "created")];
        let expected = expected.map(|(number, version, change)| {
            (format!("{}:{version}", id(&dialect, number)), format!("widget.{change}"))
        });
        assert_eq!(told, expected);
        let read: Value =
            serde_json::from_str(&read(&app, &dialect, &id(&dialect, 1)).await).unwrap();
        assert_eq!(&read[field], value);
        // The lines say nothing of times: the widget is as old as it was.
        let stored = app.stored(dialect.name, &id(&dialect, 1)).await.unwrap();
        assert_eq!(stored["created_at"], created);
        assert!(stored["updated_at"].as_s().unwrap() > created.as_s().unwrap());

        let before = table(&app).await;
        let again = lines.import(&app, &dialect, &["--replace"]).await;
        again.expect_summary("created 0, left 3, replaced 0, refused 0");
        assert_eq!(table(&app).await, before);
    }
    // A line that says times sets them.
    let times = with(widget(&PATHWAY, 1), "created_at", json!("2024-01-15T10:30:00.000Z"));
    let times = with(times, "updated_at", json!("2024-02-15T10:30:00.000Z"));
    let imported = Lines::new(&[&times]).import(&app, &PATHWAY, &["--replace"]).await;
    imported.expect_summary("created 0, left 0, replaced 1, refused 0");
    let read: Value = serde_json::from_str(&read(&app, &PATHWAY, &id(&PATHWAY, 1)).await).unwrap();
    assert_eq!(
        [&read["created_at"], &read["updated_at"]],
        [&times["created_at"], &times["updated_at"]]
    );
}

#[tokio::test]
async fn id_of_another_account_or_dialect_is_a_fault_and_that_widget_is_not_touched() {
    let app = TestApp::start().await;
    let (_, other) = app.another_account().await;
    let url = app.stack.store.url.as_str();
    let others = Lines::new(&[widget(&PATHWAY, 1)]);
    assert!(others.import_to(url, &PATHWAY, other, &[]).await.is_success);
    let of_assistant = with(widget(&ASSISTANT, 2), "id", json!(id(&PATHWAY, 2)));
    let own = Lines::new(&[of_assistant]);
    assert!(own.import(&app, &ASSISTANT, &[]).await.is_success);
    let before = table(&app).await;
    let lines = Lines::new(&[widget(&PATHWAY, 1), widget(&PATHWAY, 2), widget(&PATHWAY, 3)]);
    for options in [&[][..], &["--replace"]] {
        let refused = lines.import(&app, &PATHWAY, options).await;
        let told: Vec<&str> = refused.stderr.lines().collect();
        let [first, second, third] = told[..] else { panic!("{refused:?}") };
        let of_other = format!(
            "line 1: id {} belongs to account {other} already (pathway dialect): --account {other} \
             imports into that one",
            id(&PATHWAY, 1)
        );
        assert_eq!(first, of_other);
        let of_assistant = format!(
            "line 2: id {} belongs to this account already (assistant dialect): give the line \
             another id",
            id(&PATHWAY, 2)
        );
        assert_eq!(second, of_assistant);
        assert!(third.starts_with("widgets: 2 of 3 lines cannot be imported"), "{refused:?}");
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
    }
    assert_eq!(table(&app).await, before);
    let refused = lines.refused();
    let skip = ["--skip-invalid", refused.to_str().unwrap()];
    let imported = lines.import(&app, &PATHWAY, &skip).await;
    assert_eq!(imported.stdout, "created 1, left 0, replaced 0, refused 2\n", "{imported:?}");
    assert_eq!(fs::read_to_string(refused).unwrap().lines().count(), 2);
    let mut after = table(&app).await;
    after.retain(|key, _| before.contains_key(key));
    assert_eq!(after, before);
}

#[tokio::test]
async fn tombstone_is_in_no_import_s_way() {
    let app = TestApp::start().await;
    let lines = Lines::new(&[widget(&PATHWAY, 1)]);
    assert!(lines.import(&app, &PATHWAY, &[]).await.is_success);
    // The tombstone of a widget with this mark is not removed.
    let mut item = app.stored(PATHWAY.name, &id(&PATHWAY, 1)).await.unwrap();
    item.insert("retried".to_owned(), AttributeValue::Bool(true));
    app.put(item).await;
    assert_eq!(app.call("DELETE", &PATHWAY.widget(&id(&PATHWAY, 1)), "").await.status, 200);
    assert_eq!((app.items().await.len(), app.count().await), (1, 0));
    let imported = lines.import(&app, &PATHWAY, &[]).await;
    imported.expect_summary("created 1, left 0, replaced 0, refused 0");
    assert_eq!(raw(&read(&app, &PATHWAY, &id(&PATHWAY, 1)).await, "messages_per_minute"), "10");
    assert!(!app.items().await[0].contains_key("ttl"), "DynamoDB would delete the widget");
}

#[tokio::test]
async fn import_without_events_is_silent_and_later_changes_are_not() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let mut changes = follow(&app).await;
        let silent = Lines::new(&[widget(&dialect, 1), widget(&dialect, 2)]);
        assert!(silent.import(&app, &dialect, &["--no-events"]).await.is_success);
        let changed = with(widget(&dialect, 2), "name", json!("n"));
        let changed = Lines::new(&[with(changed, "messages_per_minute", json!(3))]);
        let replaced = changed.import(&app, &dialect, &["--no-events", "--replace"]).await;
        replaced.expect_summary("created 0, left 0, replaced 1, refused 0");
        let told = Lines::new(&[widget(&dialect, 3)]);
        assert!(told.import(&app, &dialect, &[]).await.is_success);
        let path = dialect.widget(&id(&dialect, 1));
        assert_eq!(app.call(dialect.update, &path, dialect.change).await.status, 200);
        assert_eq!(app.call("DELETE", &dialect.widget(&id(&dialect, 2)), "").await.status, 200);
        let events = next(&mut changes, 3).await;
        let told: Vec<&Value> = events.iter().map(|event| &event["detail"]["id"]).collect();
        let expected = [(3, 1), (1, 2), (2, 3)];
        let expected =
            expected.map(|(number, version)| format!("{}:{version}", id(&dialect, number)));
        assert_eq!(told, expected.iter().collect::<Vec<_>>());
        assert_eq!(events[0]["detail"]["type"], "widget.created");
    }
}

#[tokio::test]
async fn killed_import_is_finished_by_the_next_run() {
    const COUNT: usize = 1500;
    let app = TestApp::start().await;
    let all: Vec<Value> = (0..COUNT).map(|number| widget(&PATHWAY, number as u128)).collect();
    let lines = Lines::new(&all);
    let account = DEVELOPMENT_ACCOUNT.to_string();
    let arguments = lines.arguments(&app.stack.store.url, &PATHWAY, &account);
    let mut first = widgets(&arguments).await.stdout(Stdio::null()).spawn().unwrap();
    // The stream has a record of each write.
    let mut changes = follow(&app).await;
    next(&mut changes, 50).await;
    let kill = ["-9", &first.id().expect("it still runs").to_string()].map(str::to_owned);
    assert!(Command::new("kill").args(kill).status().await.unwrap().success());
    assert!(!first.wait().await.unwrap().success(), "it ended before it was killed");
    let present = app.count().await;
    assert!((50..COUNT).contains(&present), "{present}");

    let second = lines.import(&app, &PATHWAY, &[]).await;
    let created = COUNT - present;
    second.expect_summary(&format!("created {created}, left {present}, replaced 0, refused 0"));
    let ids = app.stored_of(DEVELOPMENT_ACCOUNT, PATHWAY.name).await;
    let ids: Vec<&String> = ids.iter().map(|item| item["id"].as_s().unwrap()).collect();
    let mut expected: Vec<&str> = all.iter().map(|it| it["id"].as_str().unwrap()).collect();
    expected.sort_unstable();
    assert_eq!(ids, expected);
    assert!(app.items().await.iter().all(|item| item["version"].as_n().unwrap() == "1"));
}

#[tokio::test]
async fn store_that_throttles_fails_and_cuts_gets_every_widget_once() {
    let proxy = FaultProxy::start().await;
    let all: Vec<Value> = (0..200).map(|number| widget(&ASSISTANT, number)).collect();
    let lines = Lines::new(&all);
    let mut calls = 0;
    proxy.plan(move |call, _| {
        if call != Call::CREATE {
            return Fault::None;
        }
        calls += 1;
        // At first all calls are throttled, so that attempts run out.
        match calls {
            1..=60 => Fault::Refused(400, "ProvisionedThroughputExceededException"),
            _ if calls % 7 == 0 => Fault::Failed(Effect::Done),
            _ if calls % 11 == 0 => Fault::Reset(Effect::Done),
            _ => Fault::None,
        }
    });
    let url = proxy.url.as_str();
    let imported = lines.import_to(url, &ASSISTANT, DEVELOPMENT_ACCOUNT, &[]).await;
    imported.expect_summary("created 200, left 0, replaced 0, refused 0");
    proxy.plan(|_, _| Fault::None);
    let again = lines.import_to(url, &ASSISTANT, DEVELOPMENT_ACCOUNT, &[]).await;
    again.expect_summary("created 0, left 200, replaced 0, refused 0");

    // What no retry mends ends the import at once.
    proxy.always(Call::CREATE, Fault::Refused(400, "AccessDeniedException"));
    let lines = Lines::new(&[widget(&ASSISTANT, 999)]);
    let failed = lines.import_to(url, &ASSISTANT, DEVELOPMENT_ACCOUNT, &[]).await;
    failed.expect_failure("line 1: PutItem Widgets (import): AccessDeniedException");
}

#[tokio::test]
async fn standard_input_is_imported_into_the_folder_of_a_stack() {
    let folder = tempfile::tempdir().unwrap();
    let account = DEVELOPMENT_ACCOUNT.to_string();
    let data = folder.path().to_str().unwrap();
    let arguments = ["import", "-", "--dialect", "pathway", "--account", &account, "--data", data];
    for summary in ["created 2, left 0", "created 0, left 2"] {
        let mut command = widgets(&arguments).await;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut stdin = process.stdin.take().unwrap();
        // With a byte order mark, and without a line's end at the end.
        let text = format!("\u{feff}{}\r\n\n{}", widget(&PATHWAY, 1), widget(&PATHWAY, 2));
        stdin.write_all(text.as_bytes()).await.unwrap();
        drop(stdin);
        let printed = Printed::new(process.wait_with_output().await.unwrap());
        printed.expect_summary(&format!("{summary}, replaced 0, refused 0"));
    }
}

#[tokio::test]
async fn bar_at_a_terminal_shows_how_far_it_is() {
    let app = TestApp::start().await;
    let all: Vec<Value> = (0..300).map(|number| widget(&PATHWAY, number)).collect();
    let lines = Lines::new(&all);
    let account = DEVELOPMENT_ACCOUNT.to_string();
    let arguments = lines.arguments(&app.stack.store.url, &PATHWAY, &account);
    let (mut screen, device) = terminal();
    let mut command = widgets(&arguments).await;
    let process = command.stdout(Stdio::piped()).stderr(device).spawn().unwrap();
    // Its copy of the terminal goes, so that the end of the process is the end of what is shown.
    drop(command);
    let shown = spawn_blocking(move || {
        let mut shown = Vec::new();
        // A terminal that no process has any more ends with an error.
        let _ = screen.read_to_end(&mut shown);
        String::from_utf8(shown).unwrap()
    });
    let output = process.wait_with_output().await.unwrap();
    assert_eq!(output.stdout, b"created 300, left 0, replaced 0, refused 0\n");
    let shown = shown.await.unwrap();
    assert!(shown.contains("Checking") && shown.contains("/300"), "{shown:?}");
}

#[tokio::test]
async fn unusable_options_print_one_error_line() {
    let app = TestApp::start().await;
    let url = app.stack.store.url.as_str();
    let lines = Lines::new(&[widget(&PATHWAY, 1)]);
    let folder = lines.folder.path().to_str().unwrap();
    let long = Lines::new(&["x".repeat(5 * 1024 * 1024)]);
    let missing = lines.folder.path().join("missing");
    let missing = missing.to_str().unwrap();
    let account = DEVELOPMENT_ACCOUNT.to_string();
    let at = ["--endpoint-url", url];
    for (file, options, reason) in [
        (missing, &at[..], "missing cannot be read: No such file or directory"),
        (folder, &at, "is a folder: FILE must have a widget a line"),
        (&long.path, &at, "line 1 has over 4194304 bytes: FILE must have a widget a line"),
        (
            &lines.path,
            &["--endpoint-url", url, "--table", "Nowhere"],
            "there is no table Nowhere in us-east-1: --table takes the stack's output WidgetsTable",
        ),
        (
            &lines.path,
            &["--endpoint-url", "http://127.0.0.1:1"],
            "DynamoDB at http://127.0.0.1:1 cannot be reached: connection refused",
        ),
        (
            &lines.path,
            &["--endpoint-url", url, "--skip-invalid", "/nowhere/refused.jsonl"],
            "/nowhere/refused.jsonl cannot be written",
        ),
    ] {
        let import = ["import", file, "--dialect", "pathway", "--account", &account];
        run(&[&import[..], options].concat()).await.expect_failure(reason);
    }
    let no_account = ["import", &lines.path, "--dialect", "pathway", "--account", "me"];
    run(&no_account).await.expect_usage_error("invalid value 'me' for '--account <UUID>'");
    assert!(app.items().await.is_empty());
}
