//! Moving widgets between a service and a stack.
//!
//! * [`export`] runs `widgets export` over the local stack, over [`service`]s that fail, and at a
//!   [`terminal`].
//! * [`import`] runs `widgets import` on files of every kind.
//! * [`round_trip`] exports from one stack and imports into another.

mod export;
mod import;
mod round_trip;
mod service;
mod terminal;
