//! Both dialects behave alike in what they share.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json, value::RawValue};
use tokio::runtime::Handle;
use uuid::Uuid;
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use crate::{
    bodies::json_text,
    support::{
        app::{TestApp, keys_in_order, raw, raw_data, raw_member},
        dialect::{ASSISTANT, DIALECTS, Dialect, PATHWAY},
    },
};

/// What can be done to widgets, in either dialect. A widget is one of those created so far, by its
/// number modulo how many there are, deleted ones included.
#[derive(Debug, Clone)]
enum Operation {
    /// Creates one that holds this object.
    Create(String),
    Read(usize),
    /// Has it hold another object.
    Update(usize, String),
    Delete(usize),
    List,
}

/// A client of a dialect, and the widgets that it created.
struct Client<'a> {
    app: &'a TestApp,
    dialect: Dialect,
    ids: Vec<String>,
}

impl<'a> Client<'a> {
    fn new(app: &'a TestApp, dialect: Dialect) -> Self {
        Self { app, dialect, ids: Vec::new() }
    }

    /// Does it, and tells what came of it in words of neither dialect: the status and the objects
    /// that were shown.
    async fn run(&mut self, operation: &Operation) -> (u16, Vec<String>) {
        let path = |number: &usize| match self.ids.len() {
            0 => self.dialect.widget(&Uuid::nil().to_string()),
            count => self.dialect.widget(&self.ids[number % count]),
        };
        let (method, path, body) = match operation {
            Operation::Create(object) => ("POST", self.dialect.root.to_owned(), self.body(object)),
            Operation::Read(number) => ("GET", path(number), String::new()),
            Operation::Update(number, object) => {
                let body = match self.dialect.update {
                    "PUT" => self.body(object),
                    _ => format!(r#"{{"{}":{object}}}"#, self.dialect.free_form),
                };
                (self.dialect.update, path(number), body)
            }
            Operation::Delete(number) => ("DELETE", path(number), String::new()),
            Operation::List => ("GET", self.dialect.list.to_owned(), String::new()),
        };
        let answer = self.app.call(method, &path, body).await;
        if answer.status != 200 {
            return (answer.status, Vec::new());
        }
        if let Operation::Create(_) = operation {
            self.ids.push(answer.id());
        }
        let data = raw_data(&answer.body);
        let shown = match operation {
            Operation::List => {
                let is_page = self.dialect.name == "assistant";
                let items = if is_page { raw(&data, "items") } else { data };
                let items: Vec<&RawValue> = serde_json::from_str(&items).unwrap();
                items.iter().map(|item| raw(item.get(), self.dialect.free_form)).collect()
            }
            _ => vec![raw(&data, self.dialect.free_form)],
        };
        (answer.status, shown)
    }

    fn body(&self, object: &str) -> String {
        let members = self.dialect.body.strip_prefix('{').unwrap().replace(r#","config":{}"#, "");
        format!(r#"{{"{}":{object},{members}"#, self.dialect.free_form)
    }

    /// The items of all widgets that were ever created, without what is of the dialect alone or of
    /// the moment.
    async fn stored(&self) -> Vec<Option<HashMap<String, AttributeValue>>> {
        let mut items = Vec::new();
        for id in &self.ids {
            let item = self.app.stored(self.dialect.name, id).await;
            items.push(item.map(|mut item| {
                let text = |name: &str| item[name].as_s().unwrap().clone();
                assert_eq!(text("pk"), format!("{DEVELOPMENT_ACCOUNT}#{}", self.dialect.name));
                assert_eq!((text("sk"), text("id")), (id.clone(), id.clone()));
                assert!(text("created_at") <= text("updated_at"));
                let object = item.remove(self.dialect.free_form).unwrap();
                let version = item.remove("version").unwrap();
                HashMap::from([("object".to_owned(), object), ("version".to_owned(), version)])
            }));
        }
        items
    }
}

fn object() -> impl Strategy<Value = String> {
    json_text().prop_map(|value| format!(r#"{{"value": {value}}}"#))
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        3 => object().prop_map(Operation::Create),
        2 => any::<usize>().prop_map(Operation::Read),
        3 => (any::<usize>(), object()).prop_map(|(number, object)| Operation::Update(number, object)),
        2 => any::<usize>().prop_map(Operation::Delete),
        1 => Just(Operation::List),
    ]
}

/// Runs a property of generated values against a running stack.
fn check<S: Strategy>(
    cases: u32,
    values: S,
    property: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let mut runner =
        TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    tokio::task::block_in_place(|| runner.run(&values, property).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn same_operations_leave_the_same_state_in_both_dialects() {
    let app = TestApp::start().await;
    let runtime = Handle::current();
    check(25, prop::collection::vec(operation(), 1..25), |operations| {
        runtime.block_on(async {
            // A sequence begins with nothing.
            let mut assistant = Client::new(&app, ASSISTANT);
            let mut pathway = Client::new(&app, PATHWAY);
            for operation in &operations {
                let (a, b) = (assistant.run(operation).await, pathway.run(operation).await);
                prop_assert_eq!(a, b, "{:?}", operation);
            }
            prop_assert_eq!(assistant.stored().await, pathway.stored().await);
            for number in 0..assistant.ids.len() {
                let gone = Operation::Delete(number);
                prop_assert_eq!(assistant.run(&gone).await, pathway.run(&gone).await);
            }
            prop_assert_eq!(app.count().await, 0);
            Ok(())
        })
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn values_round_trip_in_answers_and_from_the_store() {
    const TEXTS: [&str; 6] = [
        "name",
        "display_name",
        "intro_message",
        "header_color",
        "bubble_text",
        "textbox_default_text",
    ];
    let app = TestApp::start().await;
    let runtime = Handle::current();
    let text = prop_oneof![
        Just("null".to_owned()),
        any::<String>().prop_map(|text| Value::String(text).to_string())
    ];
    let config = json_text().prop_filter("null is no config", |text| text != "null");
    let values = (prop::collection::vec(text, TEXTS.len()), object(), json_text(), config);
    check(100, values, |(texts, object, value, config)| {
        let buttons = format!("[{value}]");
        let mut settings: Vec<(&str, &str)> =
            TEXTS.into_iter().zip(texts.iter().map(String::as_str)).collect();
        let free_form =
            [("attributes", &*object), ("style_params", &object), ("action_buttons", &buttons)];
        settings.extend(free_form);
        let members: String =
            settings.iter().map(|(name, text)| format!(r#","{name}":{text}"#)).collect();
        let assistant =
            format!(r#"{{"widget_type":"chat","user_opening_messages":null{members}}}"#);
        let pathway = PATHWAY.body.replace("{}", &config);
        runtime.block_on(async {
            for (dialect, body, sent, free_form) in [
                (ASSISTANT, &assistant, &settings[..], &free_form[..]),
                (PATHWAY, &pathway, &[("config", &*config)], &[("config", &config)]),
            ] {
                let created = app.call("POST", dialect.root, body.clone()).await;
                prop_assert_eq!(created.status, 200, "{}: {}", body, created.body);
                let stored = app.stored(dialect.name, &created.id()).await.unwrap();
                for (name, text) in free_form {
                    prop_assert_eq!(stored[*name].as_s().unwrap(), text, "{}", name);
                }
                let path = dialect.widget(&created.id());
                let read = app.call("GET", &path, "").await;
                prop_assert_eq!(raw_data(&read.body), raw_data(&created.body));
                let updated = app.call(dialect.update, &path, body.clone()).await;
                for (name, text) in sent {
                    prop_assert_eq!(&raw_member(&created.body, name), text, "{}", name);
                    prop_assert_eq!(&raw_member(&updated.body, name), text, "{}", name);
                }
                let deleted = app.call("DELETE", &path, "").await;
                prop_assert_eq!(raw_data(&deleted.body), raw_data(&updated.body));
            }
            Ok(())
        })
    });
}

#[tokio::test]
async fn read_and_delete_return_the_widget_as_created() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let created = app.call("POST", dialect.root, dialect.marked(Uuid::new_v4())).await;
        let (id, path) = (created.id(), dialect.widget(&created.id()));
        for (method, message) in
            [("GET", "Data retrieved successfully"), ("DELETE", "Data deleted successfully")]
        {
            let answer = app.call(method, &path, "").await;
            let envelope = match dialect.name {
                "assistant" => json!({"message": message, "meta": {}, "data": created.data()}),
                _ => created.json(),
            };
            assert_eq!((answer.status, answer.json()), (200, envelope), "{method} {path}");
            assert_eq!(keys_in_order(&answer.body), keys_in_order(&created.body));
            assert_eq!(raw_data(&answer.body), raw_data(&created.body), "{method} {path}");
        }
        let gone = dialect.error(
            404,
            &format!("Unable to find the Widget with id {id}."),
            "NOT_FOUND",
            &format!("there is no widget with id {id}"),
        );
        for method in ["GET", "DELETE"] {
            let answer = app.call(method, &path, "").await;
            assert_eq!((answer.status, answer.json()), (404, gone.clone()), "{method} {path}");
        }
    }
    assert_eq!(app.count().await, 0);
}
