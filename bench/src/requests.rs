//! What the programs are sent, as API Gateway sends it, and what they are to answer.

use anyhow::{Context, Result, ensure};
use axum::body::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

/// The key that comes with each request. The stub of the store knows any.
const KEY: &str = "in-benchmark-0000000000000000000000000000";

/// How many widgets a page of a list has.
pub const PAGE: usize = 50;

/// An assistant widget, filled in as a customer would.
const ASSISTANT: &str = r##"{"widget_type":"chat","user_opening_messages":["Hello! How can I help you today?"],"action_buttons":[{"label":"Prices","value":"prices"}],"assistant_id":"3c90c3cc-0d44-4b50-8888-8dd25736052a","name":"Support","description":"The shop's support","display_name":"Support","intro_message":"Ask us anything","header_color":"#1a73e8","user_message_color":"#e8f0fe","bot_message_color":"#ffffff","bot_icon_color":"#1a73e8","bubble_color":"#1a73e8","bubble_text":"Chat with us","textbox_default_text":"Type a message"}"##;

/// A pathway widget: the service's documented example.
const PATHWAY: &str = r#"{"pathway_id":"a0f0d4ed-f5f5-4f16-b3f9-22166594d7a7","allowed_domains":["example.com","subdomain.example.com"],"messages_per_minute":10,"config":{"theme":"light","position":"bottom-right"},"agent_id":"46f37229-7d12-44be-b343-6e68274cfbea"}"#;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    Create,
    Read,
    Update,
    ListPage,
    PublicRead,
    Delete,
}

impl Operation {
    pub const ALL: [Self; 6] =
        [Self::Create, Self::Read, Self::Update, Self::ListPage, Self::PublicRead, Self::Delete];

    /// Its name as part of another one.
    pub fn key(self) -> String {
        self.name().replace(' ', "_")
    }

    /// What it is called in a table.
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

/// A dialect as its client uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    Assistant,
    Pathway,
}

impl Dialect {
    pub const ALL: [Self; 2] = [Self::Assistant, Self::Pathway];

    /// Its function's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Assistant => "assistant",
            Self::Pathway => "pathway",
        }
    }

    /// The body of a create.
    pub fn body(self) -> &'static str {
        match self {
            Self::Assistant => ASSISTANT,
            Self::Pathway => PATHWAY,
        }
    }

    /// The path of a create.
    pub fn root(self) -> &'static str {
        match self {
            Self::Assistant => "/api/v1/widget",
            Self::Pathway => "/v1/widget",
        }
    }

    /// The event of an operation on the widget `id`, where it is on one.
    pub fn event(self, operation: Operation, id: &str) -> Bytes {
        let (update, list, public, change) = match self {
            Self::Assistant => (
                "PUT",
                ("/api/v1/widget", format!("page=1&size={PAGE}")),
                "parameters",
                r#"{"widget_type":"chat","display_name":"Help"}"#,
            ),
            Self::Pathway => (
                "PATCH",
                ("/v1/widgets", format!("limit={PAGE}")),
                "config",
                r#"{"messages_per_minute":20}"#,
            ),
        };
        let root = self.root();
        let one = format!("{root}/{id}");
        let (method, path, query, body) = match operation {
            Operation::Create => ("POST", root.to_owned(), "", self.body()),
            Operation::Read => ("GET", one, "", ""),
            Operation::Update => (update, one, "", change),
            Operation::ListPage => ("GET", list.0.to_owned(), list.1.as_str(), ""),
            Operation::PublicRead => ("GET", format!("{one}/{public}"), "", ""),
            Operation::Delete => ("DELETE", one, "", ""),
        };
        event(method, &path, query, body)
    }

    /// Checks what the operation was answered with, by this dialect's function, and tells the
    /// widget's id where it is about one.
    pub fn check(self, operation: Operation, id: &str, answer: &[u8]) -> Result<String> {
        let body = success(answer)?;
        let data = &body["data"];
        match (self, operation) {
            (Self::Assistant, Operation::ListPage) => {
                ensure!(
                    data["items"].as_array().map(Vec::len) == Some(PAGE),
                    "a page of another size: {body}"
                );
                ensure!(data["total"] == PAGE, "another total: {body}");
            }
            (Self::Pathway, Operation::ListPage) => {
                ensure!(
                    data.as_array().map(Vec::len) == Some(PAGE),
                    "a page of another size: {body}"
                );
            }
            // It tells no id.
            (Self::Assistant, Operation::PublicRead) => {
                ensure!(data["display_name"] == "Support", "another widget: {body}");
            }
            (_, Operation::Create) => {
                let id = data["id"].as_str().context("a widget without an id")?;
                return Ok(id.to_owned());
            }
            _ => ensure!(data["id"] == id, "another widget than {id}: {body}"),
        }
        Ok(id.to_owned())
    }
}

/// The body of an answer whose status is 200.
pub fn success(answer: &[u8]) -> Result<Value> {
    let answer: Value = serde_json::from_slice(answer).context("an answer that is no JSON")?;
    ensure!(answer["statusCode"] == 200, "not answered with 200: {answer}");
    let body = answer["body"].as_str().context("an answer without a body")?;
    serde_json::from_str(body).context("a body that is no JSON")
}

/// A request as API Gateway hands it over
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>).
fn event(method: &str, path: &str, query: &str, body: &str) -> Bytes {
    let host = "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com";
    let mut event = json!({
        "version": "2.0",
        "routeKey": format!("{method} {path}"),
        "rawPath": path,
        "rawQueryString": query,
        "headers": {
            "accept": "application/json",
            "accept-encoding": "gzip, deflate",
            "authorization": KEY,
            "content-length": body.len().to_string(),
            "content-type": "application/json",
            "host": host,
            // By which a public read of a widget with allowed domains is let in.
            "origin": "https://example.com",
            "user-agent": "python-requests/2.32.3",
            "x-amzn-trace-id": "Root=1-6740a3f0-0123456789abcdef01234567",
            "x-forwarded-for": "192.0.2.1",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "domainName": host,
            "domainPrefix": "a1b2c3d4e5",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "python-requests/2.32.3",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": format!("{method} {path}"),
            "stage": "$default",
            "time": "20/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1_795_176_000_000_u64,
        },
        "isBase64Encoded": false,
    });
    if !body.is_empty() {
        event["body"] = json!(body);
    }
    event.to_string().into()
}
