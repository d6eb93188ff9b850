//! Messages on standard error.

use std::fmt::Display;
use std::io::Write;

/// The verbosity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Console {
    quiet: bool,
    verbose: bool,
}

impl Console {
    /// The verbosity given on the command line.
    pub(crate) fn new(quiet: bool, verbose: bool) -> Self {
        Self { quiet, verbose }
    }

    /// Whether only errors are printed.
    pub(crate) fn is_quiet(self) -> bool {
        self.quiet
    }

    /// Prints a message, unless only errors are printed.
    pub(crate) fn note(self, what: impl Display) {
        if !self.quiet {
            line(what);
        }
    }

    /// Prints a warning: the result is worse than it could be.
    pub(crate) fn warn(self, what: impl Display) {
        self.note(format_args!("warning: {what}"));
    }

    /// Prints a detail, if the user asked for details.
    pub(crate) fn detail(self, what: impl Display) {
        if self.verbose {
            line(what);
        }
    }
}

/// Prints a line on standard error. It removes the control characters of terminals, because the line may contain the names and
/// contents of foreign files.
pub(crate) fn line(what: impl Display) {
    let text = what.to_string();
    let lines: Vec<String> = text.split('\n').map(clean).collect();
    // If this fails, there is no other place for the message.
    drop(writeln!(std::io::stderr().lock(), "bpflame: {}", lines.join("\n")));
}

/// Removes from foreign text everything that a terminal would obey.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if output::text::is_harmful(c) { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_not_commanded() {
        assert_eq!(clean("a\x1b[2Jb\u{202e}c\n"), "a?[2Jb?c?");
    }
}
