//! Every field of a dialect's own list: through the API, in the table and in the OpenAPI document.
//!
//! The values come from the document: a field's first example, and another value that is made of
//! it.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Value, json};
use shared::model::fields::{Field, Required, Visibility};
use uuid::Uuid;
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use crate::support::app::TestApp;
use crate::support::dialect::{DIALECTS, Dialect};
use crate::support::openapi::OpenApi;

impl Dialect {
    /// Returns a body with every field, with `field` set to `value`; without it, if there is none.
    fn body_with(&self, field: &Field, value: Option<&Value>) -> String {
        let mut body: Map<String, Value> = serde_json::from_str(&self.marked(Uuid::nil())).unwrap();
        body.remove(field.name);
        body.extend(value.map(|value| (field.name.to_owned(), value.clone())));
        Value::Object(body).to_string()
    }

    /// Returns the body of an update that sets `field` alone, besides what every update requires.
    fn update_of(&self, field: &Field, value: &Value) -> Map<String, Value> {
        let required = self.body_of([].into_iter(), Uuid::nil());
        let mut body: Map<String, Value> = serde_json::from_str(&required).unwrap();
        body.insert(field.name.to_owned(), value.clone());
        body
    }

    async fn try_create(&self, app: &TestApp, body: String) -> Result<Value, u16> {
        let answer = app.call("POST", self.root, body).await;
        if answer.status == 200 { Ok(answer.data()) } else { Err(answer.status) }
    }
}

#[tokio::test]
async fn every_field_is_created_read_updated_cleared_stored_and_deleted() {
    let app = TestApp::start().await;
    for dialect in &DIALECTS {
        let document = OpenApi::read(dialect);
        for field in dialect.fields {
            let what = format!("{} {}", dialect.name, field.name);
            let schema = document.property("CreateWidget", field.name);
            let (value, other) = (document.example(schema), document.another(schema));

            let created = dialect.try_create(&app, dialect.body_with(field, Some(&value))).await;
            let created = created.unwrap_or_else(|it| panic!("{what}: {it}"));
            assert_eq!(created[field.name], value, "{what}");
            let id = created["id"].as_str().unwrap();
            let path = dialect.widget(id);
            let read = async || app.call("GET", &path, "").await.data();
            assert_eq!(read().await, created, "{what}");
            let stored = async || app.stored(dialect.name, id).await.unwrap();
            let stored_value = stored().await.remove(field.name);
            assert!(stored_value.is_some(), "{what}");

            let update = async |value| {
                let change = Value::Object(dialect.update_of(field, value)).to_string();
                app.call(dialect.update, &path, change).await
            };
            let updated = update(&other).await;
            assert_eq!(updated.status, 200, "{what}: {updated:?}");
            let updated = updated.data();
            assert_eq!(updated[field.name], other, "{what}");
            assert_ne!(stored().await.remove(field.name), stored_value, "{what}");
            assert_eq!(read().await, updated, "{what}");
            let named = dialect.update_of(field, &other);
            for (name, value) in created.as_object().unwrap() {
                let follows = ["updated_at", "widget_provider", "provider_user_friendly_label"];
                if !named.contains_key(name) && !follows.contains(&name.as_str()) {
                    assert_eq!(&updated[name], value, "{what}: an update leaves {name}");
                }
            }

            let cleared = update(&Value::Null).await;
            if document.is_nullable(document.property("UpdateWidget", field.name)) {
                assert_eq!(cleared.data()[field.name], Value::Null, "{what}");
                assert!(!stored().await.contains_key(field.name), "{what}");
                update(&other).await;
            } else {
                assert_eq!(cleared.status, dialect.invalid, "{what}: {cleared:?}");
            }

            let origin = format!("https://{}.example", Uuid::nil());
            let headers = [("origin", &*origin)];
            let public = app.send("GET", &dialect.public_path(id), &headers, "").await.data();
            let expected = (field.visibility == Visibility::Public).then_some(&other);
            assert_eq!(public.get(field.name), expected, "{what}");

            let deleted = app.call("DELETE", &path, "").await;
            assert_eq!(deleted.data()[field.name], other, "{what}");
            let items = app.items().await;
            assert!(items.iter().all(|it| it["sk"] != AttributeValue::S(id.to_owned())), "{what}");
        }
    }
}

#[tokio::test]
async fn create_without_a_field_sets_its_default_or_names_it() {
    let app = TestApp::start().await;
    for dialect in &DIALECTS {
        let document = OpenApi::read(dialect);
        for field in dialect.fields {
            let what = format!("{} {}", dialect.name, field.name);
            let schema = document.property("CreateWidget", field.name);
            let created = dialect.try_create(&app, dialect.body_with(field, None)).await;
            match (field.required, created) {
                (Required::Never, Ok(data)) => {
                    let expected = match field.name {
                        "org_id" => json!(DEVELOPMENT_ACCOUNT),
                        "remove_branding" => json!(false),
                        _ if document.is_nullable(schema) => Value::Null,
                        _ => json!({}),
                    };
                    assert_eq!(data[field.name], expected, "{what}");
                }
                (Required::Always | Required::OnCreate, Err(status)) => {
                    assert_eq!(status, dialect.invalid, "{what}");
                }
                (required, created) => panic!("{what}: {required:?}, and {created:?}"),
            }
        }
    }
}

#[tokio::test]
async fn every_bound_of_a_field_is_described_and_kept() {
    let app = TestApp::start().await;
    let mut bounds = 0;
    for dialect in &DIALECTS {
        let document = OpenApi::read(dialect);
        for field in dialect.fields {
            let schema = document.property("CreateWidget", field.name);
            let text = |length: &Value| json!("é".repeat(length.as_u64().unwrap() as usize));
            let list = |length: &Value| {
                json!(vec![schema["examples"][0][0].clone(); length.as_u64().unwrap() as usize])
            };
            let over = |bound: &Value| json!(bound.as_i64().unwrap() + 1);
            let under = |bound: &Value| json!(bound.as_i64().unwrap() - 1);
            for (keyword, bound) in schema.as_object().unwrap() {
                let (kept, broken) = match keyword.as_str() {
                    "minLength" => (text(bound), text(&under(bound))),
                    "maxLength" => (text(bound), text(&over(bound))),
                    "maxItems" => (list(bound), list(&over(bound))),
                    "minimum" => (bound.clone(), under(bound)),
                    _ => continue,
                };
                bounds += 1;
                let what = format!("{} {} {keyword}", dialect.name, field.name);
                let create = async |value| {
                    dialect.try_create(&app, dialect.body_with(field, Some(value))).await
                };
                let kept = create(&kept).await;
                assert!(kept.is_ok(), "{what}: {kept:?}");
                let broken = create(&broken).await;
                assert_eq!(broken, Err(dialect.invalid), "{what}");
            }
        }
    }
    assert!(bounds >= 4, "the documents describe {bounds} bounds only");
}

#[test]
fn every_field_stands_in_every_schema_as_the_list_says() {
    for dialect in &DIALECTS {
        let document = OpenApi::read(dialect);
        let public = dialect.public_schema;
        for Field { name, required, visibility } in dialect.fields {
            let what = format!("{} {name}", dialect.name);
            let (on_create, on_update) =
                (*required != Required::Never, *required == Required::Always);
            assert_eq!(document.requires("CreateWidget", name), on_create, "{what}");
            assert_eq!(document.requires("UpdateWidget", name), on_update, "{what}");
            assert!(document.requires("Widget", name), "{what}: an answer always has it");
            assert_eq!(document.is_in(public, name), *visibility == Visibility::Public, "{what}");

            let [create, update, widget] = ["CreateWidget", "UpdateWidget", "Widget"]
                .map(|schema| document.property(schema, name));
            assert_eq!(document.types(create), document.types(update), "{what}");
            for keyword in ["format", "minimum", "minLength", "maxLength", "maxItems", "pattern"] {
                assert_eq!(create[keyword], update[keyword], "{what}: {keyword}");
            }
            // A generator of clients may require a field that has a default.
            assert!(create.get("default").or(update.get("default")).is_none(), "{what}");
            // An answer has fewer types than a request, where a word stands for a boolean.
            let sent = document.types(create);
            assert!(document.types(widget).iter().all(|it| sent.contains(it)), "{what}");
            if *visibility == Visibility::Public {
                let shown = document.property(public, name);
                assert_eq!(document.types(shown), document.types(widget), "{what}");
            }
        }
        for schema in ["CreateWidget", "UpdateWidget"] {
            for name in document.properties(schema) {
                let is_field = dialect.fields.iter().any(|field| field.name == name);
                assert!(is_field, "{schema} describes {name}, which is no field");
            }
        }
    }
}
