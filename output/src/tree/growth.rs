//! Building the tree, sample by sample.

use super::view::{Doubt, Extent, Kind, NARROW, Node, Tier, Traited, Traits, View};
use crate::model::profile::{FrameKind, Function, FunctionId, Location, Profile, Sample, Trust};
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
    of_location: Vec<[Vec<Step>; 4]>,
    pub(super) nodes: Vec<Node>,
    /// The files and lines at which runtimes' functions begin.
    pub(super) definitions: Vec<String>,
    definition_ids: HashMap<String, u32>,
    /// For nodes that hold frames with doubt, or of functions that a runtime runs: the amounts of each [`Doubt`] and [`Tier`].
    amounts: HashMap<u32, Amounts>,
    node_ids: HashMap<u64, u32, BuildHasherDefault<Mix>>,
    path: Vec<Step>,
}

/// A frame of a path.
#[derive(Clone, Copy)]
struct Step {
    frame: u32,
    doubt: Doubt,
    /// The way in which a runtime runs it, if all ways are one frame.
    tier: Option<Tier>,
}

/// The amounts of a node by [`Doubt`], and by [`Tier`].
type Amounts = ([u64; 4], [u64; 3]);

impl<'a> Growth<'a> {
    pub(super) fn new(profile: &'a Profile, view: View<'a>) -> Self {
        let mut growth = Self {
            profile,
            view,
            frames: Vec::new(),
            frame_ids: HashMap::new(),
            of_location: vec![Default::default(); profile.locations.len()],
            nodes: vec![Node { frame: NARROW, parent: 0, total: 0 }],
            definitions: Vec::new(),
            definition_ids: HashMap::new(),
            amounts: HashMap::new(),
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
        for &Step { frame, doubt, tier } in &path {
            let next = self.nodes.len() as u32;
            let node = *self.node_ids.entry(u64::from(at) << 32 | u64::from(frame)).or_insert(next);
            if node == next {
                self.nodes.push(Node { frame, parent: at, total: 0 });
            }
            at = node;
            if self.view.traits == Traited::Together && (doubt != Doubt::None || tier.is_some()) {
                let (doubts, tiers) = self.amounts.entry(node).or_default();
                doubts[doubt as usize] += value;
                tier.into_iter().for_each(|tier| tiers[tier as usize] += value);
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
        let mut amounts: Vec<(u32, Amounts)> = self.amounts.drain().collect();
        amounts.sort_unstable();
        for (node, (doubts, tiers)) in amounts {
            let Node { frame, total, .. } = self.nodes[node as usize];
            let (name, mut traits) = self.frames[frame as usize].clone();
            (traits.doubt, traits.extent) = most(doubts, total);
            if let Some((kind, inlined)) = main_tier(tiers) {
                (traits.kind, traits.inlined) = (kind, inlined);
                let extent = |amount| (amount > 0).then(|| Extent::of(amount, total));
                traits.tiers = tiers.map(extent);
            }
            self.nodes[node as usize].frame = self.id((name, traits));
        }
    }

    fn path_of(&mut self, sample: &Sample, path: &mut Vec<Step>) {
        if let Some(name) = self.view.root.and_then(|key| sample.label(key)) {
            path.push(self.step(&name, Kind::Process));
        }
        if sample.marks.truncated {
            path.push(self.step("[truncated]", Kind::Gap));
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
            path.extend_from_slice(&self.of_location[index][doubt as usize]);
            if doubt == Doubt::CallerMayBeMissing {
                path.iter_mut().skip(outermost + 1).for_each(|step| step.doubt = Doubt::None);
            }
        }
        if path.is_empty() {
            path.push(self.step(UNKNOWN, Kind::Unknown));
        }
        if self.view.reverse {
            path.reverse();
        }
        if path.len() > self.view.depth {
            path.truncate(self.view.depth - 1);
            path.push(self.step("[deeper frames not drawn]", Kind::Gap));
        }
    }

    /// A frame that is no code.
    fn step(&mut self, name: &str, kind: Kind) -> Step {
        let frame = self.frame(name, kind, false, Doubt::None);
        Step { frame, doubt: Doubt::None, tier: None }
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
            let of_name =
                if inlined && doubt == Doubt::CallerMayBeMissing { Doubt::None } else { doubt };
            let name = &profile.functions[line.function.0 as usize].name;
            let tier = self.tier(kind, inlined);
            let frame = match tier {
                Some(_) => self.runs(name, line.function),
                None => self.frame(name, kind, inlined, of_name),
            };
            frames.push(Step { frame, doubt, tier });
        }
        if frames.is_empty() {
            let frame = self.frame(&nameless(profile, location), kind, false, doubt);
            frames.push(Step { frame, doubt, tier: self.tier(kind, false) });
        }
        self.of_location[index][doubt as usize] = frames;
    }

    /// The way in which a runtime runs a frame, if all ways are one frame.
    fn tier(&self, kind: Kind, inlined: bool) -> Option<Tier> {
        match kind {
            _ if self.view.traits != Traited::Together => None,
            Kind::Jit | Kind::Interpreted if inlined => Some(Tier::Inlined),
            Kind::Jit => Some(Tier::Compiled),
            Kind::Interpreted => Some(Tier::Interpreted),
            _ => None,
        }
    }

    /// The frame of a function that a runtime runs, whatever the way.
    fn runs(&mut self, name: &str, function: FunctionId) -> u32 {
        let definition = self.definition(function);
        let traits = Traits { kind: Kind::Jit, definition, ..Traits::default() };
        self.id(((self.view.name)(&clean(name)), traits))
    }

    fn definition(&mut self, id: FunctionId) -> u32 {
        let Function { file, start_line, .. } = &self.profile.functions[id.0 as usize];
        if file.is_empty() || *start_line <= 0 {
            return 0;
        }
        let all = &mut self.definitions;
        let text = format!("{}:{start_line}", clean(file));
        *self.definition_ids.entry(text).or_insert_with_key(|text| {
            all.push(text.clone());
            all.len() as u32
        })
    }

    fn frame(&mut self, name: &str, kind: Kind, inlined: bool, doubt: Doubt) -> u32 {
        let traits = match self.view.traits {
            Traited::No => Traits::default(),
            Traited::Apart => Traits { kind, inlined, doubt, ..Traits::default() },
            Traited::Together => Traits { kind, inlined, ..Traits::default() },
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
    if amount == 0 { (Doubt::None, Extent::Whole) } else { (doubt, Extent::of(amount, total)) }
}

/// The kind of the way in which a function is mostly run, and whether it is inlined; `None`: no runtime runs it.
fn main_tier(amounts: [u64; 3]) -> Option<(Kind, bool)> {
    let of = |tier: Tier| (amounts[tier as usize], tier);
    let most = of(Tier::Interpreted).max(of(Tier::Compiled)).max(of(Tier::Inlined));
    (most.0 > 0).then_some(match most.1 {
        Tier::Interpreted => (Kind::Interpreted, false),
        Tier::Compiled => (Kind::Jit, false),
        Tier::Inlined => (Kind::Jit, true),
    })
}

/// The name of a nameless frame: `[unknown]`, and its file if it has one.
fn nameless(profile: &Profile, location: &Location) -> String {
    let file = location.mapping.map(|mapping| profile.mappings[mapping.0 as usize].file.as_str());
    match file.and_then(|file| file.rsplit('/').next()).filter(|name| !name.is_empty()) {
        Some(name) => format!("{UNKNOWN} {name}"),
        None => UNKNOWN.to_owned(),
    }
}
