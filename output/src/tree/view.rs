//! The view of a profile, and the traits of frames.

/// The kind of a frame's box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    #[default]
    User,
    Kernel,
    Jit,
    Interpreted,
    Unknown,
    /// The process that the frames above it belong to.
    Process,
    /// A place where frames are missing.
    Gap,
}

/// The doubt about a frame, from how it was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Doubt {
    #[default]
    None,
    /// Found by a rule derived from disassembly. It is shown, but it is no reason for doubt.
    Synthesised,
    Guessed,
    CallerMayBeMissing,
}

/// The way in which a runtime runs a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Tier {
    Interpreted,
    Compiled,
    Inlined,
}

/// The share of a box for which something holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Extent {
    #[default]
    Whole,
    /// At least half.
    Most,
    Part,
}

impl Extent {
    /// That of a part of a total.
    pub(super) fn of(part: u64, total: u64) -> Self {
        match part {
            _ if part >= total => Self::Whole,
            _ if part >= total - part => Self::Most,
            _ => Self::Part,
        }
    }
}

/// The traits of a frame that are shown beside its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Traits {
    pub(crate) kind: Kind,
    pub(crate) inlined: bool,
    pub(crate) doubt: Doubt,
    pub(crate) extent: Extent,
    /// The ways in which a runtime runs the function, by [`Tier`], if they are told together.
    pub(crate) tiers: [Option<Extent>; 3],
    /// One more than the index of its definition in [`Tree::definitions`]; 0: none.
    ///
    /// [`Tree::definitions`]: super::Tree::definitions
    pub(crate) definition: u32,
}

/// The treatment of frames that have the same name and caller, but different traits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Traited {
    /// They are one frame, and no traits are shown.
    No,
    /// They are different frames.
    Apart,
    /// They are one frame if only their doubt differs, or the way in which a runtime runs the function. The shares are shown, and so is the
    /// definition of such a function.
    Together,
}

/// The view of a profile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    /// The value column.
    pub(crate) column: usize,
    /// The label whose value becomes the frame at the root.
    pub(crate) root: Option<&'a str>,
    /// The leaf is at the root.
    pub(crate) reverse: bool,
    /// The treatment of frames with different traits.
    pub(crate) traits: Traited,
    /// The number of frames of a stack. Deeper frames become a single one that says so.
    pub(crate) depth: usize,
    /// Makes a clean name fit for the format.
    pub(crate) name: fn(&str) -> String,
}

/// The frame for stacks that are left out at the root.
pub(super) const NARROW: u32 = 0;

/// The end of a path. The path is the chain of parents.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) frame: u32,
    pub(super) parent: u32,
    pub(super) total: u64,
}
