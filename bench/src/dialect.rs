//! The dialects as their clients use them, and the events of their requests.

use anyhow::{Context, Result, ensure};
use axum::body::Bytes;
use serde_json::{Value, json};

/// The API key of every event. The stub of the store knows every key.
const KEY: &str = "in-benchmark-0000000000000000000000000000";

/// How many widgets a page of a list has.
pub const PAGE: usize = 50;

/// The paths and bodies of a dialect.
#[derive(Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The name of its crate and binary.
    pub name: &'static str,
    /// The path that creates a widget.
    pub root: &'static str,
    /// The path of the list.
    pub list: &'static str,
    /// The query parameter with the size of a page.
    pub size: &'static str,
    /// The method of an update.
    pub update: &'static str,
    /// The last segment of the path of a public read.
    pub public: &'static str,
    /// The body of a create, filled in as a customer would.
    pub body: &'static str,
    /// The body of an update.
    pub change: &'static str,
    /// The status of an invalid body.
    pub invalid: u16,
}

pub static ASSISTANT: Dialect = Dialect {
    name: "assistant",
    root: "/api/v1/widget",
    list: "/api/v1/widget",
    size: "size",
    update: "PUT",
    public: "parameters",
    body: r##"{"widget_type":"chat","user_opening_messages":["Hello! How can I help you today?"],"action_buttons":[{"label":"Prices","value":"prices"}],"assistant_id":"3c90c3cc-0d44-4b50-8888-8dd25736052a","name":"Support","description":"The shop's support","display_name":"Support","intro_message":"Ask us anything","header_color":"#1a73e8","user_message_color":"#e8f0fe","bot_message_color":"#ffffff","bot_icon_color":"#1a73e8","bubble_color":"#1a73e8","bubble_text":"Chat with us","textbox_default_text":"Type a message"}"##,
    change: r#"{"widget_type":"chat","display_name":"Help"}"#,
    invalid: 422,
};

pub static PATHWAY: Dialect = Dialect {
    name: "pathway",
    root: "/v1/widget",
    list: "/v1/widgets",
    size: "limit",
    update: "PATCH",
    public: "config",
    body: r#"{"pathway_id":"a0f0d4ed-f5f5-4f16-b3f9-22166594d7a7","allowed_domains":["example.com","subdomain.example.com"],"messages_per_minute":10,"config":{"theme":"light","position":"bottom-right"},"agent_id":"46f37229-7d12-44be-b343-6e68274cfbea"}"#,
    change: r#"{"messages_per_minute":20}"#,
    invalid: 400,
};

pub const DIALECTS: [&Dialect; 2] = [&ASSISTANT, &PATHWAY];

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Create,
    Read,
    Update,
    ListPage,
    PublicRead,
    Delete,
}

impl Operation {
    /// All of them. Delete comes last, because it leaves nothing for another.
    pub const ALL: [Self; 6] =
        [Self::Create, Self::Read, Self::Update, Self::ListPage, Self::PublicRead, Self::Delete];

    /// Its name in the names of figures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::ListPage => "list page",
            Self::PublicRead => "public read",
            Self::Delete => "delete",
        }
    }
}

impl Dialect {
    /// Returns the event of an operation on the widget `id`.
    pub fn event(&self, operation: Operation, id: &str) -> Bytes {
        let root = self.root;
        let widget = format!("{root}/{id}");
        match operation {
            Operation::Create => event("POST", root, "", self.body),
            Operation::Read => event("GET", &widget, "", ""),
            Operation::Update => event(self.update, &widget, "", self.change),
            Operation::ListPage => event("GET", self.list, &format!("{}={PAGE}", self.size), ""),
            Operation::PublicRead => event("GET", &format!("{widget}/{}", self.public), "", ""),
            Operation::Delete => event("DELETE", &widget, "", ""),
        }
    }

    /// Checks the answer to an operation on the widget `id`. Returns the widget's id.
    pub fn check(&self, operation: Operation, id: &str, answer: &[u8]) -> Result<String> {
        let body = success(answer)?;
        let data = &body["data"];
        let is_expected = match operation {
            Operation::Create => {
                return Ok(data["id"].as_str().context("a widget without an id")?.to_owned());
            }
            Operation::ListPage => {
                let items = data["items"].as_array().or(data.as_array());
                items.is_some_and(|items| items.len() == PAGE)
            }
            // It has no id in the assistant dialect.
            Operation::PublicRead => data["id"] == id || data["display_name"] == "Support",
            _ => data["id"] == id,
        };
        ensure!(is_expected, "an unexpected answer about {id}: {body}");
        Ok(id.to_owned())
    }
}

/// Parses the body of an answer with status 200.
pub fn success(answer: &[u8]) -> Result<Value> {
    let answer: Value = serde_json::from_slice(answer).context("an answer that is no JSON")?;
    ensure!(answer["statusCode"] == 200, "an answer without status 200: {answer}");
    let body = answer["body"].as_str().context("an answer without a body")?;
    serde_json::from_str(body).context("a body that is no JSON")
}

/// Returns an event of API Gateway's
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>).
fn event(method: &str, path: &str, query: &str, body: &str) -> Bytes {
    let host = "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com";
    let route = format!("{method} {path}");
    let agent = "python-requests/2.32.3";
    let mut event = json!({
        "version": "2.0", "routeKey": route, "rawPath": path, "rawQueryString": query,
        "headers": {
            "accept": "application/json", "accept-encoding": "gzip, deflate",
            "authorization": KEY, "content-length": body.len().to_string(),
            "content-type": "application/json", "host": host,
            // One of the allowed domains of the widget that a public read is about.
            "origin": "https://example.com", "user-agent": agent,
            "x-amzn-trace-id": "Root=1-6740a3f0-0123456789abcdef01234567",
            "x-forwarded-for": "192.0.2.1", "x-forwarded-port": "443", "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "123456789012", "apiId": "a1b2c3d4e5",
            "domainName": host, "domainPrefix": "a1b2c3d4e5",
            "http": {
                "method": method, "path": path, "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1", "userAgent": agent,
            },
            "requestId": "JKJaXmPLvHcESHA=", "routeKey": route, "stage": "$default",
            "time": "20/Nov/2026:12:00:00 +0000", "timeEpoch": 1_795_176_000_000_u64,
        },
        "isBase64Encoded": false,
    });
    if !body.is_empty() {
        event["body"] = json!(body);
    }
    event.to_string().into()
}
