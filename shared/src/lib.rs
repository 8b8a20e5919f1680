//! What both dialects are built on. A dialect is one of the two public APIs, a room one of these
//! modules. A create passes through them in this order, and its answer comes back through them:
//!
//! * [`runtime`] takes an invocation from Lambda. If it is no HTTP request, [`commands`] takes it.
//! * [`http`] parses the request. It borrows the body, which the operation opens later.
//! * [`auth`] finds the account of the API key.
//! * [`validation`] reads the body's JSON and collects violations.
//! * [`model`] is the widget that the body becomes, valid by construction.
//! * [`store`] makes an item of the widget.
//! * [`dynamodb`] calls the table.
//!
//! All of them use [`error`], which is everything that can go wrong, and [`telemetry`], which
//! counts and logs.
//!
//! Imports go one way: in the order validation, model, error, http, telemetry, dynamodb, store,
//! auth, commands, runtime, a room imports only from those before it
//! (`tests/integration/rooms.rs`).

#[cfg(target_env = "musl")]
use std::alloc::System;

#[cfg(target_env = "musl")]
use spinning_top::RawSpinlock;
#[cfg(target_env = "musl")]
use talc::{TalcLock, source::GlobalAllocSource};

// `cargo lambda build` chooses "abort" if the profile does not say.
#[cfg(panic = "abort")]
compile_error!("a handler that panics answers 500, so it must unwind: set `panic = \"unwind\"`");

/// The allocator of a deployed function, which is linked with musl: musl's own makes a create half
/// as expensive again (docs/performance.md). A function has one thread, and a second one only while
/// a name is resolved, so a spin lock is never held for long.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: TalcLock<RawSpinlock, GlobalAllocSource<System>> =
    TalcLock::new(GlobalAllocSource::new(System));

pub mod auth;
pub mod commands;
pub mod dynamodb;
pub mod error;
pub mod http;
pub mod model;
pub mod runtime;
pub mod store;
pub mod telemetry;
pub mod validation;
