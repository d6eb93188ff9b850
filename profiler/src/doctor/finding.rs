//! What doctor found, apart from how it is shown.

use crate::host::exit::Kind;

/// How good or bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A fact that is neither.
    Note,
    /// As it should be.
    Good,
    /// Something will be missing from the profile.
    Warning,
    /// Nothing can be recorded.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How good it is.
    pub level: Level,
    /// What was looked at, as in `CAP_BPF`.
    pub subject: String,
    /// What was seen, and what it means.
    pub fact: String,
    /// Commands or switches that mend it, one each.
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

    /// As it should be.
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

    /// With one more command that mends it.
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
    /// In the order in which they are shown.
    pub findings: Vec<Finding>,
    /// A table behind them; its first row is the heading.
    pub table: Option<Vec<Vec<String>>>,
    /// What mends what the table shows.
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

/// What stands in the way of recording: a missing target first, as that is what was asked for, then what the kernel
/// lacks, which no permission mends.
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
