//! Moving widgets between a service and a stack.
//!
//! * [`export`] runs `widgets export` over the local stack, over [`service`]s that fail, and at a
//!   [`terminal`].

mod export;
mod service;
mod terminal;
