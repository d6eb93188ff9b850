//! Building the tree, sample by sample.

use super::view::{Doubt, Extent, Kind, NARROW, Node, Traited, Traits, View};
use crate::model::profile::{FrameKind, Location, Profile, Sample, Trust};
use crate::text::{UNKNOWN, clean};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A fast hash for pairs of small numbers, the keys of [`Growth::node_ids`]. No file can choose these numbers, so collisions cannot be
/// provoked.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = (mixed ^ mixed >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

/// The tree while it is built.
pub(super) struct Growth<'a> {
    profile: &'a Profile,
    view: View<'a>,
    pub(super) frames: Vec<(String, Traits)>,
    frame_ids: HashMap<(String, Traits), u32>,
    /// The frames of each location by doubt, root first. Empty if they are not made yet.
    of_location: Vec<[Vec<u32>; 4]>,
    pub(super) nodes: Vec<Node>,
    /// For nodes that hold frames with and without doubt: the amount of each [`Doubt`].
    doubtful: HashMap<u32, [u64; 4]>,
    node_ids: HashMap<u64, u32, BuildHasherDefault<Mix>>,
    path: Vec<(u32, Doubt)>,
}

impl<'a> Growth<'a> {
    pub(super) fn new(profile: &'a Profile, view: View<'a>) -> Self {
        let mut growth = Self {
            profile,
            view,
            frames: Vec::new(),
            frame_ids: HashMap::new(),
            of_location: vec![Default::default(); profile.locations.len()],
            nodes: vec![Node { frame: NARROW, parent: 0, total: 0 }],
            doubtful: HashMap::new(),
            node_ids: HashMap::default(),
            path: Vec::new(),
        };
        growth.frame("[too narrow to draw]", Kind::Gap, false, Doubt::None);
        growth
    }

    pub(super) fn add(&mut self, sample: &Sample, value: u64) {
        if value == 0 {
            return;
        }
        let mut path = std::mem::take(&mut self.path);
        path.clear();
        self.path_of(sample, &mut path);
        let mut at = 0;
        for (frame, doubt) in &path {
            let next = self.nodes.len() as u32;
            let node =
                *self.node_ids.entry(u64::from(at) << 32 | u64::from(*frame)).or_insert(next);
            if node == next {
                self.nodes.push(Node { frame: *frame, parent: at, total: 0 });
            }
            at = node;
            if *doubt != Doubt::None && self.view.traits == Traited::Together {
                self.doubtful.entry(node).or_default()[*doubt as usize] += value;
            }
        }
        self.nodes[at as usize].total += value;
        self.path = path;
    }

    /// Adds the values of children to their parents, and turns the doubts of each node into a trait of its frame.
    pub(super) fn sum_up(&mut self) {
        for at in (1..self.nodes.len()).rev() {
            let (parent, total) = (self.nodes[at].parent as usize, self.nodes[at].total);
            self.nodes[parent].total += total;
        }
        let mut doubtful: Vec<(u32, [u64; 4])> = self.doubtful.drain().collect();
        doubtful.sort_unstable();
        for (node, amounts) in doubtful {
            let Node { frame, total, .. } = self.nodes[node as usize];
            let (name, traits) = self.frames[frame as usize].clone();
            let (doubt, extent) = most(amounts, total);
            self.nodes[node as usize].frame = self.id((name, Traits { doubt, extent, ..traits }));
        }
    }

    fn path_of(&mut self, sample: &Sample, path: &mut Vec<(u32, Doubt)>) {
        if let Some(name) = self.view.root.and_then(|key| sample.label(key)) {
            path.push((self.frame(&name, Kind::Process, false, Doubt::None), Doubt::None));
        }
        if sample.marks.truncated {
            path.push((self.frame("[truncated]", Kind::Gap, false, Doubt::None), Doubt::None));
        }
        let leaf = sample.marks.caller_may_be_missing.then(|| self.user_leaf(sample)).flatten();
        for (at, frame) in sample.frames.iter().enumerate().rev() {
            let doubt = match frame.trust {
                Trust::Guessed => Doubt::Guessed,
                _ if leaf == Some(at) => Doubt::CallerMayBeMissing,
                Trust::Synthesised => Doubt::Synthesised,
                Trust::Sure | Trust::FramePointer => Doubt::None,
            };
            let index = frame.location.0 as usize;
            self.location(index, doubt);
            let outermost = path.len();
            path.extend(self.of_location[index][doubt as usize].iter().map(|id| (*id, doubt)));
            if doubt == Doubt::CallerMayBeMissing {
                path.iter_mut().skip(outermost + 1).for_each(|(_, doubt)| *doubt = Doubt::None);
            }
        }
        if path.is_empty() {
            path.push((self.frame(UNKNOWN, Kind::Unknown, false, Doubt::None), Doubt::None));
        }
        if self.view.reverse {
            path.reverse();
        }
        if path.len() > self.view.depth {
            path.truncate(self.view.depth - 1);
            let deeper = self.frame("[deeper frames not drawn]", Kind::Gap, false, Doubt::None);
            path.push((deeper, Doubt::None));
        }
    }

    /// The index of the innermost frame of user code, which follows the frames of the kernel.
    fn user_leaf(&self, sample: &Sample) -> Option<usize> {
        let kind = |location: usize| self.profile.locations[location].kind;
        sample.frames.iter().position(|f| kind(f.location.0 as usize) != FrameKind::Kernel)
    }

    /// Makes the frames of a location at the first call.
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
            FrameKind::Interpreted => Kind::Interpreted,
            FrameKind::Unknown => Kind::Unknown,
        };
        let outermost = location.lines.len().saturating_sub(1);
        let mut frames = Vec::with_capacity(outermost + 1);
        for (at, line) in location.lines.iter().enumerate().rev() {
            let inlined = at != outermost;
            // Only the outermost function of the location has an unseen caller.
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
        let extent = Extent::Whole;
        let traits = match self.view.traits {
            Traited::No => Traits::default(),
            Traited::Apart => Traits { kind, inlined, doubt, extent },
            Traited::Together => Traits { kind, inlined, doubt: Doubt::None, extent },
        };
        self.id(((self.view.name)(&clean(name)), traits))
    }

    fn id(&mut self, key: (String, Traits)) -> u32 {
        let frames = &mut self.frames;
        *self.frame_ids.entry(key).or_insert_with_key(|key| {
            frames.push(key.clone());
            frames.len() as u32 - 1
        })
    }
}

/// The doubt that holds for most of a node, and for how much of it. A rule derived from disassembly counts only if there is no other doubt.
fn most(amounts: [u64; 4], total: u64) -> (Doubt, Extent) {
    let of = |doubt: Doubt| (amounts[doubt as usize], doubt);
    let worst = of(Doubt::Guessed).max(of(Doubt::CallerMayBeMissing));
    let (amount, doubt) = if worst.0 > 0 { worst } else { of(Doubt::Synthesised) };
    let extent = match amount {
        _ if amount >= total => Extent::Whole,
        _ if amount >= total - amount => Extent::Most,
        _ => Extent::Part,
    };
    (doubt, extent)
}

/// The name of a nameless frame: `[unknown]`, and its file if it has one.
fn nameless(profile: &Profile, location: &Location) -> String {
    let file = location.mapping.map(|mapping| profile.mappings[mapping.0 as usize].file.as_str());
    match file.and_then(|file| file.rsplit('/').next()).filter(|name| !name.is_empty()) {
        Some(name) => format!("{UNKNOWN} {name}"),
        None => UNKNOWN.to_owned(),
    }
}
