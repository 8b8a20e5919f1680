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
/// An object that does not name every field of the struct does not compile. An object of `some`
/// fields names those that it has.
#[macro_export]
macro_rules! serialize_object {
    ($serializer:expr, $source:expr => some $Type:ident $members:tt) => {
        $crate::serialize_object!(@write $serializer, $source => $Type [..] $members)
    };
    ($serializer:expr, $source:expr => $Type:ident $members:tt) => {
        $crate::serialize_object!(@write $serializer, $source => $Type [] $members)
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
