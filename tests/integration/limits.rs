//! Oversized and hostile requests. Each gets an error in its dialect, and the function serves the
//! next request. `bench hostile` measures their cost.

use serde_json::{Value, json};
use shared::{http::MAX_BODY_BYTES, validation::MAX_VIOLATIONS};

use crate::support::app::TestApp;
use crate::support::dialect::{ASSISTANT, DIALECTS, PATHWAY};

#[tokio::test]
async fn violations_are_reported_up_to_the_maximum() {
    let app = TestApp::start().await;
    let numbers = vec!["0"; MAX_VIOLATIONS + 1].join(",");
    let body = format!(
        r#"{{"widget_type":"none","user_opening_messages":[{numbers}],"action_buttons":0,"name":0}}"#
    );
    let answer = app.create_assistant(body).await;
    let violations = ASSISTANT.violations(&answer);
    assert_eq!((answer.status, violations.len()), (422, MAX_VIOLATIONS));
    assert_eq!(violations[0]["loc"], json!(["body", "widget_type"]));
    let last = json!(["body", "user_opening_messages", MAX_VIOLATIONS - 2]);
    assert_eq!(violations[MAX_VIOLATIONS - 1]["loc"], last);

    // An array that is too long is one violation, whatever is in it.
    let domains = format!(r#""allowed_domains":[{}]"#, vec![r#""""#; 80_000].join(","));
    let answer =
        app.create_pathway(PATHWAY.body.replace(r#""allowed_domains":[]"#, &domains)).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.messages(), ["allowed_domains must have at most 100 entries"]);
}

/// Returns a body of the largest size, filled up with repetitions of `pattern`.
fn filled(before: &str, pattern: &str, after: &str) -> String {
    let room = MAX_BODY_BYTES - before.len() - after.len();
    format!("{before}{}{after}", pattern.repeat(room / pattern.len()))
}

/// Returns brackets around nothing.
fn nested(open: &str, close: &str, depth: usize) -> String {
    format!("{}{}", open.repeat(depth), close.repeat(depth))
}

#[tokio::test]
async fn hostile_body_is_answered_like_any_invalid_body() {
    let app = TestApp::start().await;
    let members: String = (0..20_000).map(|i| format!(r#""k{i}":0,"#)).collect();
    for (what, body) in [
        ("opening brackets alone", filled("", "[", "")),
        ("brackets that are closed", nested("[", "]", 100_000)),
        ("brackets in a field", format!(r#"{{"config":{}}}"#, nested("[", "]", 50_000))),
        ("objects in objects", filled("", r#"{"":"#, "")),
        ("objects that are closed", nested(r#"{"a":"#, "}", 40_000)),
        ("members that nobody knows", format!(r#"{{{members}"z":0}}"#)),
        ("unknown members of one name", filled("{", r#""":0,"#, r#""":0}"#)),
        ("the same field over and over", filled("{", r#""config":0,"#, r#""config":0}"#)),
        ("as many violations", filled(r#"{"user_opening_messages":["#, "0,", "0]}")),
        ("a quarter million digits", filled(r#"{"messages_per_minute":0."#, "7", "}")),
        ("an exponent of as many", filled(r#"{"messages_per_minute":1e"#, "7", "}")),
        ("a string of escapes", filled(r#"{"name":""#, r"\u0041", r#""}"#)),
        ("a name of surrogates", filled(r#"{""#, r"\ud83d\ude00", r#"":1}"#)),
        ("an enum value of NULs", filled(r#"{"widget_type":""#, r"\u0000", r#""}"#)),
        ("NULs alone", "\0".repeat(1000)),
        ("byte order marks alone", "\u{feff}".repeat(3)),
        ("one byte too many", format!("{} ", filled("", " ", ""))),
    ] {
        let status = |invalid| if body.len() > MAX_BODY_BYTES { 413 } else { invalid };
        for dialect in DIALECTS {
            let answer = app.call("POST", dialect.root, body.clone()).await;
            assert_eq!(answer.status, status(dialect.invalid), "{what}: {:.300}", answer.body);
            assert!(answer.body.len() < 2_000_000, "{what}");
            // Not parsed: an answer repeats numbers that are larger than any double.
            let start = match (answer.status, dialect.name) {
                (413, "assistant") => r#"{"detail":"The body is over 256 KiB"}"#,
                (413, _) => r#"{"status":413,"data":null,"errors":[{"error":"PAYLOAD_TOO_LARGE","#,
                (_, "assistant") => r#"{"detail":[{"type":""#,
                _ => r#"{"status":400,"data":null,"errors":[{"error":"INVALID_PARAMETER","#,
            };
            assert!(answer.body.starts_with(start), "{what}: {:.300}", answer.body);
        }
    }
    // The same processes answer what comes after.
    for dialect in DIALECTS {
        let answer = app.create(&dialect).await;
        let line = app.logged(dialect.function, answer.header("x-request-id")).await;
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
    for dialect in DIALECTS {
        for (payload, status) in [
            (event(&large, "", json!({})), 404),
            (event(dialect.root, &large, json!({})), 401),
            (event(dialect.root, "", json!({"authorization": large})), 401),
        ] {
            let answer = app.invoke(dialect.function, &payload).await.unwrap();
            let answer: Value = serde_json::from_str(&answer).unwrap();
            assert_eq!(answer["statusCode"], status, "{}", dialect.name);
        }
        let payload = event(dialect.root, "", headers.clone().into());
        let failure = app.invoke(dialect.function, &payload).await.unwrap_err();
        assert!(failure.contains(r#""errorType":"UnknownEvent""#), "{failure}");
        app.create(&dialect).await;
    }
}
