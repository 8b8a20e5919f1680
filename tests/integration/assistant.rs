//! The assistant dialect: `/api/v1/widget`, FastAPI's errors, `PUT` to update.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use uuid::Uuid;
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use crate::support::app::{ASSISTANT_BODY, TestApp, keys_in_order, raw_data, raw_member};

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
async fn documented_request_creates_documented_widget() {
    let app = TestApp::start().await;
    let answer = app.create_assistant(DOCUMENTED).await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(keys_in_order(&answer.body), ["message", "meta", "data"]);
    let body = answer.json();
    assert_eq!(
        (&body["message"], &body["meta"]),
        (&json!("Data created successfully"), &json!({}))
    );
    assert_eq!(keys_in_order(&raw_data(&answer.body)), WIDGET_KEYS);

    let sent: Value = serde_json::from_str(DOCUMENTED).unwrap();
    let data = &body["data"];
    for (key, value) in sent.as_object().unwrap() {
        assert_eq!(&data[key], value, "{key}");
    }
    let id: Uuid = data["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(id.get_version_num(), 7);
    assert_eq!(
        (&data["conversation_bot_icon"], &data["bubble_bot_icon"]),
        (&Value::Null, &Value::Null)
    );
    assert!(
        data["widget_provider"].is_string() && data["provider_user_friendly_label"].is_string()
    );

    let item = app.stored("assistant", &id.to_string()).await.unwrap();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let list = |entry: &str| AttributeValue::L(vec![text(entry)]);
    assert_eq!(item["pk"], text(&format!("{DEVELOPMENT_ACCOUNT}#assistant")));
    assert_eq!(item["version"], AttributeValue::N("1".to_owned()));
    assert_eq!(item["created_at"], item["updated_at"]);
    assert_eq!(item["user_opening_messages"], list("<string>"));
    assert_eq!(item["action_buttons"], text(r#"["<unknown>"]"#));
    assert_eq!(item["remove_branding"], AttributeValue::Bool(false));
    assert_eq!((&item["attributes"], &item["style_params"]), (&text("{}"), &text("{}")));
    for (key, value) in sent.as_object().unwrap() {
        if let (Some(value), false) = (value.as_str(), key == "widget_type") {
            assert_eq!(item[key], text(value), "{key}");
        }
    }
    assert_eq!(
        item["by_assistant"],
        text(&format!("{DEVELOPMENT_ACCOUNT}#3c90c3cc-0d44-4b50-8888-8dd25736052a"))
    );
    assert_eq!(item["by_account"], text(&DEVELOPMENT_ACCOUNT.to_string()));
    assert_eq!(item.len(), 24 + 11, "{item:?}");
}

#[tokio::test]
async fn omitted_fields_get_defaults_and_unknown_keys_are_ignored() {
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
    assert_eq!(
        (&data["widget_provider"], &data["provider_user_friendly_label"]),
        (&json!("plivo"), &json!("Plivo"))
    );
    assert_eq!((&data["remove_branding"], &data["attributes"]), (&json!(false), &json!({})));
    for null in ["user_opening_messages", "action_buttons", "assistant_id", "name", "bubble_text"] {
        assert_eq!(data[null], Value::Null, "{null}");
    }
}

#[tokio::test]
async fn duplicate_keys_uuid_forms_and_booleans_are_read_as_by_fastapi() {
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
    assert_eq!(
        (&data["remove_branding"], &data["header_color"]),
        (&json!(true), &json!("var(--primary-color)"))
    );
}

#[tokio::test]
async fn free_form_json_round_trips_byte_for_byte() {
    let app = TestApp::start().await;
    let free = r#"{"z":1.0,"a":1e3,"n":12345678901234567890,"big":1E+400,"nest":[null,{"x":null,"é":"\u00fc 😀"}],"neg":-0.0}"#;
    let body = format!(
        r#"{{"widget_type":"chat","user_opening_messages":[],"action_buttons":[{free}, null ,1.50],"attributes":{free},"style_params":{{"b": 2, "a": 1}}}}"#
    );
    let answer = app.create_assistant(body).await;

    assert_eq!(answer.status, 200);
    assert_eq!(raw_member(&answer.body, "attributes"), free);
    assert_eq!(raw_member(&answer.body, "action_buttons"), format!("[{free}, null ,1.50]"));
    assert_eq!(raw_member(&answer.body, "style_params"), r#"{"b": 2, "a": 1}"#);
}

#[tokio::test]
async fn all_violations_are_reported_at_once_as_by_fastapi() {
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
    assert_eq!(
        keys_in_order(&raw_first_detail(&answer.body)),
        ["type", "loc", "msg", "input", "ctx"]
    );
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
        assert_eq!((answer.status, &answer.json()["detail"]), (422, &detail), "{body}");
    }
    for (body, offset) in
        [("{", 1), (r#"{"a":1,}"#, 7), (r#"{"a":NaN}"#, 5), (r#"{"a":"\ud800"}"#, 6), (" ", 1)]
    {
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
async fn body_is_parsed_as_json_only_with_a_json_content_type() {
    let app = TestApp::start().await;
    let path = format!("/api/v1/widget?api_key={}", app.key);
    for content_type in
        ["application/json; charset=utf-8", "Application/JSON", "application/vnd.api+json"]
    {
        let answer =
            app.send("POST", &path, &[("content-type", content_type)], ASSISTANT_BODY).await;
        assert_eq!(answer.status, 200, "{content_type}");
    }
    for headers in [
        &[("content-type", "text/plain")][..],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[],
    ] {
        let answer = app.send("POST", &path, headers, ASSISTANT_BODY).await;
        let fault = &answer.json()["detail"][0];
        assert_eq!(
            (answer.status, &fault["type"]),
            (422, &json!("model_attributes_type")),
            "{headers:?}"
        );
        assert_eq!(fault["input"], ASSISTANT_BODY);
    }
}
#[tokio::test]
async fn read_and_delete_return_the_widget_as_created() {
    let app = TestApp::start().await;
    let created =
        app.create_assistant(DOCUMENTED.replacen("{}", r#"{"z":1.0,"a": [1e3]}"#, 1)).await;
    let path = format!("/api/v1/widget/{}", created.id());
    let read = app.call("GET", &path, "").await;
    assert_eq!((read.status, raw_data(&read.body)), (200, raw_data(&created.body)));
    assert_eq!(
        (&read.json()["message"], &read.json()["meta"]),
        (&json!("Data retrieved successfully"), &json!({}))
    );
    let deleted = app.call("DELETE", &path, "").await;
    assert_eq!((deleted.status, raw_data(&deleted.body)), (200, raw_data(&created.body)));
    assert_eq!(deleted.json()["message"], "Data deleted successfully");
    for method in ["GET", "DELETE"] {
        let gone = app.call(method, &path, "").await;
        let detail = format!("Unable to find the Widget with id {}.", created.id());
        assert_eq!((gone.status, gone.json()), (404, json!({ "detail": detail })), "{method}");
    }
    assert_eq!(app.count().await, 0);
}

#[tokio::test]
async fn update_changes_named_fields_and_keeps_the_rest() {
    let app = TestApp::start().await;
    let created = app.create_assistant(DOCUMENTED).await;
    let path = format!("/api/v1/widget/{}", created.id());
    let update = r#"{"widget_type":"sip","name":"new","description":null,"remove_branding":"yes","org_id":null,"attributes":{"n":1.0},"extra":1}"#;
    let updated = app.call("PUT", &path, update).await;

    assert_eq!(
        (updated.status, &updated.json()["message"]),
        (200, &json!("Data updated successfully"))
    );
    assert_eq!(keys_in_order(&raw_data(&updated.body)), WIDGET_KEYS);
    let mut expected = created.json()["data"].clone();
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
    assert_eq!(updated.json()["data"], expected);
    assert_eq!(raw_member(&updated.body, "attributes"), r#"{"n":1.0}"#);
    let read = app.call("GET", &path, "").await;
    assert_eq!(raw_data(&read.body), raw_data(&updated.body));

    let item = app.stored("assistant", &created.id()).await.unwrap();
    assert_eq!(item["version"], AttributeValue::N("2".to_owned()));
    assert!(!item.contains_key("description"), "null is absence");
    // Every field that may be null becomes it, and is gone.
    let nulls: serde_json::Map<String, Value> =
        serde_json::from_str::<serde_json::Map<String, Value>>(DOCUMENTED)
            .unwrap()
            .into_iter()
            .filter(|(key, _)| key != "attributes" && key != "style_params")
            .map(|(key, _)| (key, Value::Null))
            .collect();
    let cleared = app.call("PUT", &path, Value::Object(nulls.clone()).to_string()).await;
    assert_eq!(cleared.status, 200);
    for key in nulls.keys() {
        assert_eq!(cleared.json()["data"][key], Value::Null, "{key}");
    }
    let item = app.stored("assistant", &created.id()).await.unwrap();
    assert_eq!(
        item.len(),
        11 + 2,
        "keys, version, times, last write, what the stream tells and two fields: {item:?}"
    );
}

#[tokio::test]
async fn update_requires_widget_type_and_a_valid_id() {
    let app = TestApp::start().await;
    let created = app.create_assistant(ASSISTANT_BODY).await;
    let answer =
        app.call("PUT", &format!("/api/v1/widget/{}", created.id()), r#"{"name":"new"}"#).await;
    assert_eq!(
        (answer.status, &answer.json()["detail"][0]["loc"]),
        (422, &json!(["body", "widget_type"]))
    );
    let answer = app.call("PUT", "/api/v1/widget/nope", r#"{"name":5}"#).await;
    let body = answer.json();
    let places: Vec<&Value> =
        body["detail"].as_array().unwrap().iter().map(|fault| &fault["loc"]).collect();
    assert_eq!(
        places,
        [&json!(["path", "widget_id"]), &json!(["body", "widget_type"]), &json!(["body", "name"])]
    );
    let read = app.call("GET", &format!("/api/v1/widget/{}", created.id()), "").await;
    assert_eq!(raw_data(&read.body), raw_data(&created.body));
}

#[tokio::test]
async fn id_is_accepted_in_any_uuid_form() {
    let app = TestApp::start().await;
    let created = app.create_assistant(ASSISTANT_BODY).await;
    let id = created.id();
    for form in [
        id.to_uppercase(),
        id.replace('-', ""),
        format!("%7B{id}%7D"),
        format!("urn:uuid:{id}"),
        id.replacen(&id[..1], &format!("%{:02x}", id.as_bytes()[0]), 1),
        format!("{id}/"),
    ] {
        let read = app.call("GET", &format!("/api/v1/widget/{form}"), "").await;
        assert_eq!((read.status, raw_data(&read.body)), (200, raw_data(&created.body)), "{form}");
    }
}

#[tokio::test]
async fn widget_of_another_account_returns_404() {
    let app = TestApp::start().await;
    let assistant = Uuid::new_v4();
    let body = ASSISTANT_BODY.replacen('{', &format!(r#"{{"assistant_id":"{assistant}","#), 1);
    let id = app.create_assistant(body).await.id();
    let key = app.another_key().await;
    let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
    for (method, body) in [("GET", ""), ("PUT", r#"{"widget_type":null}"#), ("DELETE", "")] {
        let answer = app.send(method, &format!("/api/v1/widget/{id}"), &headers, body).await;
        assert_eq!(
            (answer.status, answer.json()["detail"].as_str().unwrap().contains(&id)),
            (404, true),
            "{method}"
        );
    }
    for path in ["/api/v1/widget".to_owned(), format!("/api/v1/assistant/{assistant}/widgets")] {
        assert_eq!(app.send("GET", &path, &headers, "").await.json()["data"]["total"], 0, "{path}");
    }
    assert_eq!(app.call("GET", &format!("/api/v1/widget/{id}"), "").await.status, 200);
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
            assert_eq!(
                (answer.status, answer.json()),
                (405, json!({"detail": "Method Not Allowed"})),
                "{method} {path}"
            );
            assert_eq!(answer.header("allow"), allow);
        }
        let head = app.send("HEAD", &path, &[], "").await;
        assert_eq!((head.status, head.header("allow"), head.body.as_str()), (405, allow, ""));
    }
    for path in [
        "/api/v1/nope",
        "/api/v1/widget//",
        "/api/v1/widget/a%2Fb",
        "/api/v1//widget",
        "/api/v1/widgets",
        "/api/v1/assistant",
    ] {
        let answer = app.send("POST", path, &[], "{").await;
        assert_eq!((answer.status, answer.json()), (404, json!({"detail": "Not Found"})), "{path}");
        assert!(!answer.header("x-request-id").is_empty());
    }
}

/// Up to 2026-11-21 `action_buttons` were kept as a list of texts.
#[tokio::test]
async fn action_buttons_stored_as_a_list_stay_readable() {
    let app = TestApp::start().await;
    let id = app
        .create_assistant(
            r#"{"widget_type":"chat","user_opening_messages":[],"action_buttons":[]}"#,
        )
        .await
        .id();
    for (texts, buttons) in [(&[r#"{"a": 1}"#, "1.50"][..], r#"[{"a": 1},1.50]"#), (&[], "[]")] {
        let texts = texts.iter().map(|text| AttributeValue::S((*text).to_owned())).collect();
        let mut item = app.stored("assistant", &id).await.unwrap();
        item.insert("action_buttons".to_owned(), AttributeValue::L(texts));
        app.store.put_item().table_name("Widgets").set_item(Some(item)).send().await.unwrap();
        for path in [format!("/api/v1/widget/{id}"), format!("/api/v1/widget/{id}/parameters")] {
            let answer = app.call("GET", &path, "").await;
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(raw_member(&answer.body, "action_buttons"), buttons);
        }
        assert_eq!(app.call("GET", "/api/v1/widget", "").await.status, 200);
    }
    assert_eq!(app.call("DELETE", &format!("/api/v1/widget/{id}"), "").await.status, 200);
}

#[tokio::test]
async fn icons_are_kept_shown_to_embeds_and_bounded() {
    const ICONS: [&str; 2] = ["bubble_bot_icon", "conversation_bot_icon"];
    let app = TestApp::start().await;
    let longest = "é".repeat(2_048);
    let mut body: Value = serde_json::from_str(ASSISTANT_BODY).unwrap();
    for (icon, value) in ICONS.iter().zip(["https://example.com/icon.svg", &longest]) {
        body[icon] = json!(value);
    }
    let created = app.create_assistant(body.to_string()).await;
    assert_eq!(created.status, 200, "{created:?}");
    assert_eq!(keys_in_order(&raw_data(&created.body)), WIDGET_KEYS);
    let widget = format!("/api/v1/widget/{}", created.id());
    let parameters = app.send("GET", &format!("{widget}/parameters"), &[], "").await;
    for icon in ICONS {
        assert_eq!(created.json()["data"][icon], body[icon]);
        assert_eq!(parameters.json()["data"][icon], body[icon]);
    }
    // A client sends back what it read, and clears one.
    let mut read = app.call("GET", &widget, "").await.json()["data"].clone();
    read["bubble_bot_icon"] = Value::Null;
    let updated = app.call("PUT", &widget, read.to_string()).await;
    assert_eq!((updated.status, &updated.json()["data"]), (200, &read));

    for icon in ICONS {
        let too_long = "x".repeat(2_049);
        for (value, expected) in [
            (json!(too_long), "string_too_long"),
            (json!(1), "string_type"),
            (json!({}), "string_type"),
        ] {
            let mut body: Value = serde_json::from_str(ASSISTANT_BODY).unwrap();
            body[icon] = value;
            let refused = app.create_assistant(body.to_string()).await;
            assert_eq!(refused.status, 422, "{refused:?}");
            let violation = &refused.json()["detail"][0];
            assert_eq!(violation["type"], expected);
            assert_eq!(violation["loc"], json!(["body", icon]));
        }
    }
}
