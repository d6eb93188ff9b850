//! A process with a code cache, and its samples.

use super::heaps::{self, Names};
use super::memory::Reader;
use super::reading::{Entry, Index, Machine, Reading};
use super::worker::{Done, Job, Worker};
use crate::proc;
use bpf::unwind::table::Table;
use bpf::{Flags, Installed, Stack, StackId, Window};
use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};
use symbolizer::{CodeMemory, FileId, ProcessTable};

/// The shortest time between two readings, and how many times longer than the last one took it is, up to a second.
const REST: Duration = Duration::from_millis(50);
const REST_FOR_WORK: u32 = 25;
/// The same for a process that is sampled, while all its code is known: what is read before it runs need not be marked.
const AHEAD: Duration = Duration::from_millis(50);
const AHEAD_FOR_WORK: u32 = 100;
/// What can't be read is tried again, less and less often; so is what brought nothing new.
const LONGEST_REST: Duration = Duration::from_secs(8);
/// Nanoseconds in the unit in which a process's start is told.
const START_UNIT: u64 = 10_000_000;

/// The library that a virtual machine is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Library {
    pub(super) file: FileId,
    /// Address in memory less virtual address.
    pub(super) bias: u64,
}

/// What is read of a process.
#[derive(Clone, Debug)]
struct Opened {
    memory: Arc<File>,
    library: Arc<File>,
}

/// A Java virtual machine.
#[derive(Debug)]
pub(super) struct Process {
    /// What tells it from every other, and from itself after an exec.
    pub(super) number: u64,
    pub(super) code: CodeMemory,
    pub(super) table: Option<Installed>,
    pub(super) library: Library,
    opened: Option<Opened>,
    machine: Option<Arc<Machine>>,
    /// What was read; `None` while it is being read again.
    reading: Option<Reading>,
    index: Option<Arc<Index>>,
    /// Code that stands where other code stood, and when the tables knew that.
    replaced: Vec<Range<u64>>,
    until: Option<u64>,
    /// Samples came to code that is not known.
    wanted: bool,
    next: Instant,
    rest: Duration,
    /// The reading is for samples that came to code that is not known.
    wanted_last: bool,
    /// It had samples since the last reading; and when it is worth to look for what is new in it.
    sampled: bool,
    ahead: Instant,
}

impl Process {
    /// Of which nothing was read yet.
    pub(super) fn new(number: u64, code: &CodeMemory, library: Library) -> Self {
        Self {
            number,
            code: code.clone(),
            table: None,
            library,
            opened: None,
            machine: None,
            reading: Some(Reading::default()),
            index: None,
            replaced: Vec::new(),
            until: None,
            wanted: false,
            next: Instant::now(),
            rest: REST,
            wanted_last: true,
            sampled: false,
            ahead: Instant::now(),
        }
    }

    /// Whether its descriptors are open.
    pub(super) fn is_opened(&self) -> bool {
        self.opened.is_some()
    }

    /// Whether it should be read again.
    pub(super) fn is_due(&self) -> bool {
        let now = Instant::now();
        let ahead = self.sampled && self.index.is_some() && now >= self.ahead;
        self.reading.is_some() && (ahead || self.wanted && now >= self.next)
    }

    /// Whether it had samples since the last reading.
    pub(super) fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// Whether it will soon be due.
    pub(super) fn is_soon_due(&self) -> bool {
        self.wanted && self.index.is_some() && self.rest < LONGEST_REST / 8
    }

    /// Has it read. What can't be opened is tried again.
    pub(super) fn read(&mut self, worker: &mut Worker, table: &ProcessTable) {
        if self.opened.is_none() {
            self.opened = Opened::of(&self.code, self.library, table);
        }
        let Some(Opened { memory, library }) = self.opened.clone() else {
            self.rest = (self.rest * 2).min(LONGEST_REST);
            (self.next, self.wanted) = (Instant::now() + self.rest, false);
            return;
        };
        let Some(reading) = self.reading.take() else { return };
        self.wanted_last = self.wanted || self.index.is_none();
        (self.wanted, self.sampled) = (false, false);
        let (number, bias, machine) = (self.number, self.library.bias, self.machine.clone());
        worker.read(Job { number, memory, library, bias, machine, reading });
    }

    /// What a reading gave.
    pub(super) fn take(&mut self, done: Done) -> Option<Table> {
        self.reading = Some(done.reading);
        self.machine = done.machine;
        self.ahead = Instant::now() + AHEAD.max(done.took * AHEAD_FOR_WORK);
        // The first one reads all.
        let first = self.index.is_none();
        self.rest = match &done.read {
            Some(_) if first => REST,
            Some(read) if read.news => (done.took * REST_FOR_WORK).clamp(REST, LONGEST_REST / 8),
            _ if self.wanted_last => (self.rest * 2).min(LONGEST_REST),
            _ => self.rest,
        };
        self.next = Instant::now() + self.rest;
        let read = done.read?;
        self.index = Some(read.index);
        self.replaced.extend(read.replaced);
        Some(read.table)
    }

    /// The tables are as they were read, from now on.
    pub(super) fn settle(&mut self, now: u64) {
        if !self.replaced.is_empty() {
            self.until.get_or_insert(now);
        }
    }

    /// The code cache; `None` while it is not known.
    pub(super) fn reserved(&self) -> Option<&[Range<u64>]> {
        self.index.as_ref().map(|index| index.reserved.as_slice())
    }

    /// Marks the samples whose code was replaced. Code that is the same now as when it was read was the same in between.
    pub(super) fn see(&mut self, pid: u32, window: &mut Window) {
        self.sampled = true;
        let (Some(index), Some(machine), Some(opened)) = (&self.index, &self.machine, &self.opened)
        else {
            self.wanted = true;
            return;
        };
        let stacks: HashMap<StackId, &Stack> = window.stacks.iter().map(|s| (s.id, s)).collect();
        let reader = Reader::new(&*opened.memory);
        let mut check =
            Check { machine, names: Names::new(&reader), reader: &reader, seen: HashMap::new() };
        let mut judged: HashMap<StackId, Judgement> = HashMap::new();
        for sample in window.samples.iter_mut().filter(|sample| sample.space.pid == pid) {
            let judgement = *judged.entry(sample.user).or_insert_with(|| {
                let stack = stacks.get(&sample.user);
                stack
                    .map_or(Judgement::default(), |stack| check.judge(stack, index, &self.replaced))
            });
            self.wanted |= judgement.unknown || judgement.changed;
            let before = judgement.before && self.until.is_none_or(|until| sample.time < until);
            if judgement.changed || before {
                sample.flags = sample.flags.with(Flags::STALE);
            }
        }
        if self.until.take().is_some() {
            self.replaced.clear();
        }
    }
}

impl Opened {
    /// `None` where the process's memory may not be read, or its library was not opened.
    fn of(code: &CodeMemory, library: Library, table: &ProcessTable) -> Option<Self> {
        let library = table.file(library.file)?.handle.as_ref()?.try_clone().ok()?;
        let memory = File::open(format!("/proc/{}/mem", code.pid)).ok()?;
        // What was opened is that of this process, if its number still is its own.
        let start = code.start.map(|start| start / START_UNIT);
        if start.is_some_and(|start| proc::start(code.pid) != Some(start)) {
            return None;
        }
        Some(Self { memory: Arc::new(memory), library: Arc::new(library) })
    }
}

/// What is to be said of a stack.
#[derive(Clone, Copy, Debug, Default)]
struct Judgement {
    /// It goes through code that was not read yet.
    unknown: bool,
    /// Through code that is not what was read.
    changed: bool,
    /// Through code that was not what was read before the last reading.
    before: bool,
}

/// Compares what was read with what is there now.
struct Check<'a, 'm> {
    machine: &'a Machine,
    reader: &'a Reader<'m>,
    names: Names<'a, 'm>,
    /// By block: whether it is the same.
    seen: HashMap<u64, bool>,
}

impl Check<'_, '_> {
    fn judge(&mut self, stack: &Stack, index: &Index, replaced: &[Range<u64>]) -> Judgement {
        let mut judgement = Judgement::default();
        for (number, frame) in stack.frames.iter().enumerate() {
            // Return addresses lie behind their calls.
            let address = frame.address.saturating_sub(u64::from(number > 0));
            if !index.holds(address) {
                continue;
            }
            match index.at(address) {
                Some(entry) => judgement.changed |= !self.is_same(entry),
                None => judgement.unknown = true,
            }
            judgement.before |= replaced.iter().any(|range| range.contains(&address));
        }
        judgement
    }

    fn is_same(&mut self, entry: &Entry) -> bool {
        if let Some(same) = self.seen.get(&entry.block) {
            return *same;
        }
        let fields = &self.machine.fields;
        let (reader, end) = (self.reader, entry.code.end);
        let now = heaps::identity(fields, reader, &mut self.names, entry.block, end);
        // Of a process that is gone nothing can be told any more.
        let same = now.is_none_or(|now| now == Some(entry.identity));
        self.seen.insert(entry.block, same);
        same
    }
}

#[cfg(test)]
mod tests {
    use super::super::reading::Reading;
    use super::super::tests::{HEAP, METHOD, machine, machinery};
    use super::*;
    use crate::testing::stack;

    /// What is said of a stack, by what was read of the machine before.
    fn judge(index: &Index, now: &super::super::tests::Machinery, stack: &Stack) -> Judgement {
        let memory = now.memory();
        let machine = machine(&machinery(), &memory).unwrap();
        let reader = Reader::new(&memory);
        let (names, seen) = (Names::new(&reader), HashMap::new());
        let replaced = Vec::from_iter(Some(HEAP + 0x180..HEAP + 0x190));
        Check { machine: &machine, names, reader: &reader, seen }.judge(stack, index, &replaced)
    }

    #[test]
    fn code_that_is_other_or_new_is_seen() {
        let mut now = machinery();
        let memory = now.memory();
        let machine = machine(&now, &memory).unwrap();
        let index = Reading::default().again(&machine, &memory, true).unwrap().index;
        let code = HEAP + 0x80;
        let said = |now: &_, addresses: &[u64]| {
            let said = judge(&index, now, &stack(1, addresses));
            (said.unknown, said.changed, said.before)
        };
        assert_eq!(said(&now, &[0x1000, code + 5, 0x2000]), (false, false, false));
        let end = code + METHOD.len() as u64;
        assert_eq!(
            said(&now, &[0x1000, end]),
            (false, false, false),
            "a return behind a last call"
        );
        assert_eq!(said(&now, &[end]), (true, false, false));
        assert_eq!(said(&now, &[HEAP + 0x180]), (true, false, true));
        now.block(0, 77, METHOD);
        assert_eq!(said(&now, &[0x1000, code + 5]), (false, true, false));
        assert_eq!(said(&now, &[0x1000]), (false, false, false));
    }
}
