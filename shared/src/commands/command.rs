//! A command: one document, whatever delivers it.
//!
//! | member | what |
//! |---|---|
//! | `operation` | `create`, `read`, `update` or `delete` |
//! | `account` | the UUID of the account whose widgets it is about |
//! | `widget_id` | the widget's id; not of a create |
//! | `idempotency_key` | of a create: the same if it is sent again; by default the delivery's id |
//! | `body` | of a create or an update: exactly the dialect's HTTP body |
//!
//! A command has no API key: whoever may invoke the function, write to its queue or put events on
//! its bus names the account. An unknown member is an error, because a misspelt `idempotency_key`
//! would be ignored otherwise.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::trigger_event::CommandEnvelope;
use crate::error::{Error, Result};
use crate::http::{IdempotencyKey, MAX_BODY_BYTES};
use crate::model::{AccountId, VersionCondition, Widget, WidgetId, Written};
use crate::store::{Store, TableItem};
use crate::telemetry::request_stats;
use crate::validation::rules::{nullable, text, uuid};
use crate::validation::{Fields, Presence, Validated, ViolationKind, json, violation};

const MEMBERS: [&str; 5] = ["operation", "account", "widget_id", "idempotency_key", "body"];

/// A valid command of a dialect.
pub struct Command<S: TableItem> {
    account: AccountId,
    action: Action<S>,
}

enum Action<S: TableItem> {
    Create(S, IdempotencyKey),
    Read(WidgetId),
    Update(WidgetId, S::Changes),
    Delete(WidgetId),
}

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Creates a widget.
    Create,
    /// Reads a widget.
    Read,
    /// Updates the fields that the body names.
    Update,
    /// Deletes a widget.
    Delete,
}

impl Operation {
    const NAMES: [&str; 4] = ["create", "read", "update", "delete"];

    /// Returns the operation of the command in `document`, if it has one.
    pub fn of(document: &RawValue) -> Option<Self> {
        Self::parse(json::members(document)?.get("operation")?).ok()
    }

    fn parse(value: &RawValue) -> Validated<Self> {
        text(value)?;
        serde_json::from_str(value.get())
            .map_err(|_| violation(ViolationKind::NotOneOf(&Self::NAMES), value))
    }
}

impl<S: TableItem> Command<S> {
    /// Parses the document in `envelope`.
    ///
    /// # Errors
    ///
    /// Every violation of the document and of the body in it.
    pub fn parse(envelope: &CommandEnvelope) -> Result<Self> {
        use Presence::{Optional, Required};
        let document = envelope.document.as_deref().map_err(Clone::clone)?;
        let mut fields = Fields::open(document)?;
        fields.reject_unknown(&MEMBERS);
        let operation = fields.get("operation", Required, Operation::parse);
        let account = fields.get("account", Required, |value| uuid(value).map(AccountId));
        let action = match operation {
            Some(Operation::Create) => {
                fields.get("widget_id", Optional, nullable(unexpected));
                // With an invalid account the violations of the body are reported all the same.
                let owner = account.unwrap_or(AccountId(Uuid::nil()));
                let settings =
                    fields.get("body", Required, |value| S::parse(parse_body(value)?, owner));
                let key = idempotency_key(&mut fields, envelope.id.as_deref());
                settings.zip(key).map(|(settings, key)| Action::Create(settings, key))
            }
            Some(Operation::Update) => {
                let id = widget_id(&mut fields);
                let changes =
                    fields.get("body", Required, |value| S::parse_changes(parse_body(value)?));
                id.zip(changes).map(|(id, changes)| Action::Update(id, changes))
            }
            Some(Operation::Read) => widget_id(&mut fields).map(Action::Read),
            Some(Operation::Delete) => widget_id(&mut fields).map(Action::Delete),
            None => None,
        };
        let command = account.zip(action).map(|(account, action)| Self { account, action });
        Ok(fields.finish(command)?)
    }

    /// Executes the command and returns what the widget is now, or was before it was deleted.
    pub async fn execute(self, store: &Store) -> Result<Widget<S>> {
        request_stats::record_account(self.account);
        let widgets = store.widgets(self.account);
        match self.action {
            Action::Create(settings, key) => {
                Ok(widgets.create(Widget::new(settings), Some(key)).await?.widget)
            }
            Action::Read(id) => widgets.read(id).await,
            Action::Update(id, changes) => {
                done(widgets.update(id, &changes, &VersionCondition::Any).await?)
            }
            Action::Delete(id) => done(widgets.delete(id, &VersionCondition::Any).await?),
        }
    }
}

/// Returns the widget of a write that had no condition.
fn done<S>(written: Written<S>) -> Result<Widget<S>> {
    match written {
        Written::Done(widget) => Ok(widget),
        Written::Excluded(_) => Err(Error::Internal("no condition excluded a version".to_owned())),
    }
}

fn unexpected(value: &RawValue) -> Validated<()> {
    Err(violation(ViolationKind::Unexpected, value))
}

fn widget_id(fields: &mut Fields) -> Option<WidgetId> {
    fields.get("widget_id", Presence::Required, |value| uuid(value).map(WidgetId))
}

/// Returns the command's own key, or else makes one of the delivery's `id`.
fn idempotency_key(fields: &mut Fields, id: Option<&str>) -> Option<IdempotencyKey> {
    const KEY: &str = "idempotency_key";
    let body = fields.value("body").unwrap_or(RawValue::NULL).get().as_bytes();
    let rule = |value: &RawValue| {
        IdempotencyKey::new(text(value)?.as_bytes(), body).map_err(|kind| violation(kind, value))
    };
    match (fields.get(KEY, Presence::Optional, nullable(rule)), id) {
        (Some(Some(own)), _) => Some(own),
        // The command's own key is invalid, which is reported.
        (None, _) if fields.value(KEY).is_some() => None,
        (_, Some(id)) => {
            IdempotencyKey::new(id.as_bytes(), body).map_err(|kind| fields.report(KEY, kind)).ok()
        }
        // A pipe retries its whole batch, so a command in it needs a key of its own.
        (_, None) => {
            fields.report(KEY, ViolationKind::Missing);
            None
        }
    }
}

/// Parses a body under the bounds that it has over HTTP.
fn parse_body(value: &RawValue) -> Validated<&RawValue> {
    if value.get().len() > MAX_BODY_BYTES {
        return Err(violation(ViolationKind::TooLarge(MAX_BODY_BYTES), RawValue::NULL));
    }
    json::document(value.get().as_bytes())
        .map_err(|error| violation(ViolationKind::Malformed(error), RawValue::NULL))
}
