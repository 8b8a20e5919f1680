//! The dialects, as an option names them.

use std::fmt;

use clap::ValueEnum;

/// A dialect of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Dialect {
    /// Insighto's API
    Assistant,
    /// Bland's API
    Pathway,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Assistant => "assistant",
            Self::Pathway => "pathway",
        })
    }
}
