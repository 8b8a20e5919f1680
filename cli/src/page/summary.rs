//! What the page and the banner of `widgets serve` tell of a stack.

use serde::Serialize;
use shared::model::AccountId;

use crate::local::template::{FunctionSpec, Template};

/// A stack, with its key.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StackSummary {
    /// Where it answers, without the API's prefix.
    pub url: String,
    /// What precedes every path of the API, or nothing.
    pub prefix: String,
    /// The key of its account.
    pub key: String,
    /// The account.
    pub account: AccountId,
    /// Where its store speaks DynamoDB's API.
    pub store: String,
    /// Where its data is kept, unless in a DynamoDB elsewhere.
    pub kept: Option<String>,
    /// A line that creates a widget, for a shell.
    pub curl: CurlLines,
    /// Its functions.
    pub functions: Vec<FunctionSummary>,
}

/// A line for each dialect.
#[derive(Serialize)]
pub struct CurlLines {
    /// Of the assistant dialect.
    pub assistant: String,
    /// Of the pathway dialect.
    pub pathway: String,
}

/// A function and its routes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionSummary {
    name: String,
    memory_megabytes: String,
    timeout_seconds: u64,
    routes: Vec<String>,
}

impl StackSummary {
    /// Returns where the paths of the API begin.
    pub fn base_url(&self) -> String {
        format!("{}{}", self.url, self.prefix)
    }

    /// Returns it as JSON, which has the key.
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }
}

/// Returns what a template's functions are.
pub fn functions(template: &Template) -> Vec<FunctionSummary> {
    template.functions.iter().map(function).collect()
}

fn function(spec: &FunctionSpec) -> FunctionSummary {
    FunctionSummary {
        name: spec.name.clone(),
        memory_megabytes: spec.memory.clone(),
        timeout_seconds: spec.timeout.as_secs(),
        routes: spec.routes.iter().map(|it| format!("{} {}", it.method, it.path)).collect(),
    }
}
