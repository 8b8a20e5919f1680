//! Importing a widget: it comes with an id, and may come with times. No function does this, only
//! `widgets import`.
//!
//! A widget is written by one conditional `PutItem`. It carries the marker of its import, so an
//! attempt that is refused recognizes an earlier success, whether the client made that attempt or
//! whoever called again after [`Error::Unavailable`]. An import takes a tombstone for nothing: an
//! attempt that the network delivers after the widget was deleted creates it again.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemInputBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use uuid::Uuid;

use super::items::{self, TableItem};
use super::table::{
    CHANGE, CREATED_AT, IS_NO_WIDGET, IS_WIDGET, Item, LAST_WRITE, PK, RETRIED, SK, UPDATED_AT,
    VERSION, Widgets, number, text,
};
use crate::error::{Error, Result};
use crate::model::{AccountId, Change, Timestamp, Widget, WidgetId};

/// The name of the operation in the log.
const OPERATION: &str = "PutItem Widgets (import)";

/// The most bytes of an item
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>).
const MAX_ITEM_BYTES: usize = 400 * 1024;

/// A widget from elsewhere.
#[derive(Debug, Clone)]
pub struct ImportedWidget<S> {
    /// The id that it keeps.
    pub id: WidgetId,
    /// When it was created, if that is known.
    pub created_at: Option<Timestamp>,
    /// When it last changed, if that is known.
    pub updated_at: Option<Timestamp>,
    /// What its client sets.
    pub settings: S,
}

/// How widgets are imported.
#[derive(Debug, Clone, Copy)]
pub struct ImportOptions {
    /// The marker of this import, another for each.
    pub marker: Uuid,
    /// Whether a widget that differs from the one with its id replaces that one.
    pub replace: bool,
    /// Whether the writes are change events.
    pub publish: bool,
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// The widget is new.
    Created,
    /// The widget has a new version.
    Replaced,
    /// The account had a widget with this id. Nothing was written.
    Left,
}

/// Whose widget has an id: an entry of the index [`BY_ID`](super::BY_ID).
#[derive(Debug, PartialEq, Eq)]
pub struct IdEntry {
    /// The widget's id.
    pub id: WidgetId,
    /// Its account.
    pub account: AccountId,
    /// The name of its dialect.
    pub dialect: String,
}

impl IdEntry {
    /// Reads an entry; `None` if it is not one of a widget.
    pub fn decode(entry: &Item) -> Option<Self> {
        let partition: String = items::get(entry, PK)?;
        let (account, dialect) = partition.split_once('#')?;
        Some(Self {
            id: WidgetId(items::get(entry, SK)?),
            account: AccountId::parse(account).ok()?,
            dialect: dialect.to_owned(),
        })
    }
}

impl<S: TableItem + Clone> Widgets<'_, S> {
    /// Returns whether DynamoDB has room for the widget.
    pub fn has_room(&self, widget: &ImportedWidget<S>) -> bool {
        // The marker, and a version of more digits.
        const ADDED_BYTES: usize = 100;
        let item = items::encode(self.account, &first_version(widget));
        size(&item) + ADDED_BYTES <= MAX_ITEM_BYTES
    }

    /// Puts a widget, unless the account has one with its id in this dialect. A tombstone is no
    /// widget. After [`Error::Unavailable`] it is unknown whether it was put; another call with
    /// the same marker returns what became of it.
    pub async fn import(
        &self,
        widget: &ImportedWidget<S>,
        options: ImportOptions,
    ) -> Result<Imported> {
        let mut current = None;
        loop {
            let (put, written) = match &current {
                None => (self.put_first(widget, options), Imported::Created),
                Some(current) => (self.put_next(widget, current, options)?, Imported::Replaced),
            };
            let Err(error) = self.store.client.call(put).await else { return Ok(written) };
            let Some(PutItemError::ConditionalCheckFailedException(refusal)) = error.refusal()
            else {
                return Err(error.into_error(OPERATION));
            };
            match refusal.item().filter(|item| items::is_widget(item)) {
                Some(item) if item.get(LAST_WRITE) == Some(&text(options.marker)) => {
                    let is_new = items::get(item, VERSION) == Some(1_u64);
                    return Ok(if is_new { Imported::Created } else { Imported::Replaced });
                }
                Some(item) if !options.replace || is_in(item, widget) => return Ok(Imported::Left),
                // Another writer may be faster, any number of times.
                item => current = item.cloned(),
            }
        }
    }

    fn put_first(&self, widget: &ImportedWidget<S>, options: ImportOptions) -> PutItemInputBuilder {
        let item = items::encode(self.account, &first_version(widget));
        self.put_marked(item, Change::Created, options).condition_expression(IS_NO_WIDGET)
    }

    /// Replaces `current`, unless it changes before.
    fn put_next(
        &self,
        widget: &ImportedWidget<S>,
        current: &Item,
        options: ImportOptions,
    ) -> Result<PutItemInputBuilder> {
        let unreadable =
            || Error::Internal(format!("{OPERATION}: the stored widget is unreadable"));
        let version: u64 = items::get(current, VERSION).ok_or_else(unreadable)?;
        let created_at = items::get(current, CREATED_AT).ok_or_else(unreadable)?;
        let next = Widget {
            version: version + 1,
            created_at: widget.created_at.unwrap_or(created_at),
            updated_at: widget.updated_at.unwrap_or_else(Timestamp::now),
            ..first_version(widget)
        };
        let mut item = items::encode(self.account, &next);
        if let Some(retried) = current.get(RETRIED) {
            item.insert(RETRIED.to_owned(), retried.clone());
        }
        Ok(self
            .put_marked(item, Change::Updated, options)
            .condition_expression(format!("{IS_WIDGET} AND {VERSION} = :version"))
            .expression_attribute_values(":version", number(version)))
    }

    fn put_marked(
        &self,
        mut item: Item,
        change: Change,
        options: ImportOptions,
    ) -> PutItemInputBuilder {
        item.insert(LAST_WRITE.to_owned(), text(options.marker));
        // The pipe publishes only what has this attribute. A later write sets it.
        item.remove(CHANGE);
        if options.publish {
            item.insert(CHANGE.to_owned(), text(change.name()));
        }
        PutItemInputBuilder::default()
            .table_name(&self.store.table)
            .set_item(Some(item))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}

/// Returns the widget in its first version. A time that is not known is now.
fn first_version<S: Clone>(widget: &ImportedWidget<S>) -> Widget<S> {
    let new = Widget::new(widget.settings.clone());
    Widget {
        id: widget.id,
        created_at: widget.created_at.unwrap_or(new.created_at),
        updated_at: widget.updated_at.or(widget.created_at).unwrap_or(new.updated_at),
        ..new
    }
}

/// Returns whether an item has all that is known of a widget.
fn is_in<S: TableItem>(item: &Item, widget: &ImportedWidget<S>) -> bool {
    let is_time = |name, time: Option<Timestamp>| time.is_none() || items::get(item, name) == time;
    items::are_in(item, &widget.settings.encode())
        && is_time(CREATED_AT, widget.created_at)
        && is_time(UPDATED_AT, widget.updated_at)
}

/// Returns the size of an item as DynamoDB counts it, or a little more.
fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
        AttributeValue::L(values) => 3 + values.iter().map(|it| 1 + value_size(it)).sum::<usize>(),
        _ => 1,
    }
}
