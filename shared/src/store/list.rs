//! Lists as they are answered: as many widgets as were asked for and as fit into an answer.

use serde_json::value::RawValue;

use crate::{
    error::Error,
    http::MAX_ANSWER_BYTES,
    model::{Widget, WidgetId},
    store::{List, Store, Stored},
};

/// What an answer needs for its envelope and its headers.
const RESERVED_BYTES: usize = 16 * 1024;

/// The widgets of an answer, rendered.
#[derive(Debug, Default)]
pub struct Listed {
    /// The widgets, as JSON.
    pub items: Vec<Box<RawValue>>,
    /// The last of them, where others follow that were not asked for or do not fit.
    pub last: Option<WidgetId>,
}

/// Reads the widgets of `list` after the one with the id `after`, or from the newest on, until there are `limit` or an answer
/// is full. Whether others follow is known without another call to the store where one is enough for `limit` and one more.
pub async fn read<S: Stored>(
    store: &Store,
    list: &List,
    after: Option<WidgetId>,
    limit: Option<u64>,
    render: impl Fn(&Widget<S>) -> serde_json::Result<Box<RawValue>>,
) -> Result<Listed, Error> {
    let mut listed = Listed::default();
    let mut size = RESERVED_BYTES;
    let (mut position, mut last) = (after, None);
    let mut limit_of_call = limit.map(|limit| limit + 1);
    loop {
        let page = store.page::<S>(list, position, limit_of_call).await?;
        for widget in &page.widgets {
            let item = render(widget).map_err(|error| {
                Error::Internal(format!("a widget cannot be rendered: {error}"))
            })?;
            size += size_in_event(item.get());
            if size > MAX_ANSWER_BYTES || limit == Some(listed.items.len() as u64) {
                return Ok(Listed { last, ..listed });
            }
            listed.items.push(item);
            last = Some(widget.id);
        }
        match page.last {
            Some(next) => position = Some(next),
            None => return Ok(listed),
        }
        // So that a few calls get past however much that was deleted.
        limit_of_call = limit_of_call.map(|limit| limit.saturating_mul(2));
    }
}

/// The bytes that a text of JSON takes as part of a body, which is itself a string in the JSON of an event.
fn size_in_event(json: &str) -> usize {
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
        fn the_size_in_an_event_is_that_of_the_escaped_text(text in r#"[ -~\n\r\té😀]{0,64}"#) {
            let in_event = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(size_in_event(&text), in_event.len() - 2 + 1);
        }
    }
}
