//! `POST /v1/widget`

use shared::{
    App,
    error::Error,
    etag,
    http::{Request, Response},
    idempotency::{self, Idempotency},
    keys::Role,
    model::{Widget, pathway::Settings},
    validation::both,
};

use crate::wire;

pub async fn handle(app: &App, request: &Request<'_>) -> Result<Response, Error> {
    let account = app.keys.authenticate(request, Role::Full).await?;
    let settings = request.json()?.and_then(Settings::parse);
    let (idempotency, settings) = both(Idempotency::of(request)?, settings)?;
    let created = app.store.create(account, Widget::new(settings), idempotency).await?;
    let answer = wire::success(wire::Widget::from(&created.widget));
    let answer = etag::tagged(created.widget.version, answer);
    Ok(if created.is_replay { idempotency::replayed(answer) } else { answer })
}
