//! From counted stacks and names to a profile.

use crate::judge::recording::Recording;
use crate::judge::shown;
use crate::profile::columns::Columns;
use crate::profile::labels::Labels;
use crate::profile::locations::Locations;
use crate::record::counts::Key;
use crate::record::stacks::PlaceId;
use bpf::{Flags, Trust};
use output::timeline::SampleTimes;
use output::{FrameRef, Marks, Profile, ProfileBuilder, Sample};
use std::borrow::Cow;

/// What a profile has beside its stacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Whether samples have the labels `pid`, `tid` and `thread`.
    pub labels: bool,
    /// Whether interpreters' own frames are shown beside those that they run.
    pub native: bool,
}

/// Makes the profile: user frames below kernel frames, and a row of values for each stack. `head` has everything but the
/// columns, the tables and the samples.
pub(crate) fn assemble(
    recording: &Recording<'_>,
    columns: &Columns,
    shown: Shown,
    head: Profile,
) -> Profile {
    let mut builder = ProfileBuilder::new(columns.head(head));
    let mut locations = Locations::new(recording);
    let labels = Labels::new(recording, shown.labels);
    let times = recording.counts.times.as_ref();
    let mut counts: Vec<_> = recording.counts.counts.iter().collect();
    counts.sort_unstable_by_key(|(key, _)| **key);
    for (key, count) in counts {
        let user = user_frames(key, recording, shown.native);
        let sample = Sample {
            frames: frames(key, &user, &mut locations, &mut builder),
            values: columns.values(key.event, count),
            labels: labels.of(key),
            marks: marks(key, &user, recording),
        };
        match times.and_then(|times| times.get(key)) {
            Some(times) => builder.timed(sample, SampleTimes::of_event(key.event, times.clone())),
            None => builder.sample(sample),
        }
    }
    builder.finish()
}

/// The user frames that are shown, leaf first.
fn user_frames<'a>(
    key: &Key,
    recording: &Recording<'a>,
    native: bool,
) -> Cow<'a, [(PlaceId, Trust)]> {
    let frames = key.user.map(|stack| recording.counts.stacks.frames(stack)).unwrap_or_default();
    shown::shown(frames, recording, native)
}

/// Kernel frames, then user frames, leaf first. Never empty: a frame in brackets replaces a missing stack.
fn frames(
    key: &Key,
    user: &[(PlaceId, Trust)],
    locations: &mut Locations<'_>,
    builder: &mut ProfileBuilder,
) -> Vec<FrameRef> {
    let stacks = &locations.recording().counts.stacks;
    let kernel = key.kernel.into_iter().flat_map(|stack| stacks.frames(stack));
    let placed = kernel.chain(user.iter());
    let mut list: Vec<FrameRef> = placed
        .map(|(place, trust)| FrameRef {
            location: locations.of(*place, builder),
            trust: trust_of(*trust),
        })
        .collect();
    if key.flags.has(Flags::IDLE) || key.flags.has(Flags::EXITING) || list.is_empty() {
        let location = locations.bracketed(instead(key.flags), builder);
        list.push(FrameRef { location, trust: output::Trust::Sure });
    }
    list
}

/// The substitute for a stack that was not requested or does not exist.
fn instead(flags: Flags) -> &'static str {
    if flags.has(Flags::IDLE) {
        "[idle]"
    } else if flags.has(Flags::EXITING) {
        "[exiting]"
    } else if flags.has(Flags::GUEST) {
        "[guest]"
    } else if flags.has(Flags::IN_KERNEL) || flags.has(Flags::KERNEL_THREAD) {
        "[kernel]"
    } else {
        "[user]"
    }
}

fn trust_of(trust: Trust) -> output::Trust {
    match trust {
        Trust::Context | Trust::Rule => output::Trust::Sure,
        Trust::Synthesised => output::Trust::Synthesised,
        Trust::FramePointer => output::Trust::FramePointer,
        Trust::Guessed => output::Trust::Guessed,
    }
}

fn marks(key: &Key, user: &[(PlaceId, Trust)], recording: &Recording<'_>) -> Marks {
    let named = user.iter().filter_map(|(place, _)| recording.named.get(place.0 as usize));
    let lines = named.flat_map(|named| &named.lines).filter(|line| line.approximate).count();
    Marks {
        truncated: key.flags.has(Flags::TRUNCATED_USER) || key.flags.has(Flags::TRUNCATED_KERNEL),
        caller_may_be_missing: recording.caller_may_be_missing(key),
        guessed_frames: 0,
        approximate_lines: u32::try_from(lines).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::leaves::Leaf;
    use crate::judge::quality::Judged;
    use crate::judge::testing::counted;
    use crate::record::aggregate::Rules;
    use crate::record::testing::{ByAddress, sample, stack};
    use bpf::{Event, FrameKind, Rate, StackId, Unit, Window};
    use output::{Encode, Folded};
    use symbolizer::{Place, Symbolize};

    const KERNEL: u64 = 0xffff_ffff_8000_0000;

    fn stacks() -> Vec<bpf::Stack> {
        vec![stack(1, &[0x1010, 0x1021, 0x1031]), stack(2, &[KERNEL, KERNEL + 0x11])]
    }

    /// The profile and the judgement of samples, with all leaves frameless or none.
    fn made(samples: Vec<bpf::Sample>, labels: bool, frameless: bool) -> (Profile, Judged) {
        made_of(Window { stacks: stacks(), samples, ..Window::default() }, labels, frameless)
    }

    /// The same of a window. A code object of an interpreter is compiled, and its line is near the position.
    fn made_of(batch: Window, labels: bool, frameless: bool) -> (Profile, Judged) {
        let (counts, table) = counted(Rules { threads: labels, ..Rules::default() }, &batch);
        let mut named = ByAddress.names(&table, counts.stacks.places());
        for (place, named) in counts.stacks.places().iter().zip(&mut named) {
            let runs = matches!(place, Place::Interpreted { .. });
            let line =
                |line: &mut symbolizer::Line| (line.approximate, line.compiled) = (true, true);
            named.lines.iter_mut().filter(|_| runs).for_each(line);
        }
        let leaf = if frameless { Leaf::Frameless } else { Leaf::Framed };
        let leaves = vec![leaf; named.len()];
        let recording =
            Recording { counts: &counts, table: &table, named: &named, leaves: &leaves };
        let clock = Event {
            name: String::from("cpu-clock"),
            unit: Unit::Nanoseconds,
            rate: Rate::Hertz(100),
        };
        let columns = Columns::of(&[clock], &counts, None);
        (
            assemble(&recording, &columns, Shown { labels, native: false }, Profile::default()),
            Judged::of(&recording),
        )
    }

    fn folded(profile: &Profile, root: Option<&str>) -> String {
        let mut text = Vec::new();
        let folded = Folded { annotate: true, root: root.map(String::from), column: Some(0) };
        folded.encode(profile, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn kernel_frames_are_above_user_frames() {
        let (profile, _) = made(vec![sample(1, 1, 2), sample(2, 1, 2)], true, false);
        let text = folded(&profile, None);
        assert_eq!(text, "f1030;f1020;f1010;fffffffff80000010_[k];fffffffff80000000_[k] 2\n");
        assert_eq!(profile.samples[0].values, [2, 20]);
    }

    #[test]
    fn the_process_is_the_root_of_the_machine_s_graph() {
        let (profile, _) = made(vec![sample(1, 1, 0)], false, false);
        assert!(folded(&profile, Some("comm")).starts_with("program;f1030;"), "{profile:?}");
    }

    #[test]
    fn labels_are_sorted_and_all_there() {
        let (profile, _) = made(vec![sample(1, 1, 0)], true, false);
        let keys: Vec<&str> =
            profile.samples[0].labels.iter().map(|label| label.key.as_str()).collect();
        assert_eq!(keys, ["comm", "pid", "thread", "tid"]);
        let (profile, _) = made(vec![sample(1, 1, 0)], false, false);
        assert_eq!(profile.samples[0].labels.len(), 1);
    }

    #[test]
    fn what_was_not_recorded_has_a_frame_in_brackets() {
        let bare = |flags| bpf::Sample { flags, user: StackId(0), ..sample(1, 0, 0) };
        for (flags, frame) in [
            (Flags::default(), "[user] 1\n"),
            (Flags::IN_KERNEL, "[kernel]_[k] 1\n"),
            (Flags::KERNEL_THREAD, "[kernel]_[k] 1\n"),
            (Flags::IDLE, "[idle]_[k] 1\n"),
            (Flags::GUEST, "[guest]_[k] 1\n"),
            (Flags::IN_KERNEL.with(Flags::EXITING), "[exiting]_[k] 1\n"),
        ] {
            assert_eq!(folded(&made(vec![bare(flags)], true, false).0, None), frame);
        }
    }

    #[test]
    fn the_kernel_s_work_for_a_process_that_ends_is_named() {
        let ends = bpf::Sample { flags: Flags::EXITING, ..sample(1, 0, 2) };
        let text = folded(&made(vec![ends], true, false).0, Some("comm"));
        assert!(text.starts_with("program;[exiting]_[k];fffffffff80000010"), "{text}");
    }

    #[test]
    fn the_idle_task_is_named() {
        let idle = bpf::Sample { flags: Flags::IDLE, ..sample(1, 0, 2) };
        let text = folded(&made(vec![idle], true, false).0, Some("comm"));
        assert!(text.starts_with("swapper;[idle]_[k];fffffffff80000010"), "{text}");
    }

    #[test]
    fn spoilt_stacks_are_marked_and_counted() {
        let truncated = bpf::Sample { flags: Flags::TRUNCATED_USER, ..sample(1, 1, 0) };
        let (profile, judged) = made(vec![truncated, sample(2, 1, 0)], true, true);
        assert_eq!(profile.samples.iter().filter(|sample| sample.marks.truncated).count(), 1);
        assert!(profile.samples.iter().all(|sample| sample.marks.caller_may_be_missing));
        assert_eq!((judged.quality.truncated, judged.quality.caller_may_be_missing), (1, 2));
        let (profile, judged) = made(vec![sample(2, 1, 0)], true, false);
        assert!(!profile.samples[0].marks.caller_may_be_missing);
        assert_eq!(judged.quality.caller_may_be_missing, 0);
    }

    #[test]
    fn compiled_functions_and_lines_that_are_near_are_told() {
        let mut stacks = stacks();
        stacks[0].frames[1].kind = FrameKind::Interpreted { runtime: 2, position: 0, check: 0 };
        stacks[0].frames[1].address = 0x2000;
        let samples = vec![sample(1, 1, 0), sample(2, 1, 0)];
        let (profile, judged) =
            made_of(Window { stacks, samples, ..Window::default() }, false, false);
        assert_eq!(folded(&profile, None), "f1030;f2000_[j] 2\n", "its loop's frame gives way");
        assert_eq!(profile.samples[0].marks.approximate_lines, 1);
        assert_eq!((judged.quality.approximate_frames, judged.quality.user_frames), (2, 4));
    }

    #[test]
    fn frames_without_a_name_are_counted_by_reason() {
        let mut nameless = stacks();
        nameless.push(stack(3, &[0x1011, 0x1022]));
        let samples = vec![sample(1, 3, 0), sample(2, 3, 0), sample(3, 1, 0)];
        let batch = Window { stacks: nameless, samples, ..Window::default() };
        let (counts, table) = counted(Rules::default(), &batch);
        let named = ByAddress.names(&table, counts.stacks.places());
        let recording = Recording { counts: &counts, table: &table, named: &named, leaves: &[] };
        let judged = Judged::of(&recording);
        // Two odd addresses in the third stack, sampled twice; 0x1022 is looked up at 0x1021.
        assert_eq!((judged.quality.user_frames, judged.quality.unnamed_frames()), (2 * 2 + 3, 4));
        assert_eq!(judged.main_reason(), Some(symbolizer::Reason::NoSymbol));
    }
}
