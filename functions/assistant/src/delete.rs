//! `DELETE /api/v1/widget/{widget_id}`

use shared::{
    App,
    error::Error,
    http::{Request, Response},
    keys::Role,
    model::assistant::Settings,
};

use crate::wire;

pub async fn handle(app: &App, request: &Request, id: &str) -> Result<Response, Error> {
    let account = app.keys.authenticate(request, Role::Full).await?;
    let id = wire::widget_id(id)?;
    let widget = app.store.delete::<Settings>(account, id).await?;
    Ok(wire::success("Data deleted successfully", wire::Widget::from(&widget)))
}
