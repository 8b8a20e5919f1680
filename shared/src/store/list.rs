//! Widgets of an account, the newest first: a page at a time, and how many there are.

use aws_sdk_dynamodb::{
    operation::query::{QueryOutput, builders::QueryFluentBuilder},
    types::{AttributeValue, Select},
};
use uuid::Uuid;

use super::{BY_ASSISTANT, Item, Store, Stored, item, item::text};
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
    /// The last of them where there may be more.
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
    /// one call reads.
    pub async fn page<S: Stored>(
        &self,
        list: &List,
        after: Option<WidgetId>,
        limit: Option<u64>,
    ) -> Result<Page<S>, Error> {
        let found = self.query::<S>(list, after, limit, Select::AllAttributes).await?;
        let last = found.last_evaluated_key.as_ref().map(last_id).transpose()?;
        let widgets = found.items.into_iter().flatten().map(item::widget).collect::<Result<_, _>>()?;
        Ok(Page { widgets, last })
    }

    /// How many widgets of `list` there are after the one with the id `after`, or in all; at most `limit`, and fewer where
    /// one call does not get to the end.
    pub async fn count<S: Stored>(
        &self,
        list: &List,
        after: Option<WidgetId>,
        limit: Option<u64>,
    ) -> Result<Count, Error> {
        let found = self.query::<S>(list, after, limit, Select::Count).await?;
        let last = found.last_evaluated_key.as_ref().map(last_id).transpose()?;
        Ok(Count { counted: u64::try_from(found.count).unwrap_or_default(), last })
    }

    async fn query<S: Stored>(
        &self,
        list: &List,
        after: Option<WidgetId>,
        limit: Option<u64>,
        select: Select,
    ) -> Result<QueryOutput, Error> {
        let partition = text(item::partition::<S>(list.account));
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .scan_index_forward(false)
            .select(select)
            .set_limit(limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)));
        let (query, operation) = match list.assistant_id {
            None => {
                let query = query
                    .key_condition_expression("pk = :partition")
                    .expression_attribute_values(":partition", partition.clone())
                    .consistent_read(true);
                (starting_after(query, partition, after), "Query Widgets")
            }
            Some(assistant_id) => {
                let assistant = item::by_assistant(list.account, assistant_id);
                let query = query
                    .index_name(BY_ASSISTANT)
                    .key_condition_expression("by_assistant = :assistant")
                    .expression_attribute_values(":assistant", assistant.clone());
                let query = starting_after(query, partition, after);
                let query =
                    if after.is_some() { query.exclusive_start_key(item::BY_ASSISTANT, assistant) } else { query };
                (query, "Query Widgets/ByAssistant")
            }
        };
        query.send().await.map_err(|error| Error::from_store(operation, &error))
    }
}

fn starting_after(query: QueryFluentBuilder, partition: AttributeValue, after: Option<WidgetId>) -> QueryFluentBuilder {
    match after {
        None => query,
        Some(id) => query.exclusive_start_key(item::PK, partition).exclusive_start_key(item::SK, text(id)),
    }
}

/// The id in the key where a call stopped.
fn last_id(key: &Item) -> Result<WidgetId, Error> {
    key.get(item::SK)
        .and_then(|id| Uuid::parse_str(id.as_s().ok()?).ok())
        .map(WidgetId)
        .ok_or_else(|| Error::Internal("the store stopped at an item that has no id".to_owned()))
}
