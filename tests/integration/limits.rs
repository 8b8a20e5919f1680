//! Requests that are longer, deeper, wider or more wrong than any need be: each is answered in the dialect's own words, and the
//! function is there for the next one. What they cost, `widgets bench hostile` prints.

use serde_json::{Value, json};
use shared::{
    http::{MAX_BODY_BYTES, MAX_HEADER_BYTES, MAX_URL_BYTES},
    validation::MAX_VIOLATIONS,
};

use crate::app::{ASSISTANT_BODY, PATHWAY_BODY, TestApp};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_url_and_headers_over_their_bounds_are_refused_before_anything_else_is_looked_at() {
    let app = TestApp::start().await;
    let [long_url, long_value] =
        [MAX_URL_BYTES + 1, MAX_HEADER_BYTES].map(|bytes| "a".repeat(bytes));
    for (root, url_too_long, headers_too_large) in [
        (
            "/api/v1/widget",
            json!({"detail": "The path or the query is over 10 KiB"}),
            json!({"detail": "The headers are over 20 KiB together"}),
        ),
        (
            "/v1/widget",
            json!({"status": 414, "data": null, "errors": [
                {"error": "URI_TOO_LONG", "message": "path and query must be at most 10 KiB each"}]}),
            json!({"status": 431, "data": null, "errors": [
                {"error": "REQUEST_HEADER_FIELDS_TOO_LARGE", "message": "the headers must be at most 20 KiB together"}]}),
        ),
    ] {
        for path in [format!("{root}/{long_url}"), format!("{root}?api_key={long_url}")] {
            let answer = app.send("GET", &path, &[], "").await;
            assert_eq!((answer.status, answer.json()), (414, url_too_long.clone()));
        }
        let answer = app.send("GET", root, &[("authorization", &long_value)], "").await;
        assert_eq!((answer.status, answer.json()), (431, headers_too_large));
        // What stays below is a request like any other.
        let query = format!("{root}?x={}", "a".repeat(MAX_URL_BYTES - 2));
        assert_eq!(app.call("GET", &query, "").await.status, 200);
        let long_header = "a".repeat(MAX_HEADER_BYTES - 1_000);
        let headers = [("authorization", app.key.as_str()), ("x-long", &long_header)];
        assert_eq!(app.send("GET", root, &headers, "").await.status, 200);
    }
}

#[tokio::test]
async fn of_more_faults_than_anybody_reads_as_many_are_told_as_are_bounded() {
    let app = TestApp::start().await;
    let numbers = vec!["0"; MAX_VIOLATIONS + 1].join(",");
    let body = format!(
        r#"{{"widget_type":"none","user_opening_messages":[{numbers}],"action_buttons":0,"name":0}}"#
    );
    let answer = app.create_assistant(body).await;
    let faults = answer.json()["detail"].as_array().unwrap().clone();
    assert_eq!((answer.status, faults.len()), (422, MAX_VIOLATIONS));
    assert_eq!(faults[0]["loc"], json!(["body", "widget_type"]));
    assert_eq!(
        faults[MAX_VIOLATIONS - 1]["loc"],
        json!(["body", "user_opening_messages", MAX_VIOLATIONS - 2])
    );

    // An array that is too long is one fault, whatever is in it.
    let domains = vec![r#""""#; 80_000].join(",");
    let body = PATHWAY_BODY
        .replace(r#""allowed_domains":[]"#, &format!(r#""allowed_domains":[{domains}]"#));
    let answer = app.create_pathway(body).await;
    let errors = answer.json()["errors"].clone();
    assert_eq!((answer.status, errors.as_array().unwrap().len()), (400, 1));
    assert_eq!(errors[0]["message"], "allowed_domains must have at most 100 entries");
}

#[tokio::test]
async fn a_body_that_is_meant_to_do_harm_is_answered_like_any_other_fault() {
    let app = TestApp::start().await;
    let filled = |before: &str, pattern: &str, after: &str| {
        let room = MAX_BODY_BYTES - before.len() - after.len();
        format!("{before}{}{after}", pattern.repeat(room / pattern.len()))
    };
    for (what, assistant, pathway) in [
        ("brackets alone", filled("", "[", ""), [422, 400]),
        ("objects in objects", filled("", r#"{"":"#, ""), [422, 400]),
        ("members that nobody knows", filled("{", r#""":0,"#, r#""":0}"#), [422, 400]),
        (
            "the same member over and over",
            filled("{", r#""config":0,"#, r#""config":0}"#),
            [422, 400],
        ),
        (
            "a number of a quarter million digits",
            filled(r#"{"messages_per_minute":1"#, "7", "}"),
            [422, 400],
        ),
        ("an exponent of as many", filled(r#"{"messages_per_minute":1e"#, "7", "}"), [422, 400]),
        ("a string of escapes", filled(r#"{"name":""#, r"\u0041", r#""}"#), [422, 400]),
        ("one byte too many", format!("{} ", filled("", " ", "")), [413, 413]),
    ]
    .map(|(what, body, [assistant, pathway])| (what, (body.clone(), assistant), (body, pathway)))
    {
        for (path, (body, status)) in [("/api/v1/widget", assistant), ("/v1/widget", pathway)] {
            let answer = app.call("POST", path, body).await;
            assert_eq!(answer.status, status, "{what}: {:.300}", answer.body);
            let told = if status == 413 { answer.json() } else { Value::Null };
            assert!(told.is_null() || told.to_string().contains("256 KiB"), "{told}");
        }
    }
    // The same processes answer what comes after.
    for (function, path, body) in
        [("Assistant", "/api/v1/widget", ASSISTANT_BODY), ("Pathway", "/v1/widget", PATHWAY_BODY)]
    {
        let answer = app.call("POST", path, body).await;
        assert_eq!(answer.status, 200);
        let line = app.logged(function, answer.header("x-request-id")).await;
        assert!(line.contains(r#""coldStart":false"#), "{line}");
    }
}

#[tokio::test]
async fn an_event_that_no_gateway_would_send_is_refused_where_it_is_too_large() {
    let app = TestApp::start().await;
    let event = |path: &str, query: &str, headers: Value| {
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "headers": headers,
            "requestContext": {"http": {"method": "GET"}}, "isBase64Encoded": false,
        })
        .to_string()
    };
    let large = "/a".repeat(2_000_000);
    let headers: serde_json::Map<String, Value> =
        (0..100_000).map(|i| (format!("x-{i}"), json!(""))).collect();
    for (function, path) in [("Assistant", "/api/v1/widget"), ("Pathway", "/v1/widget")] {
        for (payload, status) in [
            (event(&large, "", json!({})), 414),
            (event(path, &large, json!({})), 414),
            (event(path, "", json!({"authorization": large})), 431),
            (event(path, "", headers.clone().into()), 431),
        ] {
            let answer: Value =
                serde_json::from_str(&app.invoke(function, &payload).await.unwrap()).unwrap();
            assert_eq!(answer["statusCode"], status, "{function}");
        }
    }
    assert_eq!(app.send("POST", "/v1/widget", &[JSON], "").await.status, 401);
}
