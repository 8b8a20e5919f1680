//! Oversized and hostile requests. Each gets an error in its dialect, and the function serves the
//! next request. `bench hostile` measures their cost.

use serde_json::{Value, json};
use shared::{http::MAX_BODY_BYTES, validation::MAX_VIOLATIONS};

use crate::support::app::{ASSISTANT_BODY, JSON, PATHWAY_BODY, TestApp};

#[tokio::test]
async fn violations_are_reported_up_to_the_maximum() {
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
async fn hostile_body_is_answered_like_any_invalid_body() {
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
            [400, 400],
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

/// A program that invokes a function is held to no limit of API Gateway's.
#[tokio::test]
async fn oversized_direct_event_does_not_stop_a_function() {
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
            (event(&large, "", json!({})), 404),
            (event(path, &large, json!({})), 401),
            (event(path, "", json!({"authorization": large})), 401),
        ] {
            let answer: Value =
                serde_json::from_str(&app.invoke(function, &payload).await.unwrap()).unwrap();
            assert_eq!(answer["statusCode"], status, "{function}");
        }
        let payload = event(path, "", headers.clone().into());
        let failure = app.invoke(function, &payload).await.unwrap_err();
        assert!(failure.contains(r#""errorType":"UnknownEvent""#), "{function}: {failure}");
    }
    assert_eq!(app.send("POST", "/v1/widget", &[JSON], "").await.status, 401);
}
