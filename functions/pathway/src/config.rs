//! `GET /v1/widget/{id}/config`: the configuration of an embedded widget, for the pages that may embed it.

use shared::{
    App, cors,
    error::Error,
    etag,
    http::{Request, Response, header},
    model::{Origin, Widget, pathway::Settings},
};

use crate::wire;

pub async fn handle(app: &App, request: &Request, id: &str) -> Result<Response, Error> {
    let widget = embedded(app, request, id).await?;
    let answer = || wire::success(wire::Config::from(&widget));
    Ok(cors::for_this_origin(request, etag::cached(request, widget.version, answer)))
}

/// `OPTIONS` on the same path: a browser asks for a page whether it may.
pub async fn preflight(app: &App, request: &Request, id: &str) -> Result<Response, Error> {
    embedded(app, request, id).await?;
    Ok(cors::for_this_origin(request, cors::preflight(request)))
}

/// The widget, where the page that asks may embed it.
async fn embedded(app: &App, request: &Request, id: &str) -> Result<Widget<Settings>, Error> {
    let id = wire::widget_id(id)?;
    let widget = app.store.read_public::<Settings>(id).await?;
    let origin = request.header(header::ORIGIN).and_then(Origin::parse);
    if widget.settings.allows(origin.as_ref()) { Ok(widget) } else { Err(Error::OriginNotAllowed) }
}
