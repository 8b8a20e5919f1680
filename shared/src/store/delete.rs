//! Deleting a widget.
//!
//! A delete is two calls. An `UpdateItem` turns the widget into a tombstone: the key, the version
//! (one more) and two times, without any of the widget's content. So the stream tells of a delete
//! as of any write, and the old widget comes back. Then a `DeleteItem` removes the tombstone, which
//! lists would read. The removal is one short attempt, and its failure is logged and not answered.
//!
//! A tombstone stays for an hour if its removal failed, or if an attempt of the widget's create may
//! still arrive: the tombstone refuses it. docs/decisions/0009-deletes.md weighs the alternatives.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemInputBuilder;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValue;
use tokio::time::timeout;

use super::items::{self, TableItem};
use super::table::{ID, IS_NO_WIDGET, Item, LAST_WRITE, RETRIED, TTL, Widgets, number};
use super::write::WidgetWrite;
use crate::dynamodb::retry::{REMOVAL_TIMEOUT, RetryPolicy};
use crate::error::{Error, Result};
use crate::model::{Change, Timestamp, VersionCondition, WidgetId, Written};
use crate::telemetry::{Level, log, request_stats};

/// The lifetime of a tombstone that is not removed: longer than the network delays a call. Until
/// DynamoDB deletes it after that, lists read it.
const TOMBSTONE_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// The names of the operations in the log.
const OPERATION: &str = "UpdateItem Widgets (delete)";
const REMOVAL: &str = "DeleteItem Widgets (tombstone)";

impl<S: TableItem> Widgets<'_, S> {
    /// Deletes a widget if its version matches. After [`Error::Unavailable`] it is unknown whether
    /// it was deleted: what was deleted cannot be had again.
    pub async fn delete(&self, id: WidgetId, versions: &VersionCondition) -> Result<Written<S>> {
        let now = Timestamp::now();
        let expires = now.after(TOMBSTONE_LIFETIME).epoch_seconds();
        let mut write = WidgetWrite::new(self, id, versions, Change::Deleted, now)
            .set(TTL, Some(number(expires)));
        for name in [ID, LAST_WRITE].iter().chain(S::NAMES).chain(S::INDEX_KEYS) {
            write = write.set(name, None);
        }
        let delete = write.build().return_values(ReturnValue::AllOld);
        let error = match self.store.client.call(delete).await {
            Ok(deleted) => {
                request_stats::record_change(Change::Deleted, id);
                let item = deleted.attributes.unwrap_or_default();
                self.remove_tombstone(id, &item).await;
                return items::decode(item).map(Written::Done);
            }
            Err(error) => error,
        };
        let Some(UpdateItemError::ConditionalCheckFailedException(refusal)) = error.refusal()
        else {
            return Err(error.into_error(OPERATION));
        };
        let current_item = refusal.item();
        if let Some(tombstone) = current_item.filter(|item| !items::is_widget(item)) {
            self.remove_tombstone(id, tombstone).await;
        }
        Err(match current_item {
            _ if error.attempts.is_outcome_unknown => {
                let what = "refused after an attempt whose answer was lost";
                Error::Unavailable(format!("{OPERATION}: {what}"))
            }
            Some(item) if items::is_widget(item) => {
                return items::decode(item.clone()).map(Written::Excluded);
            }
            _ => Error::WidgetNotFound(id),
        })
    }

    /// Removes the tombstone of a widget, unless `item`, the widget or the tombstone, says that its
    /// create may still arrive. Expiry removes what this leaves.
    async fn remove_tombstone(&self, id: WidgetId, item: &Item) {
        if item.contains_key(RETRIED) {
            return;
        }
        let removal = DeleteItemInputBuilder::default()
            .table_name(&self.store.table)
            .set_key(Some(self.key(id)))
            .condition_expression(IS_NO_WIDGET);
        let policy = RetryPolicy { max_attempts: 1, after_unknown_outcome: false };
        let call = self.store.client.call_with(policy, removal);
        let cause = match timeout(REMOVAL_TIMEOUT, call).await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => match error.refusal() {
                // A create arrived in between: what is there is a widget.
                Some(DeleteItemError::ConditionalCheckFailedException(_)) => return,
                _ => error.describe(REMOVAL),
            },
            Err(_) => format!("{REMOVAL}: no answer within {REMOVAL_TIMEOUT:?}"),
        };
        log::write(
            Level::Warn,
            "a tombstone was left to its expiry",
            &BTreeMap::from([
                ("account", self.account.to_string()),
                ("widgetId", id.to_string()),
                ("cause", cause),
            ]),
        );
    }
}
