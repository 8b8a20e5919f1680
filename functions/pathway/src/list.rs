//! `GET /v1/widgets`, and `GET /v1/widget`, which a published client calls instead.

use shared::error::{Error, Result, zip};
use shared::http::{Request, Response, cursor, header, to_json};
use shared::model::Widget;
use shared::store::Range;
use shared::validation::url::query_integer;

use crate::request::Widgets;
use crate::router::ROOT;
use crate::views::{WidgetView, success};

/// The most widgets of a page.
const MAX_LIMIT: u32 = 100;

/// Answers with every widget of the account, or with `limit` of them and a link to the next ones. A
/// page ends before its `limit` if an answer holds no more.
pub async fn handle(request: &Request<'_>, widgets: &Widgets<'_>) -> Result<Response> {
    let account = widgets.account();
    let limit = request.query_value("limit");
    let limit = limit.map(|text| query_integer("limit", &text, 1, Some(MAX_LIMIT))).transpose();
    let after = request.query_value("cursor");
    let after = after.map(|text| cursor::read(account, "cursor", &text)).transpose();
    let (limit, after) = zip(limit, after)?;
    let render = |widget: &Widget<_>| to_json(&WidgetView::from(widget));
    let page = widgets.list(&widgets.all(), Range { after, limit }, render).await?;
    let response = success(page.items);
    match (page.last, limit) {
        (None, _) => Ok(response),
        (Some(_), None) => Err(Error::AnswerTooLarge),
        (Some(last), Some(limit)) => {
            let link = next_page_link(request, limit, &cursor::write(account, last));
            Ok(response.with_header(header::LINK, link))
        }
    }
}

/// Makes the `Link` header of the next page (RFC 8288). Its URL has no API key, wherever the
/// request's key came from.
fn next_page_link(request: &Request<'_>, limit: u64, cursor: &str) -> String {
    // Each proxy adds the scheme that it was asked by: the client's is the first.
    let schemes = request.header_list("x-forwarded-proto").unwrap_or_default();
    let first = schemes.split(',').next().unwrap_or_default().trim();
    let scheme = if first.eq_ignore_ascii_case("http") { "http" } else { "https" };
    // A request without a host gets a relative URL.
    let host = request.header(header::HOST).filter(|host| !host.is_empty());
    let base = host.map(|host| format!("{scheme}://{host}")).unwrap_or_default();
    let path = format!("{}{ROOT}widgets", request.prefix(ROOT));
    format!("<{base}{path}?limit={limit}&cursor={cursor}>; rel=\"next\"")
}
