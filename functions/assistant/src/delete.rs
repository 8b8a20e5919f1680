//! `DELETE /api/v1/widget/{widget_id}`

use shared::{
    App,
    error::Error,
    etag::{self, Preconditions},
    http::{Request, Response},
    keys::Role,
    model::assistant::Settings,
    validation::both,
};

use crate::wire;

pub async fn handle(app: &App, request: &Request<'_>, id: &str) -> Result<Response, Error> {
    let account = app.keys.authenticate(request, Role::Full).await?;
    let (id, preconditions) = both(wire::widget_id(id), Preconditions::of(request))?;
    let widget = app.store.delete::<Settings>(account, id, &preconditions.versions()).await?;
    Ok(etag::tagged(
        widget.version,
        wire::success("Data deleted successfully", wire::Widget::from(&widget)),
    ))
}
