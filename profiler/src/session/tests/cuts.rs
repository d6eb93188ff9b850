//! The sums over all cuts equal one uncut recording, sample for sample.

use super::super::Session;
use super::{Closed, Cut, session};
use crate::record::counts::{Count, Key, StackCounts};
use crate::record::testing::stack;
use bpf::replay::{Recorder, Replay};
use bpf::{
    AddressSpace, Comm, Error, Event, Flags, Losses, Rate, Sample, SampleSource, SideBand,
    SideBandKind, Stack, StackId, Unit, Window,
};
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use symbolizer::{Place, ProcessTable};

/// Random numbers, the same in each run.
pub(super) struct Random(fastrand::Rng);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0.u64(..limit)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// A recording as the kernel gives it. A batch has only those stacks of its samples that no earlier batch had since the
/// stacks were forgotten. Its last samples and records come with the next batch.
#[derive(Debug, Default)]
struct Late {
    /// The batches, each with all stacks of its samples.
    batches: VecDeque<Window>,
    known: HashSet<StackId>,
    held: Window,
}

impl Late {
    fn take(&mut self, batch: &mut Window, hold: usize) {
        *batch = self.batches.pop_front().unwrap_or_default();
        batch.stacks.retain(|stack| self.known.insert(stack.id));
        let (held, keep) = (&mut self.held, batch.samples.len().saturating_sub(hold));
        let until = keep.checked_sub(1).map_or(0, |last| batch.samples[last].time);
        let records = batch.side_band.partition_point(|record| record.time <= until);
        let (samples, records) =
            (batch.samples.split_off(keep), batch.side_band.split_off(records));
        batch.samples.splice(..0, std::mem::replace(&mut held.samples, samples));
        batch.side_band.splice(..0, std::mem::replace(&mut held.side_band, records));
    }
}

impl SampleSource for Late {
    fn drain(&mut self, batch: &mut Window) -> Result<(), Error> {
        self.take(batch, 2);
        Ok(())
    }

    fn stop(&mut self, batch: &mut Window) -> Result<(), Error> {
        let mut all = Window::default();
        while !self.batches.is_empty() || self.held != Window::default() {
            self.take(batch, 0);
            all.stacks.append(&mut batch.stacks);
            all.samples.append(&mut batch.samples);
            all.side_band.append(&mut batch.side_band);
        }
        *batch = all;
        Ok(())
    }

    fn forget_stacks(&mut self) {
        self.known.clear();
    }

    fn losses(&self) -> Losses {
        Losses { malformed: 1_000 - self.batches.len() as u64, ..Losses::default() }
    }

    fn finished(&self) -> bool {
        self.batches.is_empty()
    }
}

const PIDS: u64 = 4;
/// A process that only starts others.
const STRANGER: u32 = 99;
/// The number of pages is small, so that all addresses of a process without a mapping are remembered, and located again
/// when a mapping comes.
const PAGES: u64 = 4;

/// Processes that map files, run, fork and end. At first, a third of the addresses is unmapped.
fn batches(random: &mut Random) -> VecDeque<Window> {
    let mut time = 0;
    // The start of each process, and the number of its executions; `None` after its end.
    let mut lives = [Some((1, 0)); PIDS as usize];
    let mut batch = |random: &mut Random| {
        let mut batch = Window::default();
        for _ in 0..random.below(30) {
            time += 1 + random.below(3);
            let pid = random.below(PIDS) as u32 + 1;
            let record = |kind| SideBand { time, pid, tid: pid, kind };
            let page = 0x1_0000 * (random.below(PAGES) + 1);
            let parent = random.below(PIDS) as u32 + 1;
            let lives_too = parent != pid && lives[parent as usize - 1].is_some();
            let parent = if lives_too { parent } else { STRANGER };
            let life = &mut lives[pid as usize - 1];
            match (random.below(20), life) {
                (2, life) | (_, life @ None) => {
                    *life = Some((time, 0));
                    let kind = SideBandKind::Fork { parent_pid: parent, parent_tid: parent };
                    batch.side_band.push(record(kind));
                }
                (0, Some((_, execs))) => {
                    *execs += 1;
                    let comm = Comm::from_bytes(b"x");
                    batch.side_band.push(record(SideBandKind::Exec { comm }));
                }
                (1, life) => {
                    *life = None;
                    batch.side_band.push(record(SideBandKind::Exit));
                }
                (3..=6, _) => {
                    let inode = random.below(5) + 1;
                    let path = format!("/no/such/file-{inode}").into_bytes();
                    let device = (0, 1);
                    let (start, len, offset) = (page, 0x1000, 0);
                    let kind = SideBandKind::Mmap { start, len, offset, device, inode, path };
                    batch.side_band.push(record(kind));
                }
                (_, Some(life)) => batch.samples.push(sample(random, time, pid, *life)),
            }
        }
        let ids: HashSet<StackId> =
            batch.samples.iter().flat_map(|sample| [sample.user, sample.kernel]).collect();
        batch.stacks = ids.into_iter().filter(|id| *id != StackId(0)).map(frames).collect();
        batch
    };
    (0..40).map(|_| batch(random)).collect()
}

fn sample(random: &mut Random, time: u64, pid: u32, (start, exec): (u64, u64)) -> Sample {
    let threads = [pid, pid + 100];
    Sample {
        time,
        space: AddressSpace { pid, start, exec },
        tid: threads[random.below(2) as usize],
        event: random.below(2) as u16,
        weight: 1 + random.below(9),
        flags: if random.one_in(9) { Flags::TRUNCATED_USER } else { Flags::default() },
        comm: Comm::from_bytes(if random.one_in(2) { b"a" } else { b"b" }),
        ..crate::record::testing::sample(time, random.below(12), 100 + random.below(3))
    }
}

/// The stack that has this id.
fn frames(id: StackId) -> Stack {
    let mut random = Random::new(id.0);
    let address = |random: &mut Random| match id.0 {
        0..100 => 0x1_0000 * (random.below(PAGES) + 1) + random.below(2) * 0x10,
        _ => 0xffff_ffff_8000_0000 + random.below(100),
    };
    let addresses: Vec<u64> = (0..=random.below(4)).map(|_| address(&mut random)).collect();
    stack(id.0, &addresses)
}

/// The meaning of a count, in terms that are the same in every cut.
type Told = (u32, u32, Comm, u16, String, Vec<String>, Vec<String>);

#[derive(Debug, Default, PartialEq)]
struct Sums {
    counts: BTreeMap<Told, (u64, u64)>,
    samples: u64,
    stack_missing: u64,
    losses: u64,
    first: Option<u64>,
    last: Option<u64>,
}

impl Sums {
    fn add(&mut self, cut: &Cut, table: &ProcessTable) {
        let StackCounts { counts, samples, stack_missing, first, last, .. } = &cut.counts;
        for (key, Count { samples, weight }) in counts {
            let sum = self.counts.entry(told(key, &cut.counts, table)).or_default();
            *sum = (sum.0 + samples, sum.1 + weight);
        }
        self.samples += samples;
        self.stack_missing += stack_missing;
        self.losses += cut.losses.total();
        self.first = self.first.or(*first);
        self.last = last.or(self.last);
    }
}

fn told(key: &Key, counts: &StackCounts, table: &ProcessTable) -> Told {
    let place = |place: &Place| match place {
        Place::File { file, address } => {
            let path = &table.file(*file).expect("a file stays until its cut is retired").path;
            format!("{}+{address:x}", String::from_utf8_lossy(path))
        }
        Place::Jit { address, .. } => format!("jit {address:x}"),
        other => format!("{other:?}"),
    };
    let places = |stack: Option<_>| {
        let frames = stack.map_or(&[][..], |stack| counts.stacks.frames(stack));
        let frame = |(id, trust): &(crate::record::stacks::PlaceId, _)| {
            format!("{} {trust:?}", place(&counts.stacks.places()[id.0 as usize]))
        };
        frames.iter().map(frame).collect()
    };
    let flags = format!("{:?}", key.flags);
    (key.pid, key.tid, key.comm, key.event, flags, places(key.user), places(key.kernel))
}

/// The sums of a session that is cut at the points that `cuts` gives.
fn sums<S: SampleSource>(
    mut session: Session<S>,
    mut cuts: impl FnMut() -> bool,
    mut retires: impl FnMut() -> bool,
) -> (Sums, usize) {
    let (mut sums, mut count) = (Sums::default(), 0);
    while !session.source.finished() {
        if cuts() {
            let cut = session.cut().unwrap();
            sums.add(&cut, &session.table);
            assert_eq!(session.samples(), sums.samples);
            count += 1;
            if retires() {
                session.retire();
            }
        } else {
            session.step().unwrap();
        }
    }
    let Closed { last, table, .. } = session.close();
    sums.add(&last, &table);
    (sums, count)
}

fn holds<S: SampleSource>(source: impl Fn() -> S, seed: u64, of: &str) -> Sums {
    let threads = |source| {
        let mut session = session(source, &[]);
        session.aggregator =
            crate::record::aggregate::Aggregator::new(crate::record::aggregate::Rules {
                threads: true,
                ..Default::default()
            });
        session
    };
    let (uncut, none) = sums(threads(source()), || false, || false);
    assert_eq!(none, 0);
    let (mut random, mut other) = (Random::new(seed), Random::new(!seed));
    let often = 1 + seed % 4;
    let (cut, _) = sums(threads(source()), || random.one_in(often), || other.one_in(2));
    let all: BTreeSet<&Told> = cut.counts.keys().chain(uncut.counts.keys()).collect();
    let differs = |told: &&&Told| cut.counts.get(**told) != uncut.counts.get(**told);
    let different: Vec<_> = all.iter().filter(differs).take(4).collect();
    let values = |sums: &Sums| {
        different.iter().map(|told| sums.counts.get(**told).copied()).collect::<Vec<_>>()
    };
    let (a, b) = (values(&cut), values(&uncut));
    assert!(different.is_empty(), "{of}, seed {seed}: {different:#?}; cut {a:?}, uncut {b:?}");
    assert_eq!(cut, uncut, "{of}, seed {seed}");
    uncut
}

#[test]
fn cuts_of_generated_recordings_add_up() {
    let mut most_unknown = 0;
    for seed in 1..=150 {
        let batches = batches(&mut Random::new(seed));
        let late = || Late { batches: batches.clone(), ..Late::default() };
        let sums = holds(late, seed, "late samples");
        assert_eq!(sums.stack_missing, 0);
        let unknown = |(told, _): &(&Told, _)| told.5.iter().any(|place| place.contains("Unknown"));
        most_unknown = most_unknown.max(sums.counts.iter().filter(unknown).count());
        // The same through a file whose windows have each stack once.
        let mut recorder = Recorder::new(Vec::new()).unwrap();
        let event = |unit| Event { name: String::from("x"), unit, rate: Rate::Every(1) };
        recorder.events(&[event(Unit::Nanoseconds), event(Unit::Count)]).unwrap();
        let mut known = HashSet::new();
        for batch in &batches {
            let mut batch = batch.clone();
            batch.stacks.retain(|stack| known.insert(stack.id));
            recorder.window(&batch).unwrap();
        }
        let text = recorder.finish(&Losses { malformed: 3, ..Losses::default() }).unwrap();
        let replayed = holds(|| Replay::read(&text).unwrap(), seed, "replay");
        assert_eq!(replayed.counts, sums.counts);
        assert_eq!(replayed.losses, 3);
    }
    assert!(most_unknown > 10, "addresses without a mapping are among them");
}

#[test]
fn cuts_of_stored_recordings_add_up() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/recordings");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        let text = std::fs::read(&path).unwrap();
        for seed in 1..=8 {
            let sums = holds(|| Replay::read(&text).unwrap(), seed, &path.display().to_string());
            assert!(sums.samples > 0, "{}", path.display());
        }
        count += 1;
    }
    assert!(count >= 6, "the recordings were found");
}
