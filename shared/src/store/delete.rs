//! Deleting a widget.
//!
//! A delete is an update that leaves a tombstone: the key, the version (one more) and two times,
//! without any of the widget's content. So the stream tells of it as of any write, a repeated
//! delete differs from one of a widget that never was, and a create that the network delivers late
//! does not bring the widget back.

use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValue;

use super::items::{self, TableItem};
use super::table::{ID, LAST_WRITE, TTL, Widgets, number};
use super::write::WidgetWrite;
use crate::error::{Error, Result};
use crate::model::{Change, Timestamp, VersionCondition, Widget, WidgetId};
use crate::telemetry::request_stats;

/// The lifetime of a tombstone: longer than a queue keeps delivering a message again or the network
/// delays a call. Until DynamoDB deletes it after that, lists read it.
const TOMBSTONE_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// The name of the operation in the log.
const OPERATION: &str = "UpdateItem Widgets (delete)";

impl<S: TableItem> Widgets<'_, S> {
    /// Deletes a widget if its version matches, and returns what it was. After
    /// [`Error::Unavailable`] it is unknown whether it was deleted: what was deleted cannot be had
    /// again.
    pub async fn delete(&self, id: WidgetId, versions: &VersionCondition) -> Result<Widget<S>> {
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
                return items::decode(deleted.attributes.unwrap_or_default());
            }
            Err(error) => error,
        };
        let is_outcome_unknown = error.attempts.is_outcome_unknown;
        Err(match error.refusal() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) if is_outcome_unknown => {
                let what = "refused after an attempt whose answer was lost";
                Error::Unavailable(format!("{OPERATION}: {what}"))
            }
            Some(UpdateItemError::ConditionalCheckFailedException(it)) => match it.item() {
                Some(item) if items::is_widget(item) => Error::PreconditionFailed,
                Some(_) => Error::WidgetAlreadyDeleted(id),
                None => Error::WidgetNotFound(id),
            },
            _ => error.into_error(OPERATION),
        })
    }
}
