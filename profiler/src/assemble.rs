//! From counted stacks and names to a profile.

use crate::aggregate::{Key, StackCounts};
use crate::collect::Collected;
use crate::locations::Locations;
use bpf::{Comm, Flags, Trust};
use output::{FrameRef, Label, LabelValue, Marks, Profile, ProfileBuilder, Sample};
use std::borrow::Cow;
use std::collections::HashMap;
use symbolizer::{Named, ProcessTable};

/// What a profile is made of.
#[derive(Debug)]
pub(crate) struct Material<'a> {
    /// The counts.
    pub counts: &'a StackCounts,
    /// The processes and files.
    pub table: &'a ProcessTable,
    /// Names, by place.
    pub named: &'a [Named],
    /// By place, whether a leaf there may hide its caller.
    pub frameless: &'a [bool],
}

/// How it is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Making {
    /// Whether samples have the labels `pid`, `tid` and `thread`.
    pub labels: bool,
    /// Nanoseconds of CPU time that one unit of weight stands for.
    pub scale: f64,
}

/// The profile: user frames below kernel frames, values `[samples, CPU nanoseconds]`. `head` has everything but
/// the tables and the samples.
pub(crate) fn assemble(material: &Material<'_>, making: Making, head: Profile) -> Profile {
    let mut builder = ProfileBuilder::new(head);
    let mut locations = Locations::new(material);
    let labels = Labels::new(material, making.labels);
    let mut counts: Vec<_> = material.counts.counts.iter().collect();
    counts.sort_unstable_by_key(|(key, _)| **key);
    for (key, count) in counts {
        let nanoseconds = (count.weight as f64 * making.scale).round() as i64;
        let frames = frames(key, material.counts, &mut locations, &mut builder);
        builder.sample(Sample {
            frames,
            values: vec![i64::try_from(count.samples).unwrap_or(i64::MAX), nanoseconds],
            labels: labels.of(key),
            marks: marks(key, material),
        });
    }
    builder.finish()
}

/// Leaf first: kernel frames, then user frames. Never empty: a frame in brackets tells what is left out.
fn frames(
    key: &Key,
    counts: &StackCounts,
    locations: &mut Locations<'_>,
    builder: &mut ProfileBuilder,
) -> Vec<FrameRef> {
    let stacks = [key.kernel, key.user];
    let placed = stacks.into_iter().flatten().flat_map(|stack| counts.stacks.frames(stack));
    let mut list: Vec<FrameRef> = placed
        .map(|(place, trust)| FrameRef {
            location: locations.of(*place, builder),
            trust: shown(*trust),
        })
        .collect();
    if key.flags.has(Flags::IDLE) || list.is_empty() {
        let location = locations.bracketed(instead(key.flags), builder);
        list.push(FrameRef { location, trust: output::Trust::Sure });
    }
    list
}

/// What stands for a stack that was not asked for, or is not there.
fn instead(flags: Flags) -> &'static str {
    if flags.has(Flags::IDLE) {
        "[idle]"
    } else if flags.has(Flags::GUEST) {
        "[guest]"
    } else if flags.has(Flags::IN_KERNEL) || flags.has(Flags::KERNEL_THREAD) {
        "[kernel]"
    } else {
        "[user]"
    }
}

fn shown(trust: Trust) -> output::Trust {
    match trust {
        Trust::Context | Trust::Rule => output::Trust::Sure,
        Trust::Synthesised => output::Trust::Synthesised,
        Trust::FramePointer => output::Trust::FramePointer,
        Trust::Guessed => output::Trust::Guessed,
    }
}

fn marks(key: &Key, material: &Material<'_>) -> Marks {
    Marks {
        truncated: key.flags.has(Flags::TRUNCATED_USER) || key.flags.has(Flags::TRUNCATED_KERNEL),
        caller_may_be_missing: material.caller_may_be_missing(key),
    }
}

impl<'a> Material<'a> {
    /// From what was collected and its names.
    pub(crate) fn new(collected: &'a Collected, named: &'a [Named], frameless: &'a [bool]) -> Self {
        Self { counts: &collected.counts, table: &collected.table, named, frameless }
    }

    /// Whether the step out of the user leaf was by frame pointer, from code that may not have set one up.
    pub(crate) fn caller_may_be_missing(&self, key: &Key) -> bool {
        let Some(user) = key.user else { return false };
        let by_frame_pointer = match self.counts.stacks.frames(user) {
            [_, (_, caller), ..] => *caller == Trust::FramePointer,
            _ => key.flags.has(Flags::FRAME_POINTERS),
        };
        let leaf = self.counts.stacks.frames(user).first();
        by_frame_pointer
            && leaf.is_some_and(|(place, _)| {
                self.frameless.get(place.0 as usize).copied().unwrap_or(false)
            })
    }
}

/// Samples' labels, and the processes' names.
#[derive(Debug)]
struct Labels<'a> {
    table: &'a ProcessTable,
    threads: bool,
    /// Main threads' names as samples had them, for processes whose name the table does not know.
    main: HashMap<u32, Comm>,
}

impl<'a> Labels<'a> {
    fn new(material: &Material<'a>, threads: bool) -> Self {
        let keys = material.counts.counts.keys();
        let main =
            keys.filter(|key| key.pid != 0 && key.tid == key.pid).map(|key| (key.pid, key.comm));
        Self { table: material.table, threads, main: main.collect() }
    }

    /// `comm` always, as graphs of the machine need it; `pid`, `tid` and `thread` where wanted.
    fn of(&self, key: &Key) -> Vec<Label> {
        let label = |key: &str, value| Label { key: String::from(key), value };
        let text = |key, bytes: &[u8]| {
            label(key, LabelValue::Text(String::from_utf8_lossy(bytes).into_owned()))
        };
        let number = |key, value: u32| label(key, LabelValue::Number(value.into(), String::new()));
        let mut list = vec![text("comm", &self.process(key))];
        if self.threads && key.space.is_some() {
            list.push(number("pid", key.pid));
            list.push(text("thread", key.comm.bytes()));
            list.push(number("tid", key.tid));
        }
        list
    }

    /// The process's name: its main thread's, or what stands for it.
    fn process(&self, key: &Key) -> Cow<'_, [u8]> {
        let Some(space) = key.space else {
            let name =
                if key.flags.has(Flags::IDLE) { "swapper" } else { "[another PID namespace]" };
            return Cow::Borrowed(name.as_bytes());
        };
        match (self.table.name(space), self.main.get(&key.pid)) {
            ([], Some(comm)) => Cow::Borrowed(comm.bytes()),
            ([], None) => Cow::Owned(format!("[pid {}]", key.pid).into_bytes()),
            (name, _) => Cow::Borrowed(name),
        }
    }
}
