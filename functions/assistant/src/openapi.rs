//! `GET /api/v1/openapi.json`: the dialect's own description, for pages of every origin, which draw documentation from it.

use shared::{
    cors,
    http::{Response, StatusCode},
};

pub fn answer() -> Response {
    cors::for_any_origin(Response::json_text(
        StatusCode::OK,
        include_str!("../openapi.json").to_owned(),
    ))
}
