//! The record of an idempotency key: the widget that the first request with the key created.
//!
//! | attribute | what |
//! |---|---|
//! | `pk` | `idempotency#<account>#<dialect>#<SHA-256 of the key>`, so no two share a record |
//! | `sk` | `create`, the operation |
//! | `body_hash` | the SHA-256 of the request's body |
//! | `widget_id`, `created_at` | with the body, all that the answer is made of |
//! | `ttl` | when the record expires, in seconds since 1970; DynamoDB deletes it some time later |

use super::items::{DecodeError, ItemReader};
use super::table::{self, CREATED_AT, Item, TTL, number, partition, text};
use crate::error::{Error, Result};
use crate::http::{IDEMPOTENCY_KEY_LIFETIME, IdempotencyKey};
use crate::model::{AccountId, Timestamp, Widget, WidgetId, WidgetSettings};

const BODY_HASH: &str = "body_hash";
const WIDGET_ID: &str = "widget_id";

/// Returns the key of a record.
pub(super) fn key<S: WidgetSettings>(account: AccountId, key: &IdempotencyKey) -> Item {
    let partition = format!("idempotency#{}#{}", partition::<S>(account), key.key_hash);
    table::key(partition, "create")
}

/// Makes the record of the request that is about to create `widget`.
pub(super) fn encode<S: WidgetSettings>(
    account: AccountId,
    idempotency_key: &IdempotencyKey,
    widget: &Widget<S>,
) -> Item {
    let mut item = key::<S>(account, idempotency_key);
    let expires = widget.created_at.epoch_seconds() + IDEMPOTENCY_KEY_LIFETIME.as_secs();
    item.extend([
        (BODY_HASH.to_owned(), text(idempotency_key.body_hash)),
        (WIDGET_ID.to_owned(), text(widget.id)),
        (CREATED_AT.to_owned(), text(widget.created_at)),
        (TTL.to_owned(), number(expires)),
    ]);
    item
}

/// A record in the table.
#[derive(Debug)]
pub(super) struct IdempotencyRecord {
    pub body_hash: String,
    pub widget_id: WidgetId,
    pub created_at: Timestamp,
    expires: u64,
}

impl IdempotencyRecord {
    /// Reads the record of an item. One that cannot be read is a fault of the service.
    pub fn decode(item: Item) -> Result<Self> {
        let mut reader = ItemReader(item);
        let mut read = || {
            Ok(Self {
                body_hash: reader.take(BODY_HASH)?,
                widget_id: WidgetId(reader.take(WIDGET_ID)?),
                created_at: reader.take(CREATED_AT)?,
                expires: reader.take(TTL)?,
            })
        };
        read().map_err(|DecodeError(name)| {
            Error::Internal(format!("an idempotency record has no readable {name}"))
        })
    }

    /// Returns whether the record has not expired at `now`. DynamoDB deletes expired items late.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        now.epoch_seconds() < self.expires
    }
}
