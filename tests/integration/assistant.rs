//! `POST /api/v1/widget` (contract 2).

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use uuid::Uuid;
use widgets::stack::DEVELOPMENT_ACCOUNT;

use crate::app::{ASSISTANT_BODY, TestApp, keys_in_order, raw_data, raw_member};

/// The request of the service's documentation, placeholders as they stand there.
const DOCUMENTED: &str = r#"{
  "widget_type": "chat",
  "user_opening_messages": ["<string>"],
  "action_buttons": ["<unknown>"],
  "org_id": "3c90c3cc-0d44-4b50-8888-8dd25736052a",
  "assistant_id": "3c90c3cc-0d44-4b50-8888-8dd25736052a",
  "name": "<string>",
  "description": "<string>",
  "attributes": {},
  "display_name": "<string>",
  "intro_message": "<string>",
  "header_color": "<string>",
  "user_message_color": "<string>",
  "bot_message_color": "<string>",
  "bot_icon_color": "<string>",
  "remove_branding": false,
  "ice_break_color": "<string>",
  "bubble_color": "<string>",
  "bubble_text": "<string>",
  "bot_text_message_color": "<string>",
  "user_text_message_color": "<string>",
  "header_text_color": "<string>",
  "textbox_default_text": "<string>",
  "action_buttons_color": "<string>",
  "style_params": {}
}"#;

const WIDGET_KEYS: [&str; 29] = [
    "widget_type",
    "user_opening_messages",
    "action_buttons",
    "id",
    "conversation_bot_icon",
    "bubble_bot_icon",
    "provider_user_friendly_label",
    "widget_provider",
    "org_id",
    "assistant_id",
    "name",
    "description",
    "attributes",
    "display_name",
    "intro_message",
    "header_color",
    "user_message_color",
    "bot_message_color",
    "bot_icon_color",
    "remove_branding",
    "ice_break_color",
    "bubble_color",
    "bubble_text",
    "bot_text_message_color",
    "user_text_message_color",
    "header_text_color",
    "textbox_default_text",
    "action_buttons_color",
    "style_params",
];

#[tokio::test]
async fn the_documented_request_makes_the_documented_widget() {
    let app = TestApp::start().await;
    let answer = app.create_assistant(DOCUMENTED).await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(keys_in_order(&answer.body), ["message", "meta", "data"]);
    let body = answer.json();
    assert_eq!((&body["message"], &body["meta"]), (&json!("Data created successfully"), &json!({})));
    assert_eq!(keys_in_order(&raw_data(&answer.body)), WIDGET_KEYS);

    let sent: Value = serde_json::from_str(DOCUMENTED).unwrap();
    let data = &body["data"];
    for (key, value) in sent.as_object().unwrap() {
        assert_eq!(&data[key], value, "{key}");
    }
    let id: Uuid = data["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(id.get_version_num(), 7);
    assert_eq!((&data["conversation_bot_icon"], &data["bubble_bot_icon"]), (&Value::Null, &Value::Null));
    assert!(data["widget_provider"].is_string() && data["provider_user_friendly_label"].is_string());

    let item = app.stored("assistant", &id.to_string()).await.unwrap();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let list = |entry: &str| AttributeValue::L(vec![text(entry)]);
    assert_eq!(item["pk"], text(&format!("{DEVELOPMENT_ACCOUNT}#assistant")));
    assert_eq!(item["version"], AttributeValue::N("1".to_owned()));
    assert_eq!(item["created_at"], item["updated_at"]);
    assert_eq!(item["user_opening_messages"], list("<string>"));
    assert_eq!(item["action_buttons"], list(r#""<unknown>""#));
    assert_eq!(item["remove_branding"], AttributeValue::Bool(false));
    assert_eq!((&item["attributes"], &item["style_params"]), (&text("{}"), &text("{}")));
    for (key, value) in sent.as_object().unwrap() {
        if let (Some(value), false) = (value.as_str(), key == "widget_type") {
            assert_eq!(item[key], text(value), "{key}");
        }
    }
    assert_eq!(item["by_assistant"], text(&format!("{DEVELOPMENT_ACCOUNT}#3c90c3cc-0d44-4b50-8888-8dd25736052a")));
    assert_eq!(item.len(), 24 + 7, "{item:?}");
}

#[tokio::test]
async fn what_is_left_out_gets_its_default_and_unknown_keys_are_ignored() {
    let app = TestApp::start().await;
    let answer = app
        .create_assistant(
            r#"{"widget_type":"plivo_call","user_opening_messages":null,"action_buttons":null,"id":"mine","extra":1}"#,
        )
        .await;

    assert_eq!(answer.status, 200);
    let data = &answer.json()["data"];
    assert_eq!(keys_in_order(&raw_data(&answer.body)), WIDGET_KEYS);
    assert_ne!(data["id"], "mine");
    assert_eq!(data["org_id"], DEVELOPMENT_ACCOUNT.to_string());
    assert_eq!((&data["widget_provider"], &data["provider_user_friendly_label"]), (&json!("plivo"), &json!("Plivo")));
    assert_eq!((&data["remove_branding"], &data["attributes"]), (&json!(false), &json!({})));
    for null in ["user_opening_messages", "action_buttons", "assistant_id", "name", "bubble_text"] {
        assert_eq!(data[null], Value::Null, "{null}");
    }
}

#[tokio::test]
async fn values_are_taken_as_the_service_takes_them() {
    let app = TestApp::start().await;
    let answer = app
        .create_assistant(
            r#"{"widget_type":"html","widget_type":"sip","user_opening_messages":["é\u00e9"],"action_buttons":[],
                "org_id":"{3C90C3CC-0D44-4B50-8888-8DD25736052A}","assistant_id":"3c90c3cc0d444b5088888dd25736052a",
                "remove_branding":"Yes","header_color":"var(--primary-color)"}"#,
        )
        .await;

    let data = &answer.json()["data"];
    assert_eq!(data["widget_type"], "sip");
    assert_eq!(data["user_opening_messages"], json!(["éé"]));
    assert_eq!(data["org_id"], "3c90c3cc-0d44-4b50-8888-8dd25736052a");
    assert_eq!(data["assistant_id"], "3c90c3cc-0d44-4b50-8888-8dd25736052a");
    assert_eq!((&data["remove_branding"], &data["header_color"]), (&json!(true), &json!("var(--primary-color)")));
}

#[tokio::test]
async fn free_form_json_comes_back_as_it_went_in() {
    let app = TestApp::start().await;
    let free = r#"{"z":1.0,"a":1e3,"n":12345678901234567890,"big":1E+400,"nest":[null,{"x":null,"é":"\u00fc 😀"}],"neg":-0.0}"#;
    let body = format!(
        r#"{{"widget_type":"chat","user_opening_messages":[],"action_buttons":[{free}, null ,1.50],"attributes":{free},"style_params":{{"b": 2, "a": 1}}}}"#
    );
    let answer = app.create_assistant(body).await;

    assert_eq!(answer.status, 200);
    assert_eq!(raw_member(&answer.body, "attributes"), free);
    assert_eq!(raw_member(&answer.body, "action_buttons"), format!("[{free},null,1.50]"));
    assert_eq!(raw_member(&answer.body, "style_params"), r#"{"b": 2, "a": 1}"#);
}

#[tokio::test]
async fn every_fault_is_told_at_once_as_fastapi_tells_it() {
    let app = TestApp::start().await;
    let body = r#"{"widget_type":"Chat","user_opening_messages":["ok",1,null],"org_id":"x","assistant_id":7,"name":["n"],"attributes":null,"remove_branding":"maybe","style_params":[]}"#;
    let answer = app.create_assistant(body).await;

    assert_eq!(answer.status, 422);
    let types = "'chat', 'html', 'whatsapp', 'phone', 'html_call', 'leadconnector', 'leadconnector_call', 'sms', 'fb_messenger', 'instagram', 'web_call', 'plivo_call', 'telnyx_call', 'telegram', 'render_form' or 'sip'";
    let sent: Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        answer.json(),
        // What FastAPI 0.165 with Pydantic 2.14 answers to this body on the documented model.
        json!({"detail": [
            {"type": "enum", "loc": ["body", "widget_type"], "msg": format!("Input should be {types}"), "input": "Chat", "ctx": {"expected": types}},
            {"type": "string_type", "loc": ["body", "user_opening_messages", 1], "msg": "Input should be a valid string", "input": 1},
            {"type": "string_type", "loc": ["body", "user_opening_messages", 2], "msg": "Input should be a valid string", "input": null},
            {"type": "missing", "loc": ["body", "action_buttons"], "msg": "Field required", "input": sent},
            {"type": "uuid_parsing", "loc": ["body", "org_id"], "msg": "Input should be a valid UUID, invalid character: found `x` at 0", "input": "x", "ctx": {"error": "invalid character: found `x` at 0"}},
            {"type": "uuid_type", "loc": ["body", "assistant_id"], "msg": "UUID input should be a string, bytes or UUID object", "input": 7},
            {"type": "string_type", "loc": ["body", "name"], "msg": "Input should be a valid string", "input": ["n"]},
            {"type": "dict_type", "loc": ["body", "attributes"], "msg": "Input should be a valid dictionary", "input": null},
            {"type": "bool_parsing", "loc": ["body", "remove_branding"], "msg": "Input should be a valid boolean, unable to interpret input", "input": "maybe"},
            {"type": "dict_type", "loc": ["body", "style_params"], "msg": "Input should be a valid dictionary", "input": []},
        ]})
    );
    assert_eq!(keys_in_order(&raw_first_detail(&answer.body)), ["type", "loc", "msg", "input", "ctx"]);
    assert_eq!(app.count().await, 0);
}

fn raw_first_detail(body: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        detail: Vec<&'a serde_json::value::RawValue>,
    }
    serde_json::from_str::<Body<'_>>(body).unwrap().detail[0].get().to_owned()
}

#[tokio::test]
async fn bodies_that_are_no_json_object_are_told_as_fastapi_tells_them() {
    let app = TestApp::start().await;
    let model = |input: Value| json!([{"type": "model_attributes_type", "loc": ["body"], "msg": "Input should be a valid dictionary or object to extract fields from", "input": input}]);
    for (body, detail) in [
        ("", json!([{"type": "missing", "loc": ["body"], "msg": "Field required", "input": null}])),
        ("[1]", model(json!([1]))),
        (r#""x""#, model(json!("x"))),
        ("1", model(json!(1))),
        ("null", model(Value::Null)),
    ] {
        let answer = app.create_assistant(body).await;
        assert_eq!((answer.status, &answer.json()["detail"]), (422, &detail), "{body}");
    }
    for (body, offset) in [("{", 1), (r#"{"a":1,}"#, 7), (r#"{"a":NaN}"#, 5), (r#"{"a":"\ud800"}"#, 6), (" ", 1)] {
        let answer = app.create_assistant(body).await;
        let fault = &answer.json()["detail"][0];
        assert_eq!(
            (answer.status, &fault["type"], &fault["loc"]),
            (422, &json!("json_invalid"), &json!(["body", offset])),
            "{body}"
        );
        assert_eq!((&fault["msg"], &fault["input"]), (&json!("JSON decode error"), &json!({})));
        assert!(fault["ctx"]["error"].is_string());
    }
}

#[tokio::test]
async fn a_body_counts_as_json_only_where_its_content_type_says_so() {
    let app = TestApp::start().await;
    let path = format!("/api/v1/widget?api_key={}", app.key);
    for content_type in ["application/json; charset=utf-8", "Application/JSON", "application/vnd.api+json"] {
        let answer = app.send("POST", &path, &[("content-type", content_type)], ASSISTANT_BODY).await;
        assert_eq!(answer.status, 200, "{content_type}");
    }
    for headers in
        [&[("content-type", "text/plain")][..], &[("content-type", "application/x-www-form-urlencoded")], &[]]
    {
        let answer = app.send("POST", &path, headers, ASSISTANT_BODY).await;
        let fault = &answer.json()["detail"][0];
        assert_eq!((answer.status, &fault["type"]), (422, &json!("model_attributes_type")), "{headers:?}");
        assert_eq!(fault["input"], ASSISTANT_BODY);
    }
}
