//! `GET /api/v1/widget` and `GET /api/v1/assistant/{assistant_id}/widgets`

use shared::error::{Error, Result, zip};
use shared::http::{Request, Response, to_json};
use shared::store::{List, Range};
use shared::validation::url::{path_uuid, query_integer};

use crate::request::Widgets;
use crate::views::{ListView, WidgetView, success};

/// The widgets of an account.
pub async fn handle(request: &Request<'_>, widgets: &Widgets<'_>) -> Result<Response> {
    respond(widgets, &widgets.all(), page_and_size(request)?).await
}

/// The widgets of one assistant.
pub async fn handle_assistant(
    request: &Request<'_>,
    widgets: &Widgets<'_>,
    assistant_id: &str,
) -> Result<Response> {
    let assistant_id = path_uuid("assistant_id", assistant_id);
    let (assistant_id, page_and_size) = zip(assistant_id, page_and_size(request))?;
    respond(widgets, &widgets.of_assistant(assistant_id), page_and_size).await
}

/// Parses the number of a page, from 1, and its size.
fn page_and_size(request: &Request<'_>) -> Result<(u64, u64)> {
    let integer = |name, default, maximum| match request.query_value(name) {
        Some(text) => query_integer(name, &text, 1, maximum),
        None => Ok(default),
    };
    zip(integer("page", 1, None), integer("size", 50, Some(100)))
}

/// Answers with a page. DynamoDB knows neither the number of a page nor the total: the widgets
/// before the page and behind it are counted. A list that fits on its first page is one call.
async fn respond(widgets: &Widgets<'_>, list: &List, (page, size): (u64, u64)) -> Result<Response> {
    let limit = Some((page - 1).saturating_mul(size));
    let before = widgets.count(list, Range { after: None, limit }).await?;
    let mut total = before.count;
    let mut items = Vec::new();
    if !before.is_end {
        let range = Range { after: before.last, limit: Some(size) };
        let render = |(id, settings): &_| to_json(&WidgetView { id: *id, settings });
        let found = widgets.list(list, range, render).await?;
        items = found.items;
        total += items.len() as u64;
        if found.last.is_some() {
            if (items.len() as u64) < size {
                return Err(Error::AnswerTooLarge);
            }
            total += widgets.count(list, Range { after: found.last, limit: None }).await?.count;
        }
    }
    Ok(success("", ListView::new(items, total, page, size)))
}
