//! The tree of calls, from which folded stacks and flame graphs are written. Equal paths are one node, names are clean, and each frame has
//! its traits beside its name.

mod growth;
mod view;

use crate::Profile;
use growth::Growth;
pub(crate) use view::{Doubt, Extent, Kind, Traited, Traits, View};
use view::{NARROW, Node};

/// The tree of calls.
#[derive(Debug)]
pub(crate) struct Tree {
    frames: Vec<(String, Traits)>,
    /// The first node is the root, which is no frame. Parents come before their children.
    nodes: Vec<Node>,
    /// All nodes except the root, sorted by parent and then by the frame's name.
    by_parent: Vec<u32>,
    /// For each node, the index in `by_parent` of its first child. Its children end where those of the next node begin.
    children: Vec<u32>,
    /// The files and lines at which functions begin. Traits refer to them.
    pub(crate) definitions: Vec<String>,
    /// The amount that one unit of the values stands for. It is 1 except for absurdly large sums.
    pub(crate) scale: u64,
}

impl Tree {
    /// The tree of a profile that passed [`Profile::check`]. Values of zero and below are left out.
    pub(crate) fn new(profile: &Profile, view: View<'_>) -> Self {
        let values = || profile.samples.iter().map(|s| s.values[view.column].max(0) as u64);
        let sum: u128 = values().map(u128::from).sum();
        let shift = (128 - sum.leading_zeros()).saturating_sub(62);
        let mut growth = Growth::new(profile, view);
        for (sample, value) in profile.samples.iter().zip(values()) {
            growth.add(sample, value >> shift);
        }
        growth.sum_up();
        let Growth { frames, nodes, definitions, .. } = growth;
        let (by_parent, children) = families(&frames, &nodes);
        Self { frames, nodes, by_parent, children, definitions, scale: 1 << shift }
    }

    /// The sum of all values, in units of `scale`.
    pub(crate) fn total(&self) -> u64 {
        self.nodes[0].total
    }

    /// A frame of [`Tree::walk`].
    pub(crate) fn frame(&self, frame: u32) -> (&str, Traits) {
        let (name, traits) = &self.frames[frame as usize];
        (name, *traits)
    }

    /// All frames.
    pub(crate) fn frames(&self) -> impl Iterator<Item = (&str, Traits)> {
        self.frames.iter().map(|(name, traits)| (name.as_str(), *traits))
    }

    /// Visits each path that has a value of its own, in the order of names. Nodes below `least` are left out, and their values count for
    /// their parents.
    ///
    /// # Errors
    /// The error of `visit`.
    pub(crate) fn walk<E>(
        &self,
        least: f64,
        mut visit: impl FnMut(&[u32], u64) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut path = Vec::new();
        let mut open = vec![(0, 0)];
        while let Some((at, depth)) = open.pop() {
            let node = &self.nodes[at as usize];
            let depth: usize = depth;
            path.truncate(depth);
            if at != 0 {
                path.push(node.frame);
            }
            let kept = self
                .children(at)
                .iter()
                .filter(|child| self.nodes[**child as usize].total as f64 >= least);
            let before = open.len();
            let mut own = node.total;
            for child in kept {
                own -= self.nodes[*child as usize].total;
                open.push((*child, path.len()));
            }
            open[before..].reverse();
            if own > 0 {
                // The root has no path. Values left out below it get a frame, so that the whole stays complete.
                visit(if path.is_empty() { &[NARROW] } else { &path }, own)?;
            }
        }
        Ok(())
    }

    /// The most characters of a name with which all paths of a walk have at most about this many bytes: one of `limits`, which become
    /// smaller, and the last one if none is small enough. Only names that somebody made to be long are ever cut.
    pub(crate) fn longest_name(&self, least: f64, most: usize, limits: &[usize]) -> usize {
        let mut uses = vec![0_usize; self.frames.len()];
        let counted = self.walk(least, |path, _| {
            path.iter().for_each(|frame| uses[*frame as usize] += 1);
            Ok::<_, std::convert::Infallible>(())
        });
        let Ok(()) = counted;
        let bytes = |limit: usize| {
            let all = uses.iter().zip(&self.frames);
            all.map(|(uses, (name, _))| uses.saturating_mul(name.len().min(limit))).sum::<usize>()
        };
        let fits = limits.iter().find(|limit| bytes(**limit) <= most);
        fits.or(limits.last()).copied().unwrap_or(usize::MAX)
    }

    fn children(&self, node: u32) -> &[u32] {
        let range =
            self.children[node as usize] as usize..self.children[node as usize + 1] as usize;
        &self.by_parent[range]
    }
}

/// [`Tree::by_parent`] and [`Tree::children`].
fn families(frames: &[(String, Traits)], nodes: &[Node]) -> (Vec<u32>, Vec<u32>) {
    let mut sorted: Vec<u32> = (0..frames.len() as u32).collect();
    sorted.sort_unstable_by_key(|frame| &frames[*frame as usize]);
    let mut ranks = vec![0u32; frames.len()];
    for (rank, frame) in (0..).zip(sorted) {
        ranks[frame as usize] = rank;
    }
    let mut by_parent: Vec<u32> = (1..nodes.len() as u32).collect();
    by_parent.sort_unstable_by_key(|node| {
        let node = &nodes[*node as usize];
        (node.parent, ranks[node.frame as usize])
    });
    let mut children = vec![0u32; nodes.len() + 1];
    for node in &nodes[1..] {
        children[node.parent as usize + 1] += 1;
    }
    for at in 1..children.len() {
        children[at] += children[at - 1];
    }
    (by_parent, children)
}
