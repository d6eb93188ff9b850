//! The progress line of a recording or an upload, on terminals only.

use super::console::Console;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// A line that is redrawn.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A line on standard error, if that is a terminal and messages are not suppressed.
    pub(crate) fn new(console: Console) -> Self {
        if console.is_quiet() || !std::io::stderr().is_terminal() {
            return Self { bar: ProgressBar::hidden() };
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// Redraws.
    pub(crate) fn show(&self, elapsed: Duration, samples: u64, lost: impl FnOnce() -> u64) {
        if self.bar.is_hidden() {
            return;
        }
        let losses = match lost() {
            0 => String::new(),
            lost => format!(", {lost} lost"),
        };
        self.bar.set_message(format!("{:.1} s, {samples} samples{losses}", elapsed.as_secs_f64()));
        self.bar.tick();
    }

    /// Redraws with this text.
    pub(crate) fn say(&self, text: &str) {
        if !self.bar.is_hidden() {
            self.bar.set_message(text.to_owned());
            self.bar.tick();
        }
    }

    /// Removes the line.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
