//! `DELETE /v1/widget/{id}`

use shared::error::{Result, zip};
use shared::http::{Preconditions, Request, Response};

use crate::request::{Widgets, widget_id};
use crate::views::{read, written};

pub async fn handle(request: &Request<'_>, widgets: &Widgets<'_>, id: &str) -> Result<Response> {
    let (id, preconditions) = zip(widget_id(id), Preconditions::from_request(request))?;
    let deleted = widgets.delete(id, &preconditions.version_condition()).await?;
    Ok(written(&preconditions.check_written(deleted, read)?))
}
