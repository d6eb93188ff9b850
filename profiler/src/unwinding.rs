//! Unwind tables for the processes that are recorded: built from their files, and kept in step with their mappings.
//!
//! In reading order: [`Unwinding`] (which process is walked by what), `workers` (tables built beside the recording), `build`
//! (one file).

mod build;
mod workers;

use crate::proc;
use bpf::{CodeMapping, Installed, SpaceName, Tables, Way};
use build::Built;
use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use symbolizer::{CodeMemory, CodeOf, FileId, ProcessTable};
use workers::{Job, Workers};

/// Nanoseconds in the unit in which a process's start is told.
const START_UNIT: u64 = 10_000_000;

/// A file's table.
#[derive(Debug)]
enum Of {
    /// It is being built.
    Building,
    /// It can be searched.
    Installed(Installed),
    /// There are no rules: its code is walked by frame pointer.
    NoRules,
    /// There was no room.
    NoRoom,
}

/// A process whose stacks are walked by rules.
#[derive(Debug)]
struct Walked {
    name: SpaceName,
    code: CodeMemory,
    /// Whether tables of its files were missing.
    incomplete: bool,
}

/// Keeps the tables.
#[derive(Debug)]
pub(crate) struct Unwinding {
    tables: Arc<Mutex<Tables>>,
    workers: Workers,
    files: HashMap<FileId, Of>,
    /// The table of the vDSO.
    vdso: Option<Installed>,
    walked: HashMap<u32, Walked>,
}

impl Unwinding {
    /// Nothing yet.
    pub(crate) fn new(tables: Arc<Mutex<Tables>>) -> io::Result<Self> {
        let vdso = match build::vdso() {
            Some(table) => tables.lock().unwrap_or_else(PoisonError::into_inner).install(&table)?,
            None => None,
        };
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self {
            tables,
            workers: Workers::start(cpus.min(8))?,
            files: HashMap::new(),
            vdso,
            walked: HashMap::new(),
        })
    }

    /// Makes the tables of all processes that the table knows now, and waits for them.
    pub(crate) fn prepare(&mut self, table: &ProcessTable) -> io::Result<()> {
        for code in table.code() {
            self.order(table, &code);
        }
        let built = self.workers.built(true);
        self.install(built)?;
        self.follow(table)
    }

    /// Follows what changed: new processes, new mappings, tables that are ready.
    pub(crate) fn update(&mut self, table: &ProcessTable) -> io::Result<()> {
        let built = self.workers.built(false);
        self.install(built)?;
        self.follow(table)
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the tables built that a process's files lack.
    fn order(&mut self, table: &ProcessTable, code: &CodeMemory) {
        for range in table.ranges(code) {
            let CodeOf::File { file: id, .. } = range.holds else { continue };
            if self.files.contains_key(&id) {
                continue;
            }
            let Some(file) = table.file(id) else { continue };
            let handle = file.handle.as_ref().and_then(|handle| handle.try_clone().ok());
            let of = match handle {
                Some(handle) => {
                    let range = |s: &symbolizer::Segment| s.start..s.start.saturating_add(s.len);
                    let code = file.segments.iter().map(range).collect();
                    self.workers.build(Job { id, file: handle, code });
                    Of::Building
                }
                None => Of::NoRules,
            };
            self.files.insert(id, of);
        }
    }

    fn install(&mut self, built: Vec<(FileId, Built)>) -> io::Result<()> {
        for (id, built) in built {
            let of = match built {
                Built::NoRules => Of::NoRules,
                Built::Table(table) => {
                    let installed = self.lock().install(&table)?;
                    installed.map_or(Of::NoRoom, Of::Installed)
                }
            };
            self.files.insert(id, of);
        }
        Ok(())
    }

    fn follow(&mut self, table: &ProcessTable) -> io::Result<()> {
        let mut alive = HashSet::new();
        for code in table.code() {
            alive.insert(code.pid);
            let walked = self.walked.get(&code.pid);
            if walked.is_some_and(|walked| walked.code.is_same(&code) && !walked.incomplete) {
                continue;
            }
            self.order(table, &code);
            self.set(table, code)?;
        }
        let gone: Vec<u32> =
            self.walked.keys().filter(|pid| !alive.contains(pid)).copied().collect();
        for pid in gone {
            if let Some(walked) = self.walked.remove(&pid) {
                self.lock().remove_space(walked.name);
            }
        }
        Ok(())
    }

    /// Says how a process is walked.
    fn set(&mut self, table: &ProcessTable, code: CodeMemory) -> io::Result<()> {
        let start = code.start.map(|start| start / START_UNIT).or_else(|| proc::start(code.pid));
        let Some(start) = start else { return Ok(()) };
        let name = SpaceName { pid: code.pid, start: start as u32 };
        let mut incomplete = false;
        let mappings: Vec<CodeMapping<'_>> = table
            .ranges(&code)
            .into_iter()
            .map(|range| {
                let way = match range.holds {
                    CodeOf::File { file, bias } => match self.files.get(&file) {
                        Some(Of::Installed(table)) => Way::Rules { table, bias },
                        Some(Of::Building) | None => {
                            incomplete = true;
                            Way::Unknown
                        }
                        Some(Of::NoRules) => Way::FramePointers,
                        Some(Of::NoRoom) => Way::Unknown,
                    },
                    CodeOf::Vdso { base } => match &self.vdso {
                        Some(table) => Way::Rules { table, bias: base },
                        None => Way::FramePointers,
                    },
                    CodeOf::Jit => Way::FramePointers,
                    CodeOf::Unknown => Way::Unknown,
                };
                CodeMapping { start: range.start, end: range.end, way }
            })
            .collect();
        let set = self.lock().set_space(name, &mappings)?;
        drop(mappings);
        if let Some(before) = self.walked.get(&code.pid).filter(|before| before.name != name) {
            let before = before.name;
            self.lock().remove_space(before);
        }
        if set {
            self.walked.insert(code.pid, Walked { name, code, incomplete });
        }
        Ok(())
    }
}
