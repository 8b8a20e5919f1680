//! Widgets in DynamoDB: one table, one item a widget, and one a request that may come twice (`record`).
//!
//! | attribute | what |
//! |---|---|
//! | `pk` | `<account>#<dialect>`: an account reaches nothing but its own partitions |
//! | `sk` | the widget's id, a UUIDv7: a query is in the order of creation |
//! | `id` | the same: what the index [`BY_ID`] is made of |
//! | `by_account` | the account, in the dialect that counts: what the index [`BY_ACCOUNT`] is made of |
//! | `by_assistant` | `<account>#<assistant_id>`, what the index [`BY_ASSISTANT`] is made of |
//! | `version`, `created_at`, `updated_at` | what we add |
//! | `last_write` | by which the write that made this version knows itself |
//! | `account`, `dialect`, `change` | what the table's stream tells of a write: `change` is `created`, `updated` or `deleted` |
//! | the documented fields | in DynamoDB's own types, free-form JSON as its text; null is absence |
//!
//! A deleted widget leaves an item for a while (`delete`), which has no `id` and `change` = `deleted`: the stream tells of it like of
//! any write, and a delete that comes twice is known.
//!
//! Each operation on one widget is one call, and what has to hold for it is the call's condition; only where somebody's
//! clock or somebody else's transaction is in the way, it is more. The SDK makes a call again whose answer it did not get (`retry`), so that a
//! write may meet itself: then it succeeded.

mod condition;
mod create;
mod delete;
mod idempotency_record;
mod items;
pub mod list;
mod query;
mod update;

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    operation::{get_item::builders::GetItemInputBuilder, query::builders::QueryInputBuilder},
    types::AttributeValue,
};

pub use create::Created;
pub use items::{Change, Stored};
use items::{PK, SK, partition, text};
pub use query::{Count, List, Page};

use crate::{
    dynamodb::client::Client,
    error::Error,
    model::{AccountId, Widget, WidgetId},
};

/// The index of all widgets by their id, with nothing but the keys: where a public read finds out whose a widget is.
pub const BY_ID: &str = "ById";

/// The index of an account's widgets with nothing but the keys, in the order of creation: where they are counted.
pub const BY_ACCOUNT: &str = "ByAccount";

/// The index of the widgets that have an assistant, whole, in the order of creation.
pub const BY_ASSISTANT: &str = "ByAssistant";

/// An item of the table.
type Item = HashMap<String, AttributeValue>;

/// The table of widgets.
#[derive(Debug)]
pub struct Store {
    client: Client,
    table: String,
}

impl Store {
    /// The widgets in `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// The widget as it is now.
    pub async fn read<S: Stored>(
        &self,
        account: AccountId,
        id: WidgetId,
    ) -> Result<Widget<S>, Error> {
        let found = self.get(key::<S>(account, id), true).await?;
        found.filter(items::is_widget).map_or(Err(Error::NoSuchWidget(id)), items::widget)
    }

    /// The widget of whatever account, as it is or was a moment ago: for what is public of it.
    pub async fn read_public<S: Stored>(&self, id: WidgetId) -> Result<Widget<S>, Error> {
        let query = QueryInputBuilder::default()
            .table_name(&self.table)
            .index_name(BY_ID)
            .key_condition_expression("id = :id")
            .expression_attribute_values(":id", text(id));
        let found = self
            .client
            .call(query)
            .await
            .map_err(|error| Error::from_store("Query Widgets/ById", &error))?;
        let is_of_dialect = |pk: &AttributeValue| {
            pk.as_s().is_ok_and(|pk| {
                pk.split_once('#').is_some_and(|(_, dialect)| dialect == S::DIALECT)
            })
        };
        let partition = found
            .items
            .into_iter()
            .flatten()
            .find_map(|mut item| item.remove(PK).filter(is_of_dialect));
        let partition = partition.ok_or(Error::NoSuchWidget(id))?;
        let found = self.get(key_in(partition, id), false).await?;
        found.filter(items::is_widget).map_or(Err(Error::NoSuchWidget(id)), items::widget)
    }

    /// The item with this key.
    async fn get(&self, key: Item, is_consistent: bool) -> Result<Option<Item>, Error> {
        let get = GetItemInputBuilder::default()
            .table_name(&self.table)
            .set_key(Some(key))
            .consistent_read(is_consistent);
        let found = self
            .client
            .call(get)
            .await
            .map_err(|error| Error::from_store("GetItem Widgets", &error))?;
        Ok(found.item)
    }
}

/// Where a widget is.
fn key<S: Stored>(account: AccountId, id: WidgetId) -> Item {
    key_in(text(partition::<S>(account)), id)
}

fn key_in(partition: AttributeValue, id: WidgetId) -> Item {
    HashMap::from([(PK.to_owned(), partition), (SK.to_owned(), text(id))])
}
