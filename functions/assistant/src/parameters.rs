//! `GET /api/v1/widget/{widget_id}/parameters`: what an embedded widget needs to draw itself, for everybody.

use shared::{
    App, cors,
    error::Error,
    etag::{self, Preconditions},
    http::{Request, Response},
    model::assistant::Settings,
    validation::both,
};

use crate::wire;

pub async fn handle(app: &App, request: &Request<'_>, id: &str) -> Result<Response, Error> {
    let (id, preconditions) = both(wire::widget_id(id), Preconditions::of(request))?;
    let widget = app.store.read_public::<Settings>(id).await?;
    let answer =
        || wire::success("Data retrieved successfully", wire::Parameters::from(&widget.settings));
    let answer = preconditions.answer(widget.version, answer)?;
    Ok(cors::for_any_origin(etag::cached(answer)))
}
