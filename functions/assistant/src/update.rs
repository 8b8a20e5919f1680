//! `PUT /api/v1/widget/{widget_id}`

use shared::error::{Result, zip3};
use shared::http::{Preconditions, Request, Response};
use shared::model::WidgetSettings;
use shared::model::assistant::Settings;

use crate::request::{Widgets, body, widget_id};
use crate::views::{WidgetView, success};

pub async fn handle(request: &Request<'_>, widgets: &Widgets<'_>, id: &str) -> Result<Response> {
    let changes = body(request).and_then(|body| Ok(Settings::parse_changes(body)?));
    let (id, preconditions, changes) =
        zip3(widget_id(id), Preconditions::from_request(request), changes)?;
    let versions = preconditions.into_version_condition();
    let widget = widgets.update(id, &changes, &versions).await?;
    Ok(success("Data updated successfully", WidgetView::from(&widget)).with_etag(widget.version))
}
