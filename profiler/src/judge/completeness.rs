//! The completeness of user stacks: whether they lead to a known end.

use crate::judge::ends;
use crate::judge::recording::{Module, Recording};
use crate::record::counts::Key;
use bpf::{Flags, Trust};
use output::quality::Defect;

/// The completeness of a user stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completeness {
    /// It leads to a known end: a rule marks the end, the frame pointer or return address is 0, or nobody calls the function.
    Complete,
    /// It leads to a known end, with a guess on the way.
    WithGuess,
    /// It leads to an end, but a frame may be missing. The module is that of the leaf.
    Unsure(Defect, Module),
    /// Callers are missing. The module is that of the last known frame.
    Incomplete(Defect, Module),
}

/// The flags of walks that do not reach a known end.
const BREAKS: [(Flags, Defect); 6] = [
    (Flags::NO_RULE, Defect::NoRule),
    (Flags::UNSUPPORTED, Defect::Unsupported),
    (Flags::LOST_REGISTER, Defect::LostRegister),
    (Flags::NO_MAPPING, Defect::NoMapping),
    (Flags::UNREADABLE, Defect::Unreadable),
    (Flags::BROKEN, Defect::Broken),
];

impl Completeness {
    /// The completeness of a sample's user stack; `None` if it has none.
    pub(crate) fn of(key: &Key, recording: &Recording<'_>) -> Option<Self> {
        let frames = recording.counts.stacks.frames(key.user?);
        let leaf = || frames.first().map_or(Module::Unknown, |(place, _)| recording.module(*place));
        let stale = key.flags.has(Flags::STALE);
        if let Some(why) = missing(key.flags, || ends::at_start(frames, recording)) {
            let places = frames.iter().rev().map(|(place, _)| recording.module(*place));
            let known = places.into_iter().find(|module| *module != Module::Unknown);
            let why = if stale && why != Defect::Truncated { Defect::Stale } else { why };
            return Some(Self::Incomplete(why, known.unwrap_or(Module::Unknown)));
        }
        Some(if stale {
            Self::Unsure(Defect::Stale, leaf())
        } else if recording.caller_may_be_missing(key) {
            Self::Unsure(Defect::CallerMayBeMissing, leaf())
        } else if key.flags.has(Flags::NO_FUNCTIONS) {
            Self::Unsure(Defect::NoFunctions, leaf())
        } else if frames.iter().any(|(_, trust)| *trust == Trust::Guessed) {
            Self::WithGuess
        } else {
            Self::Complete
        })
    }
}

/// The reason why a stack lacks its end, if it does. A stack that reaches a function without a caller is complete.
fn missing(flags: Flags, at_start: impl FnOnce() -> bool) -> Option<Defect> {
    if flags.has(Flags::COMPAT) {
        return Some(Defect::Compat);
    }
    if flags.has(Flags::TRUNCATED_USER) {
        return Some(Defect::Truncated);
    }
    let (_, why) = BREAKS.into_iter().find(|(flag, _)| flags.has(*flag))?;
    (!at_start()).then_some(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::leaves::Leaf;
    use crate::judge::testing::counted;
    use crate::record::aggregate::Rules;
    use crate::record::testing::{ByAddress, mmap, sample, stack};
    use bpf::{Sample, Window};
    use symbolizer::{Named, Symbolize};

    /// Judges a stack in a process with two mapped files, at 0x1000 and 0x2000. `start` is the name of the last frame;
    /// empty: none.
    fn judge(flags: Flags, frames: &[(u64, Trust)], leaf: Leaf, start: &str) -> Completeness {
        let addresses: Vec<u64> = frames.iter().map(|(address, _)| *address).collect();
        let mut one = stack(1, &addresses);
        one.frames.iter_mut().zip(frames).for_each(|(frame, (_, trust))| frame.trust = *trust);
        let window = Window {
            stacks: vec![one],
            samples: vec![Sample { flags, ..sample(9, 1, 0) }],
            side_band: vec![mmap(0, 0x1000, 1), mmap(0, 0x2000, 2)],
            ..Window::default()
        };
        let (counts, table) = counted(Rules::default(), &window);
        let mut named: Vec<Named> = ByAddress.names(&table, counts.stacks.places());
        if let Some(line) = named.last_mut().and_then(|named| named.lines.last_mut()) {
            line.system_name = start.into();
        }
        let leaves = vec![leaf; named.len()];
        let recording =
            Recording { counts: &counts, table: &table, named: &named, leaves: &leaves };
        let judged = Completeness::of(counts.counts.keys().next().unwrap(), &recording).unwrap();
        match judged {
            Completeness::Incomplete(why, module) => {
                assert_eq!(recording.module_name(module), last_file(frames), "{why:?}");
            }
            Completeness::Unsure(_, module) => {
                assert_eq!(recording.module_name(module), "file-1");
            }
            Completeness::Complete | Completeness::WithGuess => {}
        }
        judged
    }

    /// The file of the last frame whose address lies in one.
    fn last_file(frames: &[(u64, Trust)]) -> &'static str {
        let files = [(0x1000..0x2000, "file-1"), (0x2000..0x3000, "file-2")];
        let file = |address: &u64| files.iter().find(|(range, _)| range.contains(address));
        frames.iter().rev().find_map(|(at, _)| file(at)).map_or("[unknown]", |(_, name)| name)
    }

    const LEAF: (u64, Trust) = (0x1010, Trust::Context);
    const BY_RULE: (u64, Trust) = (0x2021, Trust::Rule);
    const BY_SYNTHESIS: (u64, Trust) = (0x2021, Trust::Synthesised);
    const BY_FRAME_POINTER: (u64, Trust) = (0x2021, Trust::FramePointer);
    const BY_GUESS: (u64, Trust) = (0x2021, Trust::Guessed);
    const NOWHERE: (u64, Trust) = (0x9_0001, Trust::Rule);

    fn plain(flags: Flags, frames: &[(u64, Trust)]) -> Completeness {
        judge(flags, frames, Leaf::Framed, "work")
    }

    fn why(completeness: Completeness) -> Defect {
        match completeness {
            Completeness::Unsure(why, _) | Completeness::Incomplete(why, _) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_known_end_is_complete_and_a_synthesised_rule_is_no_guess() {
        let none = Flags::default();
        assert_eq!(plain(none, &[LEAF]), Completeness::Complete);
        assert_eq!(plain(none, &[LEAF, BY_RULE]), Completeness::Complete);
        assert_eq!(plain(none, &[LEAF, BY_SYNTHESIS]), Completeness::Complete);
        assert_eq!(plain(Flags::FRAME_POINTERS, &[LEAF, BY_FRAME_POINTER]), Completeness::Complete);
    }

    #[test]
    fn one_guessed_frame_is_enough() {
        let guessed = Flags::GUESSED;
        assert_eq!(plain(guessed, &[LEAF, BY_GUESS, BY_RULE]), Completeness::WithGuess);
        assert_eq!(plain(guessed, &[LEAF, BY_RULE, BY_GUESS]), Completeness::WithGuess);
        let lost = plain(guessed.with(Flags::LOST_REGISTER), &[LEAF, BY_GUESS]);
        assert_eq!(why(lost), Defect::LostRegister);
    }

    #[test]
    fn every_break_is_incomplete_with_its_reason_but_behind_a_start() {
        for (flag, reason) in BREAKS {
            assert_eq!(why(plain(flag, &[LEAF, BY_RULE])), reason);
            assert_eq!(why(plain(flag, &[LEAF, NOWHERE])), reason);
            assert_eq!(why(plain(flag, &[NOWHERE])), reason);
            let started = judge(flag, &[LEAF, BY_RULE], Leaf::Framed, "_start");
            assert_eq!(started, Completeness::Complete, "{reason:?}");
            let started = judge(flag, &[LEAF, BY_GUESS], Leaf::Framed, "start_thread");
            assert_eq!(started, Completeness::WithGuess, "{reason:?}");
        }
    }

    #[test]
    fn what_is_cut_is_incomplete_whatever_its_last_frame() {
        for (flag, reason) in
            [(Flags::TRUNCATED_USER, Defect::Truncated), (Flags::COMPAT, Defect::Compat)]
        {
            let found = judge(flag, &[LEAF, BY_RULE], Leaf::Framed, "_start");
            assert_eq!(why(found), reason);
            assert!(matches!(found, Completeness::Incomplete(..)));
        }
    }

    #[test]
    fn stale_stacks_are_never_complete() {
        let stale = Flags::STALE.with(Flags::FRAME_POINTERS);
        let found = plain(stale, &[LEAF, BY_FRAME_POINTER]);
        assert!(matches!(found, Completeness::Unsure(Defect::Stale, _)), "{found:?}");
        let started = judge(stale.with(Flags::BROKEN), &[LEAF, BY_RULE], Leaf::Framed, "_start");
        assert!(matches!(started, Completeness::Unsure(Defect::Stale, _)), "{started:?}");
        let broken = plain(stale.with(Flags::BROKEN), &[LEAF, BY_FRAME_POINTER]);
        assert!(matches!(broken, Completeness::Incomplete(Defect::Stale, _)), "{broken:?}");
        let deep = plain(stale.with(Flags::TRUNCATED_USER), &[LEAF, BY_FRAME_POINTER]);
        assert_eq!(why(deep), Defect::Truncated);
    }

    #[test]
    fn functions_that_could_not_be_read_leave_a_whole_stack_unsure() {
        let found = plain(Flags::NO_FUNCTIONS, &[LEAF, BY_RULE]);
        assert!(matches!(found, Completeness::Unsure(Defect::NoFunctions, _)), "{found:?}");
        let broken = plain(Flags::NO_FUNCTIONS.with(Flags::NO_RULE), &[LEAF, BY_RULE]);
        assert_eq!(why(broken), Defect::NoRule);
    }

    #[test]
    fn a_step_by_frame_pointer_out_of_a_leaf_without_rules_or_frame_is_not_sure() {
        let none = Flags::default();
        let two = [LEAF, BY_FRAME_POINTER];
        for leaf in [Leaf::WithoutRules, Leaf::Frameless] {
            for flags in [none, Flags::FRAME_POINTERS] {
                let found = judge(flags, &two, leaf, "work");
                assert!(matches!(found, Completeness::Unsure(Defect::CallerMayBeMissing, _)));
            }
            // A rule or a guess led out of the leaf.
            assert_eq!(judge(none, &[LEAF, BY_RULE], leaf, "work"), Completeness::Complete);
            assert_eq!(judge(none, &[LEAF, BY_GUESS], leaf, "work"), Completeness::WithGuess);
            let broken = judge(Flags::BROKEN, &two, leaf, "work");
            assert!(matches!(broken, Completeness::Incomplete(Defect::Broken, _)));
        }
        assert_eq!(judge(none, &two, Leaf::Framed, "work"), Completeness::Complete);
    }

    #[test]
    fn the_end_of_a_leaf_alone_may_be_its_callers_frame_pointer() {
        let alone = |flags, leaf| judge(flags, &[LEAF], leaf, "work");
        let unsure = |found| matches!(found, Completeness::Unsure(Defect::CallerMayBeMissing, _));
        assert!(unsure(alone(Flags::FRAME_POINTERS, Leaf::Frameless)));
        assert!(unsure(alone(Flags::default(), Leaf::WithoutRules)));
        // A rule ended the stack.
        assert_eq!(alone(Flags::default(), Leaf::Frameless), Completeness::Complete);
        assert!(!unsure(alone(Flags::COMPAT, Leaf::WithoutRules)));
    }
}
