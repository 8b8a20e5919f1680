//! `GET /v1/widget/{id}`

use shared::{
    App,
    error::Error,
    http::{Request, Response},
    keys::Role,
    model::pathway::Settings,
};

use crate::wire;

pub async fn handle(app: &App, request: &Request, id: &str) -> Result<Response, Error> {
    let account = app.keys.authenticate(request, Role::Read).await?;
    let id = wire::widget_id(id)?;
    let widget = app.store.read::<Settings>(account, id).await?;
    Ok(wire::success(wire::Widget::from(&widget)))
}
