//! A process with a code cache, and the check of its samples.

#[cfg(test)]
pub(super) mod tests;

use super::comparison::Known;
use super::haste::Haste;
use super::job::{Done, Job};
use super::judge;
use super::look::{Looker, Now, Question, Wanted};
use super::machine::Machine;
use super::opened::{Library, Opened};
use super::reading::{Index, Reading};
use super::replaced::Replaced;
use super::stacks::Stacks;
use crate::record::run_time_code::Codes;
use crate::unwinding::accounts::Paid;
use crate::unwinding::workers::Workers;
use bpf::unwind::table::Table;
use bpf::{RuntimeFacts, StackId, Window};
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};
use symbolizer::{CodeMemory, ProcessTable, Shares};

/// The shortest time between two readings; and the same as a multiple of the time that the last reading took.
const REST: Duration = Duration::from_millis(50);
const REST_FOR_WORK: u32 = 25;
/// The same two for a sampled process whose code is all known. Code that is read before it runs needs no mark.
const AHEAD: Duration = Duration::from_millis(50);
const AHEAD_FOR_WORK: u32 = 400;
/// In a process whose code comes and goes, frames are found without a reading, which may be so many times rarer.
const RARER: u32 = 4;
/// The longest time between two attempts. Attempts become rarer while nothing can be read or nothing is new.
const LONGEST_REST: Duration = Duration::from_secs(8);
/// The most rows of all processes: 64 MiB.
pub(super) const MOST_ROWS: usize = 16 << 20;
/// The most rows that one reading adds. They are its own until it is done, so other processes cannot have them.
const MOST_MORE: usize = 1 << 20;

/// A Java virtual machine.
#[derive(Debug)]
pub(super) struct Process {
    /// A number that tells the process from every other, and from itself after an exec.
    pub(super) number: u64,
    pub(super) code: CodeMemory,
    pub(super) table: Option<Paid>,
    pub(super) library: Library,
    opened: Option<Opened>,
    machine: Option<Arc<Machine>>,
    /// The last reading; `None` while the process is being read again.
    reading: Option<Reading>,
    index: Option<Arc<Index>>,
    /// The code as it was before the tables knew what replaced it.
    before: Option<Arc<Index>>,
    haste: Haste,
    looker: Option<Looker>,
    foreign: bool,
    stacks: Stacks,
    replaced: Replaced,
    /// Whether samples reached unknown code.
    wanted: bool,
    next: Instant,
    rest: Duration,
    /// Whether the present reading was ordered because samples reached unknown code.
    wanted_last: bool,
    /// Whether it had samples since the last reading; and the time from which on looking for new code pays.
    sampled: bool,
    ahead: Instant,
}

impl Process {
    /// A process that was not read yet.
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
            before: None,
            haste: Haste::default(),
            looker: None,
            foreign: false,
            stacks: Stacks::default(),
            replaced: Replaced::default(),
            wanted: false,
            next: Instant::now(),
            rest: REST,
            wanted_last: true,
            sampled: false,
            ahead: Instant::now(),
        }
    }

    /// Whether the process's files are open.
    pub(super) fn is_opened(&self) -> bool {
        self.opened.is_some()
    }

    /// Whether it should be read again.
    pub(super) fn is_due(&self) -> bool {
        let now = Instant::now();
        let ahead = self.sampled && self.index.is_some() && now >= self.ahead;
        self.reading.is_some() && !self.foreign && (ahead || self.wanted && now >= self.next)
    }

    /// Whether it is another kind of virtual machine. Its code is walked like other run-time code.
    pub(super) fn is_foreign(&self) -> bool {
        self.foreign
    }

    /// Whether it had samples since the last reading, and can be read.
    pub(super) fn is_sampled(&self) -> bool {
        self.sampled && self.index.is_some()
    }

    /// Whether it will soon be due.
    pub(super) fn is_soon_due(&self) -> bool {
        self.wanted && self.index.is_some() && self.rest < LONGEST_REST / 8
    }

    /// Orders a reading. Files that cannot be opened are tried again later.
    /// It may have as many more rows as there is room for; this room is its own until the reading is done.
    pub(super) fn read(
        &mut self,
        worker: &mut Workers<Job, Done>,
        table: &ProcessTable,
        rows: &mut Shares,
    ) {
        if self.opened.is_none() {
            self.opened = Opened::of(&self.code, self.library, table);
        }
        let Some(Opened { memory, library, .. }) = self.opened.clone() else {
            self.rest = (self.rest * 2).min(LONGEST_REST);
            (self.next, self.wanted) = (Instant::now() + self.rest, false);
            return;
        };
        let Some(mut reading) = self.reading.take() else { return };
        let more = rows.room(self.code.pid, MOST_ROWS).min(MOST_MORE);
        rows.take(self.code.pid, more);
        reading.churn(self.haste.moves());
        reading.allow(reading.rows().saturating_add(more));
        self.wanted_last = self.wanted || self.index.is_none();
        (self.wanted, self.sampled) = (false, false);
        let (number, bias, machine) = (self.number, self.library.bias, self.machine.clone());
        worker.give(self.code.pid, Job { number, memory, library, bias, machine, reading });
    }

    /// Takes the result of a reading. Returns a table if it differs from the present one.
    pub(super) fn take(&mut self, done: Done) -> Option<Table> {
        self.reading = Some(done.reading);
        self.machine = done.machine;
        self.foreign = done.foreign;
        let rarer = if self.haste.is_shown() { RARER } else { 1 };
        self.ahead = Instant::now() + AHEAD.max(done.took * AHEAD_FOR_WORK * rarer);
        // The first reading reads everything.
        let first = self.index.is_none();
        let least = (done.took * REST_FOR_WORK * rarer).max(REST);
        self.rest = match &done.read {
            Some(_) if first => REST,
            Some(read) if read.news => least,
            _ if self.wanted_last => (self.rest * 2).min(LONGEST_REST).max(least),
            _ => self.rest.max(least),
        };
        self.next = Instant::now() + self.rest;
        let read = done.read?;
        let moved = self.reserved().is_none_or(|reserved| reserved != read.index.reserved);
        // Of stacks that were seen before, only the addresses in the cache were kept.
        if moved && !first {
            self.stacks.clear();
        }
        self.haste.read(read.moves, read.hasty);
        let was = self.index.replace(read.index);
        if !read.replaced.is_empty() && self.before.is_none() {
            self.before = was;
        }
        self.replaced.add(read.replaced);
        (read.news || moved || self.table.is_none()).then_some(read.table)
    }

    /// Notes that from now on the tables are as they were read.
    pub(super) fn settle(&mut self, now: u64) {
        self.replaced.settle(now);
    }

    /// The addresses of the code cache; `None` while they are unknown.
    pub(super) fn reserved(&self) -> Option<&[Range<u64>]> {
        self.index.as_ref().map(|index| index.reserved.as_slice())
    }

    /// The interpreter's code, and what the walk of its frames needs; `None` while they are unknown.
    pub(super) fn interpreter(&self) -> Option<(&Range<u64>, &RuntimeFacts)> {
        let index = self.index.as_ref()?;
        Some((index.interpreter.as_ref()?, index.frames.as_ref()?))
    }

    /// Marks the samples whose code was replaced, or may have been, and notes what they went through. At most `looks` pieces of
    /// code are looked at.
    pub(super) fn see(
        &mut self,
        pid: u32,
        window: &mut Window,
        looks: &mut usize,
        codes: &mut Codes,
    ) {
        if self.foreign {
            return;
        }
        self.sampled = true;
        self.note(pid, window);
        let (Some(index), Some(machine), Some(opened)) = (&self.index, &self.machine, &self.opened)
        else {
            self.wanted = true;
            return;
        };
        if self.looker.is_none() {
            self.looker = Looker::start().ok();
        }
        let looker = &mut self.looker;
        let look = |wanted: Wanted| match looker {
            Some(looker) if !wanted.pieces.is_empty() || !wanted.new.is_empty() => {
                let (machine, memory) = (machine.clone(), opened.beside.clone());
                looker.look(Question { machine, memory, wanted })
            }
            _ => Now::default(),
        };
        let (before, replaced) = (self.before.as_deref(), &self.replaced);
        let hasty = self.haste.is_likely();
        let known = Known { index, before, replaced, hasty };
        self.wanted |= judge::mark(pid, (window, codes), &self.stacks, known, looks, look);
    }

    /// Keeps the addresses of new stacks: those in the code cache, or all of them while the cache is unknown.
    fn note(&mut self, pid: u32, window: &Window) {
        let of_it = window.samples.iter().filter(|sample| sample.space.pid == pid);
        let ids: HashSet<StackId> = of_it.map(|sample| sample.user).collect();
        let index = self.index.as_ref();
        let holds = |address| index.is_none_or(|index| index.holds(address));
        for stack in window.stacks.iter().filter(|stack| ids.contains(&stack.id)) {
            self.stacks.note(stack, holds);
        }
    }

    /// Notes that a window has passed.
    pub(super) fn pass(&mut self) {
        if self.replaced.pass() {
            self.before = None;
        }
    }
}
