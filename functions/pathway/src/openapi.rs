//! `GET /v1/openapi.json`: the dialect's own description.

use shared::http::Response;

pub fn answer() -> Response {
    Response::openapi(include_str!("../openapi.json"))
}
