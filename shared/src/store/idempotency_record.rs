//! The record of an idempotency key: which widget the request that came with it first created.
//!
//! | attribute | what |
//! |---|---|
//! | `pk` | `idempotency#<account>#<dialect>#<SHA-256 of the key>`: the same key of another account or dialect is another |
//! | `sk` | `create`, what it was used for |
//! | `body_hash` | the SHA-256 of the request's body |
//! | `widget_id`, `created_at` | with the body, all that its answer is made of |
//! | `ttl` | when it has no meaning any more, in seconds since 1970; some time after that DynamoDB deletes it |

use std::collections::HashMap;

use super::{
    Created, Item, Stored,
    items::{CREATED_AT, PK, Reader, SK, TTL, Unreadable, number, partition, text},
};
use crate::{
    error::Error,
    idempotency::{Idempotency, REMEMBERED_FOR},
    model::{AccountId, Timestamp, Widget, WidgetId},
};

const BODY_HASH: &str = "body_hash";
const WIDGET_ID: &str = "widget_id";

/// Where the record of a key is.
pub(super) fn key<S: Stored>(account: AccountId, idempotency: &Idempotency) -> Item {
    let partition = format!("idempotency#{}#{}", partition::<S>(account), idempotency.key);
    HashMap::from([(PK.to_owned(), text(partition)), (SK.to_owned(), text("create"))])
}

/// The record that `widget` is about to be created by a request.
pub(super) fn of<S: Stored>(
    account: AccountId,
    idempotency: &Idempotency,
    widget: &Widget<S>,
) -> Item {
    let mut item = key::<S>(account, idempotency);
    let expires = widget.created_at.epoch_seconds() + REMEMBERED_FOR.as_secs();
    item.extend([
        (BODY_HASH.to_owned(), text(idempotency.body)),
        (WIDGET_ID.to_owned(), text(widget.id)),
        (CREATED_AT.to_owned(), text(widget.created_at)),
        (TTL.to_owned(), number(expires)),
    ]);
    item
}

/// A record as the table has it.
#[derive(Debug)]
pub(super) struct Record {
    body_hash: String,
    widget_id: WidgetId,
    created_at: Timestamp,
    expires: u64,
}

impl Record {
    /// The record that an item is.
    pub fn read(item: Item) -> Result<Self, Error> {
        let mut reader = Reader::of(item);
        let mut read = || {
            Ok(Self {
                body_hash: reader.take(BODY_HASH)?,
                widget_id: WidgetId(reader.take(WIDGET_ID)?),
                created_at: reader.take(CREATED_AT)?,
                expires: reader.take(TTL)?,
            })
        };
        read().map_err(|Unreadable(name)| {
            Error::Internal(format!("an idempotency record has no readable {name}"))
        })
    }

    /// Whether it still has a meaning at `now`: DynamoDB deletes it some time after it has none.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        now.epoch_seconds() < self.expires
    }

    /// What the request was answered with that wanted to create `widget` and met this record: the same, where it is the
    /// record of that very request, the SDK having tried again; otherwise what the first one created.
    pub fn created<S>(
        self,
        widget: Widget<S>,
        idempotency: &Idempotency,
    ) -> Result<Created<S>, Error> {
        if self.widget_id == widget.id {
            return Ok(Created { widget, is_replay: false });
        }
        if self.body_hash != idempotency.body.to_string() {
            return Err(Error::IdempotencyKeyReused);
        }
        let Self { widget_id: id, created_at, .. } = self;
        Ok(Created {
            widget: Widget { id, created_at, updated_at: created_at, ..widget },
            is_replay: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{hash::Hash, json, model::pathway};

    const ACCOUNT: AccountId = AccountId(Uuid::from_u128(7));

    fn widget() -> Widget<pathway::Settings> {
        let body =
            br#"{"agent_prompt":"x","allowed_domains":[],"messages_per_minute":1,"config":1}"#;
        Widget::new(pathway::Settings::parse(json::document(body).unwrap()).unwrap())
    }

    fn request(body: &[u8]) -> Idempotency {
        Idempotency { key: Hash::of(b"key"), body: Hash::of(body) }
    }

    #[test]
    fn a_request_that_meets_its_own_record_created_its_widget() {
        // DynamoDB knows it by its token; another store may not.
        let (sent, widget) = (request(b"1"), widget());
        let record = Record::read(of(ACCOUNT, &sent, &widget)).unwrap();
        let created = record.created(widget.clone(), &sent).unwrap();
        assert_eq!((created.widget, created.is_replay), (widget, false));
    }

    #[test]
    fn another_request_gets_what_the_first_one_created_if_it_is_the_same() {
        let (first, second) = (widget(), widget());
        let record = || Record::read(of(ACCOUNT, &request(b"1"), &first)).unwrap();
        let created = record().created(second.clone(), &request(b"1")).unwrap();
        assert_eq!((created.widget, created.is_replay), (first.clone(), true));
        assert_eq!(
            record().created(second, &request(b"2")).unwrap_err(),
            Error::IdempotencyKeyReused
        );
    }

    #[test]
    fn a_record_that_cannot_be_read_is_a_fault_of_ours_that_names_what() {
        let mut item = of(ACCOUNT, &request(b"1"), &widget());
        item.remove(WIDGET_ID);
        let error = Record::read(item).unwrap_err();
        assert_eq!(
            error,
            Error::Internal("an idempotency record has no readable widget_id".to_owned())
        );
    }
}
