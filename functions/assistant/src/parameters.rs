//! `GET /api/v1/widget/{widget_id}/parameters`: what an embedded widget needs to draw itself.

use shared::error::{Result, zip};
use shared::http::{Preconditions, Request, Response, cors};
use shared::model::assistant::Settings;
use shared::store::Store;

use crate::request::widget_id;
use crate::views::{ParametersView, retrieved};

pub async fn handle(request: &Request<'_>, store: &Store, id: &str) -> Result<Response> {
    let (id, preconditions) = zip(widget_id(id), Preconditions::from_request(request))?;
    let widget = store.read_public::<Settings>(id).await?;
    let answer = retrieved(ParametersView(&widget.settings));
    let response = preconditions.respond(widget.version, answer)?;
    Ok(cors::allow_any_origin(response.with_public_cache()))
}
