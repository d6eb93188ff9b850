//! The graph of imports, and its circles.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Arrows between files, each with the names that tie the two.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) arrows: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

/// Files each of which imports each other one, over any way.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Circle {
    pub(super) files: Vec<String>,
    /// The arrows among them: from, to, names.
    pub(super) ties: Vec<(String, String, Vec<String>)>,
}

impl Graph {
    /// Adds an arrow.
    pub(super) fn tie(&mut self, from: &str, to: &str, name: &str) {
        let names = self.arrows.entry(from.to_owned()).or_default().entry(to.to_owned());
        names.or_default().insert(name.to_owned());
    }

    /// All that something imports, over any way.
    fn reach<'a>(&'a self, from: &str) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut next = vec![from];
        while let Some(at) = next.pop() {
            for to in self.arrows.get(at).into_iter().flat_map(BTreeMap::keys) {
                if reached.insert(to.as_str()) {
                    next.push(to);
                }
            }
        }
        reached
    }

    /// The circles, the largest first.
    pub(super) fn circles(&self) -> Vec<Circle> {
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            self.arrows.keys().map(|from| (from.as_str(), self.reach(from))).collect();
        let mut circles: BTreeSet<Vec<&str>> = BTreeSet::new();
        for (from, there) in &reached {
            let back = |to: &&&str| reached.get(**to).is_some_and(|back| back.contains(from));
            let files: Vec<&str> = there.iter().filter(back).copied().collect();
            if files.len() > 1 {
                circles.insert(files);
            }
        }
        let mut circles: Vec<Circle> = circles.iter().map(|files| self.circle(files)).collect();
        circles.sort_by_key(|circle| std::cmp::Reverse(circle.files.len()));
        circles
    }

    fn circle(&self, files: &[&str]) -> Circle {
        let inside = |name: &str| files.contains(&name);
        let mut ties = Vec::new();
        for (from, all) in self.arrows.iter().filter(|(from, _)| inside(from)) {
            for (to, names) in all.iter().filter(|(to, _)| inside(to)) {
                ties.push((from.clone(), to.clone(), names.iter().cloned().collect()));
            }
        }
        Circle { files: files.iter().map(|&file| file.to_owned()).collect(), ties }
    }
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  circle of {}: {}", self.files.len(), self.files.join(", "))?;
        for (from, to, names) in &self.ties {
            writeln!(f, "    {from} -> {to}: {}", names.join(", "))?;
        }
        Ok(())
    }
}
