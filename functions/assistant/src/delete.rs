//! `DELETE /api/v1/widget/{widget_id}`

use shared::error::{Result, zip};
use shared::http::{Preconditions, Request, Response};

use crate::request::{Widgets, widget_id};
use crate::views::{WidgetView, success};

pub async fn handle(request: &Request<'_>, widgets: &Widgets<'_>, id: &str) -> Result<Response> {
    let (id, preconditions) = zip(widget_id(id), Preconditions::from_request(request))?;
    let widget = widgets.delete(id, &preconditions.into_version_condition()).await?;
    Ok(success("Data deleted successfully", WidgetView::from(&widget)).with_etag(widget.version))
}
