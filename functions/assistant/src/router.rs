//! Which operation a method and a path mean.

use shared::{
    App, cors,
    error::Error,
    http::{Request, Response},
};

use crate::{create, delete, list, openapi, parameters, read, update};

/// Hands the request to its operation.
pub async fn route(app: &App, request: &Request<'_>) -> Result<Response, Error> {
    let method = request.method.as_str();
    let not_allowed = |allow| Err(Error::MethodNotAllowed { allow });
    match request.segments().as_slice() {
        ["api", "v1", "widget"] => match method {
            "POST" => create::handle(app, request).await,
            "GET" => list::handle(app, request).await,
            _ => not_allowed("GET, POST"),
        },
        ["api", "v1", "widget", id] => match method {
            "GET" => read::handle(app, request, id).await,
            "PUT" => update::handle(app, request, id).await,
            "DELETE" => delete::handle(app, request, id).await,
            _ => not_allowed("GET, PUT, DELETE"),
        },
        ["api", "v1", "widget", id, "parameters"] => match method {
            "GET" => parameters::handle(app, request, id).await,
            "OPTIONS" => Ok(cors::for_any_origin(cors::preflight(request))),
            _ => not_allowed("GET, OPTIONS"),
        },
        ["api", "v1", "assistant", id, "widgets"] => match method {
            "GET" => list::handle_assistant(app, request, id).await,
            _ => not_allowed("GET"),
        },
        ["api", "v1", "openapi.json"] => match method {
            "GET" => Ok(openapi::answer()),
            _ => not_allowed("GET"),
        },
        _ => Err(Error::NoSuchRoute),
    }
}

/// Whether pages of every origin may read what is answered to the request.
pub fn is_public(request: &Request<'_>) -> bool {
    matches!(request.segments().as_slice(), ["api", "v1", "widget", _, "parameters"])
}
