//! `POST /api/v1/widget`

use shared::error::{Result, zip};
use shared::http::{IdempotencyKey, Request, Response};
use shared::model::assistant::Settings;
use shared::model::{Widget, WidgetSettings};

use crate::request::{Widgets, body};
use crate::views::written;

pub async fn handle(request: &Request<'_>, widgets: &Widgets<'_>) -> Result<Response> {
    let settings = body(request).and_then(|body| Ok(Settings::parse(body, widgets.account())?));
    let (key, settings) = zip(IdempotencyKey::from_request(request), settings)?;
    let created = widgets.create(Widget::new(settings), key).await?;
    let response = written("Data created successfully", &created.widget)?;
    Ok(if created.is_replay { response.with_replay_marker() } else { response })
}
