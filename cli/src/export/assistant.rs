//! The assistant dialect's list: `GET /api/v1/widget`, in numbered pages.

use serde::Deserialize;
use url::Url;

use super::{http::Answer, source::Page, widget::Widget};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    data: List<'a>,
}

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    items: Vec<Widget<'a>>,
    total: u64,
    page: u64,
    size: u64,
    pages: u64,
}

/// Returns where a page of `list` is.
pub fn page_url(list: &Url, page: u64, size: u64) -> Url {
    let mut url = list.clone();
    let [page, size] = [page, size].map(|number| number.to_string());
    url.query_pairs_mut().clear().append_pair("page", &page).append_pair("size", &size);
    url
}

/// Parses an answer. Page numbers go by the size that the service tells, which may be another one
/// than it was asked for.
pub fn parse(answer: &Answer) -> Option<Page<'_>> {
    let Body { data } = serde_json::from_slice(&answer.body).ok()?;
    let next = (data.page < data.pages).then(|| page_url(&answer.url, data.page + 1, data.size));
    Some(Page { widgets: data.items, total: Some(data.total), next })
}
