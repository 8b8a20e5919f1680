//! Widgets in DynamoDB: one table, one item a widget.
//!
//! | attribute | what |
//! |---|---|
//! | `pk` | `<account>#<dialect>`: an account reaches nothing but its own partitions |
//! | `sk` | the widget's id, a UUIDv7: a query is in the order of creation |
//! | `id` | the same: what the index [`BY_ID`] is made of |
//! | `by_account` | the account, in the dialect that counts: what the index [`BY_ACCOUNT`] is made of |
//! | `by_assistant` | `<account>#<assistant_id>`, what the index [`BY_ASSISTANT`] is made of |
//! | `version`, `created_at`, `updated_at` | what we add |
//! | the documented fields | in DynamoDB's own types, free-form JSON as its text; null is absence |
//!
//! Each operation on one widget is one call, and what has to hold for it is the call's condition.

pub mod client;
mod item;
mod list;

use std::{collections::HashMap, env, error::Error as StdError, fmt};

use aws_sdk_dynamodb::{
    Client,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        delete_item::DeleteItemError,
        put_item::PutItemError,
        update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    },
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};

pub use item::Stored;
use item::{Attributes, PK, SK, UPDATED_AT, VERSION, partition, text};
pub use list::{Count, List, Page};

use crate::{
    error::Error,
    model::{AccountId, Timestamp, Widget, WidgetId},
};

/// The index of all widgets by their id, with nothing but the keys: where a public read finds out whose a widget is.
pub const BY_ID: &str = "ById";

/// The index of an account's widgets with nothing but the keys, in the order of creation: where they are counted.
pub const BY_ACCOUNT: &str = "ByAccount";

/// The index of the widgets that have an assistant, whole, in the order of creation.
pub const BY_ASSISTANT: &str = "ByAssistant";

/// An item of the table.
type Item = HashMap<String, AttributeValue>;

/// Why a function cannot start: its environment is not as the template sets it.
#[derive(Debug)]
pub enum ConfigError {
    /// A variable that must be there is not.
    Missing(&'static str),
    /// The file that `AWS_CA_BUNDLE` names is no PEM file of certificates.
    CaBundle(String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "the environment variable {name} is not set"),
            Self::CaBundle(error) => write!(f, "the file named by AWS_CA_BUNDLE cannot be used: {error}"),
        }
    }
}

impl StdError for ConfigError {}

/// The value of an environment variable that must be there.
pub fn variable(name: &'static str) -> Result<String, ConfigError> {
    env::var(name).ok().filter(|value| !value.is_empty()).ok_or(ConfigError::Missing(name))
}

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

    /// Puts a new widget, the whole of it or nothing. With [`Error::Unavailable`] it is not known which: an answer may
    /// have been lost on its way.
    pub async fn create<S: Stored>(&self, account: AccountId, widget: &Widget<S>) -> Result<(), Error> {
        let item = item::of(account, widget);
        let result = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item.clone()))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match result {
            Ok(_) => Ok(()),
            // The SDK retries where an answer got lost: then the item in the way is the one just sent.
            Err(SdkError::ServiceError(refusal)) if was_already_put(refusal.err(), &item) => Ok(()),
            Err(error) => Err(Error::from_store("PutItem Widgets", &error)),
        }
    }

    /// The widget as it is now.
    pub async fn read<S: Stored>(&self, account: AccountId, id: WidgetId) -> Result<Widget<S>, Error> {
        let widget = self.get(text(partition::<S>(account)), id, true).await?;
        widget.ok_or(Error::NoSuchWidget(id))
    }

    /// The widget of whatever account, as it is or was a moment ago: for what is public of it.
    pub async fn read_public<S: Stored>(&self, id: WidgetId) -> Result<Widget<S>, Error> {
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(BY_ID)
            .key_condition_expression("id = :id")
            .expression_attribute_values(":id", text(id))
            .send()
            .await
            .map_err(|error| Error::from_store("Query Widgets/ById", &error))?;
        let is_of_dialect = |pk: &AttributeValue| {
            pk.as_s().is_ok_and(|pk| pk.split_once('#').is_some_and(|(_, dialect)| dialect == S::DIALECT))
        };
        let partition = found.items.into_iter().flatten().find_map(|mut item| item.remove(PK).filter(is_of_dialect));
        let widget = match partition {
            Some(partition) => self.get(partition, id, false).await?,
            None => None,
        };
        widget.ok_or(Error::NoSuchWidget(id))
    }

    async fn get<S: Stored>(
        &self,
        partition: AttributeValue,
        id: WidgetId,
        is_consistent: bool,
    ) -> Result<Option<Widget<S>>, Error> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(PK, partition)
            .key(SK, text(id))
            .consistent_read(is_consistent)
            .send()
            .await
            .map_err(|error| Error::from_store("GetItem Widgets", &error))?;
        found.item.map(item::widget).transpose()
    }

    /// Changes the named fields of a widget and nothing else of it, all of them or none, and tells what it is then. Changes
    /// that name nothing change nothing.
    pub async fn update<S: Stored>(
        &self,
        account: AccountId,
        id: WidgetId,
        changes: &S::Changes,
    ) -> Result<Widget<S>, Error> {
        let changed = S::changed(changes, account);
        if changed.0.is_empty() {
            return self.read(account, id).await;
        }
        let relies_on = S::relies_on(changes);
        let condition = match &relies_on {
            None => "attribute_exists(pk)".to_owned(),
            Some((attribute, _)) => format!("attribute_exists(pk) AND attribute_exists({attribute})"),
        };
        let update = self.client.update_item().table_name(&self.table);
        let result = expressed(update, changed)
            .key(PK, text(partition::<S>(account)))
            .key(SK, text(id))
            .condition_expression(condition)
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let error = match result {
            Ok(updated) => return item::widget(updated.attributes.unwrap_or_default()),
            Err(error) => error,
        };
        match (error.as_service_error(), relies_on) {
            (Some(UpdateItemError::ConditionalCheckFailedException(refusal)), relies_on) => {
                Err(match (refusal.item(), relies_on) {
                    (None, _) => Error::NoSuchWidget(id),
                    (Some(_), Some((_, violation))) => Error::Invalid(vec![violation]),
                    (Some(_), None) => Error::from_store("UpdateItem Widgets", &error),
                })
            }
            _ if is_too_large(&error) => Err(Error::WidgetTooLarge),
            _ => Err(Error::from_store("UpdateItem Widgets", &error)),
        }
    }

    /// Deletes a widget and tells what it was.
    pub async fn delete<S: Stored>(&self, account: AccountId, id: WidgetId) -> Result<Widget<S>, Error> {
        let result = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key(PK, text(partition::<S>(account)))
            .key(SK, text(id))
            .condition_expression("attribute_exists(pk)")
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        match result {
            Ok(deleted) => item::widget(deleted.attributes.unwrap_or_default()),
            Err(SdkError::ServiceError(refusal))
                if matches!(refusal.err(), DeleteItemError::ConditionalCheckFailedException(_)) =>
            {
                Err(Error::NoSuchWidget(id))
            }
            Err(error) => Err(Error::from_store("DeleteItem Widgets", &error)),
        }
    }
}

fn was_already_put(error: &PutItemError, sent: &Item) -> bool {
    matches!(error, PutItemError::ConditionalCheckFailedException(refusal) if refusal.item() == Some(sent))
}

/// An update that sets and removes the attributes that changed, and counts itself.
fn expressed(update: UpdateItemFluentBuilder, changed: Attributes) -> UpdateItemFluentBuilder {
    let mut update = update
        .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
        .expression_attribute_values(":now", text(Timestamp::now()));
    let mut sets = format!("SET {VERSION} = {VERSION} + :one, {UPDATED_AT} = :now");
    let mut removes = String::new();
    for (name, value) in changed.0 {
        // A placeholder each: some names are words of DynamoDB's own.
        update = update.expression_attribute_names(format!("#{name}"), name);
        match value {
            Some(value) => {
                sets += &format!(", #{name} = :{name}");
                update = update.expression_attribute_values(format!(":{name}"), value);
            }
            None => removes += &format!("{}#{name}", if removes.is_empty() { " REMOVE " } else { ", " }),
        }
    }
    update.update_expression(sets + &removes)
}

/// Whether DynamoDB refused an update because the item would be over its 400 KB: each request is under that, but what several
/// of them set adds up. It has no code of its own for it, only the message "Item size to update has exceeded the maximum
/// allowed size".
fn is_too_large(error: &SdkError<UpdateItemError, HttpResponse>) -> bool {
    error.code() == Some("ValidationException") && error.message().is_some_and(|message| message.contains("Item size"))
}
