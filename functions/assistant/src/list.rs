//! `GET /api/v1/widget` and `GET /api/v1/assistant/{assistant_id}/widgets`

use serde_json::value::to_raw_value;
use shared::{
    App,
    error::Error,
    http::{Request, Response},
    keys::Role,
    list,
    model::{WidgetId, assistant::Settings},
    store::{List, Store},
    validation::{Checked, both, path_uuid, query_integer},
};

use crate::wire;

/// The account's widgets.
pub async fn handle(app: &App, request: &Request<'_>) -> Result<Response, Error> {
    let account = app.keys.authenticate(request, Role::Read).await?;
    let asked = Asked::read(request)?;
    page(&app.store, &List { account, assistant_id: None }, asked).await
}

/// Those of one assistant.
pub async fn handle_assistant(
    app: &App,
    request: &Request<'_>,
    assistant_id: &str,
) -> Result<Response, Error> {
    let account = app.keys.authenticate(request, Role::Read).await?;
    let (assistant_id, asked) =
        both(path_uuid("assistant_id", assistant_id), Asked::read(request))?;
    page(&app.store, &List { account, assistant_id: Some(assistant_id) }, asked).await
}

/// Which page of which size.
struct Asked {
    page: u64,
    size: u64,
}

impl Asked {
    fn read(request: &Request<'_>) -> Checked<Self> {
        let integer = |name, default, maximum| match request.query_value(name) {
            Some(text) => query_integer(name, &text, 1, maximum),
            None => Ok(default),
        };
        let (page, size) = both(integer("page", 1, None), integer("size", 50, Some(100)))?;
        Ok(Self { page, size })
    }
}

/// Counts up to the page, reads it, and counts what is left: the store knows no other way to a page's number. The first page
/// of a list that it holds whole is one call.
async fn page(store: &Store, list: &List, Asked { page, size }: Asked) -> Result<Response, Error> {
    let before = count(store, list, None, Some((page - 1).saturating_mul(size))).await?;
    let mut total = before.counted;
    let mut items = Vec::new();
    if !before.is_end {
        let listed = list::read(store, list, before.last, Some(size), |widget| {
            to_raw_value(&wire::Widget::from(widget))
        })
        .await?;
        total += listed.items.len() as u64;
        if listed.last.is_some() {
            if (listed.items.len() as u64) < size {
                return Err(Error::AnswerTooLarge);
            }
            total += count(store, list, listed.last, None).await?.counted;
        }
        items = listed.items;
    }
    Ok(wire::success("", wire::Page::new(items, total, page, size)))
}

/// How many widgets were counted, and where that ended.
struct Counted {
    counted: u64,
    last: Option<WidgetId>,
    is_end: bool,
}

/// Counts the widgets after `after`, at most `limit` of them: none, and without a call, where the limit is 0.
async fn count(
    store: &Store,
    list: &List,
    after: Option<WidgetId>,
    limit: Option<u64>,
) -> Result<Counted, Error> {
    let mut so_far = Counted { counted: 0, last: after, is_end: false };
    while limit != Some(so_far.counted) {
        let left = limit.map(|limit| limit - so_far.counted);
        let count = store.count::<Settings>(list, so_far.last, left).await?;
        so_far = Counted {
            counted: so_far.counted + count.counted,
            is_end: count.last.is_none(),
            ..so_far
        };
        match count.last {
            Some(last) => so_far.last = Some(last),
            None => break,
        }
    }
    Ok(so_far)
}
