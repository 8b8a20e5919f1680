//! Commands that come without HTTP.

pub mod batch;
pub mod command;
pub mod invocation_error;
pub mod trigger_event;
