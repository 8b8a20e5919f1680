//! `PUT /api/v1/widget/{widget_id}`

use shared::error::{Result, zip3};
use shared::http::{Preconditions, Request, Response};
use shared::model::WidgetSettings;
use shared::model::assistant::Settings;

use crate::request::{Widgets, body, widget_id};
use crate::views::{read, written};

pub async fn handle(request: &Request<'_>, widgets: &Widgets<'_>, id: &str) -> Result<Response> {
    let changes = body(request).and_then(|body| Ok(Settings::parse_changes(body)?));
    let (id, preconditions, changes) =
        zip3(widget_id(id), Preconditions::from_request(request), changes)?;
    let updated = widgets.update(id, &changes, &preconditions.version_condition()).await?;
    written("Data updated successfully", &preconditions.check_written(updated, read)?)
}
