//! Which versions of a widget a write is meant for.

/// The versions of a widget that a write may find: with another one there it is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Versions {
    /// Whichever is there.
    Any,
    /// One of these; with none of them, the write is never made.
    OneOf(Vec<u64>),
    /// Any but these.
    NoneOf(Vec<u64>),
}

impl Versions {
    /// Whether `version` is one of them.
    pub fn have(&self, version: u64) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(versions) => versions.contains(&version),
            Self::NoneOf(versions) => !versions.contains(&version),
        }
    }
}
