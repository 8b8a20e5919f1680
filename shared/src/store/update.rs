//! Updating a widget.
//!
//! The update sets the named fields only, so updates of different fields do not undo each other.
//! Its condition is that the widget exists in a version that matches, has the field that the update
//! relies on, differs from what the update makes of it, and changed last before a certain time
//! (`changed_before`, compared as text: RFC 3339 in UTC, always as long).
//!
//! The time makes retries safe. The time of a first attempt is when it times out, so concurrent
//! updates do not disturb each other, and an attempt that arrives later than that overwrites
//! nobody's change. After an attempt whose answer was lost, the time is when the update began: the
//! next attempt applies only if no update that began later has changed the widget. Each update
//! leaves a marker, by which a retry recognizes that an earlier attempt succeeded.

use std::time::Duration;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemInputBuilder;
use aws_sdk_dynamodb::types::ReturnValue;
use tokio::time::sleep;
use uuid::Uuid;

use super::items::{self, Attributes, TableItem};
use super::table::{Item, LAST_WRITE, UPDATED_AT, VERSION, Widgets, text};
use super::write::WidgetWrite;
use crate::dynamodb::retry::{ATTEMPT_TIMEOUT, RetryPolicy, backoff};
use crate::error::{Error, Result};
use crate::model::{Change, Timestamp, VersionCondition, WidgetId, Written};
use crate::telemetry::request_stats;
use crate::validation::Violation;

/// The name of the operation in the log.
const OPERATION: &str = "UpdateItem Widgets";

impl<S: TableItem> Widgets<'_, S> {
    /// Updates the named fields of a widget, all of them or none, if its version matches. If the
    /// fields have their values already nothing is written and the version stays. After
    /// [`Error::Unavailable`] it is unknown whether the update was made.
    pub async fn update(
        &self,
        id: WidgetId,
        changes: &S::Changes,
        versions: &VersionCondition,
    ) -> Result<Written<S>> {
        let changed = || items::encode_changes::<S>(changes, self.account);
        if changed().is_empty() {
            let widget = self.read(id).await?;
            let is_match = versions.matches(widget.version);
            let written = if is_match { Written::Done } else { Written::Excluded };
            return Ok(written(widget));
        }
        let required = S::required_field(changes);
        let marker = Uuid::now_v7();
        let mut now = Timestamp::now();
        // An attempt applies only to a widget that last changed before this.
        let mut changed_before = now.after(ATTEMPT_TIMEOUT);
        let mut attempts_left = RetryPolicy::DEFAULT.max_attempts;
        let mut is_outcome_unknown = false;
        while attempts_left > 0 {
            let mut write = WidgetWrite::new(self, id, versions, Change::Updated, now)
                .set(LAST_WRITE, Some(text(marker)));
            if let Some((attribute, _)) = &required {
                write = write.only_if(&format!("attribute_exists({attribute})"));
            }
            let update = change_attributes(write, changed(), changed_before);
            let policy = RetryPolicy { max_attempts: attempts_left, after_unknown_outcome: false };
            let error = match self.store.client.call_with(policy, update).await {
                Ok(output) => return updated(id, output.attributes.unwrap_or_default()),
                Err(error) => error,
            };
            attempts_left = attempts_left.saturating_sub(error.attempts.count);
            let refusal = match error.refusal() {
                Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => refusal,
                Some(refusal) if is_too_large(refusal) => return Err(Error::WidgetTooLarge),
                _ if error.attempts.is_outcome_unknown && attempts_left > 0 => {
                    is_outcome_unknown = true;
                    changed_before = now;
                    sleep(backoff(attempts_left, marker.as_bytes()[15])).await;
                    continue;
                }
                _ => return Err(error.into_error(OPERATION)),
            };
            match refusal.item().filter(|item| items::is_widget(item)) {
                // An earlier attempt succeeded, though its answer was lost.
                Some(item) if item.get(LAST_WRITE) == Some(&text(marker)) => {
                    return updated(id, item.clone());
                }
                // The fields have their values already.
                Some(item)
                    if version_matches(versions, item) && items::are_in(item, &changed()) =>
                {
                    return items::decode(item.clone()).map(Written::Done);
                }
                // An earlier attempt may have succeeded before somebody changed or deleted the
                // widget: neither success nor refusal would be certain.
                _ if is_outcome_unknown => {
                    let what = "refused after an attempt whose answer was lost";
                    return Err(Error::Unavailable(format!("{OPERATION}: {what}")));
                }
                Some(item) if !version_matches(versions, item) => {
                    return items::decode(item.clone()).map(Written::Excluded);
                }
                // A field is missing, or the time of the update is too early: the clock of the last
                // writer is ahead, or throttled attempts took long.
                Some(item) => {
                    let last_change = last_change(item, required.as_ref())?;
                    now = last_change.after(Duration::from_millis(1)).max(Timestamp::now());
                    changed_before = now.after(ATTEMPT_TIMEOUT);
                }
                None => return Err(Error::WidgetNotFound(id)),
            }
        }
        Err(Error::Unavailable(format!(
            "{OPERATION}: no attempt is left after one that was refused for its time"
        )))
    }
}

/// Adds the changed attributes, and the conditions that the widget last changed before a time and
/// that at least one of them differs.
fn change_attributes(
    write: WidgetWrite,
    changed: Attributes,
    changed_before: Timestamp,
) -> UpdateItemInputBuilder {
    let unchanged: Vec<String> = changed
        .iter()
        .map(|(name, value)| match value {
            Some(_) => format!("#{name} = :{name}"),
            None => format!("attribute_not_exists(#{name})"),
        })
        .collect();
    let write = write
        .only_if(&format!("{UPDATED_AT} < :changed_before"))
        .with_value(":changed_before", text(changed_before))
        .only_if(&format!("NOT ({})", unchanged.join(" AND ")));
    let write = changed.into_iter().fold(write, |write, (name, value)| write.set(name, value));
    write.build().return_values(ReturnValue::AllNew)
}

fn updated<S: TableItem>(id: WidgetId, item: Item) -> Result<Written<S>> {
    request_stats::record_change(Change::Updated, id);
    items::decode(item).map(Written::Done)
}

/// Returns when the current item last changed, if nothing but that time can have excluded the
/// update.
///
/// # Errors
///
/// What else excludes it: a field that is missing.
fn last_change(
    current_item: &Item,
    required: Option<&(&'static str, Vec<Violation>)>,
) -> Result<Timestamp> {
    match required {
        Some((attribute, violations)) if !current_item.contains_key(*attribute) => {
            Err(Error::Invalid(violations.clone()))
        }
        _ => items::get(current_item, UPDATED_AT).ok_or_else(|| {
            Error::Internal(format!("{OPERATION}: the widget has no readable updated_at"))
        }),
    }
}

fn version_matches(versions: &VersionCondition, item: &Item) -> bool {
    items::get(item, VERSION).is_some_and(|version| versions.matches(version))
}

/// DynamoDB refuses an update of an item that would be over its 400 KB. What several updates set
/// adds up. The refusal has no code of its own, only the message "Item size to update has exceeded
/// the maximum allowed size".
fn is_too_large(error: &UpdateItemError) -> bool {
    error.code() == Some("ValidationException")
        && error.message().is_some_and(|message| message.contains("Item size"))
}
