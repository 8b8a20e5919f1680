//! Integration tests, over HTTP. Every test starts its own stack on free ports: real function
//! processes over an embedded store. Tests run in parallel and in any order.
//!
//! [`support`] holds what the tests share: a running stack, a fault proxy, payloads and the
//! expanded template.
//!
//! The API:
//!
//! * [`assistant`] and [`pathway`] are the two dialects. [`dialects`] compares them. [`fastapi`]
//!   compares the assistant dialect with FastAPI. [`openapi`] checks the OpenAPI documents.
//! * [`bodies`], [`limits`] and [`invariants`] send unexpected, hostile and random input.
//! * [`gateways`] is about what gateways and proxies do to a request.
//! * [`lists`] is about pages and cursors, [`public`] and [`browser`] about reads without a key.
//! * [`examples`] opens the page of `examples/embed`. `.ci/run` runs the other examples.
//! * [`idempotency`] and [`preconditions`] are about retries and conditional requests.
//!
//! Accounts and secrets:
//!
//! * [`keys`] is about API keys, [`tenants`] about isolation between accounts, [`secrets`] about
//!   leaks.
//!
//! Faults and concurrency:
//!
//! * [`store`] is about a failing store, [`execution`] about function processes, [`races`] about
//!   concurrent writers, [`crash`] about `kill -9`, [`tls`] about the connection to the store.
//!
//! Pipelines and operation:
//!
//! * [`pipelines`] is about commands without HTTP, [`changes`] about change events.
//! * [`invoke`] is about Lambda's Invoke API, `widgets invoke` and `widgets events`.
//! * [`command`] runs the `widgets` command, [`bench`] the `bench` command. [`moving`] is about
//!   `widgets export` and `widgets import`. [`shell`] is about what `widgets` is to a shell:
//!   colours, completions, the manual.
//! * [`page`] is about the page of the local stack.
//! * [`log_lines`] checks log lines and metrics.
//! * [`template`], [`permissions`], [`protection`] and [`operations`] check what is deployed.
//!
//! The code: [`rooms`] checks what the modules of `shared` and of the local stack import.
//! [`documents`] compares the documents with the code.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod assistant;
mod bench;
mod bodies;
mod browser;
mod changes;
mod command;
mod crash;
mod dialects;
mod documents;
mod examples;
mod execution;
mod fastapi;
mod fields;
mod gateways;
mod idempotency;
mod invariants;
mod invoke;
mod keys;
mod limits;
mod lists;
mod log_lines;
mod moving;
mod openapi;
mod operations;
mod page;
mod pathway;
mod permissions;
mod pipelines;
mod preconditions;
mod protection;
mod public;
mod races;
mod rooms;
mod secrets;
mod shell;
mod store;
mod support;
mod template;
mod tenants;
mod tls;
