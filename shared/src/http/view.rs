//! Writing the objects that answers hold.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::error::{Error, Result};

/// Writes a widget as JSON.
///
/// # Errors
///
/// [`Error::Internal`], which plain objects with string keys never cause.
pub fn to_json(widget: &impl Serialize) -> Result<Box<RawValue>> {
    to_raw_value(widget)
        .map_err(|error| Error::Internal(format!("a widget cannot be rendered: {error}")))
}

/// Serializes an object, in the order in which its members are written: groups of a struct's fields
/// by name in `[…]`, each followed by members that are computed in `{…}`.
///
/// Every field of the struct must be named: an omission does not compile. With `public`, every field
/// that the dialect's list has as public must be named, and no other.
#[macro_export]
macro_rules! serialize_object {
    ($serializer:expr, $source:expr => public $Type:ident $members:tt) => {{
        const _: () = assert!(
            $crate::model::fields::are_public($Type::FIELDS, $crate::serialize_object!(@names $members)),
            "the object does not have exactly the public fields"
        );
        $crate::serialize_object!(@write $serializer, $source => $Type [..] $members)
    }};
    ($serializer:expr, $source:expr => $Type:ident $members:tt) => {
        $crate::serialize_object!(@write $serializer, $source => $Type [] $members)
    };
    (@names {$([$($field:ident),* $(,)?] {$($key:ident: $value:expr),* $(,)?})+}) => {
        &[$($(stringify!($field),)*)+]
    };
    (@write $serializer:expr, $source:expr => $Type:ident [$($rest:tt)*] {
        $([$($field:ident),* $(,)?] {$($key:ident: $value:expr),* $(,)?})+
    }) => {{
        const KEYS: &[&str] = &[$($(stringify!($field),)* $(stringify!($key),)*)+];
        let $Type { $($($field,)*)+ $($rest)* } = $source;
        let mut object = serde::Serializer::serialize_struct($serializer, "object", KEYS.len())?;
        $(
            $(serde::ser::SerializeStruct::serialize_field(&mut object, stringify!($field), $field)?;)*
            $(serde::ser::SerializeStruct::serialize_field(&mut object, stringify!($key), &$value)?;)*
        )+
        serde::ser::SerializeStruct::end(object)
    }};
}
