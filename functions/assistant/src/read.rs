//! `GET /api/v1/widget/{widget_id}`

use shared::error::{Result, zip};
use shared::http::{Preconditions, Request, Response};

use crate::request::{Widgets, widget_id};
use crate::views;

pub async fn handle(request: &Request<'_>, widgets: &Widgets<'_>, id: &str) -> Result<Response> {
    let (id, preconditions) = zip(widget_id(id), Preconditions::from_request(request))?;
    let widget = widgets.read(id).await?;
    preconditions.respond(widget.version, views::read(&widget))
}
