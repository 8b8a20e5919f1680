//! `POST /v1/widget`

use shared::{
    App,
    error::Error,
    http::{Request, Response},
    keys::Role,
    model::{Widget, pathway::Settings},
};

use crate::wire;

pub async fn handle(app: &App, request: &Request) -> Result<Response, Error> {
    let account = app.keys.authenticate(request, Role::Full).await?;
    let settings = request.json()?.and_then(Settings::parse)?;
    let widget = Widget::new(settings);
    app.store.create(account, &widget).await?;
    Ok(wire::success(wire::Widget::from(&widget)))
}
