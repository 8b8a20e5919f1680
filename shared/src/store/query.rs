//! Widgets of an account, the newest first: a page at a time, and how many there are.

use aws_sdk_dynamodb::{
    operation::query::{QueryOutput, builders::QueryInputBuilder},
    types::{AttributeValue, Select},
};
use uuid::Uuid;

use super::{
    BY_ACCOUNT, BY_ASSISTANT, Item, Store, Stored, items,
    items::{IS_WIDGET, text},
};
use crate::{
    error::Error,
    model::{AccountId, Widget, WidgetId},
};

/// Which widgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct List {
    /// Whose.
    pub account: AccountId,
    /// Only those of this assistant; as they were a moment ago, since an index follows its table.
    pub assistant_id: Option<Uuid>,
}

/// What one call to the store found. DynamoDB reads up to 1 MB a call
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html>).
#[derive(Debug)]
pub struct Page<S> {
    /// The widgets.
    pub widgets: Vec<Widget<S>>,
    /// Where it ended, if there may be more.
    pub last: Option<WidgetId>,
}

/// How many widgets one call to the store counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// As many as this.
    pub counted: u64,
    /// The last of them where there may be more.
    pub last: Option<WidgetId>,
}

impl Store {
    /// At most `limit` widgets of `list` after the one with the id `after`, or from the newest on; fewer where they fill what
    /// one call reads, or where others among them were deleted a while ago: what is left of those is read, too.
    pub async fn page<S: Stored>(
        &self,
        list: &List,
        after: Option<WidgetId>,
        limit: Option<u64>,
    ) -> Result<Page<S>, Error> {
        let within = match list.assistant_id {
            None => Within::table::<S>(list.account),
            Some(assistant_id) => Within::assistant(list.account, assistant_id),
        };
        let found = self.query::<S>(list, within, after, limit, Select::AllAttributes).await?;
        let last = found.last_evaluated_key.as_ref().map(last_id).transpose()?;
        let widgets =
            found.items.into_iter().flatten().map(items::widget).collect::<Result<_, _>>()?;
        Ok(Page { widgets, last })
    }

    /// How many widgets of `list` there are after the one with the id `after`, or in all; at most `limit`, and fewer where
    /// one call does not get to the end. They are counted in an index and as they were a moment ago: an account's in one whose
    /// entries are small however large the widgets are, an assistant's in the one that holds them whole.
    pub async fn count<S: Stored>(
        &self,
        list: &List,
        after: Option<WidgetId>,
        limit: Option<u64>,
    ) -> Result<Count, Error> {
        let within = match list.assistant_id {
            None => Within::account(list.account),
            Some(assistant_id) => Within::assistant(list.account, assistant_id),
        };
        let found = self.query::<S>(list, within, after, limit, Select::Count).await?;
        let last = found.last_evaluated_key.as_ref().map(last_id).transpose()?;
        Ok(Count { counted: u64::try_from(found.count).unwrap_or_default(), last })
    }

    async fn query<S: Stored>(
        &self,
        list: &List,
        within: Within,
        after: Option<WidgetId>,
        limit: Option<u64>,
        select: Select,
    ) -> Result<QueryOutput, Error> {
        let mut query = QueryInputBuilder::default()
            .table_name(&self.table)
            .key_condition_expression(format!("{} = :value", within.attribute))
            .expression_attribute_values(":value", within.value.clone())
            .scan_index_forward(false)
            .select(select)
            .set_limit(limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)));
        query = match within.index {
            Some(index) => query.index_name(index),
            // What a deleted widget leaves is in no index.
            None => query.consistent_read(true).filter_expression(IS_WIDGET),
        };
        if let Some(id) = after {
            query = query
                .exclusive_start_key(within.attribute, within.value)
                .exclusive_start_key(items::PK, text(items::partition::<S>(list.account)))
                .exclusive_start_key(items::SK, text(id));
        }
        let operation = || {
            format!(
                "Query Widgets{}",
                within.index.map(|index| format!("/{index}")).unwrap_or_default()
            )
        };
        self.client.call(query).await.map_err(|error| Error::from_store(&operation(), &error))
    }
}

/// Where a list is read: the table or an index, and the value that its first key has.
struct Within {
    index: Option<&'static str>,
    attribute: &'static str,
    value: AttributeValue,
}

impl Within {
    fn table<S: Stored>(account: AccountId) -> Self {
        Self { index: None, attribute: items::PK, value: text(items::partition::<S>(account)) }
    }

    fn account(account: AccountId) -> Self {
        Self { index: Some(BY_ACCOUNT), attribute: items::BY_ACCOUNT, value: text(account) }
    }

    fn assistant(account: AccountId, assistant_id: Uuid) -> Self {
        let value = items::by_assistant(account, assistant_id);
        Self { index: Some(BY_ASSISTANT), attribute: items::BY_ASSISTANT, value }
    }
}

/// The id in the key where a call stopped.
fn last_id(key: &Item) -> Result<WidgetId, Error> {
    key.get(items::SK)
        .and_then(|id| Uuid::parse_str(id.as_s().ok()?).ok())
        .map(WidgetId)
        .ok_or_else(|| Error::Internal("the store stopped at an item that has no id".to_owned()))
}
