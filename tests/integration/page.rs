//! The page of the local stack, without a browser: `tests/page` clicks through it.

use std::collections::BTreeSet;

use reqwest::{Method, Response, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    command::{PATIENCE, Serve},
    support::dialect::{ASSISTANT, DIALECTS, Dialect, PATHWAY},
};

/// What the gateway answers where it has no route.
const NOT_FOUND: (StatusCode, &str) = (StatusCode::NOT_FOUND, r#"{"message":"Not Found"}"#);

async fn serve(arguments: &[&str]) -> Serve {
    Serve::start(&[&["--ephemeral"], arguments].concat()).await
}

async fn send(serve: &Serve, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = reqwest::Client::new().request(method, format!("{}{path}", serve.url));
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.send().await.unwrap()
}

async fn get(serve: &Serve, path: &str) -> Response {
    send(serve, Method::GET, path, &[]).await
}

async fn read(response: Response) -> (StatusCode, HeaderMap, String) {
    let (status, headers) = (response.status(), response.headers().clone());
    (status, headers, response.text().await.unwrap())
}

async fn create(serve: &Serve, prefix: &str, dialect: &Dialect, body: &str) -> String {
    let url = format!("{}{prefix}{}", serve.url, dialect.root);
    let request = reqwest::Client::new().post(url).header("authorization", &serve.key);
    let request = request.header("content-type", "application/json").body(body.to_owned());
    let created: Value =
        serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap();
    created["data"]["id"].as_str().unwrap_or_else(|| panic!("{created}")).to_owned()
}

/// A feed that is read.
struct Feed {
    response: Response,
    /// What is not parsed yet.
    text: String,
    /// What came and was not asked for yet: the name, the id and the content.
    events: Vec<(String, String, Value)>,
}

impl Feed {
    async fn open(serve: &Serve, query: &str) -> Self {
        // The answer begins at once, whether there is something to tell or not.
        let response = timeout(PATIENCE, get(serve, &format!("/page/feed{query}"))).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new(), events: Vec::new() }
    }

    /// Returns the id and the content of the next event of this name.
    async fn next(&mut self, name: &str) -> (String, Value) {
        timeout(PATIENCE, self.wait_for(name)).await.unwrap_or_else(|_| panic!("no {name} came"))
    }

    async fn wait_for(&mut self, name: &str) -> (String, Value) {
        loop {
            if let Some(found) = self.events.iter().position(|(it, ..)| it == name) {
                let (_, id, content) = self.events.remove(found);
                return (id, content);
            }
            let chunk = self.response.chunk().await.unwrap().expect("the feed has ended");
            self.text += str::from_utf8(&chunk).unwrap();
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                self.events.extend(parse(event));
                self.text = rest.to_owned();
            }
        }
    }
}

/// Parses an event; a comment is none.
fn parse(event: &str) -> Option<(String, String, Value)> {
    let field = |field: &str| event.lines().find_map(|line| line.strip_prefix(field));
    let data: Value = serde_json::from_str(field("data: ")?).unwrap();
    Some((field("event: ")?.to_owned(), field("id: ")?.to_owned(), data["content"].clone()))
}

#[tokio::test]
async fn page_and_all_that_it_loads_come_from_the_stack() {
    let serve = serve(&[]).await;
    assert_eq!(serve.page, format!("{}/", serve.url));
    let mut paths = vec!["/".to_owned(), "/page/explorer/assistant".to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(path) = paths.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let (status, headers, text) = read(get(&serve, &path).await).await;
        assert_eq!(status, 200, "{path}");
        assert_eq!(headers["cache-control"], "no-store", "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
        assert_eq!(headers["cross-origin-resource-policy"], "same-origin", "{path}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert!(!headers.keys().any(|name| name.as_str().starts_with("access-control")), "{path}");
        if path.contains("swagger-ui") || path.ends_with("stack.json") {
            continue;
        }
        for elsewhere in [r#"src="http"#, r#"href="http"#, r#"from "http"#, "url(http", "@import"] {
            assert!(!text.contains(elsewhere), "{path}: {elsewhere}");
        }
        let is_file = |word: &&str| word.starts_with("/page/") && word.contains('.');
        paths.extend(text.split('"').filter(is_file).map(str::to_owned));
    }
    for file in ["/page/main.js", "/page/dom.js", "/page/preview.css", "/page/swagger-ui.js"] {
        assert!(seen.contains(file), "{file}: {seen:?}");
    }
    let (_, headers, _) = read(get(&serve, "/").await).await;
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("require-trusted-types-for 'script'"), "{policy}");
}

#[tokio::test]
async fn only_browsers_on_this_machine_see_the_page() {
    let serve = serve(&[]).await;
    let id = create(&serve, "", &PATHWAY, PATHWAY.body).await;
    let config = format!("/page/config/{id}?origin=https://a.com");
    let paths = ["/", "/page/stack.json", "/page/feed", "/page/main.js", &config];
    for path in paths {
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1:1", "[::1]:3000"] {
            let response = send(&serve, Method::GET, path, &[("host", host)]).await;
            assert_eq!(response.status(), 200, "{path} {host}");
        }
        let own = serve.url.as_str();
        assert_eq!(send(&serve, Method::GET, path, &[("origin", own)]).await.status(), 200);
        for header in [
            ("host", "attacker.example"),
            ("host", "127.0.0.1.attacker.example:3000"),
            ("host", "192.0.2.1:3000"),
            ("host", "0.0.0.0:3000"),
            ("origin", "https://attacker.example"),
            ("origin", "null"),
            ("x-forwarded-for", "127.0.0.1"),
            ("forwarded", "for=127.0.0.1"),
        ] {
            let (status, headers, text) =
                read(send(&serve, Method::GET, path, &[header]).await).await;
            assert_eq!((status, text.as_str()), NOT_FOUND, "{path} {header:?}");
            assert!(!headers.contains_key("content-security-policy"), "{path} {header:?}");
        }
    }
    // Whatever the host, the API answers.
    let headers = [("host", "api.example.com"), ("authorization", &*serve.key)];
    assert_eq!(send(&serve, Method::GET, "/v1/widgets", &headers).await.status(), 200);
}

#[tokio::test]
async fn page_answers_get_of_its_own_paths_and_nothing_else() {
    let serve = serve(&[]).await;
    let head = send(&serve, Method::HEAD, "/", &[]).await;
    assert_eq!(head.status(), 200);
    for (method, path) in [
        (Method::POST, "/"),
        (Method::OPTIONS, "/"),
        (Method::DELETE, "/page/feed"),
        (Method::PUT, "/page/stack.json"),
        (Method::GET, "/page"),
        (Method::GET, "/page/"),
        (Method::GET, "/page/index.html"),
        (Method::GET, "/page/../Cargo.toml"),
        (Method::GET, "/index.html"),
        (Method::GET, "//"),
        (Method::GET, "/favicon.ico"),
    ] {
        let (status, headers, text) = read(send(&serve, method.clone(), path, &[]).await).await;
        assert_eq!((status, text.as_str()), NOT_FOUND, "{method} {path}");
        let names: BTreeSet<&str> = headers.keys().map(|name| name.as_str()).collect();
        assert_eq!(names, ["content-length", "content-type", "date"].into(), "{method} {path}");
    }
}

#[tokio::test]
async fn routes_of_the_api_win_over_the_page() {
    for prefix in ["/page", "/chat"] {
        let serve = serve(&["--prefix", prefix]).await;
        for dialect in DIALECTS {
            create(&serve, prefix, &dialect, dialect.body).await;
            let list = format!("{prefix}{}", dialect.list);
            let answer = send(&serve, Method::GET, &list, &[("authorization", &*serve.key)]).await;
            assert_eq!(answer.status(), 200, "{list}");
        }
        let unknown = read(get(&serve, &format!("{prefix}/v1/nothing")).await).await;
        assert!(unknown.2.contains(r#""errors":[{"error""#), "the function's own 404: {unknown:?}");
        assert_eq!(get(&serve, "/").await.status(), 200);
        assert_eq!(get(&serve, "/page/main.js").await.status(), 200);
        let (status, _, text) = read(get(&serve, "/v1/widgets").await).await;
        assert_eq!((status, text.as_str()), NOT_FOUND);
    }
}

#[tokio::test]
async fn page_is_told_what_the_banner_tells() {
    let key = "it's-$mine&<you>+%";
    let serve = serve(&["--prefix", "/chat", "--api-key", key]).await;
    let (_, headers, text) = read(get(&serve, "/page/stack.json").await).await;
    assert_eq!(headers["content-type"], "application/json");
    let stack: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&stack["key"], &stack["prefix"]), (&json!(key), &json!("/chat")));
    assert_eq!((&stack["url"], &stack["store"]), (&json!(serve.url), &json!(serve.store)));
    let curls = [&stack["curl"]["assistant"], &stack["curl"]["pathway"]];
    assert_eq!(curls, [&json!(serve.curls[0]), &json!(serve.curls[1])]);
    let names: Vec<_> =
        stack["functions"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, DIALECTS.map(|dialect| dialect.function));
}

#[tokio::test]
async fn changes_and_log_lines_come_as_they_happen() {
    let serve = serve(&[]).await;
    let mut feed = Feed::open(&serve, "").await;
    let first = create(&serve, "", &ASSISTANT, ASSISTANT.body).await;
    let (_, log) = feed.next("log").await;
    assert_eq!(log["function"], "Assistant");
    assert!(log["text"].as_str().unwrap().starts_with("200 POST /api/v1/widget in "), "{log}");
    let (last, change) = feed.next("change").await;
    assert_eq!(change["detail"]["type"], "widget.created");
    assert_eq!(change["detail"]["data"]["widget_id"], *first);

    // A page that comes back gets what it missed and nothing twice.
    drop(feed);
    let second = create(&serve, "", &PATHWAY, PATHWAY.body).await;
    let mut again = Feed::open(&serve, &format!("?after={last}")).await;
    assert_eq!(again.next("change").await.1["detail"]["data"]["widget_id"], *second);
    // A page that is new gets what was before it.
    let mut other = Feed::open(&serve, "").await;
    assert!(other.next("log").await.1["text"].as_str().unwrap().contains(&first));
    assert_eq!(other.next("change").await.1["detail"]["data"]["widget_id"], *first);
}

#[tokio::test]
async fn page_is_told_why_no_changes_come() {
    let store = serve(&[]).await;
    let serve = Serve::start(&["--endpoint-url", &store.store, "--api-key", "in-test"]).await;
    let mut feed = Feed::open(&serve, "").await;
    create(&serve, "", &PATHWAY, PATHWAY.body).await;
    feed.next("change").await;
    assert!(store.end("-TERM").await);
    let (_, reason) = feed.next("failure").await;
    assert!(reason.as_str().unwrap().contains("cannot be reached"), "{reason}");
}

#[tokio::test]
async fn stack_stops_while_a_page_is_open() {
    let serve = serve(&[]).await;
    let mut feed = Feed::open(&serve, "").await;
    create(&serve, "", &PATHWAY, PATHWAY.body).await;
    feed.next("change").await;
    assert!(serve.end("-TERM").await);
    // It came to its end, and was not cut off.
    while feed.response.chunk().await.unwrap().is_some() {}
}

#[tokio::test]
async fn configuration_is_read_as_a_page_of_another_origin_does() {
    let serve = serve(&["--prefix", "/chat"]).await;
    let body = PATHWAY.body.replace("[]", r#"["*.example.com"]"#);
    let id = create(&serve, "/chat", &PATHWAY, &body).await;
    for (origin, expected) in [
        ("https://shop.example.com", 200),
        ("https://example.com", 403),
        ("https://attacker.example", 403),
        ("%0A", 400),
    ] {
        let (status, _, text) =
            read(get(&serve, &format!("/page/config/{id}?origin={origin}")).await).await;
        assert_eq!(status, expected, "{origin}: {text}");
        assert_eq!(text.contains(&format!(r#""id":"{id}""#)), expected == 200, "{text}");
    }
    let (status, _, text) =
        read(get(&serve, "/page/config/..%2F..%2Fwidgets?origin=null").await).await;
    assert_eq!(status, 404, "an id is never another path: {text}");
}
