//! Compares the assistant dialect with a real FastAPI application.
//!
//! `tests/fastapi/record.py` sends requests of the documented API to FastAPI and records the
//! answers. This test replays each request here.

use std::{collections::BTreeSet, fs};

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use widgets::local::{binaries, stack::DEVELOPMENT_ACCOUNT};

use crate::support::app::{Answer, TestApp};
use crate::support::dialect::ASSISTANT;

#[derive(Deserialize)]
struct Vector {
    name: String,
    request: Request,
    response: Response,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_base64: Option<String>,
}

#[derive(Deserialize)]
struct Response {
    status: u16,
    body: Option<Value>,
}

/// What is answered otherwise on purpose: how vectors' names begin
/// or end, and the status here.
const DEVIATIONS: &[(&str, u16)] = &[
    // The key comes before the body, and an empty one is none.
    ("update a wrong id without a key and with malformed JSON", 401),
    ("create without a key and with malformed JSON", 401),
    ("create without a key and with bytes that are not UTF-8", 401),
    ("with the key and then an empty one", 200),
    // What JSON (RFC 8259) does not have or does not want.
    ("update with NaN", 422),
    ("update with Infinity", 422),
    ("update with minus Infinity", 422),
    ("update with a lone surrogate", 422),
    ("update in UTF-16", 400),
    ("update in UTF-32", 400),
    ("update with arrays 200 deep", 422),
    ("update with arrays 500 deep", 422),
    ("update with arrays 5000 deep", 422),
    // What Python cannot hold. A number that is no double comes back as it went in.
    ("a number past the largest float in attributes", 200),
    // API Gateway makes one such header of two that are alike.
    ("with content type 'application/json, application/json'", 200),
    // Pages are counted in 63 bits.
    ("page 2^63", 422),
    ("page 2^64", 422),
    ("list with page 20 digits", 422),
    ("page 300 digits", 422),
    // `urn:uuid:` is accepted in any case.
    ("update an id as a URN whose prefix is in upper case", 200),
    // Another version of the same parser has other words for two characters that are no hexadecimal
    // digits either.
    ("update an id that is a Polish letter", 422),
    ("update an id that is a full-width letter", 422),
    // The one path that pages of other origins read.
    ("OPTIONS on parameters", 204),
    // Paths that are not under the dialect's prefix are the gateway's to answer.
    ("GET on the prefix", 404),
    ("GET on another version", 404),
    ("GET on a version of two digits", 404),
    // FastAPI redirects from two slashes at the end, too.
    ("GET on a doubled slash behind", 404),
    ("GET on two slashes behind", 404),
];

/// The widget that the vectors read, change and delete.
const ID: &str = "d0f3a1b2-7c4e-4a5b-9c6d-0123456789ab";

#[tokio::test]
async fn recorded_requests_are_answered_as_fastapi_answers_them() {
    let app = TestApp::start().await;
    let file = binaries::workspace().join("tests/fastapi/vectors.json");
    let vectors: Vec<Vector> = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert!(vectors.len() > 700);
    let id = app.create(&ASSISTANT).await.id();
    let mut item = app.stored(ASSISTANT.name, &id).await.unwrap();
    for key in ["sk", "id"] {
        item.insert(key.to_owned(), AttributeValue::S(ID.to_owned()));
    }
    let mut differences = Vec::new();
    let mut deviated = BTreeSet::new();
    let mut redirects = 0;
    for Vector { name, request, response } in &vectors {
        app.put(item.clone()).await;
        let path = request.path.replace("{key}", &app.key);
        let headers: Vec<(&str, &str)> =
            request.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let body = match (&request.body, &request.body_base64) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(bytes)) => STANDARD.decode(bytes).unwrap(),
            (None, None) => Vec::new(),
        };
        let answer = app.send(&request.method, &path, &headers, body.clone()).await;
        if let Some((part, status)) =
            DEVIATIONS.iter().find(|(part, _)| name.starts_with(part) || name.ends_with(part))
        {
            assert_eq!(answer.status, *status, "{name}: {answer:?}");
            deviated.insert(*part);
        } else if response.status == 307 {
            // To the path without its last slash, where this is answered at once.
            let target = path.replacen("/?", "?", 1);
            let target = target.strip_suffix('/').unwrap_or(&target);
            assert_ne!(target, path, "{name}");
            app.put(item.clone()).await;
            let there = app.send(&request.method, target, &headers, body).await;
            let found = |answer: &Answer| (answer.status, answer.headers.get("allow").cloned());
            assert_eq!(found(&answer), found(&there), "{name}: {answer:?} {there:?}");
            redirects += 1;
        } else if let Err(difference) = compare(&answer, request, response) {
            differences.push(format!("{name}: {} {} {difference}", request.method, request.path));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(deviated.len(), DEVIATIONS.len(), "each is met: {deviated:?}");
    assert!(redirects > 10, "{redirects}");
}

/// How an answer differs from the recorded one.
fn compare(answer: &Answer, request: &Request, expected: &Response) -> Result<(), String> {
    // What the recorded application broke down over is refused here.
    if expected.status == 500 {
        return if (400..500).contains(&answer.status) {
            Ok(())
        } else {
            Err(format!("{answer:?}"))
        };
    }
    let Some(body) = &expected.body else {
        return if answer.status == expected.status { Ok(()) } else { Err(format!("{answer:?}")) };
    };
    let got: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    // Ids are all good to the recorded application. Here it is the id that a 404 names.
    let is_other_id = got["detail"]
        .as_str()
        .is_some_and(|detail| detail.starts_with("Unable to find the Widget with id "));
    if expected.status == 200 && answer.status == 404 && is_other_id {
        let id = body["data"]["id"].as_str().or(body["data"]["org_id"].as_str()).unwrap();
        return if id != ID && answer.body.contains(id) {
            Ok(())
        } else {
            Err(answer.body.clone())
        };
    }
    let is_same = match expected.status {
        200 => answer.status == 200 && is_read_alike(&got["data"], &body["data"], request),
        status => {
            answer.status == status && without_parser(got.clone()) == without_parser(body.clone())
        }
    };
    if is_same {
        Ok(())
    } else {
        Err(format!("{} {got} is not {} {body}", answer.status, expected.status))
    }
}

/// Whether a widget or a page holds what FastAPI read.
fn is_read_alike(got: &Value, read: &Value, request: &Request) -> bool {
    let is_create = request.method == "POST";
    let is_public = request.path.contains("/parameters");
    read.as_object().unwrap().iter().filter(|(key, _)| !is_public || *key != "id").all(
        |(key, value)| {
            let default = json!(DEVELOPMENT_ACCOUNT.to_string());
            let value =
                if is_create && key == "org_id" && value.is_null() { &default } else { value };
            is_alike(&got[key], value)
        },
    )
}

/// Equality of JSON to a reader that takes numbers for doubles.
fn is_alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= f64::EPSILON * a.abs()
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_alike(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| is_alike(a, b)))
        }
        (a, b) => a == b,
    }
}

/// The body of an error without what is the JSON parser's own: where and why it stopped.
fn without_parser(mut body: Value) -> Value {
    if let Some(faults) = body["detail"].as_array_mut() {
        for fault in faults.iter_mut().filter(|fault| fault["type"] == "json_invalid") {
            fault["loc"] = json!([fault["loc"][0]]);
            fault["ctx"] = Value::Null;
        }
    }
    body
}
