//! Public reads: the parameters and the configuration of an embedded widget, for pages of other
//! origins.

use reqwest::header::HeaderMap;
use serde_json::json;
use uuid::Uuid;

use crate::support::app::{
    ASSISTANT_BODY, Answer, PATHWAY_BODY, TestApp, keys_in_order, raw_data, raw_member,
};

/// The members of `data` in the parameters, in order: what an embedded widget reads.
const PARAMETERS: [&str; 21] = [
    "bubble_bot_icon",
    "bubble_color",
    "bubble_text",
    "display_name",
    "intro_message",
    "user_opening_messages",
    "header_color",
    "user_message_color",
    "bot_message_color",
    "bot_icon_color",
    "remove_branding",
    "conversation_bot_icon",
    "ice_break_color",
    "user_text_message_color",
    "bot_text_message_color",
    "header_text_color",
    "textbox_default_text",
    "action_buttons",
    "action_buttons_color",
    "style_params",
    "widget_type",
];

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

/// The origin that may read the answer.
fn readable_by(answer: &Answer) -> Option<&str> {
    header(&answer.headers, "access-control-allow-origin")
}

#[tokio::test]
async fn parameters_hold_what_an_embed_draws_and_nothing_private() {
    let app = TestApp::start().await;
    let body = r#"{"widget_type":"chat","user_opening_messages":["Hi"],"action_buttons":[{"n":1.0}],"name":"private name",
        "description":"private description","attributes":{"private":"attribute"},"display_name":"Shown",
        "assistant_id":"3c90c3cc-0d44-4b50-8888-8dd25736052a","org_id":"4c90c3cc-0d44-4b50-8888-8dd25736052a",
        "bubble_color":"var(--x)","style_params":{"z": 1,"a":1e3}}"#;
    let id = app.create_assistant(body).await.id();
    let answer = app.send("GET", &format!("/api/v1/widget/{id}/parameters"), &[], "").await;

    assert_eq!(answer.status, 200);
    assert_eq!(keys_in_order(&answer.body), ["message", "meta", "data"]);
    assert_eq!(keys_in_order(&raw_data(&answer.body)), PARAMETERS);
    let data = &answer.json()["data"];
    assert_eq!(
        (&data["display_name"], &data["bubble_color"]),
        (&json!("Shown"), &json!("var(--x)"))
    );
    assert_eq!(raw_member(&answer.body, "style_params"), r#"{"z": 1,"a":1e3}"#);
    assert_eq!(raw_member(&answer.body, "action_buttons"), r#"[{"n":1.0}]"#);
    assert!(
        !answer.body.contains("private") && !answer.body.contains("c90c3cc"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn parameters_are_readable_from_every_origin() {
    let app = TestApp::start().await;
    let id = app.create_assistant(ASSISTANT_BODY).await.id();
    let path = format!("/api/v1/widget/{id}/parameters");
    for origin in ["https://example.com", "null"] {
        let answer = app.send("GET", &path, &[("origin", origin)], "").await;
        assert_eq!((answer.status, readable_by(&answer)), (200, Some("*")));
        assert_eq!(
            answer.header("access-control-expose-headers"),
            "etag, retry-after, x-request-id"
        );
    }
    let asked = [
        ("origin", "https://example.com"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "authorization,x-mine"),
    ];
    let preflight = app.send("OPTIONS", &path, &asked, "").await;
    assert_eq!(
        (preflight.status, readable_by(&preflight), preflight.body.as_str()),
        (204, Some("*"), "")
    );
    assert_eq!(preflight.header("access-control-allow-methods"), "GET");
    assert_eq!(preflight.header("access-control-allow-headers"), "authorization,x-mine");
    assert!(preflight.header("access-control-max-age").parse::<u32>().unwrap() > 0);

    // A page may read what went wrong, too.
    let unknown = format!("/api/v1/widget/{}/parameters", Uuid::new_v4());
    for (path, status) in [(unknown.as_str(), 404), ("/api/v1/widget/nope/parameters", 422)] {
        let answer = app.send("GET", path, &[("origin", "https://example.com")], "").await;
        assert_eq!((answer.status, readable_by(&answer)), (status, Some("*")), "{path}");
    }
    // What needs a key is for no page to read.
    let private = app.call("GET", &format!("/api/v1/widget/{id}"), "").await;
    assert_eq!((private.status, readable_by(&private)), (200, None));
}

#[tokio::test]
async fn public_data_is_cached_for_a_minute_and_revalidated_by_etag() {
    let app = TestApp::start().await;
    let parameters =
        format!("/api/v1/widget/{}/parameters", app.create_assistant(ASSISTANT_BODY).await.id());
    let config = format!("/v1/widget/{}/config", app.create_pathway(PATHWAY_BODY).await.id());
    for (path, update, change) in [
        (&parameters, "PUT", r#"{"widget_type":"sip"}"#),
        (&config, "PATCH", r#"{"config":{"x":1}}"#),
    ] {
        let read = async |tags: &str| {
            app.send("GET", path, &[("origin", "https://a.com"), ("if-none-match", tags)], "").await
        };
        let first = read(r#""none""#).await;
        let tag = first.header("etag").to_owned();
        assert_eq!((first.status, first.header("cache-control")), (200, "public, max-age=60"));
        assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2, "{tag}");
        for tags in [tag.clone(), format!("W/{tag}"), format!(r#""x", {tag}"#), "*".to_owned()] {
            let again = read(&tags).await;
            assert_eq!(
                (again.status, again.body.as_str(), again.header("etag")),
                (304, "", tag.as_str()),
                "{tags}"
            );
            assert_eq!(again.header("cache-control"), "public, max-age=60");
            assert_eq!(readable_by(&again), readable_by(&first));
        }
        let widget = path.rsplit_once('/').unwrap().0;
        assert_eq!(app.call(update, widget, change).await.status, 200);
        let changed = read(&tag).await;
        assert_eq!(changed.status, 200);
        assert_ne!(changed.header("etag"), tag);
    }
}

#[tokio::test]
async fn config_is_readable_only_from_allowed_domains() {
    let app = TestApp::start().await;
    let domains = r#""allowed_domains":["example.com","*.vercel.app","localhost:3000","[::1]"]"#;
    let body = PATHWAY_BODY
        .replace(r#""allowed_domains":[]"#, domains)
        .replace(r#""config":{}"#, r#""config":{"b": 1.0}"#);
    let id = app.create_pathway(body).await.id();
    let path = format!("/v1/widget/{id}/config");
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
        assert_eq!(keys_in_order(&raw_data(&answer.body)), ["id", "config", "messages_per_minute"]);
        assert_eq!(
            (raw_member(&answer.body, "config").as_str(), answer.id()),
            (r#"{"b": 1.0}"#, id.clone())
        );
        let asked = [("origin", origin), ("access-control-request-method", "GET")];
        let preflight = app.send("OPTIONS", &path, &asked, "").await;
        assert_eq!(
            (preflight.status, readable_by(&preflight), preflight.header("vary")),
            (204, Some(origin), "Origin")
        );
    }
    for origin in [
        Some("https://evil.com"),
        Some("https://example.com.evil.com"),
        Some("https://vercel.app"),
        Some("http://localhost:3001"),
        Some("null"),
        Some("example.com"),
        Some("é"),
        Some(""),
        None,
    ] {
        let headers: Vec<_> = origin.map(|origin| ("origin", origin)).into_iter().collect();
        for method in ["GET", "OPTIONS"] {
            let answer = app.send(method, &path, &headers, "").await;
            assert_eq!((answer.status, readable_by(&answer)), (403, None), "{origin:?}");
            let message = match origin {
                Some(origin) => {
                    format!("the Origin {origin:?} is not among the widget's allowed_domains")
                }
                None => "the request has no Origin header, and the widget has allowed_domains"
                    .to_owned(),
            };
            assert_eq!(
                answer.json()["errors"],
                json!([{"error": "FORBIDDEN", "message": message}])
            );
            assert_eq!(answer.header("vary"), "Origin");
            assert!(!answer.body.contains("*.vercel.app"), "{answer:?}");
            assert!(!answer.headers.contains_key("etag"), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn config_without_allowed_domains_is_readable_from_every_origin() {
    let app = TestApp::start().await;
    let path = format!("/v1/widget/{}/config", app.create_pathway(PATHWAY_BODY).await.id());
    for origin in [
        Some("https://anything.org"),
        Some("null"),
        Some("file://"),
        Some("capacitor://localhost"),
        None,
    ] {
        let headers: Vec<_> = origin.map(|origin| ("origin", origin)).into_iter().collect();
        let answer = app.send("GET", &path, &headers, "").await;
        assert_eq!(
            (answer.status, readable_by(&answer), answer.header("vary")),
            (200, origin, "Origin")
        );
    }
    for none in ["", "é", "https://a.com, https://b.com", "anything"] {
        let answer = app.send("GET", &path, &[("origin", none)], "").await;
        assert_eq!((answer.status, readable_by(&answer)), (200, None), "{none}: no origin");
    }
    // What is not there has no secret to keep.
    let unknown = format!("/v1/widget/{}/config", Uuid::new_v4());
    let answer = app.send("GET", &unknown, &[("origin", "https://a.com")], "").await;
    assert_eq!((answer.status, readable_by(&answer)), (404, Some("https://a.com")));
}

#[tokio::test]
async fn widget_is_public_only_in_its_own_dialect() {
    let app = TestApp::start().await;
    let assistant = app.create_assistant(ASSISTANT_BODY).await.id();
    let pathway = app.create_pathway(PATHWAY_BODY).await.id();
    assert_eq!(
        app.send("GET", &format!("/v1/widget/{assistant}/config"), &[], "").await.status,
        404
    );
    assert_eq!(
        app.send("GET", &format!("/api/v1/widget/{pathway}/parameters"), &[], "").await.status,
        404
    );
    app.call("DELETE", &format!("/v1/widget/{pathway}"), "").await;
    assert_eq!(app.send("GET", &format!("/v1/widget/{pathway}/config"), &[], "").await.status, 404);
}
