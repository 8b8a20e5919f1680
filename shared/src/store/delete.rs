//! Deleting a widget: a call whose condition says what the widget has to be.
//!
//! What is left for a while is an item without any of the widget's content: its key, its version (one more), its time of creation
//! and that of its end. So a delete is a write that the table's stream tells of like of any other, with a version and a time; a
//! delete that comes twice is told from one of a widget that never was; and a create that the network delivers late does not
//! make the widget anew.

use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemInputBuilder},
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};

use super::{
    Change, Store, Stored,
    condition::Condition,
    items,
    items::{ACCOUNT, CHANGE, DIALECT, ID, LAST_WRITE, TTL, UPDATED_AT, VERSION, number, text},
    key,
};
use crate::{
    dynamodb::retry,
    error::Error,
    model::{AccountId, Timestamp, Versions, Widget, WidgetId},
    observed::note_change,
};

/// For how long something of a widget is left: longer than a queue brings a message again that was not done, and than the
/// network holds a call back. Until DynamoDB deletes it after that, lists read it along.
const LEFT_FOR: Duration = Duration::from_secs(60 * 60);

/// What the log calls it.
const DELETE: &str = "UpdateItem Widgets (delete)";

impl Store {
    /// Deletes a widget, if it is one of the `versions`, and tells what it was. With [`Error::Unavailable`] it is not known
    /// whether it was deleted: where the answer that brought it along got lost, nothing is left of it to tell.
    pub async fn delete<S: Stored>(
        &self,
        account: AccountId,
        id: WidgetId,
        versions: &Versions,
    ) -> Result<Widget<S>, Error> {
        let condition = Condition::of(versions);
        let now = Timestamp::now();
        let mut delete = UpdateItemInputBuilder::default()
            .table_name(&self.table)
            .set_key(Some(key::<S>(account, id)))
            .set_expression_attribute_values(Some(condition.values))
            .condition_expression(condition.expression)
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        // A placeholder each: some names are words of DynamoDB's own.
        let mut sets = format!("SET {VERSION} = {VERSION} + :one");
        delete = delete.expression_attribute_values(":one", number(1));
        for (name, value) in [
            (UPDATED_AT, text(now)),
            (ACCOUNT, text(account)),
            (DIALECT, text(S::DIALECT)),
            (CHANGE, text(Change::Deleted.name())),
            (TTL, number(now.after(LEFT_FOR).epoch_seconds())),
        ] {
            sets += &format!(", #{name} = :{name}");
            delete = delete
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(format!(":{name}"), value);
        }
        let mut removes = Vec::with_capacity(S::ATTRIBUTES.len() + 2);
        for name in [ID, LAST_WRITE].iter().chain(S::ATTRIBUTES) {
            removes.push(format!("#{name}"));
            delete = delete.expression_attribute_names(format!("#{name}"), *name);
        }
        let delete = delete.update_expression(format!("{sets} REMOVE {}", removes.join(", ")));
        let (result, is_unclear) = retry::watched(self.client.call(delete)).await;
        let error = match result {
            Ok(deleted) => {
                note_change(Change::Deleted);
                return items::widget(deleted.attributes.unwrap_or_default());
            }
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) if is_unclear => {
                Err(Error::unclear(DELETE))
            }
            Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => {
                Err(match refusal.item() {
                    Some(there) if items::is_widget(there) => Error::PreconditionFailed,
                    Some(_) => Error::AlreadyDeleted(id),
                    None => Error::NoSuchWidget(id),
                })
            }
            _ => Err(Error::from_store(DELETE, &error)),
        }
    }
}
