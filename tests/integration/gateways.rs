//! What gateways and proxies make of a request: repeated headers, a prefix before the route, the
//! host and the scheme of the client.

use reqwest::Version;
use serde_json::{Value, json};

use crate::support::app::{Answer, JSON, TestApp};
use crate::support::dialect::{ASSISTANT, DIALECTS, Dialect, PATHWAY};

/// The URL in a `Link` header.
fn next_url(link: &str) -> &str {
    link.strip_prefix('<').unwrap().strip_suffix(r#">; rel="next""#).unwrap()
}

/// The origin that may read the answer.
fn readable_by(answer: &Answer) -> Option<&str> {
    Some(answer.headers.get("access-control-allow-origin")?.to_str().unwrap())
}

/// Sends a GET as the payload that a gateway makes of it. Returns the answer's payload.
async fn send_event(app: &TestApp, path: &str, route: &str, stage: &str, headers: Value) -> Value {
    let function = if path.contains("/api/v1/") { "Assistant" } else { "Pathway" };
    let payload = json!({
        "version": "2.0", "routeKey": route, "rawPath": path, "rawQueryString": "limit=1", "headers": headers,
        "requestContext": {"http": {"method": "GET", "path": path}, "stage": stage}, "isBase64Encoded": false,
    });
    serde_json::from_str(&app.invoke(function, &payload.to_string()).await.unwrap()).unwrap()
}

#[tokio::test]
async fn header_that_comes_twice_with_one_value_counts_once() {
    let app = TestApp::start().await;
    let bearer = format!("Bearer {}", app.key);
    for dialect in DIALECTS {
        let (path, body) = (dialect.root, dialect.body);
        for key in [app.key.as_str(), &bearer] {
            let once = [JSON, ("authorization", key), ("idempotency-key", "a,b")];
            let twice = [once, once].concat();
            let keyed = app.send("POST", path, &once, body).await;
            let repeated = app.send("POST", path, &twice, body).await;
            assert_eq!((keyed.status, repeated.status), (200, 200), "{repeated:?}");
            assert_eq!(repeated.header("idempotency-replayed"), "true");
            assert_eq!(repeated.body, keyed.body);
        }
    }

    let any = ("if-none-match", "*");
    for dialect in DIALECTS {
        let widget = dialect.widget(&app.create(&dialect).await.id());
        assert_eq!(app.call_with(&[any, any], "GET", &widget, "").await.status, 304);
    }

    let domains =
        PATHWAY.body.replace(r#""allowed_domains":[]"#, r#""allowed_domains":["example.com"]"#);
    let config = format!("/v1/widget/{}/config", app.create_pathway(domains).await.id());
    let origin = ("origin", "https://example.com");
    for (method, status) in [("GET", 200), ("OPTIONS", 204)] {
        let answer = app.send(method, &config, &[origin, origin], "").await;
        assert_eq!((answer.status, readable_by(&answer)), (status, Some(origin.1)), "{method}");
    }
}

#[tokio::test]
async fn header_that_comes_twice_with_different_values_is_refused() {
    let app = TestApp::start().await;
    let key = ("authorization", app.key.as_str());
    let text = ("content-type", "text/plain");
    let answer = app.send("POST", "/api/v1/widget", &[key, JSON, text], ASSISTANT.body).await;
    assert_eq!(
        (answer.status, &answer.json()["detail"][0]["type"]),
        (422, &json!("model_attributes_type"))
    );
    let other = app.another_key().await;
    for path in ["/api/v1/widget", "/v1/widgets"] {
        for other in [other.as_str(), ""] {
            let answer = app.send("GET", path, &[key, ("authorization", other)], "").await;
            assert_eq!(answer.status, 401, "{path}");
        }
    }
    let config = format!("/v1/widget/{}/config", app.create(&PATHWAY).await.id());
    let origins = [("origin", "https://a.com"), ("origin", "https://b.com")];
    assert_eq!(readable_by(&app.send("GET", &config, &origins, "").await), None);
    assert_eq!(app.count().await, 1);
}

#[tokio::test]
async fn api_works_behind_a_prefix_and_links_keep_it() {
    // The last ones look like the beginning of a route themselves.
    for prefix in ["/chat", "/a/b-c.d", "/v1", "/api/v1"] {
        let app = TestApp::start_with(|options| options.prefix = prefix.to_owned()).await;
        for dialect in DIALECTS {
            let Dialect { root, list, body, update, .. } = dialect;
            let path = format!("{prefix}{root}");
            let created = app.call("POST", &path, body).await;
            assert_eq!(created.status, 200, "{path}: {created:?}");
            let widget = format!("{path}/{}", created.id());
            for (method, body) in [("GET", ""), (update, body), ("DELETE", "")] {
                let answer = app.call(method, &widget, body).await;
                assert_eq!(answer.status, 200, "{method} {widget}: {answer:?}");
            }
            assert_eq!(app.call("GET", &widget, "").await.status, 404);
            // Of these, the template has only greedy routes.
            assert_eq!(app.call("GET", &format!("{prefix}{list}/"), "").await.status, 200);
            let refused = app.call("DELETE", &path, "").await;
            assert!(refused.status == 405 && refused.headers.contains_key("allow"), "{refused:?}");
            let public = format!("{prefix}{}", dialect.public_path(&created.id()));
            let preflight = [("origin", "https://a.com"), ("access-control-request-method", "GET")];
            let preflight = app.send("OPTIONS", &public, &preflight, "").await;
            assert!(
                preflight.headers.contains_key("access-control-allow-origin"),
                "{public}: {preflight:?}"
            );
            for wrong in [format!("{prefix}{prefix}{root}"), format!("{prefix}x{root}")] {
                assert_eq!(app.call("GET", &wrong, "").await.status, 404, "{wrong}");
            }
        }

        let mut created = Vec::new();
        for _ in 0..3 {
            created.insert(
                0,
                app.call("POST", &format!("{prefix}/v1/widget"), PATHWAY.body).await.id(),
            );
        }
        let mut found = Vec::new();
        let mut next = Some(format!("{prefix}/v1/widgets?limit=1"));
        while let Some(path) = next {
            let page = app.call("GET", &path, "").await;
            found.push(page.json()["data"][0]["id"].as_str().unwrap().to_owned());
            next = page.headers.get("link").map(|link| {
                let url = next_url(link.to_str().unwrap());
                url.strip_prefix(&app.stack.url).unwrap().to_owned()
            });
        }
        assert_eq!(found, created, "{prefix}");

        let config = format!("{prefix}/v1/widget/{}/config", created[0]);
        let answer = app.send("GET", &config, &[("origin", "https://a.com")], "").await;
        assert_eq!((answer.status, readable_by(&answer)), (200, Some("https://a.com")));
        let assistant = app.call("POST", &format!("{prefix}/api/v1/widget"), ASSISTANT.body).await;
        let parameters = format!("{prefix}/api/v1/widget/{}/parameters", assistant.id());
        let answer = app.send("GET", &parameters, &[], "").await;
        assert_eq!((answer.status, readable_by(&answer)), (200, Some("*")));
    }
}

#[tokio::test]
async fn stage_before_the_root_is_no_part_of_the_route() {
    let app = TestApp::start().await;
    let assistant = app.create(&ASSISTANT).await.id();
    let pathway = app.create(&PATHWAY).await.id();
    app.create(&PATHWAY).await;
    for stage in ["prod", "v1"] {
        for (route, path) in [
            ("GET /api/v1/widget", "/api/v1/widget".to_owned()),
            ("GET /api/v1/widget/{widget_id}", format!("/api/v1/widget/{assistant}")),
            ("GET /v1/widgets", "/v1/widgets".to_owned()),
            ("GET /v1/widget/{id}", format!("/v1/widget/{pathway}")),
        ] {
            let headers = json!({"authorization": app.key, "host": "api.example.com"});
            let answer = send_event(&app, &format!("/{stage}{path}"), route, stage, headers).await;
            assert_eq!(answer["statusCode"], 200, "{stage} {path}: {answer}");
            if route == "GET /v1/widgets" {
                let url = next_url(answer["headers"]["link"].as_str().unwrap()).to_owned();
                let expected =
                    format!("https://api.example.com/{stage}/v1/widgets?limit=1&cursor=");
                assert!(url.starts_with(&expected), "{url}");
            }
        }
    }
}

#[tokio::test]
async fn id_that_looks_like_a_root_is_an_id() {
    let app = TestApp::start().await;
    for (path, status) in [
        ("/v1/widget/v1", 400),
        ("/v1/widget/v1/config", 400),
        ("/v1/widget/v1/widgets", 404),
        ("/v1/api/v1/widget", 404),
        ("/v1/v1/widgets", 404),
        ("/api/v1/widget/v1", 422),
        ("/api/v1/widget/api/v1/widget", 404),
        ("/api/v1/v1/widgets", 404),
        ("/api/v1/assistant/v1/widgets", 422),
    ] {
        assert_eq!(app.call("GET", path, "").await.status, status, "{path}");
    }
}

#[tokio::test]
async fn first_of_several_schemes_is_the_clients() {
    let app = TestApp::start().await;
    app.create(&PATHWAY).await;
    app.create(&PATHWAY).await;
    for (scheme, expected) in [
        (Some("https"), "https"),
        (Some("http"), "http"),
        (Some("https,https"), "https"),
        (Some("https, http"), "https"),
        (Some("HTTP , https"), "http"),
        (Some(""), "https"),
        (Some("javascript:"), "https"),
        (None, "https"),
    ] {
        let mut headers =
            json!({"authorization": app.key, "host": "a.example:8080,a.example:8080"});
        if let Some(scheme) = scheme {
            headers["x-forwarded-proto"] = json!(scheme);
        }
        let answer = send_event(&app, "/v1/widgets", "GET /v1/widgets", "$default", headers).await;
        let url = next_url(answer["headers"]["link"].as_str().unwrap()).to_owned();
        let start = format!("{expected}://a.example:8080/v1/widgets?limit=1&");
        assert!(url.starts_with(&start), "{scheme:?}: {url}");
    }
    // Without a host the URL is relative to the request's.
    for headers in
        [json!({"authorization": app.key}), json!({"authorization": app.key, "host": ""})]
    {
        let answer =
            send_event(&app, "/chat/v1/widgets", "GET /v1/widgets", "$default", headers).await;
        let url = next_url(answer["headers"]["link"].as_str().unwrap()).to_owned();
        assert!(url.starts_with("/chat/v1/widgets?limit=1&"), "{url}");
    }
}

#[tokio::test]
async fn http_2_request_has_the_host_of_its_authority() {
    let app = TestApp::start().await;
    for _ in 0..2 {
        app.create(&PATHWAY).await;
    }
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let request = client.get(format!("{}/v1/widgets?limit=1", app.stack.url));
    let answer = request.header("authorization", &app.key).send().await.unwrap();
    assert_eq!((answer.version(), answer.status().as_u16()), (Version::HTTP_2, 200));
    let url = next_url(answer.headers()["link"].to_str().unwrap());
    assert!(url.starts_with(&format!("{}/v1/widgets?limit=1&", app.stack.url)), "{url}");
}
