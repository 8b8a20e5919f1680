//! `PUT /api/v1/widget/{widget_id}`

use shared::{
    App,
    error::Error,
    etag::{self, Preconditions},
    http::{Request, Response},
    keys::Role,
    model::assistant::{Changes, Settings},
    validation::both,
};

use crate::wire;

pub async fn handle(app: &App, request: &Request<'_>, id: &str) -> Result<Response, Error> {
    let account = app.keys.authenticate(request, Role::Full).await?;
    let changes = wire::body(request)?.and_then(Changes::parse);
    let (id, (preconditions, changes)) =
        both(wire::widget_id(id), both(Preconditions::of(request), changes))?;
    let versions = preconditions.versions();
    let widget = app.store.update::<Settings>(account, id, &changes, &versions).await?;
    Ok(etag::tagged(
        widget.version,
        wire::success("Data updated successfully", wire::Widget::from(&widget)),
    ))
}
