//! Deleting a widget.
//!
//! A delete is an update that leaves a tombstone: the key, the version (one more) and two times,
//! without any of the widget's content. So the stream tells of it as of any write, a repeated delete
//! differs from one of a widget that never was, and a create that the network delivers late does not
//! bring the widget back.

use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemInputBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::condition::Condition;
use super::items;
use super::items::TableItem;
use super::table::{
    ACCOUNT, CHANGE, DIALECT, ID, LAST_WRITE, TTL, UPDATED_AT, VERSION, Widgets, number, text,
};
use crate::error::{Error, Result};
use crate::model::{Change, Timestamp, VersionCondition, Widget, WidgetId};
use crate::telemetry::request_stats;

/// The lifetime of a tombstone: longer than a queue redelivers a message, and than the network
/// delays a call. Until DynamoDB deletes it after that, lists read it.
const TOMBSTONE_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// The name of the operation in the log.
const OPERATION: &str = "UpdateItem Widgets (delete)";

impl<S: TableItem> Widgets<'_, S> {
    /// Deletes a widget if its version matches, and returns what it was. After
    /// [`Error::Unavailable`] it is unknown whether it was deleted: a lost answer cannot be had
    /// again.
    pub async fn delete(&self, id: WidgetId, versions: &VersionCondition) -> Result<Widget<S>> {
        let delete = self.tombstone(id, Condition::from(versions));
        let error = match self.store.client.call(delete).await {
            Ok(deleted) => {
                request_stats::record_change(Change::Deleted);
                return items::decode(deleted.attributes.unwrap_or_default());
            }
            Err(error) => error,
        };
        Err(match error.refusal() {
            Some(UpdateItemError::ConditionalCheckFailedException(_))
                if error.is_outcome_unknown() =>
            {
                let what = "refused after an attempt whose answer was lost";
                Error::Unavailable(format!("{OPERATION}: {what}"))
            }
            Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => {
                match refusal.item() {
                    Some(item) if items::is_widget(item) => Error::PreconditionFailed,
                    Some(_) => Error::WidgetAlreadyDeleted(id),
                    None => Error::WidgetNotFound(id),
                }
            }
            _ => error.into_error(OPERATION),
        })
    }

    /// The update that makes a widget a tombstone.
    fn tombstone(&self, id: WidgetId, condition: Condition) -> UpdateItemInputBuilder {
        let now = Timestamp::now();
        let mut update = UpdateItemInputBuilder::default()
            .table_name(&self.store.table)
            .set_key(Some(self.key(id)))
            .set_expression_attribute_values(Some(condition.values))
            .condition_expression(condition.expression)
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        // Each name gets a placeholder: some are reserved words of DynamoDB.
        let mut set = format!("SET {VERSION} = {VERSION} + :one");
        for (name, value) in [
            (UPDATED_AT, text(now)),
            (ACCOUNT, text(self.account)),
            (DIALECT, text(S::DIALECT)),
            (CHANGE, text(Change::Deleted.name())),
            (TTL, number(now.after(TOMBSTONE_LIFETIME).epoch_seconds())),
        ] {
            set += &format!(", #{name} = :{name}");
            update = update
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(format!(":{name}"), value);
        }
        let mut remove = Vec::new();
        for name in [ID, LAST_WRITE].iter().chain(S::NAMES).chain(S::INDEX_KEYS) {
            remove.push(format!("#{name}"));
            update = update.expression_attribute_names(format!("#{name}"), *name);
        }
        update.update_expression(format!("{set} REMOVE {}", remove.join(", ")))
    }
}
