//! Folded stacks, read back.

use std::path::Path;

/// A recording in folded form.
#[derive(Debug)]
pub(crate) struct Folded {
    /// Stacks, root first, each with its count.
    pub(crate) stacks: Vec<(Vec<String>, u64)>,
}

impl Folded {
    /// Reads text.
    ///
    /// # Panics
    /// When a line is not `frame;frame COUNT`.
    pub(crate) fn parse(text: &str) -> Self {
        let line = |line: &str| {
            let (stack, count) =
                line.rsplit_once(' ').unwrap_or_else(|| panic!("{line:?} has no count"));
            let count = count.parse().unwrap_or_else(|e| panic!("{line:?}: {e}"));
            (stack.split(';').map(String::from).collect(), count)
        };
        Self { stacks: text.lines().map(line).collect() }
    }

    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Self {
        let text =
            std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self::parse(&text)
    }

    /// All counts together.
    pub(crate) fn total(&self) -> u64 {
        self.stacks.iter().map(|(_, count)| count).sum()
    }

    /// The counts of the stacks that fit.
    pub(crate) fn count(&self, fits: impl Fn(&[String]) -> bool) -> u64 {
        self.stacks.iter().filter(|(stack, _)| fits(stack)).map(|(_, count)| count).sum()
    }

    /// The share of the stacks that fit, 0 to 1.
    pub(crate) fn share(&self, fits: impl Fn(&[String]) -> bool) -> f64 {
        self.count(fits) as f64 / (self.total().max(1)) as f64
    }

    /// The share of the stacks in which these frames follow one another, root first.
    pub(crate) fn share_of_chain(&self, chain: &[&str]) -> f64 {
        self.share(|stack| has_chain(stack, chain))
    }

    /// The share of the stacks that have this frame.
    pub(crate) fn share_of(&self, frame: &str) -> f64 {
        self.share_of_chain(&[frame])
    }
}

/// Whether these frames follow one another in the stack, root first.
pub(crate) fn has_chain(stack: &[String], chain: &[&str]) -> bool {
    stack.windows(chain.len()).any(|part| part.iter().zip(chain).all(|(a, b)| a == b))
}
