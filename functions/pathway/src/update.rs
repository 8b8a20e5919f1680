//! `PATCH /v1/widget/{id}`

use shared::error::{Result, zip3};
use shared::http::{Preconditions, Request, Response};
use shared::model::WidgetSettings;
use shared::model::pathway::Settings;

use crate::request::{Widgets, widget_id};
use crate::views::{WidgetView, success};

pub async fn handle(request: &Request<'_>, widgets: &Widgets<'_>, id: &str) -> Result<Response> {
    let changes = request.json().and_then(|body| Ok(Settings::parse_changes(body)?));
    let (id, preconditions, changes) =
        zip3(widget_id(id), Preconditions::from_request(request), changes)?;
    let versions = preconditions.into_version_condition();
    let widget = widgets.update(id, &changes, &versions).await?;
    Ok(success(WidgetView::from(&widget)).with_etag(widget.version))
}
