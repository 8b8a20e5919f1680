//! Which versions of a widget a write applies to.

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
