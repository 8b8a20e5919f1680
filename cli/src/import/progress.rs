//! A progress bar on standard error, if that is a terminal.

use std::fmt::Display;

use indicatif::{ProgressBar, ProgressStyle};

/// How far a pass over the file is. The bar goes when this is dropped.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// A pass that is counted in bytes.
    pub fn of_bytes(what: &'static str, length: u64) -> Self {
        Self::new(what, length, "{bytes}/{total_bytes}")
    }

    /// A pass that is counted in widgets.
    pub fn of_widgets(what: &'static str, count: usize) -> Self {
        Self::new(what, count as u64, "{pos}/{len}")
    }

    fn new(what: &'static str, length: u64, counter: &str) -> Self {
        let style =
            ProgressStyle::with_template(&format!("{{msg}} {{wide_bar}} {counter} {{eta}}"));
        let bar = ProgressBar::new(length).with_message(what);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar)
    }

    /// Moves to a position.
    pub fn set(&self, position: u64) {
        self.0.set_position(position);
    }

    /// Moves by one.
    pub fn advance(&self) {
        self.0.inc(1);
    }

    /// Prints a line above the bar.
    pub fn tell(&self, text: impl Display) {
        self.0.suspend(|| eprintln!("{text}"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
