//! `GET /api/v1/widget/{widget_id}`

use shared::{
    App,
    error::Error,
    etag::Preconditions,
    http::{Request, Response},
    keys::Role,
    model::assistant::Settings,
    validation::both,
};

use crate::wire;

pub async fn handle(app: &App, request: &Request<'_>, id: &str) -> Result<Response, Error> {
    let account = app.keys.authenticate(request, Role::Read).await?;
    let (id, preconditions) = both(wire::widget_id(id), Preconditions::of(request))?;
    let widget = app.store.read::<Settings>(account, id).await?;
    preconditions.answer(widget.version, || {
        wire::success("Data retrieved successfully", wire::Widget::from(&widget))
    })
}
