//! The widgets of an account, newest first: a page at a time, and how many there are.

use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::query::builders::QueryInputBuilder;
use aws_sdk_dynamodb::types::Select;
use uuid::Uuid;

use super::items;
use super::items::TableItem;
use super::table::{
    BY_ACCOUNT, BY_ACCOUNT_KEY, IS_WIDGET, Item, List, PK, Partition, SK, Widgets, text,
};
use crate::error::{Error, Result};
use crate::model::{Widget, WidgetId};

/// What one call found. DynamoDB reads up to 1 MB a call
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html>).
#[derive(Debug)]
pub struct WidgetPage<S> {
    /// The widgets.
    pub widgets: Vec<Widget<S>>,
    /// Where the call stopped; `None` at the end of the list.
    pub last: Option<WidgetId>,
}

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
            widgets: Partition { index: None, key: PK, value: self.partition() },
            count: Partition { index: Some(BY_ACCOUNT), key: BY_ACCOUNT_KEY, value: account },
        }
    }

    /// Reads at most `limit` widgets after the one with the id `after`, or from the newest on. It
    /// returns fewer if they fill a call, or if tombstones are among them.
    pub async fn page(
        &self,
        list: &List,
        after: Option<WidgetId>,
        limit: Option<u64>,
    ) -> Result<WidgetPage<S>> {
        let found = self.query(&list.widgets, after, limit, Select::AllAttributes).await?;
        let last = last_id(found.last_evaluated_key.as_ref())?;
        let widgets = found.items.into_iter().flatten().map(items::decode);
        Ok(WidgetPage { widgets: widgets.collect::<Result<_>>()?, last })
    }

    /// Counts the widgets after the one with the id `after`, or from the newest on, up to `limit` of
    /// them. A limit of 0 needs no call.
    pub async fn count(
        &self,
        list: &List,
        after: Option<WidgetId>,
        limit: Option<u64>,
    ) -> Result<CountProgress> {
        let mut progress = CountProgress { count: 0, last: after, is_end: false };
        while limit != Some(progress.count) && !progress.is_end {
            let left = limit.map(|limit| limit - progress.count);
            let found = self.query(&list.count, progress.last, left, Select::Count).await?;
            let last = last_id(found.last_evaluated_key.as_ref())?;
            progress = CountProgress {
                count: progress.count + u64::try_from(found.count).unwrap_or_default(),
                last: last.or(progress.last),
                is_end: last.is_none(),
            };
        }
        Ok(progress)
    }

    async fn query(
        &self,
        within: &Partition,
        after: Option<WidgetId>,
        limit: Option<u64>,
        select: Select,
    ) -> Result<QueryOutput> {
        let mut query = QueryInputBuilder::default()
            .table_name(&self.store.table)
            .key_condition_expression(format!("{} = :value", within.key))
            .expression_attribute_values(":value", text(&within.value))
            .scan_index_forward(false)
            .select(select)
            .set_limit(limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)));
        query = match within.index {
            Some(index) => query.index_name(index),
            // No index has tombstones.
            None => query.consistent_read(true).filter_expression(IS_WIDGET),
        };
        if let Some(id) = after {
            query = query
                .exclusive_start_key(within.key, text(&within.value))
                .exclusive_start_key(PK, text(self.partition()))
                .exclusive_start_key(SK, text(id));
        }
        self.store.client.call(query).await.map_err(|error| {
            let index = within.index.map(|index| format!("/{index}")).unwrap_or_default();
            error.into_error(&format!("Query Widgets{index}"))
        })
    }
}

/// Returns the id in `LastEvaluatedKey`. An empty key is the end of the list, like none
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html>).
fn last_id(key: Option<&Item>) -> Result<Option<WidgetId>> {
    let Some(key) = key.filter(|key| !key.is_empty()) else { return Ok(None) };
    key.get(SK)
        .and_then(|id| Uuid::parse_str(id.as_s().ok()?).ok())
        .map(|id| Some(WidgetId(id)))
        .ok_or_else(|| Error::Internal("the store stopped at an item without an id".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_last_evaluated_key_is_the_end_of_a_list() {
        let id = WidgetId(Uuid::from_u128(7));
        assert_eq!(last_id(None), Ok(None));
        assert_eq!(last_id(Some(&Item::new())), Ok(None));
        assert_eq!(last_id(Some(&Item::from([(SK.to_owned(), text(id))]))), Ok(Some(id)));
        assert!(last_id(Some(&Item::from([(PK.to_owned(), text(id))]))).is_err());
    }
}
