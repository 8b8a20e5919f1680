//! `GET /api/v1/widget/{widget_id}/parameters`: what an embedded widget needs to draw itself, for everybody.

use shared::{
    App, cors,
    error::Error,
    etag,
    http::{Request, Response},
    model::assistant::Settings,
};

use crate::wire;

pub async fn handle(app: &App, request: &Request, id: &str) -> Result<Response, Error> {
    let id = wire::widget_id(id)?;
    let widget = app.store.read_public::<Settings>(id).await?;
    let answer = || wire::success("Data retrieved successfully", wire::Parameters::from(&widget.settings));
    Ok(cors::for_any_origin(etag::cached(request, widget.version, answer)))
}
