//! `POST /api/v1/widget`

use shared::{
    App,
    error::Error,
    etag,
    http::{Request, Response},
    idempotency::{self, Idempotency},
    keys::Role,
    model::{Widget, assistant::Settings},
    validation::both,
};

use crate::wire;

pub async fn handle(app: &App, request: &Request<'_>) -> Result<Response, Error> {
    let account = app.keys.authenticate(request, Role::Full).await?;
    let settings = wire::body(request)?.and_then(|body| Settings::parse(body, account));
    let (idempotency, settings) = both(Idempotency::of(request)?, settings)?;
    let created = app.store.create(account, Widget::new(settings), idempotency).await?;
    let answer = wire::success("Data created successfully", wire::Widget::from(&created.widget));
    let answer = etag::tagged(created.widget.version, answer);
    Ok(if created.is_replay { idempotency::replayed(answer) } else { answer })
}
