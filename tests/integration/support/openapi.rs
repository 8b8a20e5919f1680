//! The OpenAPI document of a dialect, as tests read it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::dialect::Dialect;

/// The OpenAPI document of a dialect.
pub struct OpenApi(Value);

impl OpenApi {
    /// Reads the document of a dialect.
    pub fn read(dialect: &Dialect) -> Self {
        Self(serde_json::from_str(&dialect.openapi()).unwrap())
    }

    /// Returns the schema of a property, with references followed.
    pub fn property(&self, schema: &str, name: &str) -> &Value {
        let found = &self.0["components"]["schemas"][schema]["properties"][name];
        assert!(found.is_object(), "{schema} has no {name}");
        self.resolve(found)
    }

    /// Follows the references of a schema.
    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(reference) => self.resolve(self.0.pointer(&reference[1..]).unwrap()),
            None => schema,
        }
    }

    /// Returns whether a schema requires a property.
    pub fn requires(&self, schema: &str, name: &str) -> bool {
        let required = self.0["components"]["schemas"][schema]["required"].as_array();
        required.is_some_and(|names| names.iter().any(|it| it == name))
    }

    /// Returns whether a schema has a property.
    pub fn is_in(&self, schema: &str, name: &str) -> bool {
        self.0["components"]["schemas"][schema]["properties"].get(name).is_some()
    }

    /// Returns the JSON types that a schema allows, in the order of their names.
    pub fn types(&self, schema: &Value) -> Vec<String> {
        let schema = self.resolve(schema);
        let mut types: Vec<String> = match (&schema["type"], &schema["anyOf"]) {
            (Value::String(name), _) => vec![name.clone()],
            (Value::Array(names), _) => {
                names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
            }
            (_, Value::Array(schemas)) => schemas.iter().flat_map(|it| self.types(it)).collect(),
            _ => panic!("no type: {schema}"),
        };
        types.sort_unstable();
        types.dedup();
        types
    }

    /// Returns the names of a schema's properties.
    pub fn properties(&self, schema: &str) -> BTreeSet<&str> {
        let properties = self.0["components"]["schemas"][schema]["properties"].as_object();
        properties.unwrap().keys().map(String::as_str).collect()
    }

    /// Returns whether a schema allows null.
    pub fn is_nullable(&self, schema: &Value) -> bool {
        self.types(schema).iter().any(|name| name == "null")
    }

    /// Returns the names that a schema allows, if it is a list of names.
    pub fn names<'a>(&'a self, schema: &'a Value) -> Option<&'a Vec<Value>> {
        let schema = self.resolve(schema);
        let within = || schema["anyOf"].as_array()?.iter().find_map(|it| self.names(it));
        schema["enum"].as_array().or_else(within)
    }

    /// Returns a value that the schema allows.
    pub fn example(&self, schema: &Value) -> Value {
        match self.names(schema) {
            Some(names) => names[1].clone(),
            None => schema["examples"][0].clone(),
        }
    }

    /// Returns another value than the example that the schema allows.
    pub fn another(&self, schema: &Value) -> Value {
        match self.example(schema) {
            _ if self.names(schema).is_some() => self.names(schema).unwrap()[2].clone(),
            _ if schema["format"] == "uuid" => json!("0f0f0f0f-0000-4000-8000-000000000002"),
            Value::Bool(value) => json!(!value),
            Value::Number(number) => json!(number.as_i64().unwrap() + 1),
            Value::String(text) => json!(format!("{text}/2")),
            Value::Array(mut values) => {
                values.truncate(1);
                values.extend(values.clone());
                Value::Array(values)
            }
            Value::Object(_) => json!({"other": [1, null]}),
            Value::Null => panic!("no example: {schema}"),
        }
    }
}
