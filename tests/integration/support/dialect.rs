//! A dialect as its clients know it. Tests that hold for both dialects walk [`DIALECTS`].

use std::fs;

use serde_json::{Map, Value, json};
use shared::model::fields::{Field, Required, Visibility};
use shared::model::{assistant, pathway};
use uuid::Uuid;
use widgets::local::binaries;

use super::app::Answer;

/// The names, paths, fields and bodies of a dialect.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// The name of its crate, of its binary and of its partitions in the table.
    pub name: &'static str,
    /// The logical id of its function in the template.
    pub function: &'static str,
    /// The path that creates a widget, and that a widget's path starts with.
    pub root: &'static str,
    /// The path of the list.
    pub list: &'static str,
    /// The method of an update.
    pub update: &'static str,
    /// The last segment of the path of a public read.
    pub public: &'static str,
    /// The schema of the answer of a public read.
    pub public_schema: &'static str,
    /// Its own list of fields.
    pub fields: &'static [Field],
    /// A field that holds any JSON object.
    pub free_form: &'static str,
    /// The status of a request with an invalid body.
    pub invalid: u16,
    /// A body of a create with nothing but the required fields.
    pub body: &'static str,
    /// A body of an update that changes a widget created with `body`.
    pub change: &'static str,
}

pub const ASSISTANT: Dialect = Dialect {
    name: "assistant",
    function: "Assistant",
    root: "/api/v1/widget",
    list: "/api/v1/widget",
    update: "PUT",
    public: "parameters",
    public_schema: "WidgetParameters",
    fields: assistant::Settings::FIELDS,
    free_form: "attributes",
    invalid: 422,
    body: r#"{"widget_type":"chat","user_opening_messages":[],"action_buttons":[]}"#,
    change: r#"{"widget_type":"sms"}"#,
};

pub const PATHWAY: Dialect = Dialect {
    name: "pathway",
    function: "Pathway",
    root: "/v1/widget",
    list: "/v1/widgets",
    update: "PATCH",
    public: "config",
    public_schema: "WidgetConfig",
    fields: pathway::Settings::FIELDS,
    free_form: "config",
    invalid: 400,
    body: r#"{"pathway_id":"a0f0d4ed-f5f5-4f16-b3f9-22166594d7a7","allowed_domains":[],"messages_per_minute":10,"config":{}}"#,
    change: r#"{"messages_per_minute":11}"#,
};

pub const DIALECTS: [Dialect; 2] = [ASSISTANT, PATHWAY];

impl Dialect {
    /// Returns the path of a widget.
    pub fn widget(&self, id: &str) -> String {
        format!("{}/{id}", self.root)
    }

    /// Returns the path of a public read.
    pub fn public_path(&self, id: &str) -> String {
        format!("{}/{id}/{}", self.root, self.public)
    }

    /// Returns the names of the fields that a public read shows, in the order of the list.
    pub fn public_fields(&self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().filter(|it| it.visibility == Visibility::Public).map(|it| it.name)
    }

    /// Returns the path that serves the OpenAPI document.
    pub fn openapi_path(&self) -> String {
        self.root.replace("widget", "openapi.json")
    }

    /// Returns the text of the OpenAPI document.
    pub fn openapi(&self) -> String {
        let path = format!("functions/{}/openapi.json", self.name);
        fs::read_to_string(binaries::workspace().join(path)).unwrap()
    }

    /// Returns a valid value of a field that holds `mark`, if the field's type has room for it. A
    /// rate holds the last 32 bits. Only `widget_type` and `remove_branding` hold nothing of it.
    pub fn value(field: &str, mark: Uuid) -> Value {
        match field {
            "widget_type" => json!("chat"),
            "remove_branding" => json!(true),
            "messages_per_minute" => json!(mark.as_u128() as u32),
            "org_id" | "assistant_id" | "pathway_id" | "agent_id" => json!(mark),
            "user_opening_messages" => json!([mark]),
            "action_buttons" => json!([{ mark.to_string(): mark }]),
            "attributes" | "style_params" | "config" => {
                json!({ mark.to_string(): [format!("{mark} {field}")] })
            }
            "allowed_domains" => json!([format!("{mark}.example")]),
            "webhook_url" => json!(format!("https://{mark}.example/{mark}")),
            text => json!(format!("{mark} {text}")),
        }
    }

    /// Returns the fields that have another value for each mark.
    pub fn marked_fields(&self) -> Vec<&'static str> {
        let value = |name, number| Self::value(name, Uuid::from_u128(number));
        let names = self.fields.iter().map(|it| it.name);
        names.filter(|name| value(name, 1) != value(name, 2)).collect()
    }

    /// Returns the body of a create with every field. Each field that has room holds `mark`.
    pub fn marked(&self, mark: Uuid) -> String {
        self.body_of(self.fields.iter().map(|it| it.name), mark)
    }

    /// Returns a body with these fields and with those that every update requires.
    pub fn body_of<'a>(&self, fields: impl Iterator<Item = &'a str>, mark: Uuid) -> String {
        let required = self.fields.iter().filter(|it| it.required == Required::Always);
        let names = required.map(|it| it.name).chain(fields);
        let members: Map<String, Value> =
            names.map(|name| (name.to_owned(), Self::value(name, mark))).collect();
        Value::Object(members).to_string()
    }

    /// Returns an error body: FastAPI's with `detail`, or the service's with its code and message.
    pub fn error(&self, status: u16, detail: &str, code: &str, message: &str) -> Value {
        match self.name {
            "assistant" => json!({ "detail": detail }),
            _ => {
                let error = json!({ "error": code, "message": message });
                json!({ "status": status, "data": null, "errors": [error] })
            }
        }
    }

    /// Returns the violations that an answer reports.
    pub fn violations(&self, answer: &Answer) -> Vec<Value> {
        let member = if self.name == "assistant" { "detail" } else { "errors" };
        answer.json()[member].as_array().unwrap().clone()
    }
}
