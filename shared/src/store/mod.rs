//! Widgets in DynamoDB: one table, one item a widget, and one item an idempotency key.
//!
//! | attribute | what |
//! |---|---|
//! | `pk` | `<account>#<dialect>`: an account reaches its own partitions only |
//! | `sk` | the widget's id, a UUIDv7: a query is in the order of creation |
//! | `id` | the id again, which only widgets have: the key of the index [`BY_ID`] |
//! | `by_account` | the account, in a dialect that counts: the key of the index [`BY_ACCOUNT`] |
//! | `by_assistant` | `<account>#<assistant_id>`: the key of the index [`BY_ASSISTANT`] |
//! | `version`, `created_at`, `updated_at` | what the service adds |
//! | `last_write` | the marker of the update or the import that made this version |
//! | `account`, `dialect`, `change` | what the table's stream tells of a write |
//! | `retried` | an earlier attempt of the create may still arrive |
//! | `ttl` | when DynamoDB may delete a tombstone or an idempotency record |
//! | the documented fields | in DynamoDB's own types, free-form JSON as its text; null is absence |
//!
//! An operation on one widget is one call whose condition says what must hold. A delete turns the
//! widget into a tombstone without an `id`, and removes it with a second call. A retried write may
//! meet its own earlier success, and recognizes it: [`crate::dynamodb::retry`] has what every
//! unknown outcome becomes.
//!
//! * `items` converts between a widget and its item; one file a dialect has what only it has.
//! * `create`, `read`, `update`, `delete` and `query` are the operations; `list` fills an answer.
//!   An update and a delete are both a `write`, which makes the next version of a widget.
//! * `import` is the operation of an operator, and of no function.
//!
//! Not its business: parsing requests, and who asks. [`Widgets`] is made for an account, and
//! reaches no other.

mod create;
mod delete;
mod idempotency_record;
mod import;
mod items;
mod list;
mod query;
mod read;
mod table;
mod update;
mod write;

pub use create::Created;
pub use import::{IdEntry, ImportOptions, Imported, ImportedWidget};
pub use items::{DecodeError, ItemReader, Row, TableItem};
pub use list::ListPage;
pub use query::CountProgress;
pub use table::{BY_ACCOUNT, BY_ASSISTANT, BY_ID, List, Range, Store, Widgets};
