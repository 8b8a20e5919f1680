//! Updating a widget.
//!
//! The update sets the named fields only, so updates of different fields do not undo each other. Its
//! condition is that the widget exists in a version that matches, has the field that the update
//! relies on, differs from what the update makes of it, and did not change after a certain time.
//!
//! The time makes retries safe. A first attempt applies to a widget that last changed before the
//! attempt times out: concurrent updates do not disturb each other, and an attempt that the network
//! delivers after that does nothing. A retry after a lost answer applies only to a widget that did
//! not change since the first attempt, so it undoes nobody's change. Each update leaves a marker, by
//! which a retry recognizes that an earlier attempt succeeded.

use std::time::Duration;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemInputBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use tokio::time::sleep;
use uuid::Uuid;

use super::condition::Condition;
use super::items;
use super::items::{Attributes, TableItem};
use super::table::{
    ACCOUNT, CHANGE, DIALECT, Item, LAST_WRITE, UPDATED_AT, VERSION, Widgets, number, text,
};
use crate::dynamodb::retry::{ATTEMPT_TIMEOUT, RetryPolicy, backoff};
use crate::error::{Error, Result};
use crate::model::{Change, Timestamp, VersionCondition, Widget, WidgetId};
use crate::telemetry::request_stats;
use crate::validation::Violation;

/// The name of the operation in the log.
const OPERATION: &str = "UpdateItem Widgets";

impl<S: TableItem> Widgets<'_, S> {
    /// Updates the named fields of a widget, all of them or none, if its version matches, and
    /// returns what it is then. If the fields have their values already nothing is written and the
    /// version stays. After [`Error::Unavailable`] it is unknown whether the update was made.
    pub async fn update(
        &self,
        id: WidgetId,
        changes: &S::Changes,
        versions: &VersionCondition,
    ) -> Result<Widget<S>> {
        if items::encode_changes::<S>(changes, self.account).is_empty() {
            let widget = self.read(id).await?;
            let is_match = versions.matches(widget.version);
            return if is_match { Ok(widget) } else { Err(Error::PreconditionFailed) };
        }
        let required = S::required_attribute(changes);
        let mut condition = Condition::from(versions);
        if let Some((attribute, _)) = &required {
            condition.expression += &format!(" AND attribute_exists({attribute})");
        }
        let marker = Uuid::now_v7();
        let mut attempt = Attempt::first(marker);
        let mut attempts_left = RetryPolicy::DEFAULT.max_attempts;
        let mut is_outcome_unknown = false;
        while attempts_left > 0 {
            let policy = RetryPolicy { max_attempts: attempts_left, after_unknown_outcome: false };
            let changed = items::encode_changes::<S>(changes, self.account);
            let update = update_item(changed, &condition, &attempt)
                .table_name(&self.store.table)
                .set_key(Some(self.key(id)))
                .expression_attribute_values(":account", text(self.account))
                .expression_attribute_values(":dialect", text(S::DIALECT));
            let error = match self.store.client.call_with(policy, update).await {
                Ok(output) => return updated(output.attributes.unwrap_or_default()),
                Err(error) => error,
            };
            attempts_left = attempts_left.saturating_sub(error.attempts());
            match error.refusal() {
                Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => {
                    let current_item = refusal.item().filter(|item| items::is_widget(item));
                    match current_item {
                        // An earlier attempt succeeded, though its answer was lost.
                        Some(item) if item.get(LAST_WRITE) == Some(&attempt.marker) => {
                            return updated(item.clone());
                        }
                        // The fields have their values already.
                        Some(item)
                            if version_matches(versions, item)
                                && are_in(
                                    item,
                                    &items::encode_changes::<S>(changes, self.account),
                                ) =>
                        {
                            return items::decode(item.clone());
                        }
                        // An earlier attempt may have succeeded before somebody changed or deleted
                        // the widget: neither success nor refusal would be certain.
                        _ if is_outcome_unknown => {
                            let what = "refused after an attempt whose answer was lost";
                            return Err(Error::Unavailable(format!("{OPERATION}: {what}")));
                        }
                        // The widget excludes the update, or only the time does: the clock of the
                        // last writer is ahead.
                        Some(item) => {
                            let last_change = last_change(item, versions, required.as_ref())?;
                            attempt = Attempt::after(marker, last_change);
                        }
                        None => return Err(Error::WidgetNotFound(id)),
                    }
                }
                Some(refusal) if is_too_large(refusal) => return Err(Error::WidgetTooLarge),
                _ if !error.is_outcome_unknown() || attempts_left == 0 => {
                    return Err(error.into_error(OPERATION));
                }
                _ => {
                    is_outcome_unknown = true;
                    attempt.unchanged_since = attempt.now;
                    let jitter = marker.as_bytes()[15];
                    let attempts = RetryPolicy::DEFAULT.max_attempts - attempts_left;
                    sleep(backoff(attempts, jitter)).await;
                }
            }
        }
        Err(Error::Unavailable(format!("{OPERATION}: refused for its time in every attempt")))
    }
}

/// What an attempt writes of itself, and what it must not find.
struct Attempt {
    /// By which a retry recognizes that this update succeeded.
    marker: AttributeValue,
    /// The time of the update.
    now: Timestamp,
    /// The attempt applies only to a widget that last changed before this.
    unchanged_since: Timestamp,
}

impl Attempt {
    fn first(marker: Uuid) -> Self {
        let now = Timestamp::now();
        Self { marker: text(marker), now, unchanged_since: now.after(ATTEMPT_TIMEOUT) }
    }

    /// The attempt of an update that must be later than the last change.
    fn after(marker: Uuid, last_change: Timestamp) -> Self {
        let now = last_change.after(Duration::from_millis(1)).max(Timestamp::now());
        Self { now, unchanged_since: now.after(ATTEMPT_TIMEOUT), ..Self::first(marker) }
    }
}

fn updated<S: TableItem>(item: Item) -> Result<Widget<S>> {
    request_stats::record_change(Change::Updated);
    items::decode(item)
}

/// Returns when the current item last changed.
///
/// # Errors
///
/// What the item has that excludes the update, besides its time.
fn last_change(
    current_item: &Item,
    versions: &VersionCondition,
    required: Option<&(&'static str, Violation)>,
) -> Result<Timestamp> {
    if !version_matches(versions, current_item) {
        return Err(Error::PreconditionFailed);
    }
    match required {
        Some((attribute, violation)) if !current_item.contains_key(*attribute) => {
            Err(Error::Invalid(vec![violation.clone()]))
        }
        _ => items::updated_at(current_item).ok_or_else(|| {
            Error::Internal(format!("{OPERATION}: the widget has no readable updated_at"))
        }),
    }
}

fn are_in(item: &Item, attributes: &Attributes) -> bool {
    attributes.iter().all(|(name, value)| item.get(*name) == value.as_ref())
}

fn version_matches(versions: &VersionCondition, item: &Item) -> bool {
    items::version(item).is_some_and(|version| versions.matches(version))
}

/// Makes the update that sets and removes the changed attributes, unless all of them are so already.
fn update_item(
    changed: Attributes,
    condition: &Condition,
    attempt: &Attempt,
) -> UpdateItemInputBuilder {
    let mut update = UpdateItemInputBuilder::default();
    let mut values = condition.values.clone();
    values.insert(":one".to_owned(), number(1));
    values.insert(":now".to_owned(), text(attempt.now));
    values.insert(":unchanged_since".to_owned(), text(attempt.unchanged_since));
    values.insert(":marker".to_owned(), attempt.marker.clone());
    values.insert(":change".to_owned(), text(Change::Updated.name()));
    // Each name gets a placeholder: some are reserved words of DynamoDB.
    for name in [ACCOUNT, DIALECT, CHANGE] {
        update = update.expression_attribute_names(format!("#{name}"), name);
    }
    let mut set = format!(
        "SET {VERSION} = {VERSION} + :one, {UPDATED_AT} = :now, {LAST_WRITE} = :marker, \
         #{ACCOUNT} = :account, #{DIALECT} = :dialect, #{CHANGE} = :change"
    );
    let mut remove = String::new();
    let mut is_unchanged = String::new();
    for (name, value) in changed {
        update = update.expression_attribute_names(format!("#{name}"), name);
        let and = if is_unchanged.is_empty() { "" } else { " AND " };
        match value {
            Some(value) => {
                set += &format!(", #{name} = :{name}");
                is_unchanged += &format!("{and}#{name} = :{name}");
                values.insert(format!(":{name}"), value);
            }
            None => {
                let separator = if remove.is_empty() { " REMOVE " } else { ", " };
                remove += &format!("{separator}#{name}");
                is_unchanged += &format!("{and}attribute_not_exists(#{name})");
            }
        }
    }
    update
        .update_expression(set + &remove)
        .condition_expression(format!(
            "{} AND {UPDATED_AT} < :unchanged_since AND NOT ({is_unchanged})",
            condition.expression
        ))
        .set_expression_attribute_values(Some(values))
        .return_values(ReturnValue::AllNew)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}

/// DynamoDB refuses an update of an item that would be over its 400 KB. What several updates set adds
/// up. The refusal has no code of its own, only the message "Item size to update has exceeded the
/// maximum allowed size".
fn is_too_large(error: &UpdateItemError) -> bool {
    error.code() == Some("ValidationException")
        && error.message().is_some_and(|message| message.contains("Item size"))
}
