//! `PATCH /v1/widget/{id}`

use shared::error::{Result, zip3};
use shared::http::{Preconditions, Request, Response};
use shared::model::WidgetSettings;
use shared::model::pathway::Settings;

use crate::request::{Widgets, widget_id};
use crate::views::{read, written};

pub async fn handle(request: &Request<'_>, widgets: &Widgets<'_>, id: &str) -> Result<Response> {
    let changes = request.json().and_then(|body| Ok(Settings::parse_changes(body)?));
    let (id, preconditions, changes) =
        zip3(widget_id(id), Preconditions::from_request(request), changes)?;
    let updated = widgets.update(id, &changes, &preconditions.version_condition()).await?;
    Ok(written(&preconditions.check_written(updated, read)?))
}
