//! A pathway widget's configuration as a page of another origin reads it. A browser sends the
//! origin of the page that it shows and no other, so it cannot ask this by itself.

use std::sync::Arc;

use axum::{
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Client;
use serde::Deserialize;

use crate::local::store_access::root_cause;

/// The page that embeds the widget.
#[derive(Deserialize)]
pub struct EmbeddingPage {
    /// Its origin, as a browser sends it.
    origin: String,
}

/// `GET /page/config/{id}?origin=`: what `GET /v1/widget/{id}/config` answers to a page of that
/// origin.
pub async fn config(
    State(base_url): State<Arc<str>>,
    Path(id): Path<String>,
    Query(EmbeddingPage { origin }): Query<EmbeddingPage>,
) -> Response {
    match read(&base_url, &id, &origin).await {
        Ok(answer) => answer.into_response(),
        Err(error) if error.is_builder() => StatusCode::BAD_REQUEST.into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, root_cause(&error)).into_response(),
    }
}

async fn read(base_url: &str, id: &str, origin: &str) -> reqwest::Result<impl IntoResponse> {
    // No proxy: it is the stack's own port.
    let client = Client::builder().no_proxy().build()?;
    let id = utf8_percent_encode(id, NON_ALPHANUMERIC);
    let config = client.get(format!("{base_url}/v1/widget/{id}/config"));
    let answer = config.header(header::ORIGIN, origin).send().await?;
    let status = answer.status();
    Ok((status, [(header::CONTENT_TYPE, "application/json")], answer.bytes().await?))
}
