//! What both dialects are built on. A create passes through the rooms in this order, and its answer
//! comes back through them:
//!
//! * [`runtime`] takes an invocation from Lambda and writes its log line.
//! * [`http`] parses the request; what is not one is handed to [`commands`].
//! * [`auth`] finds the account of the API key.
//! * [`validation`] parses the body's JSON and collects violations,
//! * of which [`model`] makes a widget that is valid by construction.
//! * [`store`] makes an item of the widget,
//! * and [`dynamodb`] calls the table.
//! * [`error`] is everything that can go wrong on the way.
//! * [`telemetry`] counts and logs.
//!
//! A room imports only from rooms before it in this list: validation, model, error, http,
//! telemetry, dynamodb, store, auth, commands, runtime. `tests/integration/rooms.rs` checks that.

// `cargo lambda build` chooses "abort" if the profile does not say.
#[cfg(panic = "abort")]
compile_error!("a handler that panics answers 500, so it must unwind: set `panic = \"unwind\"`");

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
