//! How a profile is looked at, and what is told of frames.

/// What kind of box a frame is.
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
    /// Frames are missing here.
    Gap,
}

/// How a frame was found, where that is worth telling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Doubt {
    #[default]
    None,
    /// By a rule made from the code: no reason to doubt it.
    Synthesised,
    Guessed,
    CallerMayBeMissing,
}

/// How much of a box that holds for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Extent {
    #[default]
    Whole,
    /// At least half.
    Most,
    Part,
}

/// What is told of a frame beside its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Traits {
    pub(crate) kind: Kind,
    pub(crate) inlined: bool,
    pub(crate) doubt: Doubt,
    pub(crate) extent: Extent,
}

/// What becomes of frames with the same name, of the same caller, and different traits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Traited {
    /// They are one, and nothing is told of them beside their name.
    No,
    /// They are different frames.
    Apart,
    /// They are one where they differ in nothing but the doubt, and it is told how much of it is doubtful.
    Together,
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
    /// What is told of frames.
    pub(crate) traits: Traited,
    /// Frames per stack; what is beyond becomes one frame that says so.
    pub(crate) depth: usize,
    /// What the format does to a clean name.
    pub(crate) name: fn(&str) -> String,
}

/// The frame that stands for stacks left out at the root.
pub(super) const NARROW: u32 = 0;

/// A path's end: the path is the chain of parents.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) frame: u32,
    pub(super) parent: u32,
    pub(super) total: u64,
}
