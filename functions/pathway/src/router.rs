//! The routes: which operation a method and a path mean, and which role it needs.

use shared::auth::Role;
use shared::error::{Error, Result};
use shared::http::{Request, Response};
use shared::runtime::Dialect;

use crate::{config, create, delete, list, read, update};

/// Where the paths of the dialect begin.
pub const ROOT: &str = "/v1/";

/// Authenticates a request and hands it to its operation. Routes without a role are public.
pub async fn route<D: Dialect>(dialect: &D, request: &Request<'_>) -> Result<Response> {
    let app = dialect.app();
    let widgets = async |needed| {
        let account = app.api_keys.authenticate(request, needed).await?;
        Ok::<_, Error>(app.store.widgets(account))
    };
    let not_allowed = |allow| Err(Error::MethodNotAllowed { allow });
    let method = request.method.as_str();
    match request.segments(ROOT).as_slice() {
        ["widget"] => match method {
            "POST" => create::handle(request, &widgets(Role::Full).await?).await,
            "GET" => list::handle(request, &widgets(Role::Read).await?).await,
            _ => not_allowed("GET, POST"),
        },
        ["widgets"] => match method {
            "GET" => list::handle(request, &widgets(Role::Read).await?).await,
            _ => not_allowed("GET"),
        },
        // Bland's conversation runtime has this resource. It is never a widget's id.
        ["widget", "custom_components", ..] => Err(Error::RouteNotFound),
        ["widget", id] => match method {
            "GET" => read::handle(request, &widgets(Role::Read).await?, id).await,
            "PATCH" => update::handle(request, &widgets(Role::Full).await?, id).await,
            "DELETE" => delete::handle(request, &widgets(Role::Full).await?, id).await,
            _ => not_allowed("GET, PATCH, DELETE"),
        },
        ["widget", id, "config"] => match method {
            "GET" => config::handle(request, &app.store, id).await,
            "OPTIONS" => config::preflight(request, &app.store, id).await,
            _ => not_allowed("GET, OPTIONS"),
        },
        ["openapi.json"] => match method {
            "GET" => Ok(D::openapi()),
            _ => not_allowed("GET"),
        },
        _ => Err(Error::RouteNotFound),
    }
}

/// Returns whether the answer to a request depends on the page that asks.
pub fn is_public(request: &Request<'_>) -> bool {
    matches!(request.segments(ROOT).as_slice(), ["widget", _, "config"])
}
