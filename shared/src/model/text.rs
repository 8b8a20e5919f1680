//! Texts of a bounded length.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::validation::{Validated, ViolationKind, rules, violation};

/// A text of `MIN` to `MAX` characters (Unicode scalar values). `MIN` is 0 or 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Text<const MIN: usize, const MAX: usize>(String);

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    /// Parses a JSON string.
    pub fn parse(value: &RawValue) -> Validated<Self> {
        Self::new(rules::text(value)?).map_err(|kind| violation(kind, value))
    }

    /// Checks the bounds of `text`.
    ///
    /// # Errors
    ///
    /// The bound that it breaks.
    pub fn new(text: String) -> Result<Self, ViolationKind> {
        const { assert!(MIN <= 1, "there are no words for a longer minimum") };
        if text.len() < MIN {
            return Err(ViolationKind::Empty);
        }
        if text.chars().count() > MAX {
            return Err(ViolationKind::TooLong(MAX));
        }
        Ok(Self(text))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
