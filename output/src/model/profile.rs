//! The profile model, with pprof's nouns. Samples refer to locations, leaf first; locations refer to functions and
//! mappings. Tables are interned; handles are `Copy` indices.

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

/// The meaning of a value column, such as `samples`/`count` or `cpu`/`nanoseconds`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ValueType {
    /// The kind of value.
    pub kind: String,
    /// The unit.
    pub unit: String,
}

/// The kind of a frame, for its colour and for the marks `_[k]`, `_[i]`, `_[j]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FrameKind {
    /// User code in a file.
    User,
    /// The kernel, its modules, BPF programs.
    Kernel,
    /// Run-time code.
    Jit,
    /// A function that an interpreter runs. It has no address; [`INTERPRETED`] is its file.
    Interpreted,
    /// The address is unknown.
    Unknown,
}

/// The file of frames that an interpreter runs.
pub const INTERPRETED: &str = "[interpreted]";

/// The way in which a frame was found.
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

/// The code of one file, for all processes together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mapping {
    /// First virtual address of the executable segment, as the file states it.
    pub start: u64,
    /// End of the segment, exclusive.
    pub end: u64,
    /// Offset in the file, in bytes.
    pub offset: u64,
    /// The path, or `[kernel]`, `[vdso]`; never empty.
    pub file: String,
    /// The build ID in lower-case hexadecimal; empty if there is none.
    pub build_id: String,
}

/// A function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Function {
    /// Demangled name.
    pub name: String,
    /// Linkage name.
    pub system_name: String,
    /// Source file; empty if unknown.
    pub file: String,
    /// Line at which it begins in its source file, from 1; 0 if unknown.
    pub start_line: i64,
}

/// A function at a location: the one that contains the code, or one inlined there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Line {
    /// The function.
    pub function: FunctionId,
    /// Line in its source file, from 1; 0 if unknown.
    pub line: i64,
}

/// A place in code.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    /// The file that contains it; `None` for JIT code and unknown addresses.
    pub mapping: Option<MappingId>,
    /// Virtual address in the file; a run-time address for JIT code and unknown addresses; 0 for the kernel, whose
    /// addresses are secret, and for an interpreter's frames.
    pub address: u64,
    /// The functions, innermost first. All but the last were inlined. Empty: no name.
    pub lines: Vec<Line>,
    /// The kind of frame.
    pub kind: FrameKind,
}

/// A location in a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrameRef {
    /// The location.
    pub location: LocationId,
    /// The way in which the frame was found.
    pub trust: Trust,
}

/// The defects of a stack, as they are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Marks {
    /// Frames at the root end are missing: deeper than the limit, or a cycle.
    pub truncated: bool,
    /// The leaf's caller may be missing (a frame-pointer step out of a frameless function).
    pub caller_may_be_missing: bool,
    /// The number of guessed frames that are not known one by one, as in a profile that was read from a file. Frames
    /// whose own [`Trust`] is a guess are not included.
    pub guessed_frames: u32,
    /// The number of functions whose line, or inlining, is near the position and not at it: their runtime has not kept it exactly.
    pub approximate_lines: u32,
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
    /// The frames, leaf first.
    pub frames: Vec<FrameRef>,
    /// One value for each of [`Profile::sample_types`].
    pub values: Vec<i64>,
    /// The labels, sorted by key.
    pub labels: Vec<Label>,
    /// The defects of the stack.
    pub marks: Marks,
}

impl Sample {
    /// The value of a label as text, with its unit if it is a number.
    pub fn label(&self, key: &str) -> Option<String> {
        let label = self.labels.iter().find(|label| label.key == key)?;
        Some(match &label.value {
            LabelValue::Text(text) => text.clone(),
            LabelValue::Number(number, unit) => format!("{number}{unit}"),
        })
    }
}

impl Sample {
    /// The number of guessed frames.
    pub fn guessed_frames(&self) -> u64 {
        let known = self.frames.iter().filter(|frame| frame.trust == Trust::Guessed).count();
        known as u64 + u64::from(self.marks.guessed_frames)
    }
}

/// A profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The meanings of the value columns.
    pub sample_types: Vec<ValueType>,
    /// The index of the column that is shown first.
    pub default_sample_type: usize,
    /// The event that triggers samples, and its unit.
    pub period_type: ValueType,
    /// The amount of that unit between two samples.
    pub period: i64,
    /// The time of the beginning, in nanoseconds since 1970.
    pub time_nanos: i64,
    /// The duration in nanoseconds.
    pub duration_nanos: i64,
    /// The facts about the recording, if bpflame made it.
    pub facts: Option<Facts>,
    /// A summary in one line, from the file that the profile was read from.
    pub summary: String,
    /// The comments in that file, and notes on changes to the profile since it was made.
    pub comments: Vec<String>,
    /// The name of the service.
    pub service: Option<String>,
    /// The file of the profiled program.
    pub program: Option<String>,
    /// The files.
    pub mappings: Vec<Mapping>,
    /// The functions.
    pub functions: Vec<Function>,
    /// The locations.
    pub locations: Vec<Location>,
    /// The samples.
    pub samples: Vec<Sample>,
    /// The times of the samples, if an encoder asks for them.
    pub timeline: Option<Timeline>,
}
