//! The findings of doctor, independent of how they are printed.

use crate::host::exit::Kind;

/// The level of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A fact that is neither.
    Note,
    /// No problem.
    Good,
    /// Something will be missing from the profile.
    Warning,
    /// Nothing can be recorded.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The level.
    pub level: Level,
    /// The subject, such as `CAP_BPF`.
    pub subject: String,
    /// The observation and its meaning.
    pub fact: String,
    /// The commands or options that fix it.
    pub cures: Vec<String>,
    /// Set where it makes recording impossible: what `record` would fail with.
    pub blocked: Option<Kind>,
}

impl Finding {
    fn new(level: Level, subject: impl Into<String>, fact: impl Into<String>) -> Self {
        Self { level, subject: subject.into(), fact: fact.into(), cures: Vec::new(), blocked: None }
    }

    /// A fact that is neither good nor bad.
    pub fn note(subject: impl Into<String>, fact: impl Into<String>) -> Self {
        Self::new(Level::Note, subject, fact)
    }

    /// A finding without a problem.
    pub fn good(subject: impl Into<String>, fact: impl Into<String>) -> Self {
        Self::new(Level::Good, subject, fact)
    }

    /// Something will be missing.
    pub fn warning(subject: impl Into<String>, fact: impl Into<String>) -> Self {
        Self::new(Level::Warning, subject, fact)
    }

    /// Nothing can be recorded.
    pub fn bad(blocked: Kind, subject: impl Into<String>, fact: impl Into<String>) -> Self {
        Self { blocked: Some(blocked), ..Self::new(Level::Bad, subject, fact) }
    }

    /// Adds a command that fixes it.
    pub fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cures.push(cure.into());
        self
    }
}

/// Findings that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// The findings, in the order of printing.
    pub findings: Vec<Finding>,
    /// A table behind them; its first row is the heading.
    pub table: Option<Vec<Vec<String>>>,
    /// The cures for the problems in the table.
    pub cures: Vec<String>,
}

impl Section {
    /// An empty one.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// Adds a finding.
    pub fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }
}

/// The kind of problem that prevents recording. A missing target comes first, because the user asked for it; then a feature that the
/// kernel lacks, because no permission fixes it.
pub fn verdict(sections: &[Section]) -> Option<Kind> {
    let found: Vec<Kind> =
        sections.iter().flat_map(|s| &s.findings).filter_map(|f| f.blocked).collect();
    [Kind::NotFound, Kind::Kernel, Kind::NotPermitted].into_iter().find(|b| found.contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_takes_the_cause_that_nothing_else_mends() {
        let mut section = Section::new("x");
        section.push(Finding::good("a", "b"));
        section.push(Finding::warning("a", "b"));
        assert_eq!(verdict(&[section.clone()]), None);
        section.push(Finding::bad(Kind::NotPermitted, "a", "b"));
        assert_eq!(verdict(&[section.clone()]).map(Kind::code), Some(4));
        let mut kernel = Section::new("y");
        kernel.push(Finding::bad(Kind::Kernel, "a", "b"));
        assert_eq!(verdict(&[section.clone(), kernel.clone()]).map(Kind::code), Some(5));
        kernel.push(Finding::bad(Kind::NotFound, "a", "b"));
        assert_eq!(verdict(&[section, kernel]).map(Kind::code), Some(6));
    }
}
