//! What is deployed, held together: the template, `cargo lambda watch`'s routes, and the functions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde::Deserialize;
use serde_json::json;
use widgets::{binaries, template::Template};

use crate::{
    app::{ASSISTANT_BODY, PATHWAY_BODY, TestApp},
    fault_store::{Call, Fault, FaultStore},
};

fn template() -> Template {
    Template::read(binaries::workspace()).unwrap()
}

#[tokio::test]
async fn every_route_of_the_template_leads_to_its_function() {
    let app = TestApp::start().await;
    for function in template().functions {
        for route in &function.routes {
            let method = if route.method == "ANY" { "PURGE" } else { &route.method };
            let path = route.path.replace("{proxy+}", "nothing/there");
            let answer = app.send(method, &path, &[], "").await;
            let expected = if route.method == "ANY" { 404 } else { 401 };
            assert_eq!(answer.status, expected, "{route:?}: {answer:?}");
            let line = app.logged(&function.name, answer.header("x-request-id")).await;
            assert!(line.contains(&format!(r#""route":"{} {}""#, route.method, route.path)), "{line}");
        }
    }
}

#[tokio::test]
async fn what_no_route_matches_is_the_gateway_s_404() {
    let app = TestApp::start().await;
    for path in ["/", "/v1", "/api", "/api/v2/widget", "//v1/widget", "/v1/", "/V1/widget"] {
        let answer = app.send("GET", path, &[], "").await;
        assert_eq!((answer.status, answer.json()), (404, json!({"message": "Not Found"})), "{path}");
    }
}

#[test]
fn cargo_lambda_watch_has_the_same_routes_and_variables() {
    #[derive(Deserialize)]
    struct Config {
        env: BTreeMap<String, String>,
        watch: Watch,
    }

    #[derive(Deserialize)]
    struct Watch {
        router: BTreeMap<String, String>,
    }

    let file = binaries::workspace().join("CargoLambda.toml");
    let config: Config = toml::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let mut routes = BTreeMap::new();
    for mut function in template().functions {
        // Where the store is, is said on the command line there.
        assert_eq!(function.variables.remove("AWS_ENDPOINT_URL_DYNAMODB").as_deref(), Some(""));
        assert_eq!(function.variables, config.env);
        for route in function.routes {
            routes.insert(route.path.replace("{proxy+}", "{*proxy}"), function.binary.clone());
        }
    }
    assert_eq!(config.watch.router, routes);
}

#[tokio::test]
async fn a_function_s_role_allows_the_calls_it_makes_and_no_other() {
    #[derive(Deserialize)]
    struct Template {
        #[serde(rename = "Resources")]
        resources: BTreeMap<String, Resource>,
    }

    #[derive(Deserialize)]
    struct Resource {
        #[serde(rename = "Properties", default)]
        properties: Properties,
    }

    #[derive(Deserialize, Default)]
    struct Properties {
        #[serde(rename = "Policies", default)]
        policies: Vec<Policy>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Policy {
        statement: Vec<Statement>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Statement {
        effect: String,
        action: String,
        resource: String,
    }

    let yaml = fs::read_to_string(binaries::workspace().join("template.yaml")).unwrap();
    let template: Template = serde_saphyr::from_str(&yaml).unwrap();
    let allowed = |function: &str| -> BTreeSet<(String, String)> {
        let statements = template.resources[function].properties.policies.iter().flat_map(|policy| &policy.statement);
        let allow = |statement: &Statement| {
            assert_eq!(statement.effect, "Allow");
            let action = statement.action.strip_prefix("dynamodb:").unwrap().to_owned();
            (action, statement.resource.strip_suffix(".Arn").unwrap().to_owned())
        };
        statements.map(allow).collect()
    };

    let store = FaultStore::start(Call::PutItem, [], Fault::None).await;
    let place = store.place();
    let app = TestApp::start_with(|options| options.place = place).await;
    store.calls();
    assert_eq!(app.create_assistant(ASSISTANT_BODY).await.status, 200);
    assert_eq!(store.calls(), allowed("Assistant"));
    assert_eq!(app.create_pathway(PATHWAY_BODY).await.status, 200);
    assert_eq!(store.calls(), allowed("Pathway"));
    // A known key costs no call.
    assert_eq!(app.create_pathway(PATHWAY_BODY).await.status, 200);
    assert_eq!(store.calls().len(), 1);
}
