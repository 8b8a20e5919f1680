//! `DELETE /v1/widget/{id}`

use shared::error::{Result, zip};
use shared::http::{Preconditions, Request, Response};

use crate::request::{Widgets, widget_id};
use crate::views::{read, tagged};

pub async fn handle(request: &Request<'_>, widgets: &Widgets<'_>, id: &str) -> Result<Response> {
    let (id, preconditions) = zip(widget_id(id), Preconditions::from_request(request))?;
    let written = widgets.delete(id, &preconditions.version_condition()).await?;
    Ok(tagged(&preconditions.check_written(written, read)?))
}
