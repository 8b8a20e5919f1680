//! Values of the model as attributes.

use aws_sdk_dynamodb::types::AttributeValue;
use uuid::Uuid;

use crate::model::{Text, Timestamp};
use crate::store::table::{Item, number, text};
use crate::validation::json::JsonText;

/// Attributes to write, by name: a value, or none to remove the attribute.
pub type Attributes = Vec<(&'static str, Option<AttributeValue>)>;

/// Names the attribute of an item that is missing or holds something else than it should.
#[derive(Debug)]
pub struct DecodeError(pub &'static str);

/// An item that is decoded attribute by attribute.
#[derive(Debug)]
pub struct ItemReader(pub Item);

impl ItemReader {
    /// Takes the value of an attribute out of the item.
    pub fn take<T: Attribute>(&mut self, name: &'static str) -> Result<T, DecodeError> {
        T::read(self.0.remove(name)).ok_or(DecodeError(name))
    }
}

/// A value of the model as an attribute; null is absence.
pub trait Attribute: Sized {
    /// Converts to an attribute.
    fn write(&self) -> Option<AttributeValue>;
    /// Converts from an attribute; `None` if it holds something else.
    fn read(value: Option<AttributeValue>) -> Option<Self>;
}

impl<T: Attribute> Attribute for Option<T> {
    fn write(&self) -> Option<AttributeValue> {
        self.as_ref()?.write()
    }

    fn read(value: Option<AttributeValue>) -> Option<Self> {
        match value {
            None => Some(None),
            value => T::read(value).map(Some),
        }
    }
}

impl<T: Attribute> Attribute for Vec<T> {
    fn write(&self) -> Option<AttributeValue> {
        Some(AttributeValue::L(self.iter().filter_map(T::write).collect()))
    }

    fn read(value: Option<AttributeValue>) -> Option<Self> {
        match value? {
            AttributeValue::L(values) => values.into_iter().map(|it| T::read(Some(it))).collect(),
            _ => None,
        }
    }
}

impl Attribute for bool {
    fn write(&self) -> Option<AttributeValue> {
        Some(AttributeValue::Bool(*self))
    }

    fn read(value: Option<AttributeValue>) -> Option<Self> {
        value?.as_bool().ok().copied()
    }
}

impl Attribute for u64 {
    fn write(&self) -> Option<AttributeValue> {
        Some(number(self))
    }

    fn read(value: Option<AttributeValue>) -> Option<Self> {
        value?.as_n().ok()?.parse().ok()
    }
}

/// Implements [`Attribute`] for types that the table keeps as a string: how each is written and
/// parsed.
macro_rules! string_attributes {
    ($($type:ty: $write:expr, $parse:expr;)+) => { $(
        impl Attribute for $type {
            fn write(&self) -> Option<AttributeValue> {
                Some(text($write(self)))
            }

            fn read(value: Option<AttributeValue>) -> Option<Self> {
                match value? {
                    AttributeValue::S(text) => $parse(text),
                    _ => None,
                }
            }
        }
    )+ };
}
pub(super) use string_attributes;

string_attributes! {
    String: String::as_str, Some;
    Uuid: |id: &Uuid| *id, |text: String| Uuid::parse_str(&text).ok();
    Timestamp: |moment: &Timestamp| *moment, |text: String| Timestamp::parse(&text);
}

impl<const MIN: usize, const MAX: usize> Attribute for Text<MIN, MAX> {
    fn write(&self) -> Option<AttributeValue> {
        Some(text(self.as_str()))
    }

    fn read(value: Option<AttributeValue>) -> Option<Self> {
        Self::new(String::read(value)?).ok()
    }
}

impl Attribute for JsonText {
    fn write(&self) -> Option<AttributeValue> {
        Some(text(self.as_str()))
    }

    /// Earlier versions stored `action_buttons` as a list of JSON texts.
    fn read(value: Option<AttributeValue>) -> Option<Self> {
        match value? {
            AttributeValue::S(text) => Self::parse(text),
            AttributeValue::L(elements) => {
                let texts: Option<Vec<&str>> =
                    elements.iter().map(|it| it.as_s().ok().map(String::as_str)).collect();
                Self::parse(format!("[{}]", texts?.join(",")))
            }
            _ => None,
        }
    }
}
