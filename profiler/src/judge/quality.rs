//! The quality of a recording: truncated, guessed and unnamed frames, and the reasons.

use crate::judge::completeness::{Completeness, Why};
use crate::judge::recording::{Module, Recording};
use crate::record::aggregate::Key;
use bpf::{Flags, Trust};
use std::collections::{BTreeMap, BTreeSet};
use symbolizer::{Reason, Runtime};

/// Figures of the counted samples. Frames are counted once a sample.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Quality {
    /// Samples.
    pub samples: u64,
    /// Samples with a user stack.
    pub user_samples: u64,
    /// Samples with a stack that is longer than what was recorded.
    pub truncated: u64,
    /// Samples with a guessed frame.
    pub guessed: u64,
    /// Samples whose user stack leads to a known end, without a guess.
    pub complete: u64,
    /// The same with a guess.
    pub complete_with_guess: u64,
    /// Samples whose user stack leads to an end, but may lack a frame.
    pub unsure: u64,
    /// Samples whose user stack lacks its end.
    pub incomplete: u64,
    /// Unsure stacks by reason and file of the leaf.
    pub unsure_by: By<String>,
    /// Incomplete stacks by reason and file in which they end.
    pub incomplete_by: By<String>,
    /// Samples with a kernel stack that is longer than what was recorded.
    pub kernel_truncated: u64,
    /// Samples whose leaf's caller may be missing.
    pub caller_may_be_missing: u64,
    /// Samples taken before their tables were ready.
    pub stale: u64,
    /// Samples of 32-bit tasks.
    pub compat: u64,
    /// Samples of processes that were ending and had given their memory up.
    pub exiting: u64,
    /// User frames.
    pub user_frames: u64,
    /// User frames without a name, by reason.
    pub unresolved: BTreeMap<Reason, u64>,
    /// Kernel frames without a name.
    pub kernel_unresolved: u64,
    /// Runtimes whose code has no names.
    pub runtimes: BTreeSet<Runtime>,
    /// Processes seen.
    pub processes: usize,
    /// Distinct stacks.
    pub stacks: usize,
}

/// Samples by the defect of their stacks, and its place.
pub(crate) type By<T> = BTreeMap<(Why, T), u64>;

/// By defect and place, with the most samples first.
pub(crate) fn largest(by: &By<String>) -> Vec<(&(Why, String), &u64)> {
    let mut list: Vec<_> = by.iter().collect();
    list.sort_by_key(|(_, samples)| std::cmp::Reverse(**samples));
    list
}

#[derive(Default)]
struct Reasons {
    unsure: By<Module>,
    incomplete: By<Module>,
}

/// By the names of modules; several modules may have the same name.
fn named(by: By<Module>, recording: &Recording<'_>) -> By<String> {
    let mut named = By::new();
    for ((why, module), samples) in by {
        *named.entry((why, recording.module_name(module))).or_default() += samples;
    }
    named
}

impl Quality {
    /// Looks at all counts.
    pub(crate) fn of(recording: &Recording<'_>) -> Self {
        let mut quality = Self::default();
        let mut processes = BTreeSet::new();
        let mut stacks = BTreeSet::new();
        let mut reasons = Reasons::default();
        for (key, count) in &recording.counts.counts {
            processes.insert(key.space.map(|space| space.index));
            stacks.insert((key.user, key.kernel));
            quality.count(key, count.samples, recording);
            quality.count_frames(key, count.samples, recording);
            quality.count_completeness(key, count.samples, recording, &mut reasons);
        }
        quality.unsure_by = named(reasons.unsure, recording);
        quality.incomplete_by = named(reasons.incomplete, recording);
        quality.processes = processes.len();
        quality.stacks = stacks.len();
        quality
    }

    fn count(&mut self, key: &Key, samples: u64, recording: &Recording<'_>) {
        let has = |flag| key.flags.has(flag);
        self.samples += samples;
        for (condition, figure) in [
            (key.user.is_some(), &mut self.user_samples),
            (has(Flags::TRUNCATED_USER) || has(Flags::TRUNCATED_KERNEL), &mut self.truncated),
            (has(Flags::GUESSED), &mut self.guessed),
            (has(Flags::TRUNCATED_KERNEL), &mut self.kernel_truncated),
            (has(Flags::STALE), &mut self.stale),
            (has(Flags::COMPAT), &mut self.compat),
            (has(Flags::EXITING), &mut self.exiting),
            (recording.caller_may_be_missing(key), &mut self.caller_may_be_missing),
        ] {
            *figure += if condition { samples } else { 0 };
        }
    }

    /// Counts the completeness of the user stack.
    fn count_completeness(
        &mut self,
        key: &Key,
        samples: u64,
        recording: &Recording<'_>,
        reasons: &mut Reasons,
    ) {
        let Some(completeness) = Completeness::of(key, recording) else { return };
        let (figure, reasons) = match completeness {
            Completeness::Complete => return self.complete += samples,
            Completeness::WithGuess => return self.complete_with_guess += samples,
            Completeness::Unsure(why, module) => {
                (&mut self.unsure, reasons.unsure.entry((why, module)))
            }
            Completeness::Incomplete(why, module) => {
                (&mut self.incomplete, reasons.incomplete.entry((why, module)))
            }
        };
        *figure += samples;
        *reasons.or_default() += samples;
    }

    fn count_frames(&mut self, key: &Key, samples: u64, recording: &Recording<'_>) {
        let frames = |stack| recording.counts.stacks.frames(stack);
        let user: &[(_, Trust)] = key.user.map_or(&[], frames);
        self.user_frames += samples * user.len() as u64;
        for (place, _) in user {
            let at = place.0 as usize;
            let reason = recording.named.get(at).and_then(|named| named.reason);
            if let Some(reason) = reason.filter(|reason| *reason != Reason::NotAsked) {
                *self.unresolved.entry(reason).or_default() += samples;
                self.runtimes.extend(key.space.and_then(|space| recording.table.runtime(space)));
            }
        }
        for (place, _) in key.kernel.map_or(&[][..], frames) {
            let nameless =
                recording.named.get(place.0 as usize).is_some_and(|named| named.lines.is_empty());
            self.kernel_unresolved += if nameless { samples } else { 0 };
        }
    }

    /// User frames without a name.
    pub(crate) fn unresolved_frames(&self) -> u64 {
        self.unresolved.values().sum()
    }

    /// The reason of most user frames without a name.
    pub(crate) fn main_reason(&self) -> Option<Reason> {
        self.unresolved.iter().max_by_key(|(_, frames)| **frames).map(|(reason, _)| *reason)
    }
}
