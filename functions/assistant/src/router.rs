//! Which operation a method and a path mean.

use shared::{
    App,
    error::Error,
    http::{Request, Response},
};

use crate::create;

/// Hands the request to its operation.
pub async fn route(app: &App, request: &Request) -> Result<Response, Error> {
    match (request.method.as_str(), request.segments().as_slice()) {
        ("POST", ["api", "v1", "widget"]) => create::handle(app, request).await,
        (_, ["api", "v1", "widget"]) => Err(Error::MethodNotAllowed { allow: "POST" }),
        _ => Err(Error::NoSuchRoute),
    }
}
