//! The table, its indexes and its attributes.

use std::collections::HashMap;
use std::marker::PhantomData;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::dynamodb::LeanClient;
use crate::model::{AccountId, WidgetId, WidgetSettings};

/// The index of all widgets by their id, with the keys only: where a public read finds a widget's
/// account.
pub const BY_ID: &str = "ById";

/// The index of an account's widgets in the order of creation, with the keys only: where they are
/// counted.
pub const BY_ACCOUNT: &str = "ByAccount";

/// The index of the widgets of an assistant in the order of creation, with everything.
pub const BY_ASSISTANT: &str = "ByAssistant";

/// The partition key.
pub(super) const PK: &str = "pk";
/// The sort key.
pub(super) const SK: &str = "sk";
/// The widget's id again, which only widgets have: the key of [`BY_ID`].
pub(super) const ID: &str = "id";
/// The account, in a dialect that counts: the key of [`BY_ACCOUNT`].
pub(super) const BY_ACCOUNT_KEY: &str = "by_account";
pub(super) const VERSION: &str = "version";
pub(super) const CREATED_AT: &str = "created_at";
pub(super) const UPDATED_AT: &str = "updated_at";
/// The marker of the update or the import that made this version.
pub(super) const LAST_WRITE: &str = "last_write";
pub(super) const ACCOUNT: &str = "account";
pub(super) const DIALECT: &str = "dialect";
/// Whether an earlier attempt of the widget's create may still arrive, since its answer was lost.
pub(super) const RETRIED: &str = "retried";
/// The name of the [`crate::model::Change`] that made this version.
pub(super) const CHANGE: &str = "change";
/// When the item has no meaning any more, in seconds since 1970. DynamoDB deletes it some time
/// later.
pub(super) const TTL: &str = "ttl";

/// The condition that an item is a widget and not a tombstone.
pub(super) const IS_WIDGET: &str = "attribute_exists(id)";
/// The condition that an item is a tombstone, or absent.
pub(super) const IS_NO_WIDGET: &str = "attribute_not_exists(id)";

/// An item of the table.
pub(super) type Item = HashMap<String, AttributeValue>;

/// The items of the table or of an index that have one partition key.
#[derive(Debug, Clone)]
pub struct Partition {
    /// The index; `None` for the table itself.
    pub(super) index: Option<&'static str>,
    /// The attribute that is the partition key.
    pub(super) key: &'static str,
    /// Its value.
    pub(super) value: String,
}

/// Which widgets of an account a list has.
#[derive(Debug, Clone)]
pub struct List {
    /// Where they are read.
    pub(super) widgets: Partition,
    /// Where they are counted.
    pub(super) count: Partition,
}

/// A part of a list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Range {
    /// The widget that the part follows; `None` for the newest on.
    pub after: Option<WidgetId>,
    /// The most widgets.
    pub limit: Option<u64>,
}

/// The table of widgets.
#[derive(Debug)]
pub struct Store {
    pub(super) client: LeanClient,
    pub(super) table: String,
}

impl Store {
    /// Makes a store over a table.
    pub fn new(client: LeanClient, table: String) -> Self {
        Self { client, table }
    }

    /// Returns the widgets of an account in the dialect of `S`.
    pub fn widgets<S: WidgetSettings>(&self, account: AccountId) -> Widgets<'_, S> {
        Widgets { store: self, account, dialect: PhantomData }
    }
}

/// The widgets of one account in one dialect. Every operation but the public read is a method of
/// this type, so none reaches another account's widgets.
#[derive(Debug)]
pub struct Widgets<'a, S> {
    pub(super) store: &'a Store,
    pub(super) account: AccountId,
    dialect: PhantomData<S>,
}

impl<S: WidgetSettings> Widgets<'_, S> {
    /// Returns the account.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// Returns the key of a widget.
    pub(super) fn key(&self, id: WidgetId) -> Item {
        key(partition::<S>(self.account), id)
    }
}

/// Returns the value of the partition key of an account's widgets.
pub(super) fn partition<S: WidgetSettings>(account: AccountId) -> String {
    format!("{account}#{}", S::DIALECT)
}

/// Returns the key of an item.
pub(super) fn key(partition: impl ToString, sort: impl ToString) -> Item {
    HashMap::from([(PK.to_owned(), text(partition)), (SK.to_owned(), text(sort))])
}

/// Makes an attribute of the type string.
pub(super) fn text(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

/// Makes an attribute of the type number.
pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
