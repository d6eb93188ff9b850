//! Unwind tables for the processes that are recorded: built from their files, and kept in step with their mappings.
//!
//! In reading order: [`Unwinding`] (which process is walked by what), `files` (which file has a table), `workers`
//! (tables built beside the recording), `build` (one file), `foresee` (files of a command before it starts).

mod build;
mod files;
mod foresee;
mod workers;

use crate::proc;
use bpf::{CodeMapping, Sample, SpaceName, Tables, Way};
use files::{Files, Of};
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::io;
use std::sync::{Arc, Mutex};
use symbolizer::{CodeMemory, CodeOf, CodeRange, FileId, ProcessTable};

/// Nanoseconds in the unit in which a process's start is told.
const START_UNIT: u64 = 10_000_000;

/// A process that was looked at.
#[derive(Debug)]
struct Walked {
    /// Its name in the kernel's tables, if it has a place there.
    name: Option<SpaceName>,
    code: CodeMemory,
    /// The files of its code.
    files: Vec<FileId>,
    /// Whether tables of its files were missing.
    incomplete: bool,
}

/// Keeps the tables.
#[derive(Debug)]
pub(crate) struct Unwinding {
    files: Files,
    walked: HashMap<u32, Walked>,
    /// Processes that had samples since the last update.
    sampled: HashSet<u32>,
    /// Of the machine's processes only those are walked by rules that had samples.
    machine: bool,
}

impl Unwinding {
    /// Nothing yet; of the whole machine, or of chosen processes.
    pub(crate) fn new(tables: Arc<Mutex<Tables>>, machine: bool) -> io::Result<Self> {
        Ok(Self {
            files: Files::new(tables)?,
            walked: HashMap::new(),
            sampled: HashSet::new(),
            machine,
        })
    }

    /// Makes the tables of all processes that the table knows now, and waits for them.
    pub(crate) fn prepare(&mut self, table: &ProcessTable) -> io::Result<()> {
        for code in table.code() {
            self.sampled.insert(code.pid);
            self.files.order(table, &table.ranges(&code));
        }
        self.files.install(true)?;
        self.follow(table).map(|_| ())
    }

    /// Makes the tables of what a command will map, as far as its files tell, and waits for them.
    pub(crate) fn foresee(&mut self, program: &OsStr) {
        self.files.foresee(foresee::files(program));
    }

    /// Takes note of who is sampled.
    pub(crate) fn see(&mut self, samples: &[Sample]) {
        self.sampled.extend(samples.iter().map(|sample| sample.space.pid));
    }

    /// Follows what changed: new processes, new mappings, tables that are ready. Returns whether it should soon be
    /// called again: tables are being built, or processes that are sampled are changing.
    pub(crate) fn update(&mut self, table: &ProcessTable) -> io::Result<bool> {
        self.files.tick();
        for pid in &self.sampled {
            if let Some(walked) = self.walked.get(pid) {
                self.files.used(&walked.files);
            }
        }
        for evicted in self.files.make_room() {
            self.forget_file(evicted);
        }
        let changed = self.follow(table)?;
        Ok(changed || self.files.building())
    }

    /// Files whose tables did not fit.
    pub(crate) fn unfit(&self) -> impl Iterator<Item = FileId> {
        self.files.unfit()
    }

    /// Returns whether a process that is sampled changed.
    fn follow(&mut self, table: &ProcessTable) -> io::Result<bool> {
        let mut alive = HashSet::new();
        let mut changed = Vec::new();
        let mut of_sampled = false;
        for code in table.code() {
            alive.insert(code.pid);
            let wanted = !self.machine || self.sampled.contains(&code.pid);
            let same = self.walked.get(&code.pid).filter(|walked| walked.code.is_same(&code));
            if same.is_some_and(|walked| !(walked.incomplete && wanted)) {
                continue;
            }
            of_sampled |= same.is_none() && wanted;
            let ranges = table.ranges(&code);
            if wanted {
                self.files.order(table, &ranges);
            }
            changed.push((code, ranges));
        }
        self.sampled.clear();
        self.files.install(false)?;
        for (code, ranges) in changed {
            self.set(code, &ranges)?;
        }
        self.remove_all_but(&alive);
        Ok(of_sampled)
    }

    fn remove_all_but(&mut self, alive: &HashSet<u32>) {
        let gone: Vec<u32> =
            self.walked.keys().filter(|pid| !alive.contains(pid)).copied().collect();
        for pid in gone {
            if let Some(name) = self.walked.remove(&pid).and_then(|walked| walked.name) {
                self.files.tables().remove_space(name);
            }
        }
    }

    /// Says how a process is walked.
    fn set(&mut self, code: CodeMemory, ranges: &[CodeRange]) -> io::Result<()> {
        let start = code.start.map(|start| start / START_UNIT).or_else(|| proc::start(code.pid));
        let Some(start) = start else { return Ok(()) };
        let mut name = Some(SpaceName { pid: code.pid, start: start as u32 });
        let before = self.walked.remove(&code.pid).and_then(|walked| walked.name);
        let mut incomplete = false;
        let mut tables = self.files.tables();
        let mappings: Vec<CodeMapping<'_>> = ranges
            .iter()
            .map(|range| {
                let (way, missing) = self.files.way(range);
                incomplete |= missing;
                CodeMapping { start: range.start, end: range.end, way }
            })
            .collect();
        if let Some(before) = before.filter(|before| Some(*before) != name) {
            tables.remove_space(before);
        }
        if let Some(new) = name
            && !tables.set_space(new, &mappings)?
        {
            tables.remove_space(new);
            name = None;
        }
        drop(tables);
        let files = ranges.iter().filter_map(file).collect();
        self.walked.insert(code.pid, Walked { name, code, files, incomplete });
        Ok(())
    }

    /// Takes a file's table from all processes, so that it can be used for another.
    fn forget_file(&mut self, file: FileId) {
        for walked in self.walked.values_mut().filter(|walked| walked.files.contains(&file)) {
            if let Some(name) = walked.name.take() {
                self.files.tables().remove_space(name);
            }
            walked.incomplete = true;
        }
        self.files.evict(file);
    }
}

fn file(range: &CodeRange) -> Option<FileId> {
    match range.holds {
        CodeOf::File { file, .. } => Some(file),
        _ => None,
    }
}

/// How code is walked whose file has this table, if it has one; and whether that is to come.
fn way(of: Option<&Of>, bias: u64) -> (Way<'_>, bool) {
    match of {
        Some(Of::Installed { table, .. }) => (Way::Rules { table, bias }, false),
        Some(Of::NoRules) => (Way::FramePointers, false),
        Some(Of::NoRoom) => (Way::Unknown, false),
        Some(Of::Building | Of::Waiting(_)) | None => (Way::Unknown, true),
    }
}
