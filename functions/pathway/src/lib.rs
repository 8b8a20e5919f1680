//! The pathway dialect: Bland's widget API (contract 1) as a Lambda function.
//!
//! * `router` is the one place where a method and a path become an operation.
//! * An operation is a file of its own (`create`, `read`, `list`, `update`, `delete`, `config`), each the same steps in
//!   the same order: who asks, what for, the store, the answer.
//! * `commands` does the same without HTTP around it.
//! * `wire` is what bodies look like, `errors` what failures look like: an envelope with `errors`.

mod commands;
mod config;
mod create;
mod delete;
pub mod errors;
mod list;
mod openapi;
mod read;
mod router;
mod update;
pub mod wire;

use serde_json::value::RawValue;
use shared::{
    App, cors,
    error::Error,
    event::Delivery,
    http::{Request, Response},
    lambda::Dialect,
    model,
    store::Stored,
};

/// The dialect over an [`App`].
#[derive(Debug)]
pub struct Pathway(pub App);

impl Dialect for Pathway {
    const NAME: &'static str = <model::pathway::Settings as Stored>::DIALECT;

    async fn answer(&self, request: &Request<'_>) -> Result<Response, Error> {
        router::route(&self.0, request).await
    }

    fn refuse(&self, request: &Request<'_>, error: &Error, request_id: &str) -> Response {
        let response = errors::response(error, request_id);
        match error {
            _ if !router::is_public(request) => response,
            // The page is not to know more than that.
            Error::OriginNotAllowed => cors::for_no_origin(response),
            _ => cors::for_this_origin(request, response),
        }
    }

    async fn execute(&self, delivery: &Delivery) -> Result<Box<RawValue>, Error> {
        commands::execute(&self.0, delivery).await
    }
}
