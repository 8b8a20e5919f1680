//! The condition that a write of a widget has, in DynamoDB's words.

use super::{
    Item,
    items::{IS_WIDGET, VERSION, number},
};
use crate::model::Versions;

/// What a widget has to be for a write to be made.
pub(super) struct Condition {
    pub expression: String,
    pub values: Item,
}

impl Condition {
    /// It has to be there and one of these.
    pub fn of(versions: &Versions) -> Self {
        /// No widget has it.
        const NO_VERSION: u64 = 0;
        let (not, versions) = match versions {
            Versions::Any => return Self { expression: IS_WIDGET.to_owned(), values: Item::new() },
            Versions::OneOf(versions) if versions.is_empty() => ("", &[NO_VERSION][..]),
            Versions::OneOf(versions) => ("", versions.as_slice()),
            Versions::NoneOf(versions) if versions.is_empty() => ("NOT ", &[NO_VERSION][..]),
            Versions::NoneOf(versions) => ("NOT ", versions.as_slice()),
        };
        let named: Vec<_> = (0..).map(|i| format!(":version{i}")).zip(versions).collect();
        let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        let expression = format!("{IS_WIDGET} AND {not}{VERSION} IN ({})", names.join(", "));
        Self {
            expression,
            values: named.into_iter().map(|(name, version)| (name, number(version))).collect(),
        }
    }
}
