//! The tree of calls that folded stacks and flame graphs are written from: equal paths are one node, names
//! are clean, and what is to be told of a frame beside its name stands beside it.

use crate::profile::{FrameKind, Label, LabelValue, Location, Profile, Sample, Trust};
use crate::text::{UNKNOWN, clean};
use std::collections::HashMap;

/// What kind of box a frame is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    #[default]
    User,
    Kernel,
    Jit,
    Unknown,
    /// The process that the frames above it belong to.
    Process,
    /// Frames are missing here.
    Gap,
}

/// Why a frame is not to be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Doubt {
    #[default]
    None,
    Guessed,
    CallerMayBeMissing,
}

/// What is told of a frame beside its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Traits {
    pub(crate) kind: Kind,
    pub(crate) inlined: bool,
    pub(crate) doubt: Doubt,
}

/// How a profile is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    /// The value column that counts.
    pub(crate) column: usize,
    /// The label whose value becomes the frame at the root.
    pub(crate) root: Option<&'a str>,
    /// Leaf at the root.
    pub(crate) reverse: bool,
    /// Frames with the same name and different traits are different frames.
    pub(crate) traits: bool,
    /// Frames per stack; what is beyond becomes one frame that says so.
    pub(crate) depth: usize,
    /// What the format does to a clean name.
    pub(crate) name: fn(&str) -> String,
}

/// The frame that stands for stacks left out at the root.
const NARROW: u32 = 0;

/// A path's end: the path is the chain of parents.
#[derive(Clone, Debug)]
struct Node {
    frame: u32,
    parent: u32,
    children: Vec<u32>,
    total: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Tree {
    frames: Vec<(String, Traits)>,
    /// The first is the root and no frame; parents stand before their children.
    nodes: Vec<Node>,
    /// What one unit of the values stands for; 1 but for absurd sums.
    pub(crate) scale: u64,
}

impl Tree {
    /// The tree of a profile that is [`Profile::check`]ed. Values of zero and below leave no trace.
    pub(crate) fn new(profile: &Profile, view: View<'_>) -> Self {
        let values = || profile.samples.iter().map(|s| s.values[view.column].max(0) as u64);
        let sum: u128 = values().map(u128::from).sum();
        let shift = (128 - sum.leading_zeros()).saturating_sub(62);
        let mut growth = Growth::new(profile, view);
        for (sample, value) in profile.samples.iter().zip(values()) {
            growth.add(sample, value >> shift);
        }
        let mut tree = Self { frames: growth.frames, nodes: growth.nodes, scale: 1 << shift };
        tree.sum_up();
        tree
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

    /// Every frame there is.
    pub(crate) fn frames(&self) -> impl Iterator<Item = (&str, Traits)> {
        self.frames.iter().map(|(name, traits)| (name.as_str(), *traits))
    }

    /// Visits each path that has a value of its own, in the order of names. Nodes below `least` are left
    /// out and their values belong to the node above.
    ///
    /// # Errors
    /// What `visit` gave.
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
            let kept = node
                .children
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
                // Only the root has no path: what is left out there would be missing from the whole.
                visit(if path.is_empty() { &[NARROW] } else { &path }, own)?;
            }
        }
        Ok(())
    }

    /// Values so far are each node's own: adds the children's, and sorts the children.
    fn sum_up(&mut self) {
        for at in (1..self.nodes.len()).rev() {
            let (parent, total) = (self.nodes[at].parent as usize, self.nodes[at].total);
            self.nodes[parent].total += total;
            self.nodes[parent].children.push(at as u32);
        }
        let frame_of: Vec<u32> = self.nodes.iter().map(|node| node.frame).collect();
        for node in &mut self.nodes {
            node.children
                .sort_unstable_by_key(|child| &self.frames[frame_of[*child as usize] as usize]);
        }
    }
}

/// The tree while it grows.
struct Growth<'a> {
    profile: &'a Profile,
    view: View<'a>,
    frames: Vec<(String, Traits)>,
    frame_ids: HashMap<(String, Traits), u32>,
    /// Root first, by location and doubt; empty: not made yet.
    of_location: Vec<[Vec<u32>; 3]>,
    nodes: Vec<Node>,
    node_ids: HashMap<(u32, u32), u32>,
    path: Vec<u32>,
}

impl<'a> Growth<'a> {
    fn new(profile: &'a Profile, view: View<'a>) -> Self {
        let mut growth = Self {
            profile,
            view,
            frames: Vec::new(),
            frame_ids: HashMap::new(),
            of_location: vec![Default::default(); profile.locations.len()],
            nodes: vec![Node { frame: NARROW, parent: 0, children: Vec::new(), total: 0 }],
            node_ids: HashMap::new(),
            path: Vec::new(),
        };
        growth.frame("[too narrow to draw]", Kind::Gap, false, Doubt::None);
        growth
    }

    fn add(&mut self, sample: &Sample, value: u64) {
        if value == 0 {
            return;
        }
        let mut path = std::mem::take(&mut self.path);
        path.clear();
        self.path_of(sample, &mut path);
        let mut at = 0;
        for frame in &path {
            let next = self.nodes.len() as u32;
            let node = *self.node_ids.entry((at, *frame)).or_insert(next);
            if node == next {
                self.nodes.push(Node { frame: *frame, parent: at, children: Vec::new(), total: 0 });
            }
            at = node;
        }
        self.nodes[at as usize].total += value;
        self.path = path;
    }

    fn path_of(&mut self, sample: &Sample, path: &mut Vec<u32>) {
        if let Some(name) = self.view.root.and_then(|key| label_text(&sample.labels, key)) {
            path.push(self.frame(&name, Kind::Process, false, Doubt::None));
        }
        if sample.marks.truncated {
            path.push(self.frame("[truncated]", Kind::Gap, false, Doubt::None));
        }
        for (at, frame) in sample.frames.iter().enumerate().rev() {
            let doubt = match frame.trust {
                Trust::Guessed => Doubt::Guessed,
                _ if at == 0 && sample.marks.caller_may_be_missing => Doubt::CallerMayBeMissing,
                _ => Doubt::None,
            };
            self.location(frame.location.0 as usize, doubt);
            path.extend(&self.of_location[frame.location.0 as usize][doubt as usize]);
        }
        if path.is_empty() {
            path.push(self.frame(UNKNOWN, Kind::Unknown, false, Doubt::None));
        }
        if self.view.reverse {
            path.reverse();
        }
        if path.len() > self.view.depth {
            path.truncate(self.view.depth - 1);
            path.push(self.frame("[deeper frames not drawn]", Kind::Gap, false, Doubt::None));
        }
    }

    /// Makes the frames of a location, where that was not done yet.
    fn location(&mut self, index: usize, doubt: Doubt) {
        if !self.of_location[index][doubt as usize].is_empty() {
            return;
        }
        let profile = self.profile;
        let location = &profile.locations[index];
        let kind = match location.kind {
            FrameKind::User => Kind::User,
            FrameKind::Kernel => Kind::Kernel,
            FrameKind::Jit => Kind::Jit,
            FrameKind::Unknown => Kind::Unknown,
        };
        let outermost = location.lines.len().saturating_sub(1);
        let mut frames = Vec::with_capacity(outermost + 1);
        for (at, line) in location.lines.iter().enumerate().rev() {
            let inlined = at != outermost;
            // The function that the code lies in is the one whose caller was not seen.
            let doubt =
                if inlined && doubt == Doubt::CallerMayBeMissing { Doubt::None } else { doubt };
            let name = &profile.functions[line.function.0 as usize].name;
            frames.push(self.frame(name, kind, inlined, doubt));
        }
        if frames.is_empty() {
            frames.push(self.frame(&nameless(profile, location), kind, false, doubt));
        }
        self.of_location[index][doubt as usize] = frames;
    }

    fn frame(&mut self, name: &str, kind: Kind, inlined: bool, doubt: Doubt) -> u32 {
        let traits =
            if self.view.traits { Traits { kind, inlined, doubt } } else { Traits::default() };
        let key = ((self.view.name)(&clean(name)), traits);
        let frames = &mut self.frames;
        *self.frame_ids.entry(key).or_insert_with_key(|key| {
            frames.push(key.clone());
            frames.len() as u32 - 1
        })
    }
}

/// What a frame without a name is called: `[unknown]`, and the file where there is one.
fn nameless(profile: &Profile, location: &Location) -> String {
    let file = location.mapping.map(|mapping| profile.mappings[mapping.0 as usize].file.as_str());
    match file.and_then(|file| file.rsplit('/').next()).filter(|name| !name.is_empty()) {
        Some(name) => format!("{UNKNOWN} {name}"),
        None => UNKNOWN.to_owned(),
    }
}

/// A label's value as text.
pub(crate) fn label_text(labels: &[Label], key: &str) -> Option<String> {
    let label = labels.iter().find(|label| label.key == key)?;
    Some(match &label.value {
        LabelValue::Text(text) => text.clone(),
        LabelValue::Number(number, unit) => format!("{number}{unit}"),
    })
}
