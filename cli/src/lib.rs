//! The `widgets` command: what runs on a developer's or an operator's machine. None of it is deployed.
//!
//! Commands:
//!
//! * [`serve`] is `widgets serve`: it starts a [`stack`] and prints how to use it.
//! * [`keys`] is `widgets keys`: API keys, here and on a deployed stack.
//! * [`invoke`] is `widgets invoke`: it sends an event to a function.
//! * [`events`] is `widgets events`: it follows a table's [`stream`] and prints what the template's
//!   [`pipe`] publishes. The pipe filters by an [`event_pattern`] and builds each event with an
//!   [`input_transformer`].
//!
//! The local stack:
//!
//! * [`stack`] is the whole service on this machine. [`template`] reads what is deployed from
//!   `template.yaml`.
//! * [`gateway`] turns HTTP requests into API Gateway's events.
//! * [`function_process`] runs the function [`binaries`] as Lambda does: processes under a Runtime
//!   API.
//! * [`invocations`] is Lambda's Invoke API.
//! * [`embedded_store`] is the embedded DynamoDB.
//! * [`meter`] stands in front of a store and records the calls to it.
//! * [`logs`] makes the functions' log lines readable.

pub mod binaries;
pub mod embedded_store;
pub mod event_pattern;
pub mod events;
pub mod function_process;
pub mod gateway;
pub mod input_transformer;
pub mod invocations;
pub mod invoke;
pub mod keys;
pub mod logs;
pub mod meter;
pub mod pipe;
pub mod serve;
pub mod stack;
pub mod stream;
pub mod template;
