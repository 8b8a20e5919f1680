//! `GET /v1/widget/{id}/config`: the configuration of an embedded widget, for the pages that may
//! embed it.

use shared::error::{Error, Result, zip};
use shared::http::{Preconditions, Request, Response, cors, header};
use shared::model::pathway::Settings;
use shared::model::{Origin, Widget, WidgetId};
use shared::store::Store;
use shared::validation::shorten;

use crate::request::widget_id;
use crate::views::{ConfigView, success};

/// The most characters of an origin that a refusal quotes.
const MAX_SHOWN: usize = 80;

pub async fn handle(request: &Request<'_>, store: &Store, id: &str) -> Result<Response> {
    let (id, preconditions) = zip(widget_id(id), Preconditions::from_request(request))?;
    let widget = read_for_page(request, store, id).await?;
    let response = preconditions.respond(widget.version, success(ConfigView(&widget)))?;
    Ok(cors::allow_request_origin(request, response.with_public_cache()))
}

/// `OPTIONS` on the same path: a browser asks whether a page may read it.
pub async fn preflight(request: &Request<'_>, store: &Store, id: &str) -> Result<Response> {
    read_for_page(request, store, widget_id(id)?).await?;
    Ok(cors::allow_request_origin(request, cors::preflight(request)))
}

/// Reads the widget if the page that asks may embed it.
async fn read_for_page(
    request: &Request<'_>,
    store: &Store,
    id: WidgetId,
) -> Result<Widget<Settings>> {
    let widget = store.read_public::<Settings>(id).await?;
    let origin = request.header(header::ORIGIN).and_then(Origin::parse);
    if widget.settings.allows(origin.as_ref()) {
        return Ok(widget);
    }
    let origin = request.header_text(header::ORIGIN).map(|sent| shorten(sent, MAX_SHOWN));
    Err(Error::OriginNotAllowed { origin })
}
