//! The dialects, as an option names them.

use clap::ValueEnum;

/// A dialect of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Dialect {
    /// Insighto's API
    Assistant,
    /// Bland's API
    Pathway,
}
