//! Public reads: the parameters and the configuration of an embedded widget, for pages of other
//! origins.

use std::collections::BTreeSet;

use serde_json::json;
use uuid::Uuid;

use crate::support::app::{Answer, TestApp, keys_in_order, raw_data, raw_member};
use crate::support::dialect::{ASSISTANT, DIALECTS, PATHWAY};

/// The keys of the parameters in order: what an embedded widget reads.
const PARAMETERS: &str = "bubble_bot_icon bubble_color bubble_text display_name intro_message \
    user_opening_messages header_color user_message_color bot_message_color bot_icon_color \
    remove_branding conversation_bot_icon ice_break_color user_text_message_color \
    bot_text_message_color header_text_color textbox_default_text action_buttons \
    action_buttons_color style_params widget_type";

/// The keys of the configuration in order.
const CONFIG: &str = "id config messages_per_minute";

/// The origin that may read the answer.
fn readable_by(answer: &Answer) -> Option<&str> {
    answer.find_header("access-control-allow-origin")
}

/// The header of a request from a page of this origin, if there is one.
fn from_origin(origin: Option<&str>) -> Vec<(&str, &str)> {
    origin.map(|origin| ("origin", origin)).into_iter().collect()
}

#[test]
fn public_keys_are_the_public_fields_and_what_follows_from_them() {
    for (dialect, keys, more) in [
        (ASSISTANT, PARAMETERS, &["bubble_bot_icon", "conversation_bot_icon"][..]),
        (PATHWAY, CONFIG, &["id"]),
    ] {
        let expected: BTreeSet<&str> =
            dialect.public_fields().chain(more.iter().copied()).collect();
        assert_eq!(keys.split(' ').collect::<BTreeSet<_>>(), expected);
    }
}

#[tokio::test]
async fn parameters_hold_what_an_embed_draws_and_nothing_private() {
    let app = TestApp::start().await;
    let body = r#"{"widget_type":"chat","user_opening_messages":["Hi"],"action_buttons":[{"n":1.0}],"name":"private name",
        "description":"private description","attributes":{"private":"attribute"},"display_name":"Shown",
        "assistant_id":"3c90c3cc-0d44-4b50-8888-8dd25736052a","org_id":"4c90c3cc-0d44-4b50-8888-8dd25736052a",
        "bubble_color":"var(--x)","style_params":{"z": 1,"a":1e3}}"#;
    let id = app.create_assistant(body).await.id();
    let answer = app.send("GET", &ASSISTANT.public_path(&id), &[], "").await;

    assert_eq!(answer.status, 200);
    assert_eq!(keys_in_order(&answer.body), ["message", "meta", "data"]);
    assert_eq!(keys_in_order(&raw_data(&answer.body)).join(" "), PARAMETERS);
    let data = answer.data();
    assert_eq!(data["display_name"], "Shown");
    assert_eq!(data["bubble_color"], "var(--x)");
    assert_eq!(raw_member(&answer.body, "style_params"), r#"{"z": 1,"a":1e3}"#);
    assert_eq!(raw_member(&answer.body, "action_buttons"), r#"[{"n":1.0}]"#);
    for private in ["private", "c90c3cc"] {
        assert!(!answer.body.contains(private), "{}", answer.body);
    }
}

#[tokio::test]
async fn parameters_are_readable_from_every_origin() {
    let app = TestApp::start().await;
    let id = app.create(&ASSISTANT).await.id();
    let path = ASSISTANT.public_path(&id);
    for origin in ["https://example.com", "null"] {
        let answer = app.send("GET", &path, &[("origin", origin)], "").await;
        assert_eq!((answer.status, readable_by(&answer)), (200, Some("*")));
        let exposed = answer.header("access-control-expose-headers");
        assert_eq!(exposed, "etag, retry-after, x-request-id");
    }
    let asked = [
        ("origin", "https://example.com"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "authorization,x-mine"),
    ];
    let preflight = app.send("OPTIONS", &path, &asked, "").await;
    assert_eq!((preflight.status, readable_by(&preflight)), (204, Some("*")));
    assert_eq!(preflight.body, "");
    assert_eq!(preflight.header("access-control-allow-methods"), "GET");
    assert_eq!(preflight.header("access-control-allow-headers"), "authorization,x-mine");
    assert!(preflight.header("access-control-max-age").parse::<u32>().unwrap() > 0);

    // A page may read what went wrong, too.
    let unknown = Uuid::new_v4().to_string();
    for (id, status) in [(unknown.as_str(), 404), ("nope", 422)] {
        let from_page = [("origin", "https://example.com")];
        let answer = app.send("GET", &ASSISTANT.public_path(id), &from_page, "").await;
        assert_eq!((answer.status, readable_by(&answer)), (status, Some("*")), "{id}");
    }
    // What needs a key is for no page to read.
    let private = app.call("GET", &ASSISTANT.widget(&id), "").await;
    assert_eq!((private.status, readable_by(&private)), (200, None));
}

#[tokio::test]
async fn public_data_is_cached_for_a_minute_and_revalidated_by_etag() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let id = app.create(&dialect).await.id();
        let path = &dialect.public_path(&id);
        let read = async |tags: &str| {
            app.send("GET", path, &[("origin", "https://a.com"), ("if-none-match", tags)], "").await
        };
        let first = read(r#""none""#).await;
        let tag = first.header("etag").to_owned();
        assert_eq!((first.status, first.header("cache-control")), (200, "public, max-age=60"));
        assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2, "{tag}");
        for tags in [tag.clone(), format!("W/{tag}"), format!(r#""x", {tag}"#), "*".to_owned()] {
            let again = read(&tags).await;
            assert_eq!((again.status, again.body.as_str()), (304, ""), "{tags}");
            assert_eq!(again.header("etag"), tag);
            assert_eq!(again.header("cache-control"), "public, max-age=60");
            assert_eq!(readable_by(&again), readable_by(&first));
        }
        let updated = app.call(dialect.update, &dialect.widget(&id), dialect.change).await;
        assert_eq!(updated.status, 200);
        let changed = read(&tag).await;
        assert_eq!(changed.status, 200);
        assert_ne!(changed.header("etag"), tag);
    }
}

#[tokio::test]
async fn config_is_readable_only_from_allowed_domains() {
    let app = TestApp::start().await;
    let domains = r#""allowed_domains":["example.com","*.vercel.app","localhost:3000","[::1]"]"#;
    let body =
        PATHWAY.body.replace(r#""allowed_domains":[]"#, domains).replace("{}", r#"{"b": 1.0}"#);
    let id = app.create_pathway(body).await.id();
    let path = PATHWAY.public_path(&id);
    for origin in [
        "https://example.com",
        "http://example.com:8080",
        "https://a.b.vercel.app",
        "http://localhost:3000",
        "http://[::1]:5173",
    ] {
        let answer = app.send("GET", &path, &[("origin", origin)], "").await;
        assert_eq!((answer.status, readable_by(&answer)), (200, Some(origin)));
        assert_eq!(answer.header("vary"), "Origin");
        assert_eq!(keys_in_order(&raw_data(&answer.body)).join(" "), CONFIG);
        assert_eq!(answer.id(), id);
        assert_eq!(raw_member(&answer.body, "config"), r#"{"b": 1.0}"#);
        let asked = [("origin", origin), ("access-control-request-method", "GET")];
        let preflight = app.send("OPTIONS", &path, &asked, "").await;
        assert_eq!((preflight.status, readable_by(&preflight)), (204, Some(origin)));
        assert_eq!(preflight.header("vary"), "Origin");
    }
    for origin in [
        Some("https://evil.com"),
        Some("https://example.com.evil.com"),
        Some("https://vercel.app"),
        Some("http://localhost:3001"),
        Some("null"),
        Some("example.com"),
        Some(""),
        None,
    ] {
        for method in ["GET", "OPTIONS"] {
            let answer = app.send(method, &path, &from_origin(origin), "").await;
            assert_eq!(answer.error(), (403, json!("FORBIDDEN")), "{origin:?}");
            assert_eq!((readable_by(&answer), answer.header("vary")), (None, "Origin"));
            assert!(!answer.body.contains("example.com"), "{answer:?}");
            assert!(!answer.headers.contains_key("etag"), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn config_without_allowed_domains_is_readable_from_every_origin() {
    let app = TestApp::start().await;
    let path = PATHWAY.public_path(&app.create(&PATHWAY).await.id());
    let app_origin = "capacitor://localhost";
    for origin in
        [Some("https://anything.org"), Some("null"), Some("file://"), Some(app_origin), None]
    {
        let answer = app.send("GET", &path, &from_origin(origin), "").await;
        assert_eq!((answer.status, readable_by(&answer)), (200, origin));
        assert_eq!(answer.header("vary"), "Origin");
    }
    for none in ["", "é", "https://a.com, https://b.com", "anything"] {
        let answer = app.send("GET", &path, &[("origin", none)], "").await;
        assert_eq!((answer.status, readable_by(&answer)), (200, None), "{none}: no origin");
    }
    // What is not there has no secret to keep.
    let unknown = PATHWAY.public_path(&Uuid::new_v4().to_string());
    let answer = app.send("GET", &unknown, &[("origin", "https://a.com")], "").await;
    assert_eq!((answer.status, readable_by(&answer)), (404, Some("https://a.com")));
}

#[tokio::test]
async fn widget_is_public_only_in_its_own_dialect() {
    let app = TestApp::start().await;
    for (dialect, other) in [(ASSISTANT, PATHWAY), (PATHWAY, ASSISTANT)] {
        let id = app.create(&dialect).await.id();
        assert_eq!(app.send("GET", &other.public_path(&id), &[], "").await.status, 404);
        app.call("DELETE", &dialect.widget(&id), "").await;
        assert_eq!(app.send("GET", &dialect.public_path(&id), &[], "").await.status, 404);
    }
}
