//! Unexpected request bodies. Valid JSON is stored unchanged; everything else is rejected, and
//! the function keeps running.

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::app::{ASSISTANT_BODY, PATHWAY_BODY, TestApp, raw_member};

const MAX: usize = 256 * 1024;

/// A body of exactly `size` bytes, filled up in a field that takes any text.
fn padded(body: &str, field: &str, size: usize) -> String {
    let start = format!("{},\"{field}\":\"", body.strip_suffix('}').unwrap());
    format!("{start}{}\"}}", "x".repeat(size - start.len() - 2))
}

#[tokio::test]
async fn body_of_256_kib_is_stored_and_a_larger_one_returns_413() {
    let app = TestApp::start().await;
    let assistant = app.create_assistant(padded(ASSISTANT_BODY, "name", MAX)).await;
    assert_eq!(assistant.status, 200);
    let id = assistant.json()["data"]["id"].as_str().unwrap().to_owned();
    assert!(app.stored("assistant", &id).await.is_some());
    assert_eq!(app.create_pathway(padded(PATHWAY_BODY, "extra", MAX)).await.status, 200);

    for size in [MAX + 1, 5 * 1024 * 1024] {
        let answer = app.create_assistant(padded(ASSISTANT_BODY, "name", size)).await;
        assert_eq!(
            (answer.status, answer.json()),
            (413, json!({"detail": "The body is over 256 KiB"}))
        );
        let answer = app.create_pathway(padded(PATHWAY_BODY, "extra", size)).await;
        assert_eq!(
            (answer.status, &answer.json()["errors"][0]["error"]),
            (413, &json!("PAYLOAD_TOO_LARGE"))
        );
    }
    // What does not fit an event never reaches a function: the answer is the gateway's.
    for size in [7 * 1024 * 1024, 11 * 1024 * 1024] {
        let answer = app.create_pathway("x".repeat(size)).await;
        assert_eq!(
            (answer.status, answer.json()),
            (413, json!({"message": "Request Entity Too Large"}))
        );
    }
}

#[tokio::test]
async fn update_past_the_item_size_limit_returns_413_and_changes_nothing() {
    let app = TestApp::start().await;
    let created = app.create_assistant(ASSISTANT_BODY).await;
    let path = format!("/api/v1/widget/{}", created.id());
    let with =
        |field: &str| format!(r#"{{"widget_type":"chat","{field}":"{}"}}"#, "x".repeat(250_000));
    assert_eq!(app.call("PUT", &path, with("name")).await.status, 200);
    let answer = app.call("PUT", &path, with("description")).await;
    assert_eq!(
        (answer.status, answer.json()),
        (413, json!({"detail": "The widget would be over 400 KB"}))
    );
    assert_eq!(app.call("GET", &path, "").await.json()["data"]["description"], Value::Null);
}

#[tokio::test]
async fn body_that_is_not_utf_8_returns_400() {
    let app = TestApp::start().await;
    let assistant = app.create_assistant(b"{\"name\":\"\xff\"}".to_vec()).await;
    assert_eq!(
        (assistant.status, assistant.json()),
        (400, json!({"detail": "There was an error parsing the body"}))
    );
    let pathway = app.create_pathway(b"\xff\xfe{\0}\0".to_vec()).await;
    assert_eq!(
        (pathway.status, &pathway.json()["errors"][0]["message"]),
        (400, &json!("body must be JSON in UTF-8"))
    );
}

#[tokio::test]
async fn base64_encoded_body_is_accepted() {
    let app = TestApp::start().await;
    // API Gateway encodes what its content type does not call text.
    let headers =
        [("authorization", app.key.as_str()), ("content-type", "application/octet-stream")];
    assert_eq!(app.send("POST", "/v1/widget", &headers, PATHWAY_BODY).await.status, 200);
    let headers =
        [("authorization", app.key.as_str()), ("content-type", "application/vnd.api+json")];
    assert_eq!(app.send("POST", "/api/v1/widget", &headers, ASSISTANT_BODY).await.status, 200);
}

#[tokio::test]
async fn missing_body_is_reported_as_missing() {
    let app = TestApp::start().await;
    let pathway = app.create_pathway("").await;
    assert_eq!(
        (pathway.status, &pathway.json()["errors"][0]["message"]),
        (400, &json!("body is required"))
    );
    let assistant = app.create_assistant("").await;
    assert_eq!(
        (assistant.status, &assistant.json()["detail"][0]["type"]),
        (422, &json!("missing"))
    );
}

#[tokio::test]
async fn truncated_body_returns_gateway_400_and_writes_nothing() {
    let app = TestApp::start().await;
    for broken in
        ["transfer-encoding: chunked\r\n\r\nzz\r\n", "content-length: 500\r\n\r\n{\"a\":1"]
    {
        let mut connection =
            TcpStream::connect(app.stack.url.strip_prefix("http://").unwrap()).await.unwrap();
        let request = format!(
            "POST /v1/widget HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\n{broken}",
            app.key
        );
        connection.write_all(request.as_bytes()).await.unwrap();
        connection.shutdown().await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 400 ") && answer.ends_with(r#"{"message":"Bad Request"}"#),
            "{answer}"
        );
    }
    app.logged("Gateway", "400 Bad Request").await;
    assert_eq!(app.count().await, 0);
}

#[tokio::test]
async fn hostile_bodies_are_rejected_and_the_next_request_succeeds() {
    let app = TestApp::start().await;
    let nested = |open: &str, close: &str, depth: usize| {
        format!("{}{}", open.repeat(depth), close.repeat(depth))
    };
    let many_faults = format!(r#"{{"user_opening_messages":[{}0]}}"#, "0,".repeat(120_000));
    let many_keys =
        format!("{{{}\"z\":0}}", (0..20_000).map(|i| format!("\"k{i}\":0,")).collect::<String>());
    let deep_config = format!(r#"{{"config":{}}}"#, nested("[", "]", 50_000));
    for body in [
        &nested("[", "]", 100_000),
        &nested(r#"{"a":"#, "}", 40_000),
        &"[".repeat(200_000),
        &deep_config,
        &many_faults,
        &many_keys,
        &format!(r#"{{"messages_per_minute":1e{}}}"#, "9".repeat(1000)),
        &format!(r#"{{"widget_type":"{}"}}"#, "\\u0000".repeat(40_000)),
        &format!(r#"{{"{}":1}}"#, "\\ud83d\\ude00".repeat(20_000)),
        &"\0".repeat(1000),
        &"\u{feff}".repeat(3),
    ] {
        let start = &body[..body.floor_char_boundary(20)];
        let assistant = app.create_assistant(body.clone()).await;
        assert_eq!(assistant.status, 422, "{start}");
        assert!(assistant.body.starts_with(r#"{"detail":[{"type":"#), "{start}");
        let pathway = app.create_pathway(body.clone()).await;
        assert_eq!(pathway.status, 400, "{start}");
        assert!(!pathway.json()["errors"].as_array().unwrap().is_empty(), "{start}");
        assert!(assistant.body.len() < 2_000_000 && pathway.body.len() < 2_000_000, "{start}");
    }
    assert_eq!(app.create_assistant(ASSISTANT_BODY).await.status, 200);
    assert_eq!(app.create_pathway(PATHWAY_BODY).await.status, 200);
}

#[tokio::test]
async fn integer_over_4300_digits_is_refused_wherever_it_stands() {
    let app = TestApp::start().await;
    let [most, more] = [4300, 4301].map(|digits| "9".repeat(digits));
    let kept = [most.clone(), format!("-{most}"), format!("{more}.5"), format!("1E{more}")];
    let refused = [more.clone(), format!("-{more}"), format!(r#"{{"a":[0,{more}]}}"#)];
    let assistant = |free: &str| {
        ASSISTANT_BODY.replace(r#""action_buttons":[]"#, &format!(r#""action_buttons":[{free}]"#))
    };
    let pathway = |free: &str| PATHWAY_BODY.replace("{}", free);
    for free in kept {
        let created = app.create_assistant(assistant(&free)).await;
        assert_eq!(raw_member(&created.body, "action_buttons"), format!("[{free}]"));
        let created = app.create_pathway(pathway(&free)).await;
        assert_eq!(raw_member(&created.body, "config"), free);
    }
    let assistant_path =
        format!("/api/v1/widget/{}", app.create_assistant(ASSISTANT_BODY).await.id());
    let pathway_path = format!("/v1/widget/{}", app.create_pathway(PATHWAY_BODY).await.id());
    let count = app.count().await;
    for free in refused {
        let unknown = |body: &str| body.replacen('{', &format!(r#"{{"unknown":{free},"#), 1);
        for (method, path, body) in [
            ("POST", "/api/v1/widget", assistant(&free)),
            ("PUT", &assistant_path, unknown(ASSISTANT_BODY)),
            ("POST", "/api/v1/widget", free.clone()),
        ] {
            let answer = app.call(method, path, body).await;
            let expected = (400, json!({"detail": "There was an error parsing the body"}));
            assert_eq!((answer.status, answer.json()), expected, "{method}");
        }
        for (method, path, body) in [
            ("POST", "/v1/widget", pathway(&free)),
            ("PATCH", &pathway_path, unknown("{}").replace(",}", "}")),
            ("POST", "/v1/widget", free.clone()),
        ] {
            let answer = app.call(method, path, body).await;
            let message = "body must have no integer of more than 4300 digits";
            let expected = json!([{"error": "INVALID_PARAMETER", "message": message}]);
            assert_eq!((answer.status, &answer.json()["errors"]), (400, &expected), "{method}");
        }
    }
    assert_eq!(app.count().await, count);
    for path in [&assistant_path, &pathway_path] {
        assert_eq!(app.call("GET", path, "").await.header("etag"), r#""1""#);
    }
}

/// JSON texts as anybody may write them.
pub fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,8})?([eE][+-]?[0-9]{1,3})?",
        any::<String>().prop_map(|s| serde_json::to_string(&s).unwrap()),
        r#""(\\u00[0-9a-f]{2}|\\n|\\/|[ -!#-\[\]-~])*""#,
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let key = any::<String>().prop_map(|s| serde_json::to_string(&s).unwrap());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((key, inner), 0..4).prop_map(|members| {
                let members: Vec<String> =
                    members.iter().map(|(key, value)| format!("{key} : {value}")).collect();
                format!("{{{}}}", members.join(", "))
            }),
        ]
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn any_free_form_json_round_trips_and_is_stored_unchanged() {
    let app = TestApp::start().await;
    let mut runner =
        TestRunner::new(Config { cases: 100, failure_persistence: None, ..Config::default() });
    let texts = json_text().prop_filter("null is no config", |text| text != "null");
    tokio::task::block_in_place(|| {
        let runtime = tokio::runtime::Handle::current();
        runner
            .run(&texts, |text| {
                runtime.block_on(async {
                    let config = PATHWAY_BODY.replace("{}", &text);
                    let pathway = app.create_pathway(config).await;
                    prop_assert_eq!(pathway.status, 200, "{}", pathway.body);
                    prop_assert_eq!(raw_member(&pathway.body, "config"), text.clone());
                    let item = app
                        .stored("pathway", raw_member(&pathway.body, "id").trim_matches('"'))
                        .await
                        .unwrap();
                    prop_assert_eq!(item["config"].as_s().unwrap(), &text);

                    let buttons = ASSISTANT_BODY.replace(
                        r#""action_buttons":[]"#,
                        &format!(r#""action_buttons":[{text}]"#),
                    );
                    let assistant = app.create_assistant(buttons).await;
                    prop_assert_eq!(assistant.status, 200, "{}", assistant.body);
                    prop_assert_eq!(
                        raw_member(&assistant.body, "action_buttons"),
                        format!("[{text}]")
                    );
                    Ok(())
                })
            })
            .unwrap();
    });
}
