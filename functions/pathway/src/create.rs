//! `POST /v1/widget`

use shared::error::{Result, zip};
use shared::http::{IdempotencyKey, Request, Response};
use shared::model::pathway::Settings;
use shared::model::{Widget, WidgetSettings};

use crate::request::Widgets;
use crate::views::written;

pub async fn handle(request: &Request<'_>, widgets: &Widgets<'_>) -> Result<Response> {
    let settings = request.json().and_then(|body| Ok(Settings::parse(body, widgets.account())?));
    let (key, settings) = zip(IdempotencyKey::from_request(request), settings)?;
    let created = widgets.create(Widget::new(settings), key).await?;
    let response = written(&created.widget);
    Ok(if created.is_replay { response.with_replay_marker() } else { response })
}
