//! Tables for the code that Java virtual machines make at run time.
//!
//! A process that maps `libjvm.so` gets a table of its own for its code cache, made from the virtual machine's own
//! description of each piece of code. The cache is read again when samples reach unknown code. A thread of its own does
//! this, and seldom; it disassembles only code that changed. After each window, the sampled code is checked: is it
//! still the code that the rules were made from? If not, the sample is marked. A sample is also marked if its code
//! cache has no table.
//!
//! In reading order: `memory` (bounded reads of a process), `symbols` and `machine` (the virtual machine's own
//! description), `heaps` (its code cache), `codelets` (its interpreter), `facts` (for the kernel's walker), `reading` (from there to a table), `stacks`,
//! `replaced`, `haste`, `look`, `comparison` and `judge` (the check of sampled code), `opened` (its files), `process` (one process), `parts` (of its code), [`JavaCode`] (all processes).

mod codelets;
mod comparison;
mod facts;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod haste;
mod heaps;
mod job;
mod judge;
mod look;
mod machine;
mod memory;
mod opened;
mod parts;
mod process;
mod reading;
mod replaced;
mod stacks;
mod symbols;
#[cfg(test)]
mod tests;

use super::accounts::{Answer, Ledger, Paid};
use super::workers::Workers;
use crate::record::run_time_code::Codes;
use bpf::{CodeMapping, RuntimeFacts, Way, Window};
use job::{Done, Job};
use opened::Library;
use parts::{cut, split};
use process::Process;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::time::Duration;
use symbolizer::{CodeMemory, CodeOf, CodeRange, FileId, ProcessTable, Runtime, Shares};

/// The time limit for waiting for all readings. A process may be slow, or may delay reads of its memory.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most virtual machines whose code is read at a time.
const MOST_OPENED: usize = 64;

/// The processes with a code cache.
#[derive(Debug)]
pub(super) struct JavaCode {
    worker: Workers<Job, Done>,
    processes: HashMap<u32, Process>,
    /// Old tables: those with new versions, and those of ended processes.
    old: Vec<Paid>,
    /// The number of the next process. It tells the process of a reading from every other.
    next: u64,
    /// The rows of each process, and those that a reading under way may add.
    rows: Shares,
}

impl JavaCode {
    /// Begins without processes. With `by_fp`, code without known rules is walked by frame pointer.
    pub(super) fn new(by_fp: bool) -> io::Result<Self> {
        let (processes, old) = (HashMap::new(), Vec::new());
        let worker = Workers::start("run-time code", 1, move |job: Job| job.run(by_fp))?;
        Ok(Self { worker, processes, old, next: 0, rows: Shares::default() })
    }

    /// Adds a process if it is a Java virtual machine, and forgets the program that it was before. Its code is read at
    /// once with `now`, otherwise when it is sampled.
    pub(super) fn order(
        &mut self,
        table: &ProcessTable,
        code: &CodeMemory,
        ranges: &[CodeRange],
        now: bool,
    ) {
        if self.processes.get(&code.pid).is_some_and(|known| code.is_same_program(&known.code)) {
            return;
        }
        self.remove(code.pid);
        let library = ranges.iter().find_map(|range| {
            let CodeOf::File { file, bias } = range.holds else { return None };
            let runtime = Runtime::of_file(&table.file(file)?.path);
            (runtime == Some(Runtime::HOTSPOT)).then_some(Library { file, bias })
        });
        let Some(library) = library else { return };
        self.next += 1;
        let mut process = Process::new(self.next, code, library);
        if now && self.opened() < MOST_OPENED {
            process.read(&mut self.worker, table, &mut self.rows);
        }
        self.processes.insert(code.pid, process);
    }

    /// The number of processes with open descriptors.
    fn opened(&self) -> usize {
        self.processes.values().filter(|process| process.is_opened()).count()
    }

    /// Checks a window's samples against the code that is there now. Marks the samples whose code is gone, and those
    /// that cannot be checked. Returns the code that they went through.
    pub(super) fn see(&mut self, window: &mut Window) -> Codes {
        let sampled: HashSet<u32> = window.samples.iter().map(|sample| sample.space.pid).collect();
        let (mut looks, mut codes) = (judge::MOST_LOOKS, Codes::default());
        for (pid, process) in &mut self.processes {
            if sampled.contains(pid) {
                process.see(*pid, window, &mut looks, &mut codes);
            }
            process.pass();
        }
        codes
    }

    /// Orders readings of the caches that changed.
    pub(super) fn read(&mut self, table: &ProcessTable) {
        let mut opened = self.opened();
        for process in self.processes.values_mut().filter(|process| process.is_due()) {
            if process.is_opened() || opened < MOST_OPENED {
                opened += usize::from(!process.is_opened());
                process.read(&mut self.worker, table, &mut self.rows);
            }
        }
    }

    /// Whether code is being read, or soon will be.
    pub(super) fn building(&self) -> bool {
        self.worker.waiting() > 0 || self.processes.values().any(Process::is_soon_due)
    }

    /// Whether a process with a code cache is sampled, so that new code may soon run.
    pub(super) fn is_sampled(&self) -> bool {
        self.processes.values().any(Process::is_sampled)
    }

    /// The libraries of the virtual machines for whose code there was no room.
    pub(super) fn without_room(&self) -> BTreeSet<FileId> {
        let lacks = |process: &&Process| process.reserved().is_some() && process.table.is_none();
        self.processes.values().filter(lacks).map(|process| process.library.file).collect()
    }

    /// Installs the tables that were read. With `wait`, waits a while for them. Returns the processes with new tables.
    ///
    /// # Errors
    /// When the kernel has no memory left.
    pub(super) fn install(&mut self, wait: bool, tables: &mut Ledger<'_>) -> io::Result<Vec<u32>> {
        let mut changed = Vec::new();
        for done in self.worker.done(if wait { PATIENCE } else { Duration::ZERO }) {
            let of = self.processes.iter_mut().find(|(_, process)| process.number == done.number);
            let Some((pid, process)) = of else { continue };
            let known = process.reserved().is_some();
            self.rows.give(*pid, usize::MAX);
            self.rows.take(*pid, done.reading.rows());
            if done.foreign {
                changed.push(*pid);
            }
            let Some(table) = process.take(done) else { continue };
            // If there is no room, the code is walked like code whose table is still missing.
            let new = match tables.install(*pid, &table, 0)? {
                Answer::Installed(paid) => Some(paid),
                Answer::NoRoom | Answer::NoShare => None,
            };
            if new.is_some() || process.table.is_some() || !known {
                changed.push(*pid);
            }
            self.old.extend(std::mem::replace(&mut process.table, new));
        }
        Ok(changed)
    }

    /// Removes the old tables. No address space may use them any more.
    pub(super) fn settle(&mut self, tables: &mut Ledger<'_>, now: u64) {
        self.old.drain(..).for_each(|table| tables.uninstall(table));
        self.processes.values_mut().for_each(|process| process.settle(now));
    }

    /// Forgets the processes that have ended.
    pub(super) fn remove_all_but(&mut self, alive: &HashSet<u32>) {
        let gone: Vec<u32> =
            self.processes.keys().filter(|pid| !alive.contains(pid)).copied().collect();
        gone.into_iter().for_each(|pid| self.remove(pid));
    }

    fn remove(&mut self, pid: u32) {
        self.rows.give(pid, usize::MAX);
        self.old.extend(self.processes.remove(&pid).and_then(|process| process.table));
    }

    /// The parts of a range of run-time code, and how each is walked; `None` if it is not a virtual machine's. A code
    /// cache that should have a table and has none is walked as unknown code. Adds the facts about the interpreter.
    pub(super) fn parts(
        &self,
        code: &CodeMemory,
        range: &CodeRange,
        facts: &mut Vec<RuntimeFacts>,
    ) -> Option<Vec<CodeMapping<'_>>> {
        let process = self.processes.get(&code.pid).filter(|_| range.holds == CodeOf::Jit)?;
        if !code.is_same_program(&process.code) || process.is_foreign() {
            return None;
        }
        let way = process.table.as_ref().map(|paid| Way::Rules { table: &paid.table, bias: 0 });
        let Some(reserved) = process.reserved() else {
            return Some(vec![CodeMapping {
                start: range.start,
                end: range.end,
                way: Way::Unknown,
            }]);
        };
        let mut parts = split(range.start..range.end, reserved, way.unwrap_or(Way::Unknown));
        if let (Some((code, frames)), Some(paid)) = (process.interpreter(), &process.table) {
            let runtime = Runtime::HOTSPOT.number();
            let way = Way::Interpreter { table: &paid.table, bias: 0, runtime };
            parts = parts.into_iter().flat_map(|part| cut(part, code, way)).collect();
            if !facts.contains(frames) {
                facts.push(frames.clone());
            }
        }
        Some(parts)
    }
}

#[cfg(test)]
mod walked {
    use super::process::tests::{process, read};
    use super::tests::HEAP;
    use super::*;
    use std::process::Command;
    use std::time::Duration;

    fn ends(parts: &[CodeMapping<'_>]) -> Vec<(u64, u64, bool)> {
        parts.iter().map(|p| (p.start, p.end, matches!(p.way, Way::Unknown))).collect()
    }

    #[test]
    fn only_the_program_that_was_read_is_walked_by_its_rules_and_none_without_a_table() {
        let mut all = JavaCode::new(true).unwrap();
        let mut process = process();
        let code = process.code.clone();
        let range = CodeRange { start: HEAP - 0x1000, end: HEAP + 0x4000, holds: CodeOf::Jit };
        all.processes.insert(code.pid, process);
        let parts = |all: &JavaCode, code: &CodeMemory| {
            all.parts(code, &range, &mut Vec::new()).map(|parts| ends(&parts))
        };
        assert_eq!(parts(&all, &code), Some(vec![(range.start, range.end, true)]));
        process = all.processes.remove(&code.pid).unwrap();
        assert!(read(&mut process, Duration::ZERO).is_some());
        all.processes.insert(code.pid, process);
        let (before, behind) = (range.start..HEAP, HEAP + 0x2000..range.end);
        let cache = (HEAP, HEAP + 0x2000, true);
        let split = [(before.start, HEAP, false), cache, (behind.start, behind.end, false)];
        assert_eq!(parts(&all, &code), Some(split.to_vec()));
        let known = all.processes.get_mut(&code.pid).unwrap();
        known.be_foreign();
        assert_eq!(parts(&all, &code), None, "another kind of virtual machine");
        // Another program with the same process id.
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let mut table = ProcessTable::new();
        table.read(std::process::id());
        table.read(child.id());
        let mut other = table.code().find(|code| code.pid == child.id()).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        other.pid = code.pid;
        assert_eq!(parts(&all, &other), None);
        all.order(&table, &other, &[], true);
        assert!(all.processes.is_empty(), "it is no virtual machine");
    }
}
