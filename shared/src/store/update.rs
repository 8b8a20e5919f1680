//! Changing a widget: a call whose condition says what the widget has to be, and what is done where its answer gets lost.

use std::time::Duration;

use aws_sdk_dynamodb::{
    error::ProvideErrorMetadata,
    operation::update_item::{UpdateItemError, builders::UpdateItemInputBuilder},
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    Change, Item, Store, Stored,
    condition::Condition,
    items,
    items::{ACCOUNT, Attributes, CHANGE, DIALECT, LAST_WRITE, UPDATED_AT, VERSION, number, text},
    key,
};
use crate::{
    dynamodb::{
        client::{ATTEMPT_TIMEOUT, ATTEMPTS, FIRST_BACKOFF},
        retry,
    },
    error::Error,
    model::{AccountId, Timestamp, Versions, Widget, WidgetId},
    observed::note_change,
    validation::Violation,
};

/// What the log calls it.
const UPDATE: &str = "UpdateItem Widgets";

const MILLISECOND: Duration = Duration::from_millis(1);

impl Store {
    /// Changes the named fields of a widget and nothing else of it, all of them or none, if it is one of the `versions`, and
    /// tells what it is then. Where it has those values already nothing is written, and its version stays. With
    /// [`Error::Unavailable`] it is not known whether they were made.
    pub async fn update<S: Stored>(
        &self,
        account: AccountId,
        id: WidgetId,
        changes: &S::Changes,
        versions: &Versions,
    ) -> Result<Widget<S>, Error> {
        let mut changed = S::changed(changes, account);
        if changed.0.is_empty() {
            let widget = self.read(account, id).await?;
            return if versions.have(widget.version) {
                Ok(widget)
            } else {
                Err(Error::PreconditionFailed)
            };
        }
        let relies_on = S::relies_on(changes);
        let mut condition = Condition::of(versions);
        if let Some((attribute, _)) = &relies_on {
            condition.expression += &format!(" AND attribute_exists({attribute})");
        }
        let mark = Uuid::now_v7();
        let mut now = Timestamp::now();
        let (mut newest, mut is_unclear) = (now.after(ATTEMPT_TIMEOUT), false);
        for attempt in 1..=ATTEMPTS {
            let write = Write { mark: text(mark), now, newest };
            let update = expressed(changed, &condition, &write)
                .expression_attribute_values(":account", text(account))
                .expression_attribute_values(":dialect", text(S::DIALECT))
                .table_name(&self.table)
                .set_key(Some(key::<S>(account, id)))
                .return_values(ReturnValue::AllNew)
                .return_values_on_condition_check_failure(
                    ReturnValuesOnConditionCheckFailure::AllOld,
                );
            let (error, is_lost) = match retry::watched_unrepeated(self.client.call(update)).await {
                (Ok(updated), _) => return made(updated.attributes.unwrap_or_default()),
                (Err(error), is_lost) => (error, is_lost),
            };
            match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => match refusal
                    .item()
                {
                    // A try before this one was made, though its answer got lost.
                    Some(there) if there.get(LAST_WRITE) == Some(&write.mark) => {
                        return made(there.clone());
                    }
                    // There is nothing to change.
                    Some(there)
                        if is_one_of(versions, there)
                            && S::changed(changes, account).are_in(there) =>
                    {
                        return items::widget(there.clone());
                    }
                    // One may have been, before somebody else changed the widget again, or deleted it.
                    _ if is_unclear => return Err(Error::unclear(UPDATE)),
                    Some(there) if !items::is_widget(there) => return Err(Error::NoSuchWidget(id)),
                    None => return Err(Error::NoSuchWidget(id)),
                    Some(there) => {
                        now = time_to_try_again(there, versions, &relies_on)?;
                        newest = now.after(ATTEMPT_TIMEOUT);
                    }
                },
                Some(refusal) if is_too_large(refusal) => return Err(Error::WidgetTooLarge),
                _ if !is_lost || attempt == ATTEMPTS => {
                    return Err(Error::from_store(UPDATE, &error));
                }
                _ => {
                    (newest, is_unclear) = (now, true);
                    sleep(FIRST_BACKOFF * u32::from(mark.as_bytes()[15]) / 255 * attempt).await;
                }
            }
            changed = S::changed(changes, account);
        }
        Err(Error::Unavailable(format!("{UPDATE}: refused for its time {ATTEMPTS} times")))
    }
}

/// What an update made of a widget.
fn made<S: Stored>(item: Item) -> Result<Widget<S>, Error> {
    note_change(Change::Updated);
    items::widget(item)
}

/// When to make an update again that was refused because of what is `there`, if only its time was in the way: somebody's clock
/// is far ahead. Otherwise what else was in the way.
fn time_to_try_again(
    there: &Item,
    versions: &Versions,
    relies_on: &Option<(&'static str, Violation)>,
) -> Result<Timestamp, Error> {
    if !is_one_of(versions, there) {
        return Err(Error::PreconditionFailed);
    }
    match relies_on {
        Some((attribute, violation)) if !there.contains_key(*attribute) => {
            Err(Error::Invalid(vec![violation.clone()]))
        }
        _ => items::updated_at(there)
            .map(|last| last.after(MILLISECOND).max(Timestamp::now()))
            .ok_or_else(|| {
                Error::Internal(format!(
                    "{UPDATE}: what is there has no updated_at that can be read"
                ))
            }),
    }
}

/// Whether what is there is a widget, and one of these versions.
fn is_one_of(versions: &Versions, there: &Item) -> bool {
    items::is_widget(there) && items::version(there).is_some_and(|version| versions.have(version))
}

/// What an update leaves of itself, and what it must not find.
struct Write {
    /// By which it knows itself.
    mark: AttributeValue,
    /// When it is made.
    now: Timestamp,
    /// It applies only to a widget that last changed before this. For a first try that is when it will have timed out: others
    /// who are at it at the same time are not in its way, but if it is delivered after that it undoes nothing. For the tries
    /// after one whose answer got lost it is when that one was made: it undoes nothing that was done since.
    newest: Timestamp,
}

/// An update that sets and removes the attributes that changed, counts itself, and leaves its time and its mark: unless all of
/// them are as they are to be.
fn expressed(changed: Attributes, condition: &Condition, write: &Write) -> UpdateItemInputBuilder {
    let mut update = UpdateItemInputBuilder::default();
    let mut values = condition.values.clone();
    values.insert(":one".to_owned(), number(1));
    values.insert(":now".to_owned(), text(write.now));
    values.insert(":newest".to_owned(), text(write.newest));
    values.insert(":write".to_owned(), write.mark.clone());
    values.insert(":change".to_owned(), text(Change::Updated.name()));
    // A placeholder each: some names are words of DynamoDB's own.
    for name in [ACCOUNT, DIALECT, CHANGE] {
        update = update.expression_attribute_names(format!("#{name}"), name);
    }
    let mut sets = format!(
        "SET {VERSION} = {VERSION} + :one, {UPDATED_AT} = :now, {LAST_WRITE} = :write, \
         #{ACCOUNT} = :account, #{DIALECT} = :dialect, #{CHANGE} = :change"
    );
    let mut removes = String::new();
    let mut is_as_it_is = String::new();
    for (name, value) in changed.0 {
        update = update.expression_attribute_names(format!("#{name}"), name);
        let and = if is_as_it_is.is_empty() { "" } else { " AND " };
        match value {
            Some(value) => {
                sets += &format!(", #{name} = :{name}");
                is_as_it_is += &format!("{and}#{name} = :{name}");
                values.insert(format!(":{name}"), value);
            }
            None => {
                removes +=
                    &format!("{}#{name}", if removes.is_empty() { " REMOVE " } else { ", " });
                is_as_it_is += &format!("{and}attribute_not_exists(#{name})");
            }
        }
    }
    update
        .update_expression(sets + &removes)
        .condition_expression(format!(
            "{} AND {UPDATED_AT} < :newest AND NOT ({is_as_it_is})",
            condition.expression
        ))
        .set_expression_attribute_values(Some(values))
}

/// Whether DynamoDB refused an update because the item would be over its 400 KB: each request is under that, but what several
/// of them set adds up. It has no code of its own for it, only the message "Item size to update has exceeded the maximum
/// allowed size".
fn is_too_large(error: &UpdateItemError) -> bool {
    error.code() == Some("ValidationException")
        && error.message().is_some_and(|message| message.contains("Item size"))
}
