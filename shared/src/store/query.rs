//! The widgets of an account, newest first: a page at a time, and how many there are.

use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::query::builders::QueryInputBuilder;
use aws_sdk_dynamodb::types::Select;
use uuid::Uuid;

use super::items::{self, Row, TableItem};
use super::table::{
    BY_ACCOUNT, BY_ACCOUNT_KEY, IS_WIDGET, Item, List, PK, Partition, Range, SK, Widgets,
    partition, text,
};
use crate::error::{Error, Result};
use crate::model::WidgetId;

/// How far a count came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountProgress {
    /// The number of widgets.
    pub count: u64,
    /// The last of them, or where the count began.
    pub last: Option<WidgetId>,
    /// Whether that is the end of the list.
    pub is_end: bool,
}

impl<S: TableItem> Widgets<'_, S> {
    /// Lists every widget. They are counted in an index whose entries are small however large the
    /// widgets are, and which lags a moment behind the table.
    pub fn all(&self) -> List {
        let account = self.account.to_string();
        List {
            widgets: Partition { index: None, key: PK, value: partition::<S>(self.account) },
            count: Partition { index: Some(BY_ACCOUNT), key: BY_ACCOUNT_KEY, value: account },
        }
    }

    /// Makes one call, which reads up to 1 MB
    /// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html>).
    /// Returns the widgets, fewer than the limit if tombstones are among them, and where the call
    /// stopped; `None` at the end of the list. It asks for the attributes of a row alone: each
    /// one more costs CPU time and memory.
    pub(super) async fn page<R: Row<Settings = S>>(
        &self,
        list: &List,
        range: Range,
    ) -> Result<(Vec<R>, Option<WidgetId>)> {
        let attributes = items::read_attributes::<R>().collect();
        let found = self.query(&list.widgets, range, Some(attributes)).await?;
        let last = last_id(found.last_evaluated_key())?;
        let widgets = found.items.into_iter().flatten().map(items::decode);
        Ok((widgets.collect::<Result<_>>()?, last))
    }

    /// Counts the widgets of a range. A limit of 0 needs no call.
    pub async fn count(&self, list: &List, range: Range) -> Result<CountProgress> {
        let mut progress = CountProgress { count: 0, last: range.after, is_end: false };
        while range.limit != Some(progress.count) && !progress.is_end {
            let limit = range.limit.map(|limit| limit - progress.count);
            let left = Range { after: progress.last, limit };
            let found = self.query(&list.count, left, None).await?;
            let last = last_id(found.last_evaluated_key())?;
            progress = CountProgress {
                count: progress.count + u64::try_from(found.count).unwrap_or_default(),
                last: last.or(progress.last),
                is_end: last.is_none(),
            };
        }
        Ok(progress)
    }

    /// Makes a call that reads these attributes, or counts.
    async fn query(
        &self,
        within: &Partition,
        range: Range,
        attributes: Option<Vec<&str>>,
    ) -> Result<QueryOutput> {
        let mut query = QueryInputBuilder::default()
            .table_name(&self.store.table)
            .key_condition_expression(format!("{} = :value", within.key))
            .expression_attribute_values(":value", text(&within.value))
            .scan_index_forward(false)
            .set_limit(range.limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)));
        query = match within.index {
            Some(index) => query.index_name(index),
            // No index has tombstones.
            None => query.consistent_read(true).filter_expression(IS_WIDGET),
        };
        if let Some(id) = range.after {
            let mut start = self.key(id);
            start.insert(within.key.to_owned(), text(&within.value));
            query = query.set_exclusive_start_key(Some(start));
        }
        query = match attributes {
            None => query.select(Select::Count),
            Some(names) => {
                // A name may be a reserved word of DynamoDB's.
                query = query.projection_expression(format!("#{}", names.join(",#")));
                names.into_iter().fold(query, |query, name| {
                    query.expression_attribute_names(format!("#{name}"), name)
                })
            }
        };
        self.store.client.call(query).await.map_err(|error| {
            let index = within.index.map(|index| format!("/{index}")).unwrap_or_default();
            error.into_error(&format!("Query Widgets{index}"))
        })
    }
}

/// Returns the id in `LastEvaluatedKey`; `None` without a key, which is the end of the list.
fn last_id(key: Option<&Item>) -> Result<Option<WidgetId>> {
    let Some(key) = key else { return Ok(None) };
    key.get(SK)
        .and_then(|id| Uuid::parse_str(id.as_s().ok()?).ok())
        .map(|id| Some(WidgetId(id)))
        .ok_or_else(|| Error::Internal("DynamoDB stopped at an item without an id".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_without_a_last_evaluated_key() {
        let id = WidgetId(Uuid::from_u128(7));
        assert_eq!(last_id(None), Ok(None));
        assert_eq!(last_id(Some(&Item::from([(SK.to_owned(), text(id))]))), Ok(Some(id)));
        assert!(last_id(Some(&Item::from([(PK.to_owned(), text(id))]))).is_err());
    }
}
