//! The condition of a write that changes a widget.

use super::table::{IS_WIDGET, Item, VERSION, number};
use crate::model::VersionCondition;

/// A condition expression and its values.
#[derive(Clone)]
pub(super) struct Condition {
    pub expression: String,
    pub values: Item,
}

impl From<&VersionCondition> for Condition {
    /// The widget must exist, in a version that matches.
    fn from(versions: &VersionCondition) -> Self {
        /// A version that no widget has: `IN` needs an operand.
        const NO_VERSION: [u64; 1] = [0];
        let (not, versions) = match versions {
            VersionCondition::Any => {
                return Self { expression: IS_WIDGET.to_owned(), values: Item::new() };
            }
            VersionCondition::OneOf(versions) => ("", versions.as_slice()),
            VersionCondition::NoneOf(versions) => ("NOT ", versions.as_slice()),
        };
        let versions = if versions.is_empty() { &NO_VERSION[..] } else { versions };
        let named: Vec<_> = (0..).map(|i| format!(":version{i}")).zip(versions).collect();
        let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        Self {
            expression: format!("{IS_WIDGET} AND {not}{VERSION} IN ({})", names.join(", ")),
            values: named.into_iter().map(|(name, version)| (name, number(version))).collect(),
        }
    }
}
