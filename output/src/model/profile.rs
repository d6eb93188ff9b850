//! The profile model, in pprof's nouns: samples (leaf first) refer to locations, those to functions and
//! mappings. Tables are interned, handles are `Copy` indices.

use super::facts::Facts;
use super::timeline::Timeline;

/// Index into [`Profile::functions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionId(pub u32);

/// Index into [`Profile::locations`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocationId(pub u32);

/// Index into [`Profile::mappings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MappingId(pub u32);

/// What a value column counts, as in `samples`/`count` or `cpu`/`nanoseconds`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ValueType {
    /// What.
    pub kind: String,
    /// In which unit.
    pub unit: String,
}

/// What a frame is, for its colour and for the marks `_[k]`, `_[i]`, `_[j]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FrameKind {
    /// User code of a file.
    User,
    /// The kernel, its modules, BPF programs.
    Kernel,
    /// Code made at run time.
    Jit,
    /// A function that an interpreter runs. It has no address; [`INTERPRETED`] is its file.
    Interpreted,
    /// Nothing is known of the address.
    Unknown,
}

/// The file of frames that an interpreter runs.
pub const INTERPRETED: &str = "[interpreted]";

/// How a frame was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Trust {
    /// From registers, rules, or the kernel itself.
    Sure,
    /// By a rule derived from disassembly.
    Synthesised,
    /// From a frame pointer.
    FramePointer,
    /// Guessed.
    Guessed,
}

/// One file's code, of all processes together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mapping {
    /// First virtual address of the executable segment, as the file states it.
    pub start: u64,
    /// End of it, exclusive.
    pub end: u64,
    /// Offset in the file, in bytes.
    pub offset: u64,
    /// The path, or `[kernel]`, `[vdso]`; never empty.
    pub file: String,
    /// The build ID in lower-case hexadecimal, empty where there is none.
    pub build_id: String,
}

/// A function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Function {
    /// Demangled name.
    pub name: String,
    /// Linkage name.
    pub system_name: String,
    /// Source file, empty where not known.
    pub file: String,
    /// Line at which it begins in its source file, from 1; 0 where not known.
    pub start_line: i64,
}

/// A function at a location: the one that the code lies in, or one inlined there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Line {
    /// The function.
    pub function: FunctionId,
    /// Line in its source file, from 1; 0 where not known.
    pub line: i64,
}

/// A place in code.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    /// The file it lies in; none for JIT code and unknown addresses.
    pub mapping: Option<MappingId>,
    /// Virtual address in the file; a run-time address for the kernel, JIT code and unknown addresses; 0 for an
    /// interpreter's frames.
    pub address: u64,
    /// Innermost first (all but the last were inlined). Empty: no name.
    pub lines: Vec<Line>,
    /// What it is.
    pub kind: FrameKind,
}

/// A location in a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrameRef {
    /// Where.
    pub location: LocationId,
    /// How it was found.
    pub trust: Trust,
}

/// What spoils a stack; the reader sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Marks {
    /// Frames at the root end are missing: deeper than the limit, or a cycle.
    pub truncated: bool,
    /// The leaf's caller may be missing (a frame-pointer step out of a frameless function).
    pub caller_may_be_missing: bool,
    /// Guessed frames of which it is not known which they are, as in a profile that was read from a file; beside those
    /// whose own [`Trust`] says so.
    pub guessed_frames: u32,
}

/// A label's value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LabelValue {
    /// A string.
    Text(String),
    /// A number and its unit (may be empty).
    Number(i64, String),
}

/// A label of a sample: `pid`, `tid`, `comm`, `thread`, ….
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: LabelValue,
}

/// All samples with the same stack and labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Leaf first.
    pub frames: Vec<FrameRef>,
    /// A value per [`Profile::sample_types`].
    pub values: Vec<i64>,
    /// Sorted by key.
    pub labels: Vec<Label>,
    /// What spoils it.
    pub marks: Marks,
}

impl Sample {
    /// How many of its frames are guessed.
    pub fn guessed_frames(&self) -> u64 {
        let known = self.frames.iter().filter(|frame| frame.trust == Trust::Guessed).count();
        known as u64 + u64::from(self.marks.guessed_frames)
    }
}

/// A profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// What the value columns count.
    pub sample_types: Vec<ValueType>,
    /// The column to show first; an index.
    pub default_sample_type: usize,
    /// What triggers a sample.
    pub period_type: ValueType,
    /// Every how many of it.
    pub period: i64,
    /// When it began: nanoseconds since 1970.
    pub time_nanos: i64,
    /// How long it took, in nanoseconds.
    pub duration_nanos: i64,
    /// What is known of the recording, where it is bpflame's own.
    pub facts: Option<Facts>,
    /// One line that sums it up, as the file that it was read from has it.
    pub summary: String,
    /// Lines of that file, and what was done to the profile since it was made.
    pub comments: Vec<String>,
    /// The service that it is of.
    pub service: Option<String>,
    /// The file of the profiled program.
    pub program: Option<String>,
    /// Files.
    pub mappings: Vec<Mapping>,
    /// Functions.
    pub functions: Vec<Function>,
    /// Locations.
    pub locations: Vec<Location>,
    /// Samples.
    pub samples: Vec<Sample>,
    /// When they were taken, where an encoder asks for it.
    pub timeline: Option<Timeline>,
}
