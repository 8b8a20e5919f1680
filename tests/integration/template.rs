//! What is deployed, held together: the template, `cargo lambda watch`'s routes, and the functions.

use std::{collections::BTreeMap, fs};

use serde::Deserialize;
use serde_json::json;
use widgets::{binaries, template::Template};

use crate::app::TestApp;

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
