//! The whole service on this machine. The commands import from here, and nothing here imports from
//! them.
//!
//! * [`stack`] starts and stops all of it.
//! * [`template`] reads what is deployed from `template.yaml`.
//! * [`binaries`] builds the functions.
//! * [`gateway`] turns HTTP requests into API Gateway's events.
//! * [`invocations`] is Lambda's Invoke API.
//! * [`origin_of_request`] tells what comes from this machine.
//! * [`request_body`] reads the body of a request to either.
//! * [`function_process`] runs a function as Lambda does, in processes under a [`runtime_api`].
//! * [`logs`] makes the functions' log lines readable.
//! * [`embedded_store`] is the embedded DynamoDB, or a DynamoDB elsewhere.
//! * [`store_access`] configures the calls to either, and says in words why one failed.
//! * [`stream`] follows a table's stream.
//! * [`pipe`] publishes the changes in a stream as events.
//! * [`event_pattern`] is a pipe's filter.
//! * [`input_transformer`] makes an event's detail of a change.

pub mod binaries;
pub mod embedded_store;
pub mod event_pattern;
pub mod function_process;
pub mod gateway;
pub mod input_transformer;
pub mod invocations;
pub mod logs;
pub mod origin_of_request;
pub mod pipe;
pub mod request_body;
pub mod runtime_api;
pub mod stack;
pub mod store_access;
pub mod stream;
pub mod template;
