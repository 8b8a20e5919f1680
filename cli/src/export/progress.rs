//! The progress bar.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

/// A progress bar on standard error, or nothing.
pub struct Progress(ProgressBar);

impl Progress {
    /// Shows a bar if `is_wanted` and standard error is a terminal.
    pub fn new(is_wanted: bool) -> Self {
        if !is_wanted || !io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::no_length().with_style(style("{spinner} {pos} widgets {msg}"));
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar.with_finish(ProgressFinish::AndClear))
    }

    /// Shows how many widgets a pass has met, and the total if it is known.
    pub fn show(&self, met: usize, total: Option<u64>) {
        if let Some(total) = total {
            self.0.set_style(style("{wide_bar} {pos}/{len} widgets {msg}"));
            self.0.set_length(total);
        }
        self.0.set_position(met as u64);
    }

    /// Shows why the export waits: beside the bar, or on a line where there is none. An empty text
    /// takes it back.
    pub fn say(&self, text: String) {
        if self.0.is_hidden() && !text.is_empty() {
            // The export goes on, whether or not somebody reads it.
            let _ = writeln!(io::stderr(), "{text}");
        }
        self.0.set_message(text);
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
