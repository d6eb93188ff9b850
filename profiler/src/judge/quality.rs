//! The quality of a recording: truncated stacks, guessed frames, unnamed frames, and the reasons.

use crate::judge::completeness::Completeness;
use crate::judge::recording::{Module, Recording};
use crate::judge::shown::shown;
use crate::record::counts::Key;
use bpf::{Flags, Trust};
use output::quality::{Defect, Defects, Quality, Unnamed};
use std::collections::{BTreeMap, BTreeSet};
use symbolizer::{Reason, Runtime};

/// The quality of a recording, and the facts that advice is made from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judged {
    /// The figures.
    pub quality: Quality,
    /// User frames without a name, by reason.
    pub unnamed: BTreeMap<Reason, u64>,
    /// Runtimes whose code has no names.
    pub runtimes: BTreeSet<Runtime>,
    /// Whether kernel frames lack names because the kernel hides them.
    pub kernel_hidden: bool,
}

/// Samples by the defect of their stack and the module in which it occurred.
type ByModule = BTreeMap<(Defect, Module), u64>;

#[derive(Default)]
struct Reasons {
    unsure: ByModule,
    incomplete: ByModule,
}

/// Turns modules into names. Several modules may have the same name.
fn named(by: ByModule, recording: &Recording<'_>) -> Defects {
    let mut named = Defects::default();
    for ((defect, module), samples) in by {
        *named.0.entry((defect, recording.module_name(module))).or_default() += samples;
    }
    named
}

impl Judged {
    /// Judges all counts.
    pub(crate) fn of(recording: &Recording<'_>) -> Self {
        let mut judged = Self::default();
        let mut processes = BTreeSet::new();
        let mut stacks = BTreeSet::new();
        let mut reasons = Reasons::default();
        for (key, count) in &recording.counts.counts {
            processes.insert(key.space.map(|space| space.index));
            stacks.insert((key.user, key.kernel));
            judged.count(key, count.samples, recording);
            judged.count_frames(key, count.samples, recording);
            judged.count_completeness(key, count.samples, recording, &mut reasons);
        }
        let unnamed = judged.unnamed.iter();
        let unnamed =
            unnamed.map(|(reason, frames)| Unnamed { reason: reason.phrase(), frames: *frames });
        let quality = &mut judged.quality;
        quality.unnamed = unnamed.collect();
        quality.unsure_by = named(reasons.unsure, recording);
        quality.incomplete_by = named(reasons.incomplete, recording);
        quality.processes = processes.len();
        quality.stacks = stacks.len();
        judged
    }

    fn count(&mut self, key: &Key, samples: u64, recording: &Recording<'_>) {
        let has = |flag| key.flags.has(flag);
        let quality = &mut self.quality;
        quality.samples += samples;
        for (condition, figure) in [
            (key.user.is_some(), &mut quality.user_samples),
            (has(Flags::TRUNCATED_USER) || has(Flags::TRUNCATED_KERNEL), &mut quality.truncated),
            (has(Flags::GUESSED), &mut quality.guessed),
            (has(Flags::TRUNCATED_KERNEL), &mut quality.kernel_truncated),
            (has(Flags::STALE), &mut quality.stale),
            (has(Flags::COMPAT), &mut quality.compat),
            (has(Flags::EXITING), &mut quality.exiting),
            (recording.caller_may_be_missing(key), &mut quality.caller_may_be_missing),
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
        let quality = &mut self.quality;
        let (figure, reasons) = match completeness {
            Completeness::Complete => return quality.complete += samples,
            Completeness::WithGuess => return quality.complete_with_guess += samples,
            Completeness::Unsure(defect, module) => {
                (&mut quality.unsure, reasons.unsure.entry((defect, module)))
            }
            Completeness::Incomplete(defect, module) => {
                (&mut quality.incomplete, reasons.incomplete.entry((defect, module)))
            }
        };
        *figure += samples;
        *reasons.or_default() += samples;
    }

    fn count_frames(&mut self, key: &Key, samples: u64, recording: &Recording<'_>) {
        let frames = |stack| recording.counts.stacks.frames(stack);
        let user: &[(_, Trust)] = key.user.map_or(&[], frames);
        let user = shown(user, recording, false);
        self.quality.user_frames += samples * user.len() as u64;
        for (place, _) in user.iter() {
            let named = recording.named.get(place.0 as usize);
            let near = named.is_some_and(|named| named.lines.iter().any(|line| line.approximate));
            self.quality.approximate_frames += if near { samples } else { 0 };
            let reason = named.and_then(|named| named.reason);
            if let Some(reason) = reason.filter(|reason| *reason != Reason::NotAsked) {
                *self.unnamed.entry(reason).or_default() += samples;
                self.runtimes.extend(key.space.and_then(|space| recording.table.runtime(space)));
            }
        }
        for (place, _) in key.kernel.map_or(&[][..], frames) {
            let Some(named) = recording.named.get(place.0 as usize) else { continue };
            self.quality.kernel_unnamed += if named.lines.is_empty() { samples } else { 0 };
            self.kernel_hidden |= named.reason == Some(Reason::KernelHidden);
        }
    }

    /// The reason that most unnamed user frames have.
    pub(crate) fn main_reason(&self) -> Option<Reason> {
        self.unnamed.iter().max_by_key(|(_, frames)| **frames).map(|(reason, _)| *reason)
    }
}
