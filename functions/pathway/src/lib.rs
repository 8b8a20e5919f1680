//! The pathway dialect: Bland's widget API as a Lambda function.
//!
//! * `router` maps a method and a path to an operation, and names the role that it needs.
//! * An operation is a file of its own (`create`, `read`, `list`, `update`, `delete`, `config`),
//!   each the same steps in the same order: what the request says, the store, the response.
//! * `request` and `views` are what bodies look like, `errors` what errors look like: an envelope
//!   with `errors`.

mod config;
mod create;
mod delete;
pub mod errors;
mod list;
mod read;
pub mod request;
mod router;
mod update;
pub mod views;

use shared::error::{Error, Result};
use shared::http::{Request, Response, cors};
use shared::model::pathway::Settings;
use shared::runtime::{App, Dialect};

/// The dialect over an [`App`].
#[derive(Debug)]
pub struct Pathway(pub App);

impl Dialect for Pathway {
    type Settings = Settings;
    type WidgetView<'a> = views::WidgetView<'a>;

    const OPENAPI: &'static str = include_str!("../openapi.json");

    fn app(&self) -> &App {
        &self.0
    }

    async fn route(&self, request: &Request<'_>) -> Result<Response> {
        router::route(self, request).await
    }

    fn error_response(&self, request: &Request<'_>, error: &Error, request_id: &str) -> Response {
        let response = errors::response(error, request_id);
        match error {
            _ if !router::is_public(request) => response,
            // Without CORS headers the page cannot read the answer.
            Error::OriginNotAllowed { .. } => cors::vary_by_origin(response),
            _ => cors::allow_request_origin(request, response),
        }
    }
}
