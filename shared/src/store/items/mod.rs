//! Widgets as items of the table, and back.
//!
//! What all dialects share is in `item.rs`; the attributes that only one dialect has are in the
//! file of that dialect.

pub mod assistant;
mod attribute;
mod item;
mod pathway;

pub use attribute::{Attributes, DecodeError, ItemReader};
pub use item::{Row, TableItem};
pub(super) use item::{are_in, decode, encode, encode_changes, get, is_widget, read_attributes};
