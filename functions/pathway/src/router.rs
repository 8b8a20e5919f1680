//! Which operation a method and a path mean.

use shared::{
    App,
    error::Error,
    http::{Request, Response},
};

use crate::{config, create, delete, list, openapi, read, update};

/// Hands the request to its operation.
pub async fn route(app: &App, request: &Request<'_>) -> Result<Response, Error> {
    let method = request.method.as_str();
    let not_allowed = |allow| Err(Error::MethodNotAllowed { allow });
    match request.segments().as_slice() {
        ["v1", "widget"] => match method {
            "POST" => create::handle(app, request).await,
            "GET" => list::handle(app, request).await,
            _ => not_allowed("GET, POST"),
        },
        ["v1", "widgets"] => match method {
            "GET" => list::handle(app, request).await,
            _ => not_allowed("GET"),
        },
        // A resource of the service's that is not ours, and no id (contract 1.1).
        ["v1", "widget", "custom_components", ..] => Err(Error::NoSuchRoute),
        ["v1", "widget", id] => match method {
            "GET" => read::handle(app, request, id).await,
            "PATCH" => update::handle(app, request, id).await,
            "DELETE" => delete::handle(app, request, id).await,
            _ => not_allowed("GET, PATCH, DELETE"),
        },
        ["v1", "widget", id, "config"] => match method {
            "GET" => config::handle(app, request, id).await,
            "OPTIONS" => config::preflight(app, request, id).await,
            _ => not_allowed("GET, OPTIONS"),
        },
        ["v1", "openapi.json"] => match method {
            "GET" => Ok(openapi::answer()),
            _ => not_allowed("GET"),
        },
        _ => Err(Error::NoSuchRoute),
    }
}

/// Whether the answer to the request depends on the page that asks.
pub fn is_public(request: &Request<'_>) -> bool {
    matches!(request.segments().as_slice(), ["v1", "widget", _, "config"])
}
