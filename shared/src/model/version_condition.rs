//! Which versions of a widget a write applies to, and what comes of it.

use super::widget::Widget;

/// The versions of a widget that a write applies to. It fails on any other version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionCondition {
    /// Every version.
    Any,
    /// One of these; an empty list matches no version.
    OneOf(Vec<u64>),
    /// Every version but these.
    NoneOf(Vec<u64>),
}

impl VersionCondition {
    /// Returns whether the write applies to `version`.
    pub fn matches(&self, version: u64) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(versions) => versions.contains(&version),
            Self::NoneOf(versions) => !versions.contains(&version),
        }
    }
}

/// What came of a write with a [`VersionCondition`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written<S> {
    /// The write was made. An update has the widget as it is now, a delete as it was.
    Done(Widget<S>),
    /// The condition excluded the widget's version. This is the widget, and nothing was done.
    Excluded(Widget<S>),
}
