//! Requests with secrets, and the status of each.

use serde_json::json;
use url::form_urlencoded;
use uuid::Uuid;

use super::Widgets;
use crate::support::dialect::Dialect;

/// A request to send.
pub struct Ask {
    pub method: &'static str,
    pub path: String,
    pub query: Vec<(&'static str, String)>,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Ask {
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { method, path: path.into(), query: Vec::new(), headers, body: Vec::new() }
    }

    pub fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn url(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.query);
        format!("{}?{}", self.path, query.finish())
    }

    pub fn has_key_in_url(&self) -> bool {
        self.query.iter().any(|(name, _)| *name == "api_key")
    }

    pub fn is_public(&self) -> bool {
        ["parameters", "config", "openapi.json"].iter().any(|name| self.path.ends_with(name))
    }

    /// Returns everything that the request sends, except the places that are meant for keys.
    pub fn own(&self) -> String {
        let query = self.query.iter().filter(|(name, _)| *name != "api_key");
        let headers = self.headers.iter().filter(|(name, _)| *name != "authorization");
        let values: String = query.chain(headers).map(|(_, value)| format!("{value}\n")).collect();
        format!("{}\n{values}{}", self.path, String::from_utf8_lossy(&self.body))
    }
}

/// A request, and its status in each dialect.
pub struct Case {
    pub name: &'static str,
    pub statuses: (u16, u16),
    pub request: fn(&Widgets, Uuid) -> Ask,
}

impl Case {
    pub fn status(&self, dialect: Dialect) -> u16 {
        if dialect.name == "assistant" { self.statuses.0 } else { self.statuses.1 }
    }
}

const fn case(
    name: &'static str,
    statuses: (u16, u16),
    request: fn(&Widgets, Uuid) -> Ask,
) -> Case {
    Case { name, statuses, request }
}

/// Returns a body with a marker in this many arrays.
pub fn nested(depth: usize, mark: Uuid) -> String {
    format!(r#"{{"config":{}"{mark}"{}}}"#, "[".repeat(depth), "]".repeat(depth))
}

/// Requests with a marker in the body, the path or a header.
pub const CASES: &[Case] = &[
    case("create", (200, 200), |it, mark| it.on("POST").body(it.body(mark))),
    case("create once", (200, 200), |it, mark| {
        it.on("POST").header("idempotency-key", mark.to_string()).body(it.body(mark))
    }),
    case("read", (200, 200), |it, _| it.at("GET", &it.kept)),
    case("update", (200, 200), |it, mark| it.update(&it.changing).body(it.body(mark))),
    case("delete", (200, 200), |it, _| it.at("DELETE", it.doomed.lock().unwrap().pop().unwrap())),
    case("list", (200, 200), |it, _| {
        it.on("GET").query(if it.is_assistant() { "size" } else { "limit" }, "1")
    }),
    case("other list", (200, 200), |it, mark| {
        if it.is_assistant() {
            Ask::new("GET", format!("/api/v1/assistant/{mark}/widgets"))
        } else {
            Ask::new("GET", it.dialect.list).query("limit", "2")
        }
    }),
    case("public", (200, 200), |it, _| it.public("GET", &it.public)),
    case("description", (200, 200), |it, _| Ask::new("GET", it.dialect.openapi_path())),
    case("preflight", (204, 204), |it, _| it.public("OPTIONS", &it.public)),
    case("known", (304, 304), |it, _| it.at("GET", &it.kept).header("if-none-match", "*")),
    case("public and known", (304, 304), |it, _| {
        it.public("GET", &it.public).header("if-none-match", "*")
    }),
    case("not UTF-8", (400, 400), |it, mark| {
        it.on("POST").body([format!(r#"{{"name":"{mark}"#).as_bytes(), b"\xff\"}"].concat())
    }),
    case("rules broken", (422, 400), |it, mark| {
        let wrong = json!({
            "widget_type": mark, "user_opening_messages": [mark, 1], "action_buttons": mark, "org_id": format!("x{mark}"),
            "name": [mark], "remove_branding": mark, "attributes": mark, "pathway_id": format!("x{mark}"),
            "agent_prompt": [mark], "allowed_domains": [format!("https://{mark}"), mark, 1], "messages_per_minute": mark,
            "config": {"timeoutSeconds": mark}, "agent_id": [mark], "webhook_url": format!("http://{mark}"),
        });
        it.on("POST").body(wrong.to_string())
    }),
    case("update that breaks rules", (422, 400), |it, mark| {
        let wrong = json!({"org_id": format!("{mark}x"), "allowed_domains": [format!("{mark}:")], "name": mark});
        it.update(&it.kept).body(wrong.to_string())
    }),
    case("malformed", (422, 400), |it, mark| {
        it.on("POST").body(format!(r#"{{"name":"{mark}",{mark}"#))
    }),
    case("too deep", (422, 400), |it, mark| it.on("POST").body(nested(200, mark))),
    case("not JSON", (422, 400), |it, mark| {
        it.on("POST").header("content-type", "text/plain").body(mark.to_string())
    }),
    case("key of another body", (422, 422), |it, mark| {
        it.on("POST").header("idempotency-key", "used").body(it.body(mark))
    }),
    case("key too long", (422, 400), |it, mark| {
        it.on("POST").header("idempotency-key", mark.to_string().repeat(8)).body(it.body(mark))
    }),
    case("no id", (422, 400), |it, mark| it.at("GET", format!("x{mark}"))),
    case("no number", (422, 400), |it, mark| {
        it.on("GET").query(if it.is_assistant() { "page" } else { "limit" }, mark.to_string())
    }),
    case("no cursor", (200, 400), |it, mark| {
        it.on("GET").query("size", "1").query("cursor", mark.to_string())
    }),
    case("no tag", (422, 400), |it, mark| {
        it.at("GET", &it.kept).header("if-match", mark.to_string())
    }),
    case("not there", (404, 404), |it, mark| it.at("GET", mark)),
    case("not there to update", (404, 404), |it, mark| it.update(mark).body(it.body(mark))),
    case("not there to delete", (404, 404), |it, mark| it.at("DELETE", mark)),
    case("not public", (404, 404), |it, mark| it.public("GET", mark)),
    case("no route", (404, 404), |it, mark| it.at("GET", format!("{mark}/{mark}"))),
    case("no method", (405, 405), |it, _| it.on("DELETE")),
    case("another version", (412, 412), |it, mark| {
        it.update(&it.kept).header("if-match", r#""7""#).body(it.body(mark))
    }),
    case("another version to delete", (412, 412), |it, mark| {
        it.at("DELETE", &it.kept).header("if-match", format!(r#""7", "{mark}""#))
    }),
    case("another origin", (200, 403), |it, mark| {
        let id = if it.is_assistant() { &it.public } else { &it.kept };
        it.public("GET", id).header("origin", format!("{mark}.elsewhere"))
    }),
    case("body too large", (413, 413), |it, mark| {
        it.on("POST").body(format!(r#"{{"name":"{mark}{}"}}"#, " ".repeat(256 * 1024)))
    }),
    case("unreadable", (500, 500), |it, _| it.public("GET", &it.unreadable)),
    case("panic", (500, 500), |it, mark| {
        it.on("POST").header("x-panic", "before").body(it.body(mark))
    }),
    case("late panic", (500, 500), |it, mark| {
        it.on("POST").header("x-panic", "after").body(it.body(mark))
    }),
    case("panic at a refusal", (502, 502), |it, mark| {
        it.at("GET", format!("x{mark}")).header("x-panic", "refusing")
    }),
];
