//! `GET /api/v1/widget/{widget_id}`

use shared::{
    App,
    error::Error,
    http::{Request, Response},
    keys::Role,
    model::assistant::Settings,
};

use crate::wire;

pub async fn handle(app: &App, request: &Request, id: &str) -> Result<Response, Error> {
    let account = app.keys.authenticate(request, Role::Read).await?;
    let id = wire::widget_id(id)?;
    let widget = app.store.read::<Settings>(account, id).await?;
    Ok(wire::success("Data retrieved successfully", wire::Widget::from(&widget)))
}
