//! The `widgets` command: what runs on a developer's or an operator's machine. Nothing of it is deployed.
//!
//! * [`serve`] is `widgets serve`: it starts a [`stack`] and says how to use it.
//! * [`keys`] is `widgets keys`: API keys, here and on a deployed stack.
//! * [`invoke`] is `widgets invoke`: it sends a function any event.
//! * [`events`] is `widgets events`: it follows a table's [`stream`] and shows what the template's [`pipe`] publishes of it,
//!   by a [`pattern`] and an [`input_template`].
//! * [`mod@bench`] is `widgets bench`: what the functions cost, and what the local stack does under load.
//! * [`stack`] is the whole service on this machine: [`gateway`] makes HTTP requests API Gateway's events, [`lambda`] runs
//!   the function [`binaries`] as Lambda does, [`invocations`] is Lambda's Invoke API, [`store`] is the embedded DynamoDB.
//!   [`template`] tells them what is deployed.
//! * [`meter`] stands in front of a store and tells what it is asked.
//! * [`logs`] makes the functions' log lines readable.

pub mod bench;
pub mod binaries;
pub mod events;
pub mod gateway;
pub mod input_template;
pub mod invocations;
pub mod invoke;
pub mod keys;
pub mod lambda;
pub mod logs;
pub mod meter;
pub mod pattern;
pub mod pipe;
pub mod serve;
pub mod stack;
pub mod store;
pub mod stream;
pub mod template;
