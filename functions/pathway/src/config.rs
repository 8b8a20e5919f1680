//! `GET /v1/widget/{id}/config`: the configuration of an embedded widget, for the pages that may embed it.

use shared::{
    App, cors,
    error::Error,
    etag::{self, Preconditions},
    http::{Request, Response, header},
    model::{Origin, Widget, WidgetId, pathway::Settings},
    validation::both,
};

use crate::wire;

pub async fn handle(app: &App, request: &Request<'_>, id: &str) -> Result<Response, Error> {
    let (id, preconditions) = both(wire::widget_id(id), Preconditions::of(request))?;
    let widget = embedded(app, request, id).await?;
    let answer =
        preconditions.answer(widget.version, || wire::success(wire::Config::from(&widget)))?;
    Ok(cors::for_this_origin(request, etag::cached(answer)))
}

/// `OPTIONS` on the same path: a browser asks for a page whether it may.
pub async fn preflight(app: &App, request: &Request<'_>, id: &str) -> Result<Response, Error> {
    embedded(app, request, wire::widget_id(id)?).await?;
    Ok(cors::for_this_origin(request, cors::preflight(request)))
}

/// The widget, where the page that asks may embed it.
async fn embedded(
    app: &App,
    request: &Request<'_>,
    id: WidgetId,
) -> Result<Widget<Settings>, Error> {
    let widget = app.store.read_public::<Settings>(id).await?;
    let origin = request.header(header::ORIGIN).and_then(Origin::parse);
    if widget.settings.allows(origin.as_ref()) { Ok(widget) } else { Err(Error::OriginNotAllowed) }
}
