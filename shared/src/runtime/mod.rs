//! A function of Lambda: the loop over its invocations, and what becomes of each.

pub mod handler;
pub mod runtime_api;
