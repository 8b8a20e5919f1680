//! What both dialects are built on: one model, one validation, one store, one way to be a Lambda function.
//!
//! A request passes through these modules from top to bottom, and its answer back up:
//!
//! * [`runtime`] asks Lambda for events, in as many [`threads`] as that takes, and [`lambda`] makes an answer of each: one log line
//!   each, panics caught.
//! * [`http`] is the request and the response that a dialect sees.
//! * What is no HTTP request is an [`event`], which brings [`command`]s; [`pipeline`] has them done, and a [`failure`] is what
//!   whoever sent one is told.
//! * [`keys`] tells which account a request's API key belongs to, and [`clock`] how long it is believed.
//! * [`idempotency`] and [`etag`] are what a request says of the requests before it: this one again, only if nothing changed.
//! * [`json`] reads a body one level at a time and leaves free-form values as the text they are.
//! * [`validation`] collects everything wrong with a body; [`model`] is what a valid one becomes.
//! * [`store`] keeps widgets in DynamoDB.
//! * [`list`] makes of them as much of a list as an answer holds, and [`cursor`] says where the rest begins.
//! * [`cors`] is for what is public: which pages may read it.
//! * [`error`] is everything that can go wrong; each dialect has one table from it to its own answers.
//! * [`security_headers`] keep an answer where it belongs.
//! * [`observed`] is what a request did, of which [`log`] writes a line that holds neither keys nor bodies, and which [`metrics`]
//!   count; [`mod@hash`] is what the table holds instead of them.

// `cargo lambda build` chooses "abort" where the profile says nothing.
#[cfg(panic = "abort")]
compile_error!(
    "a handler that panics answers 500, for which it has to unwind: build with `panic = \"unwind\"`"
);

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

// The modules by the names that they had before they moved into rooms.
pub use auth::{self as keys, clock};
pub use commands::{
    batch as pipeline, command, invocation_error as failure, trigger_event as event,
};
pub use http::{conditional as etag, cors, cursor, idempotency, security_headers};
pub use model::hash;
pub use runtime::handler as lambda;
pub use store::list;
pub use telemetry::{log, metrics, request_stats as observed};
pub use validation::json;

/// What a thread of a function holds between invocations.
#[derive(Debug)]
pub struct App {
    /// The API keys.
    pub keys: keys::Keys,
    /// The widgets.
    pub store: store::Store,
}

impl App {
    /// Reads the function's environment, and opens its connection to the store so that no request has to wait for it.
    pub async fn init() -> Result<Self, dynamodb::config::ConfigError> {
        let keys_table = dynamodb::config::variable("API_KEYS_TABLE")?;
        let widgets_table = dynamodb::config::variable("WIDGETS_TABLE")?;
        let client = dynamodb::client::connect().await?;
        Ok(Self {
            keys: keys::Keys::new(client.clone(), keys_table),
            store: store::Store::new(client, widgets_table),
        })
    }
}
