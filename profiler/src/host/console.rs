//! What is said on standard error.

use crate::doctor::print::clean;
use std::fmt::Display;
use std::io::Write;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Console {
    quiet: bool,
    verbose: bool,
}

impl Console {
    /// As the command line has it.
    pub(crate) fn new(quiet: bool, verbose: bool) -> Self {
        Self { quiet, verbose }
    }

    /// What everybody should know.
    pub(crate) fn note(self, what: impl Display) {
        if !self.quiet {
            line(what);
        }
    }

    /// What spoils the result, but does not prevent it.
    pub(crate) fn warn(self, what: impl Display) {
        self.note(format_args!("warning: {what}"));
    }

    /// What only those want to know who ask.
    pub(crate) fn detail(self, what: impl Display) {
        if self.verbose {
            line(what);
        }
    }
}

/// A line on standard error, without what a terminal would obey: names of files and what stands in them go into it.
pub(crate) fn line(what: impl Display) {
    let text = what.to_string();
    let lines: Vec<String> = text.split('\n').map(clean).collect();
    // Nobody is left to be told when this fails.
    drop(writeln!(std::io::stderr().lock(), "bpflame: {}", lines.join("\n")));
}
