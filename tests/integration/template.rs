//! What is deployed, held together: the template, `cargo lambda watch`'s routes, and the functions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;
use widgets::{binaries, meter::Call, template::Template};

use crate::app::{ASSISTANT_BODY, Answer, PATHWAY_BODY, TestApp};

fn template() -> Template {
    Template::read(binaries::workspace()).unwrap()
}

/// Creates a widget with an idempotency key.
async fn once(app: &TestApp, root: &str, body: &'static str) -> Answer {
    let headers =
        [("authorization", app.key.as_str()), ("content-type", "application/json"), ("idempotency-key", "once")];
    app.send("POST", root, &headers, body).await
}

#[tokio::test]
async fn every_route_of_the_template_leads_to_its_function() {
    let app = TestApp::start().await;
    for function in template().functions {
        for route in &function.routes {
            let method = if route.method == "ANY" { "PURGE" } else { &route.method };
            let path = route.path.replace("{proxy+}", "nothing/there");
            let answer = app.send(method, &path, &[], "").await;
            let expected = match route.path.rsplit('/').next().unwrap() {
                "{proxy+}" => &[404][..],
                "openapi.json" => &[200],
                // Public: it is the id that is wrong.
                "parameters" => &[422],
                "config" => &[400],
                _ => &[401],
            };
            assert!(expected.contains(&answer.status), "{route:?}: {answer:?}");
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
            if route.path.ends_with("{proxy+}") {
                routes.insert(route.path.replace("{proxy+}", "{*proxy}"), function.binary.clone());
            }
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
        #[serde(default)]
        statement: Vec<Statement>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Statement {
        effect: String,
        action: Vec<String>,
        resource: Vec<String>,
    }

    let yaml = fs::read_to_string(binaries::workspace().join("template.yaml")).unwrap();
    let template: Template = serde_saphyr::from_str(&yaml).unwrap();
    let allowed = |function: &str| -> BTreeSet<(String, String)> {
        let statements = template.resources[function].properties.policies.iter().flat_map(|policy| &policy.statement);
        let allow = |statement: &Statement| -> Vec<(String, String)> {
            assert_eq!(statement.effect, "Allow");
            let resources: Vec<String> = statement
                .resource
                .iter()
                .map(|it| it.replace("${Widgets.Arn}", "Widgets").replace(".Arn", ""))
                .collect();
            let actions = statement.action.iter().map(|action| action.strip_prefix("dynamodb:").unwrap());
            actions.flat_map(|action| resources.iter().map(|it| (action.to_owned(), it.clone()))).collect()
        };
        statements.flat_map(allow).collect()
    };

    let (app, meter) = TestApp::start_metered().await;
    let actions = |call: Call| call.actions.into_iter().map(move |action| (action, call.resource.clone()));
    let made = || meter.take().into_iter().flat_map(actions).collect::<BTreeSet<_>>();
    made();
    let assistant_id = Uuid::new_v4();
    let body = ASSISTANT_BODY.replace('}', &format!(r#","assistant_id":"{assistant_id}"}}"#));
    assert_eq!(once(&app, "/api/v1/widget", ASSISTANT_BODY).await.status, 200);
    let id = app.create_assistant(body).await.json()["data"]["id"].as_str().unwrap().to_owned();
    for (method, path) in [
        ("GET", "/api/v1/widget".to_owned()),
        ("GET", "/api/v1/widget?page=2".to_owned()),
        ("GET", format!("/api/v1/assistant/{assistant_id}/widgets")),
        ("GET", format!("/api/v1/widget/{id}")),
        ("PUT", format!("/api/v1/widget/{id}")),
        ("GET", format!("/api/v1/widget/{id}/parameters")),
        ("DELETE", format!("/api/v1/widget/{id}")),
        ("GET", "/api/v1/openapi.json".to_owned()),
    ] {
        assert_eq!(app.call(method, &path, ASSISTANT_BODY).await.status, 200, "{method} {path}");
    }
    assert_eq!(made(), allowed("Assistant"));

    assert_eq!(once(&app, "/v1/widget", PATHWAY_BODY).await.status, 200);
    let id = app.create_pathway(PATHWAY_BODY).await.json()["data"]["id"].as_str().unwrap().to_owned();
    for (method, path) in [
        ("GET", "/v1/widgets".to_owned()),
        ("GET", "/v1/widget".to_owned()),
        ("GET", format!("/v1/widget/{id}")),
        ("PATCH", format!("/v1/widget/{id}")),
        ("GET", format!("/v1/widget/{id}/config")),
        ("DELETE", format!("/v1/widget/{id}")),
        ("GET", "/v1/openapi.json".to_owned()),
    ] {
        assert_eq!(app.call(method, &path, PATHWAY_BODY).await.status, 200, "{method} {path}");
    }
    assert_eq!(made(), allowed("Pathway"));
}

#[tokio::test]
async fn an_operation_on_one_widget_is_one_call_and_a_public_read_two() {
    let (app, meter) = TestApp::start_metered().await;
    let made = || meter.take().into_iter().map(|call| call.operation).collect::<Vec<_>>();
    for (root, update, public, body) in
        [("/api/v1/widget", "PUT", "parameters", ASSISTANT_BODY), ("/v1/widget", "PATCH", "config", PATHWAY_BODY)]
    {
        // The first request looks up the key.
        assert_eq!(app.call("GET", root, "").await.status, 200);
        made();
        let created = app.call("POST", root, body).await;
        assert_eq!(made(), ["PutItem"], "{root}");
        for _ in ["the first time", "again"] {
            assert_eq!(once(&app, root, body).await.status, 200);
            assert_eq!(made(), ["TransactWriteItems"], "{root}");
        }
        let widget = format!("{root}/{}", created.json()["data"]["id"].as_str().unwrap());
        for (method, path, expected) in [
            ("GET", root, &["Query"][..]),
            ("GET", &widget, &["GetItem"]),
            (update, &widget, &["UpdateItem"]),
            ("GET", &format!("{widget}/{public}"), &["Query", "GetItem"]),
            ("DELETE", &widget, &["UpdateItem"]),
        ] {
            assert_eq!(app.call(method, path, body).await.status, 200, "{method} {path}");
            assert_eq!(made(), expected, "{method} {path}");
        }
    }
}
