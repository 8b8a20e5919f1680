//! What a write does to a widget.

/// What a write does to a widget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The widget is new.
    Created,
    /// The widget has a new version.
    Updated,
    /// The widget is gone.
    Deleted,
}

impl Change {
    /// Returns the name that change events and the table have for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }
}
