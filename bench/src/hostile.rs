//! What requests cost that mean harm: CPU, beside an ordinary create, and memory.

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};
use shared::http::MAX_BODY_BYTES;
use widgets::{
    keys::{self, NewKey},
    local::{
        binaries,
        embedded_store::{Store, StoreLocation},
        function_process::{Function, InvokeError, MAX_EVENT_BYTES},
        stack::{self, DEVELOPMENT_ACCOUNT},
        template::{FunctionSpec, Template},
    },
};

use crate::process;

/// How many times each is sent, for the mean.
const TIMES: u32 = 5;

/// How many ordinary requests are the measure of the others.
const ORDINARY_TIMES: u32 = 100;

/// Sends all of it to both functions, and prints.
pub async fn run() -> Result<()> {
    let template = Template::read(binaries::workspace())?.without_streams();
    let binaries = binaries::of(&template).await?;
    let store = Store::open(&StoreLocation::Memory, &template.tables).await?;
    let key = keys::generate()?;
    keys::issue_development_key(&key, &store).await?;

    println!(
        "| function | what | event, KiB | answer | CPU, ordinary creates | peak memory, MiB |"
    );
    println!("|---|---|---|---|---|---|");
    for spec in &template.functions {
        let target = Target { spec, binaries: &binaries, store: &store };
        let dialect = Dialect::of(&spec.name, &key);
        let ordinary = dialect.create(dialect.body);
        let baseline = target.measure(&ordinary, &ordinary, ORDINARY_TIMES).await?;
        target.print("an ordinary create", &ordinary, &baseline, &baseline);
        for (what, event) in dialect.hostile_payloads() {
            let cost = target.measure(&ordinary, &event, TIMES).await?;
            target.print(what, &event, &cost, &baseline);
        }
    }
    store.stop().await;
    Ok(())
}

/// A function that is sent harm.
struct Target<'a> {
    spec: &'a FunctionSpec,
    binaries: &'a HashMap<String, PathBuf>,
    store: &'a Store,
}

/// What it cost.
struct Cost {
    answer: String,
    cpu: Duration,
    peak: f64,
}

impl Target<'_> {
    /// Sends `event` so many times to an environment of its own, behind an `ordinary` one that pays
    /// for its start.
    async fn measure(&self, ordinary: &Value, event: &Value, times: u32) -> Result<Cost> {
        let binary = self.binaries.get(&self.spec.binary).context("no binary")?;
        let environment = stack::environment(self.spec, binary, self.store).await?;
        let logs = Arc::new(|_: &str, _: &str| {});
        let function =
            Function::new(&self.spec.name, binary.clone(), self.spec.timeout, environment, 1, logs);
        answer(&function, ordinary).await?;
        let environment =
            process::of(&self.spec.binary).next().context("the function's process is gone")?;
        let cpu = || process::cpu(&environment).context("the function's process is gone");
        let before = cpu()?;
        let mut last = String::new();
        for _ in 0..times {
            last = answer(&function, event).await?;
        }
        let peak = process::peak(&environment).context("the function's process is gone")?;
        Ok(Cost { answer: last, cpu: (cpu()? - before) / times, peak })
    }

    fn print(&self, what: &str, event: &Value, cost: &Cost, ordinary: &Cost) {
        let kib = event.to_string().len() as f64 / 1024.0;
        let ratio = cost.cpu.as_secs_f64() / ordinary.cpu.as_secs_f64();
        println!(
            "| {} | {what} | {kib:.1} | {} | {ratio:.1} | {:.1} |",
            self.spec.name, cost.answer, cost.peak
        );
    }
}

/// What an invocation is answered with, in a word.
async fn answer(function: &Function, event: &Value) -> Result<String> {
    let word = |answer: Value| match (
        &answer["statusCode"],
        &answer["batchItemFailures"],
        &answer["errorType"],
    ) {
        (Value::Number(status), _, _) => status.to_string(),
        (_, Value::Array(failures), _) => format!("{} failures", failures.len()),
        (_, _, Value::String(error)) => error.clone(),
        _ => answer.to_string(),
    };
    match function.invoke(event.to_string().into()).await {
        Ok(answer) | Err(InvokeError::Failed(answer)) => Ok(word(serde_json::from_slice(&answer)?)),
        Err(error) => Err(anyhow!("{function:?} did not survive: {error:?}")),
    }
}

/// A dialect as its client uses it.
struct Dialect<'a> {
    root: &'static str,
    key: &'a NewKey,
    body: &'static str,
    /// A member that takes any JSON.
    free: &'static str,
    /// A member that takes an array of strings.
    strings: &'static str,
    /// A member that takes a number, or something that can stand for one.
    number: &'static str,
}

impl<'a> Dialect<'a> {
    fn of(function: &str, key: &'a NewKey) -> Self {
        match function {
            "Assistant" => Self {
                root: "/api/v1/widget",
                key,
                body: r#"{"widget_type":"chat","user_opening_messages":[],"action_buttons":[]}"#,
                free: "action_buttons",
                strings: "user_opening_messages",
                number: "remove_branding",
            },
            _ => Self {
                root: "/v1/widget",
                key,
                body: r#"{"agent_prompt":"Hello","allowed_domains":[],"messages_per_minute":1,"config":{}}"#,
                free: "config",
                strings: "allowed_domains",
                number: "messages_per_minute",
            },
        }
    }

    fn request(&self, method: &str, path: &str, query: &str, headers: &Value, body: &str) -> Value {
        let mut all =
            json!({"authorization": self.key.reveal(), "content-type": "application/json"});
        all.as_object_mut()
            .into_iter()
            .for_each(|all| all.extend(headers.as_object().cloned().unwrap_or_default()));
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
            "headers": all, "requestContext": {"http": {"method": method}}, "body": body, "isBase64Encoded": false,
        })
    }

    fn create(&self, body: &str) -> Value {
        self.request("POST", self.root, "", &json!({}), body)
    }

    fn with_headers(&self, headers: &Value) -> Value {
        self.request("POST", self.root, "", headers, self.body)
    }

    fn list(&self, query: &str) -> Value {
        self.request("GET", self.root, query, &json!({}), "")
    }

    /// A body as large as one can be in which `pattern` fills what `before` and `after` leave.
    fn filled(&self, before: &str, pattern: &str, after: &str) -> Value {
        let room = MAX_BODY_BYTES - before.len() - after.len();
        self.create(&format!("{before}{}{after}", pattern.repeat(room / pattern.len())))
    }

    /// All that is sent, and what it is.
    fn hostile_payloads(&self) -> Vec<(&'static str, Value)> {
        let Self { free, strings, number, .. } = self;
        // Of a member given twice the last counts: this is valid up to the last one's value.
        let up_to = |member: &str| {
            format!("{},\"{member}\":", self.body.strip_suffix('}').unwrap_or(self.body))
        };
        let huge = |text: &str| text.repeat((MAX_EVENT_BYTES - 10_000) / text.len());
        let mut in_base64 = self.create(&huge("e30A"));
        in_base64["isBase64Encoded"] = json!(true);
        let message =
            |body: &str| json!({"messageId": "m", "eventSource": "aws:sqs", "body": body});
        let command =
            format!(r#"{{"operation":"create","account":"{DEVELOPMENT_ACCOUNT}","body":"#);
        vec![
            ("brackets alone, unclosed", self.create(&"[".repeat(MAX_BODY_BYTES))),
            ("deeper than is allowed", self.filled(&format!("{}[", up_to(free)), "[{},", "")),
            ("an object of one-byte members", self.filled("{", r#""":0,"#, r#""":0}"#)),
            (
                "the same member over and over",
                self.filled("{", r#""widget_type":0,"#, &format!(r#""{free}":[]}}"#)),
            ),
            ("strings that are numbers", self.filled(&format!("{}[", up_to(strings)), "0,", "0]}")),
            (
                "a number of a quarter million digits",
                self.filled(&format!("{}1", up_to(number)), "7", "}"),
            ),
            ("an exponent of as many", self.filled(&format!("{}1e", up_to(number)), "7", "}")),
            (
                "one string of escapes",
                self.filled(&format!(r#"{{"{number}":""#), r"\u0041", r#""}"#),
            ),
            ("an answer that quotes all of it, escaped", self.filled(r#"{"x":""#, r"\\", r#""}"#)),
            ("a body of 6 MB", self.create(&huge("["))),
            ("the same in base64", in_base64),
            ("10 KB of queries for one value", self.list(&"page=1&".repeat(1_450))),
            (
                "10 KB of digits for a page",
                self.list(&format!("page=1{}&limit={0}", "7".repeat(5_000))),
            ),
            ("10 KB of a cursor", self.list(&format!("limit=1&cursor={}", "a".repeat(10_000)))),
            (
                "10 KB of entity tags",
                self.with_headers(&json!({"if-match": "\"1\",".repeat(2_500)})),
            ),
            ("no event, but 6 MB of brackets", json!(huge("["))),
            ("a pipe's array of 6 MB", json!(vec![0; MAX_EVENT_BYTES / 2 - 10])),
            ("a queue's 10,000 messages of nothing", json!({"Records": vec![message(""); 10_000]})),
            (
                "a queue's 10 messages of 500 KB",
                json!({"Records": vec![message(&format!("{command}{}", "[".repeat(500_000))); 10]}),
            ),
            (
                "a command of 6 MB",
                json!({"operation": "create", "account": DEVELOPMENT_ACCOUNT.to_string(), "body": huge("[")}),
            ),
            // These are widgets, if odd ones: the last row is a list of them.
            (
                "a free-form array of numbers",
                self.filled(&format!("{}[", up_to(free)), "0,", "0]}"),
            ),
            (
                "strings that are empty",
                self.filled(&format!("{}[", up_to(strings)), r#""","#, r#"""]}"#),
            ),
            ("a list of all these", self.list("")),
        ]
    }
}
