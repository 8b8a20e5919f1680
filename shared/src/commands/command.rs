//! A command: what a request asks for, without HTTP around it. One document, whatever brings it:
//!
//! | member | what |
//! |---|---|
//! | `operation` | `create`, `read`, `update` or `delete` |
//! | `account` | the UUID of the account whose widgets it is about |
//! | `widget_id` | the widget's id, but to create one |
//! | `idempotency_key` | to create one, by which a command is known that comes twice; without it the delivery's own id is |
//! | `body` | to create or update one, exactly the dialect's HTTP body |
//!
//! There is no API key: whoever may invoke the function, write to its queue or put events on its bus may say whose widgets they
//! mean. A member of another name is a fault: a key that is misspelt would be none.

use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    error::Error,
    event::Delivery,
    http::MAX_BODY_BYTES,
    idempotency::Idempotency,
    json::{self, NotJson},
    model::{AccountId, Versions, Widget, WidgetId},
    observed::note_account,
    store::{Store, Stored},
    validation::{Checked, Fault, Fields, nullable, refused, text, uuid},
};

/// The members that a command can have.
const MEMBERS: [&str; 5] = ["operation", "account", "widget_id", "idempotency_key", "body"];

/// A command of a dialect, valid.
pub struct Command<S: Stored> {
    account: AccountId,
    action: Action<S>,
}

enum Action<S: Stored> {
    Create(S, Idempotency),
    Read(WidgetId),
    Update(WidgetId, S::Changes),
    Delete(WidgetId),
}

/// What a command is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Make a new widget.
    Create,
    /// Tell what a widget is.
    Read,
    /// Change what the body names.
    Update,
    /// Delete a widget.
    Delete,
}

impl Operation {
    const NAMES: [&str; 4] = ["create", "read", "update", "delete"];

    /// The operation of the command in `document`, where it is one.
    pub fn of(document: &RawValue) -> Option<Self> {
        Self::parse(json::members(document)?.get("operation")?).ok()
    }

    fn parse(value: &RawValue) -> Checked<Self> {
        match text(value)?.as_str() {
            "create" => Ok(Self::Create),
            "read" => Ok(Self::Read),
            "update" => Ok(Self::Update),
            "delete" => Ok(Self::Delete),
            _ => Err(refused(Fault::NotOneOf(&Self::NAMES), value)),
        }
    }

    /// The members that a command of it must have.
    fn required(self) -> &'static [&'static str] {
        match self {
            Self::Create => &["operation", "account", "body"],
            Self::Update => &["operation", "account", "widget_id", "body"],
            Self::Read | Self::Delete => &["operation", "account", "widget_id"],
        }
    }
}

impl<S: Stored> Command<S> {
    /// Reads what `delivery` brings, with all that is wrong with it. `settings` and `changes` are the dialect's rules for a
    /// body.
    pub fn parse(
        delivery: &Delivery,
        settings: impl FnOnce(&RawValue, AccountId) -> Checked<S>,
        changes: impl FnOnce(&RawValue) -> Checked<S::Changes>,
    ) -> Result<Self, Error> {
        let document = delivery.document.as_deref().map_err(Clone::clone)?;
        let operation = Operation::of(document);
        let mut fields =
            Fields::of(document, operation.map_or(&["operation", "account"], Operation::required))?;
        fields.expect_only(&MEMBERS);
        fields.get("operation", Operation::parse);
        let account = fields.get("account", |value| uuid(value).map(AccountId));
        let action = match operation {
            Some(Operation::Create) => {
                fields.get(
                    "widget_id",
                    nullable(|value| Err::<(), _>(refused(Fault::Unexpected, value))),
                );
                // Where the account is wrong, the body's own faults are reported all the same.
                let owner = account.unwrap_or(AccountId(Uuid::nil()));
                let settings = fields.get("body", |value| settings(body(value)?, owner));
                settings
                    .zip(idempotency(&mut fields, delivery.id.as_deref()))
                    .map(|(s, i)| Action::Create(s, i))
            }
            Some(Operation::Update) => {
                let id = widget_id(&mut fields);
                let changes = fields.get("body", |value| changes(body(value)?));
                id.zip(changes).map(|(id, changes)| Action::Update(id, changes))
            }
            Some(Operation::Read) => widget_id(&mut fields).map(Action::Read),
            Some(Operation::Delete) => widget_id(&mut fields).map(Action::Delete),
            None => None,
        };
        Ok(fields.finish(account.zip(action))?).map(|(account, action)| Self { account, action })
    }

    /// Does it, and tells what the widget is now, or was before it was deleted.
    pub async fn execute(self, store: &Store) -> Result<Widget<S>, Error> {
        let account = self.account;
        note_account(account);
        match self.action {
            Action::Create(settings, idempotency) => {
                Ok(store.create(account, Widget::new(settings), Some(idempotency)).await?.widget)
            }
            Action::Read(id) => store.read(account, id).await,
            Action::Update(id, changes) => {
                store.update(account, id, &changes, &Versions::Any).await
            }
            Action::Delete(id) => store.delete(account, id, &Versions::Any).await,
        }
    }
}

fn widget_id(fields: &mut Fields) -> Option<WidgetId> {
    fields.get("widget_id", |value| uuid(value).map(WidgetId))
}

/// What the command is known by when it comes again: its own key, or else `id`, what the delivery is known by.
fn idempotency(fields: &mut Fields, id: Option<&str>) -> Option<Idempotency> {
    const KEY: &str = "idempotency_key";
    let body = fields.value("body").unwrap_or(RawValue::NULL).get().as_bytes();
    let own = fields.get(
        KEY,
        nullable(|value| {
            Idempotency::new(text(value)?.as_bytes(), body).map_err(|fault| refused(fault, value))
        }),
    );
    match (own.flatten(), id) {
        (Some(own), _) => Some(own),
        (None, Some(id)) => {
            Idempotency::new(id.as_bytes(), body).map_err(|fault| fields.report(KEY, fault)).ok()
        }
        (None, None) => {
            // Whatever brought it brings all of it again, where a part failed.
            if !fields.is_refused(KEY) {
                fields.report(KEY, Fault::Missing);
            }
            None
        }
    }
}

/// A body with the bounds that it has over HTTP.
fn body(value: &RawValue) -> Checked<&RawValue> {
    if value.get().len() > MAX_BODY_BYTES {
        return Err(refused(Fault::TooLarge(MAX_BODY_BYTES), RawValue::NULL));
    }
    json::document(value.get().as_bytes()).map_err(|error| match error {
        NotJson::Syntax { offset, message } => {
            refused(Fault::Malformed { offset, message }, RawValue::NULL)
        }
        NotJson::Encoding => refused(Fault::NotABody, RawValue::NULL),
    })
}
