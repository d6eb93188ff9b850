//! The quality of a recording's samples: truncated, guessed and unnamed frames, and the reasons.

use std::collections::BTreeMap;

/// Figures of the counted samples. A frame counts once for each sample.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quality {
    /// All samples.
    pub samples: u64,
    /// Samples with a user stack.
    pub user_samples: u64,
    /// Samples whose user stack is longer than what was recorded.
    pub truncated: u64,
    /// Samples with a guessed frame.
    pub guessed: u64,
    /// Samples whose user stack leads to a known end, without a guess.
    pub complete: u64,
    /// Samples whose user stack leads to a known end, with a guess.
    pub complete_with_guess: u64,
    /// Samples whose user stack leads to an end, but may lack a frame.
    pub unsure: u64,
    /// Samples whose user stack lacks its end.
    pub incomplete: u64,
    /// Unsure stacks by defect and file of the leaf.
    pub unsure_by: Defects,
    /// Incomplete stacks by defect and file in which they end.
    pub incomplete_by: Defects,
    /// Samples with a kernel stack that is longer than what was recorded.
    pub kernel_truncated: u64,
    /// Samples whose leaf's caller may be missing.
    pub caller_may_be_missing: u64,
    /// Samples taken before their unwind tables were ready.
    pub stale: u64,
    /// Samples of 32-bit tasks.
    pub compat: u64,
    /// Samples of processes that were ending and had given up their memory.
    pub exiting: u64,
    /// All user frames.
    pub user_frames: u64,
    /// Those whose line, or inlining, is near the position and not at it.
    pub approximate_frames: u64,
    /// User frames without a name, by reason.
    pub unnamed: Vec<Unnamed>,
    /// Kernel frames without a name.
    pub kernel_unnamed: u64,
    /// The number of processes.
    pub processes: usize,
    /// The number of distinct stacks.
    pub stacks: usize,
}

/// The defect of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Defect {
    /// The stack was sampled before the tables of its process or of a mapping were ready, and was walked by frame
    /// pointers.
    Stale,
    /// The functions that an interpreter runs there could not be read.
    NoFunctions,
    /// Its leaf was left by frame pointer, and the function may not have set one up.
    CallerMayBeMissing,
    /// The stack is longer than the limit, or a cycle.
    Truncated,
    /// The walk met code without a rule.
    NoRule,
    /// It met a rule that cannot be expressed.
    Unsupported,
    /// It met a rule that needs a register whose value is unknown.
    LostRegister,
    /// It met an address outside of all mappings.
    NoMapping,
    /// It met memory that could not be read.
    Unreadable,
    /// It met a frame pointer or a return address that points nowhere.
    Broken,
    /// The task is a 32-bit one.
    Compat,
}

impl Defect {
    /// The defect in words, for the summary and the figures.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Stale => "unwind tables not ready",
            Self::NoFunctions => "interpreter's frames not readable",
            Self::CallerMayBeMissing => "caller may be missing",
            Self::Truncated => "truncated",
            Self::NoRule => "no unwind rule",
            Self::Unsupported => "unwind rule not supported",
            Self::LostRegister => "register unknown",
            Self::NoMapping => "return address outside all mappings",
            Self::Unreadable => "stack not readable",
            Self::Broken => "broken frame chain",
            Self::Compat => "32-bit process",
        }
    }
}

/// Samples by the defect of their stack and the name of the file in which it occurred.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defects(pub BTreeMap<(Defect, String), u64>);

impl Defects {
    /// The defects with their files, those with the most samples first.
    pub fn largest(&self) -> Vec<(Defect, &str, u64)> {
        let mut list = Vec::with_capacity(self.0.len());
        for ((defect, file), samples) in &self.0 {
            list.push((*defect, file.as_str(), *samples));
        }
        list.sort_by_key(|(.., samples)| std::cmp::Reverse(*samples));
        list
    }

    /// Samples by defect alone.
    pub fn by_defect(&self) -> BTreeMap<Defect, u64> {
        let mut sums = BTreeMap::new();
        for ((defect, _), samples) in &self.0 {
            *sums.entry(*defect).or_default() += samples;
        }
        sums
    }

    /// The most frequent defect.
    pub fn main(&self) -> Option<Defect> {
        let sums = self.by_defect().into_iter();
        sums.max_by_key(|(_, samples)| *samples).map(|(defect, _)| defect)
    }
}

/// User frames without a name for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unnamed {
    /// The reason, as in "no symbols in the file".
    pub reason: &'static str,
    /// The number of frames.
    pub frames: u64,
}

impl Quality {
    /// The number of user frames without a name.
    pub fn unnamed_frames(&self) -> u64 {
        self.unnamed.iter().map(|unnamed| unnamed.frames).sum()
    }

    /// The reason that most unnamed user frames have.
    pub fn main_reason(&self) -> Option<&'static str> {
        self.unnamed.iter().max_by_key(|unnamed| unnamed.frames).map(|unnamed| unnamed.reason)
    }

    /// The share of user frames without a name.
    pub fn unnamed_share(&self) -> f64 {
        share(self.unnamed_frames(), self.user_frames)
    }

    /// The share of `part` in all samples.
    pub fn of_samples(&self, part: u64) -> f64 {
        share(part, self.samples)
    }

    /// The share of `part` in the samples with a user stack.
    pub fn of_user_stacks(&self, part: u64) -> f64 {
        share(part, self.user_samples)
    }
}

/// The share of `part` in `whole`; 0 if `whole` is 0.
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
