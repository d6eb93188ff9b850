//! Tables for the code that Java virtual machines make at run time.
//!
//! A process that maps `libjvm.so` gets a table of its own, over its code cache, from what the virtual machine says of each
//! piece of code there. It is read anew when samples came to code that is not known, on a thread of its own and seldom, and
//! only what changed is disassembled. What was sampled is checked: was the code still there that the rules were made of? If
//! not, the sample is marked.
//!
//! In reading order: `memory` (bounded reads of a process), `layout` (the virtual machine's own description), `heaps` (its code
//! cache), `codelets` (its interpreter), `reading` (from there to a table), `process` (a process and its samples), [`RunTimeCode`] (all of them).

mod codelets;
mod heaps;
mod layout;
mod memory;
mod process;
mod reading;
#[cfg(test)]
mod tests;
mod worker;

use bpf::{CodeMapping, Installed, Tables, Way, Window};
use process::Process;
use std::collections::{HashMap, HashSet};
use std::io;
use symbolizer::{CodeMemory, CodeOf, CodeRange, ProcessTable};
use worker::Worker;

/// The library.
const LIBRARY: &[u8] = b"/libjvm.so";

/// The processes with code of their own.
#[derive(Debug)]
pub(super) struct RunTimeCode {
    worker: Worker,
    processes: HashMap<u32, Process>,
    /// Tables of which there are new versions, and of processes that are gone.
    old: Vec<Installed>,
    /// What tells one reading's process from every other.
    next: u64,
}

impl RunTimeCode {
    /// Without processes yet; `by_fp`: code whose rules are not known is walked by frame pointer.
    pub(super) fn new(by_fp: bool) -> io::Result<Self> {
        let (processes, old) = (HashMap::new(), Vec::new());
        Ok(Self { worker: Worker::start(by_fp)?, processes, old, next: 0 })
    }

    /// Takes note of a process, if it is a Java virtual machine.
    pub(super) fn order(&mut self, table: &ProcessTable, code: &CodeMemory, ranges: &[CodeRange]) {
        if self.processes.get(&code.pid).is_some_and(|known| code.is_same_program(&known.code)) {
            return;
        }
        self.remove(code.pid);
        let library = ranges.iter().find_map(|range| {
            let CodeOf::File { file, bias } = range.holds else { return None };
            let file = table.file(file).filter(|file| file.path.ends_with(LIBRARY))?;
            Some((file.handle.as_ref()?.try_clone().ok()?, bias))
        });
        let Some((library, bias)) = library else { return };
        self.next += 1;
        if let Some(mut process) = Process::open(self.next, code, library, bias) {
            process.read(&mut self.worker);
            self.processes.insert(code.pid, process);
        }
    }

    /// Checks a window's samples against the code that there is now, and marks those whose code is no longer there.
    pub(super) fn see(&mut self, window: &mut Window) {
        for (pid, process) in &mut self.processes {
            if window.samples.iter().any(|sample| sample.space.pid == *pid) {
                process.see(*pid, window);
            }
        }
    }

    /// Has read again what changed.
    pub(super) fn read(&mut self) {
        for process in self.processes.values_mut().filter(|process| process.is_due()) {
            process.read(&mut self.worker);
        }
    }

    /// Whether code is being read, or soon will be.
    pub(super) fn building(&self) -> bool {
        self.worker.waiting() > 0 || self.processes.values().any(Process::is_soon_due)
    }

    /// Whether one of them is sampled, so that new code may soon run.
    pub(super) fn is_sampled(&self) -> bool {
        self.processes.values().any(Process::is_sampled)
    }

    /// Installs what was read; waits for all of it where `wait` says so. Returns the processes with new tables.
    ///
    /// # Errors
    /// When the kernel gives no memory.
    pub(super) fn install(&mut self, wait: bool, tables: &mut Tables) -> io::Result<Vec<u32>> {
        let mut changed = Vec::new();
        for done in self.worker.done(wait) {
            let of = self.processes.iter_mut().find(|(_, process)| process.number == done.number);
            let Some((pid, process)) = of else { continue };
            let Some(table) = process.take(done) else { continue };
            let new = tables.install(&table)?;
            self.old.extend(std::mem::replace(&mut process.table, new));
            changed.push(*pid);
        }
        Ok(changed)
    }

    /// No address space uses old tables any more.
    pub(super) fn settle(&mut self, tables: &mut Tables, now: u64) {
        self.old.drain(..).for_each(|table| tables.uninstall(table));
        self.processes.values_mut().for_each(|process| process.settle(now));
    }

    /// Forgets processes that are gone.
    pub(super) fn remove_all_but(&mut self, alive: &HashSet<u32>) {
        let gone: Vec<u32> =
            self.processes.keys().filter(|pid| !alive.contains(pid)).copied().collect();
        gone.into_iter().for_each(|pid| self.remove(pid));
    }

    fn remove(&mut self, pid: u32) {
        self.old.extend(self.processes.remove(&pid).and_then(|process| process.table));
    }

    /// How a range of code that was made at run time is walked, part by part; `None` where nothing is known of it.
    pub(super) fn parts(&self, pid: u32, range: &CodeRange) -> Option<Vec<CodeMapping<'_>>> {
        let process = self.processes.get(&pid).filter(|_| range.holds == CodeOf::Jit)?;
        let table = process.table.as_ref()?;
        let mut parts = Vec::new();
        let mut at = range.start;
        for cache in process.reserved() {
            let (start, end) = (cache.start.max(at), cache.end.min(range.end));
            if start >= end {
                continue;
            }
            if at < start {
                parts.push(CodeMapping { start: at, end: start, way: Way::RunTime });
            }
            parts.push(CodeMapping { start, end, way: Way::Rules { table, bias: 0 } });
            at = end;
        }
        if at < range.end {
            parts.push(CodeMapping { start: at, end: range.end, way: Way::RunTime });
        }
        Some(parts)
    }
}
