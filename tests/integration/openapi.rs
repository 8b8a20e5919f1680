//! The OpenAPI document of each dialect matches what is deployed and what the functions answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde_json::Value;
use uuid::Uuid;
use widgets::local::{binaries, template::Template};

use crate::support::app::{ASSISTANT_BODY, PATHWAY_BODY, TestApp};

const DIALECTS: [(&str, &str, &str); 2] = [
    ("assistant", "Assistant", "/api/v1/openapi.json"),
    ("pathway", "Pathway", "/v1/openapi.json"),
];

/// Returns the text of a dialect's document.
pub fn document(dialect: &str) -> String {
    fs::read_to_string(binaries::workspace().join(format!("functions/{dialect}/openapi.json")))
        .unwrap()
}

/// The operations that a document describes: its methods by path.
fn operations(document: &Value) -> BTreeMap<String, BTreeSet<String>> {
    const METHODS: [&str; 8] =
        ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
    let methods = |item: &Value| {
        let names =
            item.as_object().unwrap().keys().filter(|name| METHODS.contains(&name.as_str()));
        names.map(|name| name.to_ascii_uppercase()).collect()
    };
    document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(path, item)| (path.clone(), methods(item)))
        .collect()
}

#[tokio::test]
async fn committed_document_is_served_without_a_key() {
    let app = TestApp::start().await;
    for (dialect, _, path) in DIALECTS {
        let answer = app.send("GET", path, &[("origin", "https://docs.example.com")], "").await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.body, document(dialect));
        assert!(answer.json()["openapi"].as_str().unwrap().starts_with("3.1."));
    }
}

#[tokio::test]
async fn described_operations_are_exactly_those_deployed_and_routed() {
    let app = TestApp::start().await;
    let template = Template::read(binaries::workspace()).unwrap();
    for (dialect, function, _) in DIALECTS {
        let described = operations(&serde_json::from_str(&document(dialect)).unwrap());

        let mut deployed = BTreeMap::<String, BTreeSet<String>>::new();
        let function = template.functions.iter().find(|spec| spec.name == function).unwrap();
        for route in function.routes.iter().filter(|route| route.method != "ANY") {
            deployed.entry(route.path.clone()).or_default().insert(route.method.clone());
        }
        assert_eq!(described, deployed, "{dialect}");

        // The router's own list of a path's methods is what it says where it has another.
        for (path, methods) in &described {
            let path: String = path
                .split('/')
                .map(|segment| {
                    if segment.starts_with('{') {
                        format!("/{}", Uuid::nil())
                    } else {
                        format!("/{segment}")
                    }
                })
                .collect();
            let path = path.strip_prefix('/').unwrap();
            let refused = app.send("PROPFIND", path, &[], "").await;
            assert_eq!(refused.status, 405, "{path}");
            let mut allowed: BTreeSet<String> =
                refused.header("allow").split(", ").map(ToOwned::to_owned).collect();
            // The question that comes before an operation is none itself.
            let has_preflight = allowed.remove("OPTIONS");
            assert_eq!(has_preflight, path.ends_with("/parameters") || path.ends_with("/config"));
            assert_eq!(&allowed, methods, "{path}");
        }
    }
}

#[tokio::test]
async fn described_requests_succeed_and_return_the_described_widget() {
    let app = TestApp::start().await;
    for (dialect, root, smallest) in
        [("assistant", "/api/v1/widget", ASSISTANT_BODY), ("pathway", "/v1/widget", PATHWAY_BODY)]
    {
        let document: Value = serde_json::from_str(&document(dialect)).unwrap();
        let widget_keys: Vec<&str> = document["components"]["schemas"]["Widget"]["required"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key.as_str().unwrap())
            .collect();
        let mut examples = 0;
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let bodies = &operation["requestBody"]["content"]["application/json"]["examples"];
                for (name, example) in bodies.as_object().into_iter().flatten() {
                    examples += 1;
                    let id = app.call("POST", root, smallest).await.id();
                    let path = path.replace("{id}", &id).replace("{widget_id}", &id);
                    let answer = app
                        .call(&method.to_ascii_uppercase(), &path, example["value"].to_string())
                        .await;
                    assert_eq!(answer.status, 200, "{dialect} {method} {path} {name}: {answer:?}");
                    let data = answer.json()["data"].clone();
                    let keys: BTreeSet<&str> =
                        data.as_object().unwrap().keys().map(String::as_str).collect();
                    assert_eq!(keys, widget_keys.iter().copied().collect());
                    // A word for a boolean comes back as one.
                    let is_kept = |(key, _): &(&String, &Value)| *key != "remove_branding";
                    for (key, value) in example["value"].as_object().unwrap().iter().filter(is_kept)
                    {
                        assert_eq!(&data[key], value, "{dialect} {name}: {key}");
                    }
                }
            }
        }
        assert!(examples >= 4, "{dialect}: {examples}");
    }
}

/// Calls `found` with each schema that has examples, as a reference into the document, and with
/// each of its examples. A schema has a list of them, a request or an answer a name for each.
fn examples<'a>(value: &'a Value, place: &str, found: &mut impl FnMut(&str, &'a Value)) {
    match (&value["schema"], &value["examples"]) {
        (Value::Object(_), Value::Object(named)) => {
            named.values().for_each(|it| found(&format!("{place}/schema"), &it["value"]));
        }
        (_, Value::Array(listed)) => listed.iter().for_each(|example| found(place, example)),
        _ => {}
    }
    let members = value.as_object().into_iter().flatten();
    for (name, member) in members.filter(|(name, _)| *name != "examples") {
        let name = name.replace('~', "~0").replace('/', "~1");
        let name = name.replace('{', "%7B").replace('}', "%7D");
        examples(member, &format!("{place}/{name}"), found);
    }
    for (index, element) in value.as_array().into_iter().flatten().enumerate() {
        examples(element, &format!("{place}/{index}"), found);
    }
}

#[test]
fn every_example_is_valid_by_its_schema() {
    for (dialect, ..) in DIALECTS {
        let document: Value = serde_json::from_str(&document(dialect)).unwrap();
        let mut count = 0;
        examples(&document, "#", &mut |schema, example| {
            count += 1;
            let mut root = document.clone();
            root["$ref"] = schema.into();
            let validator = jsonschema::options()
                .with_draft(jsonschema::Draft::Draft202012)
                .should_validate_formats(true)
                .build(&root)
                .unwrap_or_else(|error| panic!("{dialect} {schema}: {error}"));
            let errors: Vec<String> =
                validator.iter_errors(example).map(|error| error.to_string()).collect();
            assert_eq!(errors, Vec::<String>::new(), "{dialect} {schema}: {example}");
        });
        assert!(count > 40, "{dialect}: {count} examples only");
    }
}
