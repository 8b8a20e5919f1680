//! Reading a widget.

use aws_sdk_dynamodb::operation::get_item::builders::GetItemInputBuilder;
use aws_sdk_dynamodb::operation::query::builders::QueryInputBuilder;

use super::items::{self, TableItem};
use super::table::{BY_ID, Item, PK, Store, Widgets, key, text};
use crate::error::{Error, Result};
use crate::model::{Widget, WidgetId};

impl<S: TableItem> Widgets<'_, S> {
    /// Reads a widget as it is now.
    pub async fn read(&self, id: WidgetId) -> Result<Widget<S>> {
        let found = self.store.get(self.key(id), true).await?;
        found.filter(items::is_widget).map_or(Err(Error::WidgetNotFound(id)), items::decode)
    }
}

impl Store {
    /// Reads a widget of any account, as it was at most a moment ago: for its public fields.
    pub async fn read_public<S: TableItem>(&self, id: WidgetId) -> Result<Widget<S>> {
        let query = QueryInputBuilder::default()
            .table_name(&self.table)
            .index_name(BY_ID)
            .key_condition_expression("id = :id")
            .expression_attribute_values(":id", text(id));
        let found = self.client.call(query).await;
        let found = found.map_err(|error| error.into_error("Query Widgets/ById"))?;
        let mut partitions = found.items().iter().filter_map(|item| item.get(PK)?.as_s().ok());
        let is_of_dialect = |partition: &&String| {
            partition.split_once('#').is_some_and(|(_, dialect)| dialect == S::DIALECT)
        };
        let partition = partitions.find(is_of_dialect).ok_or(Error::WidgetNotFound(id))?;
        let found = self.get(key(partition, id), false).await?;
        found.filter(items::is_widget).map_or(Err(Error::WidgetNotFound(id)), items::decode)
    }

    /// Returns the item with this key.
    pub(super) async fn get(&self, key: Item, is_consistent: bool) -> Result<Option<Item>> {
        let get = GetItemInputBuilder::default()
            .table_name(&self.table)
            .set_key(Some(key))
            .consistent_read(is_consistent);
        let found = self.client.call(get).await;
        Ok(found.map_err(|error| error.into_error("GetItem Widgets"))?.item)
    }
}
