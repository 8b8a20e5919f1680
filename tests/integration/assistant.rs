//! The assistant dialect: `/api/v1/widget`, FastAPI's errors, `PUT` to update.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json, value::RawValue};
use uuid::Uuid;
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use crate::support::app::{TestApp, keys_in_order, raw, raw_data, raw_member};
use crate::support::dialect::ASSISTANT;

/// The request of the service's documentation, placeholders as they stand there.
const DOCUMENTED: &str = r#"{
  "widget_type": "chat", "user_opening_messages": ["<string>"], "action_buttons": ["<unknown>"],
  "org_id": "3c90c3cc-0d44-4b50-8888-8dd25736052a",
  "assistant_id": "3c90c3cc-0d44-4b50-8888-8dd25736052a",
  "name": "<string>", "description": "<string>", "attributes": {}, "display_name": "<string>",
  "intro_message": "<string>", "header_color": "<string>", "user_message_color": "<string>",
  "bot_message_color": "<string>", "bot_icon_color": "<string>", "remove_branding": false,
  "ice_break_color": "<string>", "bubble_color": "<string>", "bubble_text": "<string>",
  "bot_text_message_color": "<string>", "user_text_message_color": "<string>",
  "header_text_color": "<string>", "textbox_default_text": "<string>",
  "action_buttons_color": "<string>", "style_params": {}
}"#;

/// The keys of a widget in the documented order.
const WIDGET_KEYS: &str = "widget_type user_opening_messages action_buttons id \
    conversation_bot_icon bubble_bot_icon provider_user_friendly_label widget_provider org_id \
    assistant_id name description attributes display_name intro_message header_color \
    user_message_color bot_message_color bot_icon_color remove_branding ice_break_color \
    bubble_color bubble_text bot_text_message_color user_text_message_color header_text_color \
    textbox_default_text action_buttons_color style_params";

#[tokio::test]
async fn documented_request_creates_documented_widget() {
    let app = TestApp::start().await;
    let answer = app.create_assistant(DOCUMENTED).await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(keys_in_order(&answer.body), ["message", "meta", "data"]);
    assert_eq!(answer.json()["message"], "Data created successfully");
    assert_eq!(answer.json()["meta"], json!({}));
    assert_eq!(keys_in_order(&raw_data(&answer.body)).join(" "), WIDGET_KEYS);

    let sent: Value = serde_json::from_str(DOCUMENTED).unwrap();
    let data = answer.data();
    for (key, value) in sent.as_object().unwrap() {
        assert_eq!(&data[key], value, "{key}");
    }
    let id: Uuid = answer.id().parse().unwrap();
    assert_eq!(id.get_version_num(), 7);
    assert!(data["conversation_bot_icon"].is_null() && data["bubble_bot_icon"].is_null());
    assert!(
        data["widget_provider"].is_string() && data["provider_user_friendly_label"].is_string()
    );

    let item = app.stored("assistant", &answer.id()).await.unwrap();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let assistant_id = "3c90c3cc-0d44-4b50-8888-8dd25736052a";
    for (name, value) in [
        ("pk", text(&format!("{DEVELOPMENT_ACCOUNT}#assistant"))),
        ("version", AttributeValue::N("1".to_owned())),
        ("created_at", item["updated_at"].clone()),
        ("user_opening_messages", AttributeValue::L(vec![text("<string>")])),
        ("action_buttons", text(r#"["<unknown>"]"#)),
        ("remove_branding", AttributeValue::Bool(false)),
        ("attributes", text("{}")),
        ("style_params", text("{}")),
        ("by_assistant", text(&format!("{DEVELOPMENT_ACCOUNT}#{assistant_id}"))),
        ("by_account", text(&DEVELOPMENT_ACCOUNT.to_string())),
    ] {
        assert_eq!(item[name], value, "{name}");
    }
    for (key, value) in sent.as_object().unwrap() {
        if let (Some(value), false) = (value.as_str(), key == "widget_type") {
            assert_eq!(item[key], text(value), "{key}");
        }
    }
    assert_eq!(item.len(), ASSISTANT.fields.len() + 11, "{item:?}");
}

#[tokio::test]
async fn unknown_keys_are_ignored_and_required_lists_may_be_null() {
    let app = TestApp::start().await;
    let body = r#"{"widget_type":"plivo_call","user_opening_messages":null,"action_buttons":null,"id":"mine","extra":1}"#;
    let answer = app.create_assistant(body).await;

    assert_eq!(answer.status, 200);
    assert_eq!(keys_in_order(&raw_data(&answer.body)).join(" "), WIDGET_KEYS);
    let data = answer.data();
    assert_ne!(data["id"], "mine");
    assert_eq!(data["widget_provider"], "plivo");
    assert_eq!(data["provider_user_friendly_label"], "Plivo");
    assert!(data["user_opening_messages"].is_null() && data["action_buttons"].is_null());
}

#[tokio::test]
async fn duplicate_keys_uuid_forms_and_booleans_are_read_as_by_fastapi() {
    let app = TestApp::start().await;
    let body = r#"{"widget_type":"html","widget_type":"sip","user_opening_messages":["é\u00e9"],"action_buttons":[],
        "org_id":"{3C90C3CC-0D44-4B50-8888-8DD25736052A}","assistant_id":"3c90c3cc0d444b5088888dd25736052a",
        "remove_branding":"Yes","header_color":"var(--primary-color)"}"#;
    let data = app.create_assistant(body).await.data();
    for (key, value) in [
        ("widget_type", json!("sip")),
        ("user_opening_messages", json!(["éé"])),
        ("org_id", json!("3c90c3cc-0d44-4b50-8888-8dd25736052a")),
        ("assistant_id", json!("3c90c3cc-0d44-4b50-8888-8dd25736052a")),
        ("remove_branding", json!(true)),
        ("header_color", json!("var(--primary-color)")),
    ] {
        assert_eq!(data[key], value, "{key}");
    }
}

#[tokio::test]
async fn all_violations_are_reported_at_once_as_by_fastapi() {
    let app = TestApp::start().await;
    let body = r#"{"widget_type":"Chat","user_opening_messages":["ok",1,null],"org_id":"x","assistant_id":7,"name":["n"],"attributes":null,"remove_branding":"maybe","style_params":[]}"#;
    let answer = app.create_assistant(body).await;

    let types = "'chat', 'html', 'whatsapp', 'phone', 'html_call', 'leadconnector', 'leadconnector_call', 'sms', 'fb_messenger', 'instagram', 'web_call', 'plivo_call', 'telnyx_call', 'telegram', 'render_form' or 'sip'";
    let sent: Value = serde_json::from_str(body).unwrap();
    // What FastAPI 0.165 with Pydantic 2.14 answers to this body on the documented model.
    let expected = json!([
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
    ]);
    assert_eq!(answer.detail(), (422, expected));
    let details = raw(&answer.body, "detail");
    let details: Vec<&RawValue> = serde_json::from_str(&details).unwrap();
    assert_eq!(keys_in_order(details[0].get()), ["type", "loc", "msg", "input", "ctx"]);
    assert_eq!(app.count().await, 0);
}

#[tokio::test]
async fn non_object_body_is_rejected_as_by_fastapi() {
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
        assert_eq!(answer.detail(), (422, detail), "{body}");
    }
    for (body, offset) in
        [("{", 1), (r#"{"a":1,}"#, 7), (r#"{"a":NaN}"#, 5), (r#"{"a":"\ud800"}"#, 6), (" ", 1)]
    {
        let answer = app.create_assistant(body).await;
        let (status, mut detail) = answer.detail();
        let error = detail[0]["ctx"]["error"].take();
        assert!(error.is_string(), "{detail}");
        let expected = json!([{"type": "json_invalid", "loc": ["body", offset], "msg": "JSON decode error", "input": {}, "ctx": {"error": null}}]);
        assert_eq!((status, detail), (422, expected), "{body}");
    }
}

#[tokio::test]
async fn body_is_parsed_as_json_only_with_a_json_content_type() {
    let app = TestApp::start().await;
    let path = format!("/api/v1/widget?api_key={}", app.key);
    let send = async |content_type: Option<&str>| {
        let headers: Vec<_> = content_type.map(|it| ("content-type", it)).into_iter().collect();
        app.send("POST", &path, &headers, ASSISTANT.body).await
    };
    for json in ["application/json; charset=utf-8", "Application/JSON", "application/vnd.api+json"]
    {
        assert_eq!(send(Some(json)).await.status, 200, "{json}");
    }
    for other in [Some("text/plain"), Some("application/x-www-form-urlencoded"), None] {
        let (status, detail) = send(other).await.detail();
        assert_eq!(status, 422, "{other:?}");
        assert_eq!(detail[0]["type"], "model_attributes_type", "{other:?}");
        assert_eq!(detail[0]["input"], ASSISTANT.body);
    }
}

#[tokio::test]
async fn update_changes_named_fields_and_keeps_the_rest() {
    let app = TestApp::start().await;
    let created = app.create_assistant(DOCUMENTED).await;
    let path = format!("/api/v1/widget/{}", created.id());
    let update = r#"{"widget_type":"sip","name":"new","description":null,"remove_branding":"yes","org_id":null,"attributes":{"n":1.0},"extra":1}"#;
    let updated = app.call("PUT", &path, update).await;

    assert_eq!(updated.status, 200);
    assert_eq!(updated.json()["message"], "Data updated successfully");
    assert_eq!(keys_in_order(&raw_data(&updated.body)).join(" "), WIDGET_KEYS);
    let mut expected = created.data();
    for (key, value) in [
        ("widget_type", json!("sip")),
        ("widget_provider", json!("sip")),
        ("provider_user_friendly_label", json!("SIP")),
        ("name", json!("new")),
        ("description", Value::Null),
        ("remove_branding", json!(true)),
        ("org_id", Value::Null),
        ("attributes", json!({"n": 1.0})),
    ] {
        expected[key] = value;
    }
    assert_eq!(updated.data(), expected);
    assert_eq!(raw_member(&updated.body, "attributes"), r#"{"n":1.0}"#);
    let read = app.call("GET", &path, "").await;
    assert_eq!(raw_data(&read.body), raw_data(&updated.body));

    let item = app.stored("assistant", &created.id()).await.unwrap();
    assert_eq!(item["version"], AttributeValue::N("2".to_owned()));
    assert!(!item.contains_key("description"), "null is absence");
}

#[tokio::test]
async fn update_requires_widget_type_and_a_valid_id() {
    let app = TestApp::start().await;
    let created = app.create(&ASSISTANT).await;
    let widget = ASSISTANT.widget(&created.id());
    let (id, widget_type) = (json!(["path", "widget_id"]), json!(["body", "widget_type"]));
    for (path, body, places) in [
        (widget.as_str(), r#"{"name":"new"}"#, vec![widget_type.clone()]),
        ("/api/v1/widget/nope", r#"{"name":5}"#, vec![id, widget_type, json!(["body", "name"])]),
    ] {
        let answer = app.call("PUT", path, body).await;
        let found = ASSISTANT.violations(&answer).into_iter().map(|mut it| it["loc"].take());
        assert_eq!((answer.status, found.collect::<Vec<_>>()), (422, places), "{path}");
    }
    let read = app.call("GET", &widget, "").await;
    assert_eq!(raw_data(&read.body), raw_data(&created.body));
}

#[tokio::test]
async fn id_is_accepted_in_any_uuid_form() {
    let app = TestApp::start().await;
    let created = app.create(&ASSISTANT).await;
    let id = created.id();
    for form in [
        id.to_uppercase(),
        id.replace('-', ""),
        format!("%7B{id}%7D"),
        format!("urn:uuid:{id}"),
        id.replacen(&id[..1], &format!("%{:02x}", id.as_bytes()[0]), 1),
        format!("{id}/"),
    ] {
        let read = app.call("GET", &ASSISTANT.widget(&form), "").await;
        assert_eq!((read.status, raw_data(&read.body)), (200, raw_data(&created.body)), "{form}");
    }
}

#[tokio::test]
async fn unknown_route_and_method_get_fastapi_error_bodies() {
    let app = TestApp::start().await;
    let id = Uuid::new_v4();
    for (path, allow) in [
        ("/api/v1/widget".to_owned(), "GET, POST"),
        (format!("/api/v1/widget/{id}"), "GET, PUT, DELETE"),
        (format!("/api/v1/widget/{id}/parameters"), "GET, OPTIONS"),
        (format!("/api/v1/assistant/{id}/widgets"), "GET"),
        ("/api/v1/openapi.json".to_owned(), "GET"),
    ] {
        for method in ["PATCH", "TRACE", "PROPFIND"] {
            let answer = app.send(method, &path, &[], "").await;
            assert_eq!(answer.detail(), (405, json!("Method Not Allowed")), "{method} {path}");
            assert_eq!(answer.header("allow"), allow);
        }
        let head = app.send("HEAD", &path, &[], "").await;
        assert_eq!((head.status, head.header("allow"), head.body.as_str()), (405, allow, ""));
    }
    for path in ["nope", "widget//", "widget/a%2Fb", "/widget", "widgets", "assistant"] {
        let answer = app.send("POST", &format!("/api/v1/{path}"), &[], "{").await;
        assert_eq!(answer.detail(), (404, json!("Not Found")), "{path}");
        assert!(!answer.header("x-request-id").is_empty());
    }
}

/// Up to 2026-11-21 `action_buttons` were kept as a list of texts.
#[tokio::test]
async fn action_buttons_stored_as_a_list_stay_readable() {
    let app = TestApp::start().await;
    let id = app.create(&ASSISTANT).await.id();
    for (texts, buttons) in [(&[r#"{"a": 1}"#, "1.50"][..], r#"[{"a": 1},1.50]"#), (&[], "[]")] {
        let texts = texts.iter().map(|text| AttributeValue::S((*text).to_owned())).collect();
        let mut item = app.stored("assistant", &id).await.unwrap();
        item.insert("action_buttons".to_owned(), AttributeValue::L(texts));
        app.put(item).await;
        for path in [ASSISTANT.widget(&id), ASSISTANT.public_path(&id)] {
            let answer = app.call("GET", &path, "").await;
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(raw_member(&answer.body, "action_buttons"), buttons);
        }
        assert_eq!(app.call("GET", ASSISTANT.list, "").await.status, 200);
    }
    assert_eq!(app.call("DELETE", &ASSISTANT.widget(&id), "").await.status, 200);
}
