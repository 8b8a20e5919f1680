//! `GET /v1/widgets`, and `GET /v1/widget`, which a published client calls instead.

use serde_json::value::to_raw_value;
use shared::{
    App, cursor,
    error::Error,
    http::{HeaderValue, Request, Response, header},
    keys::Role,
    list,
    model::pathway::Settings,
    store::List,
    validation::{both, query_integer},
};

use crate::wire;

/// The most widgets of a page.
const MAX_LIMIT: u32 = 100;

/// All of the account's widgets, or `limit` of them with a link to the next ones. A page ends before its `limit` where more
/// would not fit into an answer.
pub async fn handle(app: &App, request: &Request<'_>) -> Result<Response, Error> {
    let account = app.keys.authenticate(request, Role::Read).await?;
    let limit =
        request.query_value("limit").map(|text| query_integer("limit", &text, 1, Some(MAX_LIMIT)));
    let after = request.query_value("cursor").map(|text| cursor::read(account, "cursor", &text));
    let (limit, after) = both(limit.transpose(), after.transpose())?;
    let list = List { account, assistant_id: None };
    let listed = list::read::<Settings>(&app.store, &list, after, limit, |widget| {
        to_raw_value(&wire::Widget::from(widget))
    })
    .await?;
    let response = wire::success(listed.items);
    match (listed.last, limit) {
        (None, _) => Ok(response),
        (Some(_), None) => Err(Error::AnswerTooLarge),
        (Some(last), Some(limit)) => {
            let next = next_page(request, limit, &cursor::write(account, last));
            Ok(response.with_header(header::LINK, next?))
        }
    }
}

/// The `Link` header that leads to the next page (RFC 8288). The key is not part of the URL, wherever it came from.
fn next_page(request: &Request<'_>, limit: u64, cursor: &str) -> Result<HeaderValue, Error> {
    let scheme = request.header("x-forwarded-proto").unwrap_or("https");
    // Where the client names no host, it finds its own way from the path.
    let base =
        request.header(header::HOST).map(|host| format!("{scheme}://{host}")).unwrap_or_default();
    let link = format!("<{base}/v1/widgets?limit={limit}&cursor={cursor}>; rel=\"next\"");
    HeaderValue::try_from(link)
        .map_err(|error| Error::Internal(format!("the next page's URL is no header: {error}")))
}
