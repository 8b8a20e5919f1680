//! `POST /api/v1/widget`

use shared::{
    App,
    error::Error,
    http::{Request, Response},
    keys::Role,
    model::{Widget, assistant::Settings},
};

use crate::wire;

pub async fn handle(app: &App, request: &Request) -> Result<Response, Error> {
    let account = app.keys.authenticate(request, Role::Full).await?;
    let settings = wire::body(request)?.and_then(|body| Settings::parse(body, account))?;
    let widget = Widget::new(settings);
    app.store.create(account, &widget).await?;
    Ok(wire::success("Data created successfully", wire::Widget::from(&widget)))
}
