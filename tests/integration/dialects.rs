//! Both dialects behave alike in what they share.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::runtime::Handle;
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use crate::{
    bodies::json_text,
    support::app::{ASSISTANT_BODY, PATHWAY_BODY, TestApp, raw_data, raw_member},
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

#[derive(Deserialize)]
struct Page {
    items: Vec<HashMap<String, Box<RawValue>>>,
}

/// A dialect's way to do it.
struct Dialect<'a> {
    app: &'a TestApp,
    name: &'static str,
    widgets: &'static str,
    update: &'static str,
    smallest: &'static str,
    /// The field that holds the object.
    holder: &'static str,
    ids: Vec<String>,
}

impl Dialect<'_> {
    /// Does it, and tells what came of it in words of neither dialect: the status and the objects
    /// that were shown.
    async fn run(&mut self, operation: &Operation) -> (u16, Vec<String>) {
        let id = |number: &usize| match self.ids.len() {
            0 => uuid::Uuid::nil().to_string(),
            count => self.ids[number % count].clone(),
        };
        let (method, path, body) = match operation {
            Operation::Create(object) => ("POST", self.widgets.to_owned(), self.body(object)),
            Operation::Read(number) => {
                ("GET", format!("{}/{}", self.widgets, id(number)), String::new())
            }
            Operation::Update(number, object) => {
                let body = match self.update {
                    "PUT" => self.body(object),
                    _ => format!(r#"{{"{}":{object}}}"#, self.holder),
                };
                (self.update, format!("{}/{}", self.widgets, id(number)), body)
            }
            Operation::Delete(number) => {
                ("DELETE", format!("{}/{}", self.widgets, id(number)), String::new())
            }
            Operation::List => ("GET", self.widgets.to_owned(), String::new()),
        };
        let answer = self.app.call(method, &path, body).await;
        if answer.status != 200 {
            return (answer.status, Vec::new());
        }
        if let Operation::Create(_) = operation {
            self.ids.push(answer.id());
        }
        let shown = match operation {
            Operation::List => {
                let data = raw_data(&answer.body);
                let items: Vec<HashMap<String, Box<RawValue>>> =
                    match serde_json::from_str::<Page>(&data) {
                        Ok(page) => page.items,
                        Err(_) => serde_json::from_str(&data).unwrap(),
                    };
                items.iter().map(|item| item[self.holder].get().to_owned()).collect()
            }
            _ => vec![raw_member(&answer.body, self.holder)],
        };
        (answer.status, shown)
    }

    fn body(&self, object: &str) -> String {
        let members = self.smallest.strip_prefix('{').unwrap().replace(r#","config":{}"#, "");
        format!(r#"{{"{}":{object},{members}"#, self.holder)
    }

    /// The items of all widgets that were ever created, without what is of the dialect alone or of
    /// the moment.
    async fn stored(&self) -> Vec<Option<HashMap<String, AttributeValue>>> {
        let mut items = Vec::new();
        for id in &self.ids {
            let item = self.app.stored(self.name, id).await;
            items.push(item.map(|mut item| {
                let text = |name: &str| item[name].as_s().unwrap().clone();
                assert_eq!(text("pk"), format!("{DEVELOPMENT_ACCOUNT}#{}", self.name));
                assert_eq!((text("sk"), text("id")), (id.clone(), id.clone()));
                assert!(text("created_at") <= text("updated_at"));
                let object = item.remove(self.holder).unwrap();
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
            let mut assistant = Dialect {
                app: &app,
                name: "assistant",
                widgets: "/api/v1/widget",
                update: "PUT",
                smallest: ASSISTANT_BODY,
                holder: "attributes",
                ids: Vec::new(),
            };
            let mut pathway = Dialect {
                app: &app,
                name: "pathway",
                widgets: "/v1/widget",
                update: "PATCH",
                smallest: PATHWAY_BODY,
                holder: "config",
                ids: Vec::new(),
            };
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
        any::<String>().prop_map(|text| serde_json::Value::String(text).to_string())
    ];
    check(
        60,
        (prop::collection::vec(text, TEXTS.len()), object(), json_text()),
        |(texts, object, value)| {
            let members: String = TEXTS
                .iter()
                .zip(&texts)
                .map(|(name, text)| format!(r#""{name}":{text},"#))
                .collect();
            let assistant = format!(
                r#"{{"widget_type":"chat","user_opening_messages":null,"action_buttons":[{value}],{members}"attributes":{object},"style_params":{object}}}"#
            );
            let pathway = PATHWAY_BODY.replace("{}", &object);
            let mut sent: Vec<(&str, String)> = TEXTS.into_iter().zip(texts).collect();
            let buttons = format!("[{value}]");
            sent.extend([
                ("attributes", object.clone()),
                ("style_params", object.clone()),
                ("action_buttons", buttons),
            ]);
            runtime.block_on(async {
                for (widgets, update, body, sent) in [
                    ("/api/v1/widget", "PUT", &assistant, &sent[..]),
                    ("/v1/widget", "PATCH", &pathway, &[("config", object.clone())]),
                ] {
                    let created = app.call("POST", widgets, body.clone()).await;
                    prop_assert_eq!(created.status, 200, "{}: {}", body, created.body);
                    let path = format!("{widgets}/{}", created.id());
                    let read = app.call("GET", &path, "").await;
                    prop_assert_eq!(raw_data(&read.body), raw_data(&created.body));
                    let updated = app.call(update, &path, body.clone()).await;
                    for (name, text) in sent {
                        prop_assert_eq!(&raw_member(&created.body, name), text, "{}", name);
                        prop_assert_eq!(&raw_member(&updated.body, name), text, "{}", name);
                    }
                    let deleted = app.call("DELETE", &path, "").await;
                    prop_assert_eq!(raw_data(&deleted.body), raw_data(&updated.body));
                }
                Ok(())
            })
        },
    );
}
