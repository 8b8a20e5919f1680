//! What a user would miss, through HTTP: every test starts a stack of its own (real function processes over an embedded
//! store) on free ports, so that they run side by side in any order.
//!
//! * [`app`] is the stack as a test drives it, [`fault_proxy`] what makes its store fail as it is told.
//! * [`assistant`] and [`pathway`] are the two dialects, [`bodies`] what both have to survive.
//! * [`keys`], [`store`], [`execution`] are about who asks, what is kept, and what happens to processes.
//! * [`idempotency`] and [`preconditions`] are about requests that come twice or too late, [`races`] and [`crash`] about many
//!   of them at once and about `kill -9`.
//! * [`tenants`] and [`secrets`] are about what nobody else is to see: another account's widgets, keys, what was sent and kept.
//! * [`pipelines`] are commands that come without HTTP, [`changes`] the events that every change is.
//! * [`log_lines`] are what an operator learns of each request, [`limits`] what becomes of those that mean harm.
//! * [`invoke`] is about events of any kind: Lambda's Invoke API, `widgets invoke`, `widgets events`.
//! * [`invariants`] are what the fuzzers look for, with fewer inputs.
//! * [`command`] drives the `widgets` command itself, [`template`] holds what is deployed together, [`tls`] is the way
//!   to the store as it is on AWS.
//! * [`expanded`] is the template as CloudFormation deploys it; [`permissions`], [`protection`] and [`operations`] judge it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod app;
mod assistant;
mod bodies;
mod browser;
mod changes;
mod command;
mod crash;
mod dialects;
mod execution;
mod expanded;
mod fastapi;
mod fault_proxy;
mod idempotency;
mod invariants;
mod invoke;
mod keys;
mod limits;
mod lists;
mod log_lines;
mod openapi;
mod operations;
mod pathway;
mod permissions;
mod pipelines;
mod preconditions;
mod protection;
mod public;
mod races;
mod secrets;
mod store;
mod template;
mod tenants;
mod tls;
