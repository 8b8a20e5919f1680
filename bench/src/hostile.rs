//! What hostile payloads cost: CPU, beside an ordinary create, and memory.

use std::time::Duration;

use anyhow::{Context, Result};
use axum::body::Bytes;
use serde_json::{Value, json};
use shared::http::MAX_BODY_BYTES;
use widgets::keys;
use widgets::local::{
    embedded_store::{Store, StoreLocation},
    function_process::MAX_EVENT_BYTES,
    stack::DEVELOPMENT_ACCOUNT,
};

use crate::dialect::{ASSISTANT, DIALECTS, Dialect};
use crate::table::{Table, number};
use crate::{environment::Environment, local_stack, process, programs};

/// How many times each payload is sent, for the mean.
const TIMES: u32 = 5;

/// Sends all payloads to both functions and prints what they cost.
///
/// # Errors
///
/// A function did not survive a payload.
pub async fn run() -> Result<()> {
    let template = local_stack::template()?;
    let binaries = programs::functions(None).await?;
    let store = Store::open(&StoreLocation::Memory, &template.tables).await?;
    let key = keys::generate()?;
    keys::issue_development_key(&key, &store).await?;
    let (cpu, memory) = ("CPU, ordinary creates", "peak memory, MiB");
    let mut table = Table::new(["function", "what", "event, KiB", "answer", cpu, memory]);
    for dialect in DIALECTS {
        let binary = &binaries[dialect.name];
        let payloads = Payloads { dialect, key: key.reveal() };
        let ordinary = payloads.create(dialect.body);
        let mut payloads = payloads.all();
        payloads.insert(0, ("an ordinary create", ordinary.clone()));
        let mut baseline = None;
        for (what, event) in payloads {
            let environment = Environment::start(binary, &store.url).await?;
            let event = Bytes::from(event.to_string());
            let measured = measure(environment, ordinary.to_string(), event.clone()).await;
            let (answer, cpu, memory) =
                measured.with_context(|| format!("{what}, {}", dialect.name))?;
            let ratio = cpu.as_secs_f64() / baseline.get_or_insert(cpu).as_secs_f64();
            let kib = number(event.len() as f64 / 1024.0);
            table.row([dialect.name, what, &kib, &answer, &format!("{ratio:.1}"), &number(memory)]);
        }
    }
    store.stop().await;
    print!("{table}");
    Ok(())
}

/// Sends an ordinary event, which pays for the start, and then `event` so many times. Returns the
/// last answer, the CPU time of one event, and the peak memory in MiB.
async fn measure(
    mut environment: Environment,
    ordinary: String,
    event: Bytes,
) -> Result<(String, Duration, f64)> {
    environment.invoke(ordinary.into()).await?;
    let before = environment.rest().await?.cpu;
    let mut answer = Bytes::new();
    for _ in 0..TIMES {
        let (Ok(outcome) | Err(outcome), _) = environment.outcome(event.clone()).await?;
        answer = outcome;
    }
    let cpu = (environment.rest().await?.cpu - before) / TIMES;
    Ok((
        summary(&serde_json::from_slice(&answer)?),
        cpu,
        process::peak_memory(&environment.process)?,
    ))
}

/// Returns the status, the number of failed messages or the type of the error.
fn summary(answer: &Value) -> String {
    match (&answer["statusCode"], &answer["batchItemFailures"], &answer["errorType"]) {
        (Value::Number(status), _, _) => status.to_string(),
        (_, Value::Array(failures), _) => format!("{} failures", failures.len()),
        (_, _, Value::String(error)) => error.clone(),
        _ => answer.to_string(),
    }
}

/// The payloads for a dialect, with an API key.
struct Payloads<'a> {
    dialect: &'static Dialect,
    key: &'a str,
}

impl Payloads<'_> {
    fn request(&self, method: &str, path: &str, query: &str, body: &str) -> Value {
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
            "headers": {"authorization": self.key, "content-type": "application/json"},
            "requestContext": {"http": {"method": method}}, "body": body, "isBase64Encoded": false,
        })
    }

    fn create(&self, body: &str) -> Value {
        self.request("POST", self.dialect.root, "", body)
    }

    fn list(&self, query: &str) -> Value {
        self.request("GET", self.dialect.root, query, "")
    }

    /// Returns a create with the largest body, in which `pattern` fills what `before` and `after`
    /// leave.
    fn filled(&self, before: &str, pattern: &str, after: &str) -> Value {
        let room = MAX_BODY_BYTES - before.len() - after.len();
        self.create(&format!("{before}{}{after}", pattern.repeat(room / pattern.len())))
    }

    /// Returns all payloads and what they are.
    fn all(&self) -> Vec<(&'static str, Value)> {
        // Members that take any JSON, strings, and a number or what can stand for one.
        let [free, strings, number] = match self.dialect {
            dialect if *dialect == ASSISTANT => {
                ["action_buttons", "user_opening_messages", "remove_branding"]
            }
            _ => ["config", "allowed_domains", "messages_per_minute"],
        };
        // The last of two members with the same name counts, so this body is valid up to its value.
        let up_to =
            |member: &str| format!("{},\"{member}\":", self.dialect.body.trim_end_matches('}'));
        let array_of = |member: &str, pattern: &str, last: &str| {
            self.filled(&format!("{}[", up_to(member)), pattern, last)
        };
        let huge = |text: &str| text.repeat((MAX_EVENT_BYTES - 10_000) / text.len());
        let mut in_base64 = self.create(&huge("e30A"));
        in_base64["isBase64Encoded"] = json!(true);
        let mut tags = self.create(self.dialect.body);
        tags["headers"]["if-match"] = json!("\"1\",".repeat(2_500));
        let account = DEVELOPMENT_ACCOUNT.to_string();
        let command = |body: &str| json!({"operation": "create", "account": account, "body": body});
        let message =
            |body: &str| json!({"messageId": "m", "eventSource": "aws:sqs", "body": body});
        let unclosed = format!(
            r#"{{"operation":"create","account":"{account}","body":{}"#,
            "[".repeat(500_000)
        );
        let digits = "7".repeat(5_000);
        vec![
            ("brackets alone, unclosed", self.create(&"[".repeat(MAX_BODY_BYTES))),
            ("deeper than is allowed", array_of(free, "[{},", "")),
            ("an object of one-byte members", self.filled("{", r#""":0,"#, r#""":0}"#)),
            ("the same member over and over", self.filled("{", r#""name":0,"#, r#""name":0}"#)),
            ("strings that are numbers", array_of(strings, "0,", "0]}")),
            ("a number of 250,000 digits", self.filled(&up_to(number), "7", "}")),
            ("an exponent of as many", self.filled(&(up_to(number) + "1e"), "7", "}")),
            ("a string of escapes", self.filled(&(up_to(number) + "\""), r"\u0041", "\"}")),
            ("an answer that quotes all of it, escaped", self.filled(r#"{"x":""#, r"\\", r#""}"#)),
            ("a body of 6 MB", self.create(&huge("["))),
            ("the same in base64", in_base64),
            ("10 KB of queries for one value", self.list(&"page=1&".repeat(1_450))),
            ("10 KB of digits for a page", self.list(&format!("page=1{digits}&limit={digits}"))),
            ("10 KB of a cursor", self.list(&format!("limit=1&cursor={}", "a".repeat(10_000)))),
            ("10 KB of entity tags", tags),
            ("no event, but 6 MB of brackets", json!(huge("["))),
            ("a pipe's array of 6 MB", json!(vec![0; MAX_EVENT_BYTES / 2 - 10])),
            ("a queue's 10,000 messages of nothing", json!({"Records": vec![message(""); 10_000]})),
            ("a queue's 10 messages of 500 KB", json!({"Records": vec![message(&unclosed); 10]})),
            ("a command of 6 MB", command(&huge("["))),
            // These are widgets, if odd ones: the last row is a list of them.
            ("a free-form array of numbers", array_of(free, "0,", "0]}")),
            ("strings that are empty", array_of(strings, r#""","#, r#"""]}"#)),
            ("a list of all these", self.list("")),
        ]
    }
}
