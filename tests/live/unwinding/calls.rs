//! The stacks that a program can have: its functions, by their callers.

use std::collections::BTreeSet;

/// A frame of a recorded stack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Frame {
    pub(super) name: String,
    /// The file's own name; empty for code outside files.
    pub(super) file: String,
}

/// The calls of a program: a tree, because each of its functions is called by one other.
#[derive(Debug)]
pub(super) struct Calls {
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    depth: usize,
    what: What,
    parent: Option<usize>,
    /// Whether it lies in what a signal runs.
    in_signal: bool,
}

#[derive(Debug)]
enum What {
    Function(String),
    /// One frame or more, in files whose names begin so.
    Inside(Vec<String>),
    /// Whatever the program runs: its children are what a signal runs.
    Anywhere,
}

impl Calls {
    /// From lines, each a function, indented below its caller. `@FILE|FILE` stands for some frames in these files, `*` for
    /// wherever a signal comes.
    ///
    /// # Panics
    /// When a line is indented below nothing.
    pub(super) fn parse(text: &str) -> Self {
        let mut nodes: Vec<Node> = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let depth = line.len() - line.trim_start().len();
            let what = match line.trim() {
                "*" => What::Anywhere,
                name => match name.strip_prefix('@') {
                    Some(files) => What::Inside(files.split('|').map(String::from).collect()),
                    None => What::Function(String::from(name)),
                },
            };
            let parent = nodes.iter().rposition(|node| node.depth < depth);
            let in_signal = parent.is_some_and(|parent: usize| {
                nodes[parent].in_signal || matches!(nodes[parent].what, What::Anywhere)
            });
            nodes.push(Node { depth, what, parent, in_signal });
        }
        assert!(!nodes.is_empty() && nodes[0].parent.is_none(), "{text:?} has no root");
        Self { nodes }
    }

    /// Whether this is the program's first function.
    pub(super) fn is_root(&self, frame: &Frame) -> bool {
        self.nodes.iter().any(|node| node.parent.is_none() && node.what.is(frame))
    }

    /// Whether this is one of its functions.
    pub(super) fn has(&self, frame: &Frame) -> bool {
        self.nodes.iter().any(|node| node.what.is(frame))
    }

    /// Whether the program can have this stack, root first, from its first function on.
    pub(super) fn fit(&self, stack: &[Frame]) -> bool {
        let mut at: BTreeSet<usize> = BTreeSet::new();
        for (index, frame) in stack.iter().enumerate() {
            let goes_on = |node: &usize| self.follows(*node, (index > 0).then_some(&at), frame);
            let next: BTreeSet<usize> = (0..self.nodes.len()).filter(goes_on).collect();
            if next.is_empty() {
                return false;
            }
            at = next;
        }
        !at.is_empty()
    }

    /// Whether a frame can be this node's after frames of those.
    fn follows(&self, index: usize, before: Option<&BTreeSet<usize>>, frame: &Frame) -> bool {
        let node = &self.nodes[index];
        if !node.what.is(frame) {
            return false;
        }
        match (node.parent, before) {
            (None, None) => true,
            (Some(parent), Some(before)) => {
                let same = before.contains(&index) && matches!(node.what, What::Inside(_));
                let signal = matches!(self.nodes[parent].what, What::Anywhere)
                    && before.iter().any(|&interrupted| !self.nodes[interrupted].in_signal);
                same || signal || before.contains(&parent)
            }
            _ => false,
        }
    }
}

impl What {
    fn is(&self, frame: &Frame) -> bool {
        match self {
            Self::Function(name) => frame.name == *name,
            Self::Inside(files) => files.iter().any(|file| frame.file.starts_with(file.as_str())),
            Self::Anywhere => false,
        }
    }
}
