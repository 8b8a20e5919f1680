//! Lists as they are answered: as many widgets as were asked for and as an answer holds.

use serde_json::value::RawValue;

use super::items::{Row, TableItem};
use super::table::{List, Range, Widgets};
use crate::error::Result;
use crate::http::MAX_ANSWER_BYTES;
use crate::model::WidgetId;

/// The bytes that an answer needs for its envelope and its headers.
const RESERVED_BYTES: usize = 16 * 1024;

/// The widgets of an answer.
#[derive(Debug, Default)]
pub struct ListPage {
    /// The widgets as JSON.
    pub items: Vec<Box<RawValue>>,
    /// The last of them, if others follow.
    pub last: Option<WidgetId>,
}

impl<S: TableItem> Widgets<'_, S> {
    /// Reads the widgets of a range until an answer is full. `render` writes a widget as the answer
    /// shows it.
    ///
    /// It asks for one widget more than the limit, so one call tells whether others follow.
    pub async fn list<R: Row<Settings = S>>(
        &self,
        list: &List,
        range: Range,
        render: impl Fn(&R) -> Result<Box<RawValue>>,
    ) -> Result<ListPage> {
        let mut page = ListPage::default();
        let (mut size, mut last) = (RESERVED_BYTES, None);
        let mut rest = Range { limit: range.limit.map(|limit| limit + 1), ..range };
        loop {
            let (widgets, stopped_at) = self.page(list, rest).await?;
            for widget in &widgets {
                let item = render(widget)?;
                size += size_in_payload(item.get());
                if size > MAX_ANSWER_BYTES || range.limit == Some(page.items.len() as u64) {
                    return Ok(ListPage { last, ..page });
                }
                page.items.push(item);
                last = Some(widget.id());
            }
            if stopped_at.is_none() {
                return Ok(page);
            }
            // A few calls get past however many tombstones.
            let limit = rest.limit.map(|limit| limit.saturating_mul(2));
            rest = Range { after: stopped_at, limit };
        }
    }
}

/// Returns the bytes that a JSON text takes in the payload of an answer, where the body is a
/// string.
fn size_in_payload(json: &str) -> usize {
    const COMMA: usize = 1;
    let is_escaped = |byte: &&u8| matches!(byte, b'"' | b'\\' | b'\n' | b'\r' | b'\t');
    json.len() + json.as_bytes().iter().filter(is_escaped).count() + COMMA
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn size_in_payload_is_that_of_the_escaped_text(text in r#"[ -~\n\r\té😀]{0,64}"#) {
            let in_payload = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(size_in_payload(&text), in_payload.len() - 2 + 1);
        }
    }
}
