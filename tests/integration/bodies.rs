//! Unexpected request bodies. Valid JSON is stored unchanged; everything else is rejected, and
//! the function keeps running.

use proptest::prelude::*;
use serde_json::{Value, json};
use shared::http::MAX_BODY_BYTES;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::app::TestApp;
use crate::support::dialect::{ASSISTANT, DIALECTS, PATHWAY};

/// A body of exactly `size` bytes, filled up in a field that takes any text.
fn padded(body: &str, field: &str, size: usize) -> String {
    let start = format!("{},\"{field}\":\"", body.strip_suffix('}').unwrap());
    format!("{start}{}\"}}", "x".repeat(size - start.len() - 2))
}

#[tokio::test]
async fn body_of_256_kib_is_stored_and_a_larger_one_returns_413() {
    let app = TestApp::start().await;
    assert_eq!(MAX_BODY_BYTES, 256 * 1024);
    for (dialect, field) in [(ASSISTANT, "name"), (PATHWAY, "extra")] {
        let send = |size| app.call("POST", dialect.root, padded(dialect.body, field, size));
        let created = send(MAX_BODY_BYTES).await;
        assert_eq!(created.status, 200);
        assert!(app.stored(dialect.name, &created.id()).await.is_some());

        let refusal = dialect.error(
            413,
            "The body is over 256 KiB",
            "PAYLOAD_TOO_LARGE",
            "body must be at most 256 KiB",
        );
        for size in [MAX_BODY_BYTES + 1, 5 * 1024 * 1024] {
            let answer = send(size).await;
            assert_eq!((answer.status, answer.json()), (413, refusal.clone()));
        }
    }
    // What does not fit an event never reaches a function: the answer is the gateway's.
    for size in [7 * 1024 * 1024, 11 * 1024 * 1024] {
        let answer = app.create_pathway("x".repeat(size)).await;
        let refusal = json!({"message": "Request Entity Too Large"});
        assert_eq!((answer.status, answer.json()), (413, refusal));
    }
}

#[tokio::test]
async fn update_past_the_item_size_limit_returns_413_and_changes_nothing() {
    let app = TestApp::start().await;
    let path = ASSISTANT.widget(&app.create(&ASSISTANT).await.id());
    let with =
        |field: &str| format!(r#"{{"widget_type":"chat","{field}":"{}"}}"#, "x".repeat(250_000));
    assert_eq!(app.call("PUT", &path, with("name")).await.status, 200);
    let answer = app.call("PUT", &path, with("description")).await;
    assert_eq!(answer.detail(), (413, json!("The widget would be over 400 KB")));
    assert_eq!(app.call("GET", &path, "").await.data()["description"], Value::Null);
}

#[tokio::test]
async fn body_that_is_not_utf_8_returns_400() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let refusal = dialect.error(
            400,
            "There was an error parsing the body",
            "INVALID_PARAMETER",
            "body must be JSON in UTF-8",
        );
        for body in [&b"{\"name\":\"\xff\"}"[..], b"\xff\xfe{\0}\0"] {
            let answer = app.call("POST", dialect.root, body.to_vec()).await;
            assert_eq!((answer.status, answer.json()), (400, refusal.clone()), "{body:?}");
        }
    }
}

#[tokio::test]
async fn truncated_body_returns_gateway_400_and_writes_nothing() {
    let app = TestApp::start().await;
    for broken in
        ["transfer-encoding: chunked\r\n\r\nzz\r\n", "content-length: 500\r\n\r\n{\"a\":1"]
    {
        let address = app.stack.url.strip_prefix("http://").unwrap();
        let mut connection = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "POST /v1/widget HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\n{broken}",
            app.key
        );
        connection.write_all(request.as_bytes()).await.unwrap();
        connection.shutdown().await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(answer.ends_with(r#"{"message":"Bad Request"}"#), "{answer}");
    }
    app.logged("Gateway", r#""cause":"Bad Request""#).await;
    assert_eq!(app.count().await, 0);
}

#[tokio::test]
async fn integer_over_4300_digits_is_refused_wherever_it_stands() {
    let app = TestApp::start().await;
    let [most, more] = [4300, 4301].map(|digits| "9".repeat(digits));
    let kept = [most.clone(), format!("-{most}"), format!("{more}.5"), format!("1E{more}")];
    let refused = [more.clone(), format!("-{more}"), format!(r#"{{"a":[0,{more}]}}"#)];
    for dialect in DIALECTS {
        let create = |free: &str| match dialect.name {
            "assistant" => dialect.body.replace(r#"buttons":[]"#, &format!(r#"buttons":[{free}]"#)),
            _ => dialect.body.replace("{}", free),
        };
        for free in &kept {
            assert_eq!(app.call("POST", dialect.root, create(free)).await.status, 200);
        }
        let path = dialect.widget(&app.create(&dialect).await.id());
        let count = app.count().await;
        let message = "body must have no integer of more than 4300 digits";
        let detail = "There was an error parsing the body";
        let expected = dialect.error(400, detail, "INVALID_PARAMETER", message);
        for free in &refused {
            let update = dialect.change.replacen('{', &format!(r#"{{"unknown":{free},"#), 1);
            for (method, path, body) in [
                ("POST", dialect.root, create(free)),
                ("POST", dialect.root, free.clone()),
                (dialect.update, &path, update),
            ] {
                let answer = app.call(method, path, body).await;
                assert_eq!((answer.status, answer.json()), (400, expected.clone()), "{method}");
            }
        }
        assert_eq!(app.count().await, count);
        assert_eq!(app.call("GET", &path, "").await.version(), 1);
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
