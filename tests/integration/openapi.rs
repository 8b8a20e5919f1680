//! The OpenAPI document of each dialect matches what is deployed and what the functions answer.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use uuid::Uuid;
use widgets::local::{binaries, template::Template};

use crate::support::{app::TestApp, dialect::DIALECTS};

/// The operations that a document describes: its methods by path.
fn operations(document: &Value) -> BTreeMap<String, BTreeSet<String>> {
    const METHODS: &str = "get put post delete options head patch trace";
    let methods = |item: &Value| {
        let names = item.as_object().unwrap().keys().map(String::as_str);
        let names = names.filter(|name| METHODS.split(' ').any(|method| method == *name));
        names.map(str::to_ascii_uppercase).collect()
    };
    let paths = document["paths"].as_object().unwrap().iter();
    paths.map(|(path, item)| (path.clone(), methods(item))).collect()
}

#[tokio::test]
async fn committed_document_is_served_without_a_key() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let origin = [("origin", "https://docs.example.com")];
        let answer = app.send("GET", &dialect.openapi_path(), &origin, "").await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.body, dialect.openapi());
        assert!(answer.json()["openapi"].as_str().unwrap().starts_with("3.1."));
    }
}

#[tokio::test]
async fn described_operations_are_exactly_those_deployed_and_routed() {
    let app = TestApp::start().await;
    let template = Template::read(binaries::workspace()).unwrap();
    for dialect in DIALECTS {
        let described = operations(&serde_json::from_str(&dialect.openapi()).unwrap());

        let mut deployed = BTreeMap::<String, BTreeSet<String>>::new();
        let mut functions = template.functions.iter();
        let function = functions.find(|spec| spec.name == dialect.function).unwrap();
        for route in function.routes.iter().filter(|route| route.method != "ANY") {
            deployed.entry(route.path.clone()).or_default().insert(route.method.clone());
        }
        assert_eq!(described, deployed, "{}", dialect.name);

        // The router's own list of a path's methods is what it says where it has another.
        for (path, methods) in &described {
            let id = Uuid::nil().to_string();
            let segments = path.split('/').map(|it| if it.starts_with('{') { &id } else { it });
            let path = &segments.collect::<Vec<_>>().join("/");
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
    for dialect in DIALECTS {
        let document: Value = serde_json::from_str(&dialect.openapi()).unwrap();
        let required = document["components"]["schemas"]["Widget"]["required"].as_array().unwrap();
        let described: BTreeSet<&str> = required.iter().map(|key| key.as_str().unwrap()).collect();
        let mut examples = 0;
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let bodies = &operation["requestBody"]["content"]["application/json"]["examples"];
                for (name, example) in bodies.as_object().into_iter().flatten() {
                    examples += 1;
                    let id = app.create(&dialect).await.id();
                    let path = path.replace("{id}", &id).replace("{widget_id}", &id);
                    let body = example["value"].to_string();
                    let answer = app.call(&method.to_ascii_uppercase(), &path, body).await;
                    assert_eq!(answer.status, 200, "{method} {path} {name}: {answer:?}");
                    let data = answer.data();
                    let keys = data.as_object().unwrap().keys().map(String::as_str);
                    assert_eq!(keys.collect::<BTreeSet<_>>(), described);
                    // A word for a boolean comes back as one.
                    let sent = example["value"].as_object().unwrap();
                    for (key, value) in sent.iter().filter(|(key, _)| *key != "remove_branding") {
                        assert_eq!(&data[key], value, "{path} {name}: {key}");
                    }
                }
            }
        }
        assert!(examples >= 4, "{}: {examples}", dialect.name);
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
    for dialect in DIALECTS {
        let (document, dialect) = (dialect.openapi(), dialect.name);
        let document: Value = serde_json::from_str(&document).unwrap();
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
