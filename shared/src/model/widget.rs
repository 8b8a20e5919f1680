//! A widget of either dialect.

use serde_json::value::RawValue;
use uuid::Uuid;

use super::ids::{AccountId, WidgetId};
use super::timestamp::Timestamp;
use crate::validation::{Validated, Violation};

/// A widget: what its client sets, and what the service adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Widget<S> {
    /// Unique among all widgets.
    pub id: WidgetId,
    /// 1 at first, and one more after each change.
    pub version: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// What its client sets.
    pub settings: S,
}

impl<S> Widget<S> {
    /// Makes a new widget with a new id, created now.
    pub fn new(settings: S) -> Self {
        let now = Timestamp::now();
        let id = WidgetId(Uuid::now_v7());
        Self { id, version: 1, created_at: now, updated_at: now, settings }
    }
}

/// The settings of a dialect's widgets.
pub trait WidgetSettings: Sized {
    /// What an update sets.
    type Changes;

    /// The dialect's name, in the table, in change events and in metrics.
    const DIALECT: &'static str;

    /// Parses the body of a create by `account`.
    fn parse(body: &RawValue, account: AccountId) -> Validated<Self>;

    /// Parses the body of an update. A field that it does not name stays; an explicit null clears.
    fn parse_changes(body: &RawValue) -> Validated<Self::Changes>;

    /// Returns the field that the stored widget must have for an update to leave it valid, and the
    /// violations if it has not.
    fn required_field(_changes: &Self::Changes) -> Option<(&'static str, Vec<Violation>)> {
        None
    }

    /// Returns what stored settings lack to be valid.
    fn missing_field(&self) -> Option<&'static str> {
        None
    }
}
