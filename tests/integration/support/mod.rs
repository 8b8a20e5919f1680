//! Support for the tests. No module here holds a test.
//!
//! * [`app`] starts a stack and sends requests to it.
//! * [`dialect`] describes the two dialects.
//! * [`fault_proxy`] injects faults between a stack and its store.
//! * [`openapi`] reads the OpenAPI document of a dialect.
//! * [`payloads`] builds the payloads of SQS and EventBridge.
//! * [`expanded`] evaluates the template as CloudFormation does.

pub mod app;
pub mod dialect;
pub mod expanded;
pub mod fault_proxy;
pub mod openapi;
pub mod payloads;
