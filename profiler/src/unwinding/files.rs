//! Which file has a table, and which gives its room to another.

use super::build::{self, Built, Depth};
use super::foresee::Foreseen;
use super::stamp::{Stamp, stamp};
use super::workers::{Job, Key, Workers};
use bpf::unwind::table::Table;
use bpf::{Installed, Tables, Way};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use symbolizer::{CodeOf, CodeRange, FileId, MappedFile, ProcessTable, Warning};

/// A file whose table was not used for so many updates gives its room to another.
const RECENT: u64 = 10;
/// So many bytes of a file's code are disassembled for each time that a walk came to code without rules: some milliseconds.
const CODE_A_TIME: u64 = 2 << 20;
/// A table for which there is no room waits for so many updates.
const PATIENCE: u32 = 5;

/// A file's table.
#[derive(Debug)]
enum TableState {
    /// It is being built.
    Building,
    /// It waits for room.
    Waiting(Box<Waiting>),
    /// It can be searched.
    Installed {
        /// Where.
        table: Installed,
        /// The update of its last use.
        used: u64,
        /// Whether disassembly might add rules.
        more: bool,
        /// How often walks came to code without rules.
        came: u64,
    },
    /// There are no rules: its code is walked by frame pointer.
    NoRules,
    /// There was no room.
    NoRoom,
    /// It is too large for a table.
    TooLarge,
}

/// Why a file has no table though it has rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoTable {
    /// There was no room.
    NoRoom,
    /// There was no room for the table of the code that it made at run time.
    NoRoomForMade,
    /// Its code spans 4 GiB, or its rules are more than is read.
    TooLarge,
}

impl NoTable {
    /// The warning about the file.
    pub(super) fn warning(self, file: &MappedFile) -> Warning {
        let file = String::from_utf8_lossy(&file.path).into_owned();
        let what = match self {
            Self::NoRoom => {
                "no memory left for its unwind table; raise --unwind-memory or record fewer processes"
            }
            Self::NoRoomForMade => {
                "no memory left for the unwind table of its run-time code; raise --unwind-memory or record fewer processes"
            }
            Self::TooLarge => "too large for an unwind table; walked by frame pointer",
        };
        Warning { file, what: what.to_owned() }
    }
}

/// A table that waits for room.
#[derive(Debug)]
pub(super) struct Waiting {
    table: Table,
    more: bool,
    /// Updates that it has waited.
    turns: u32,
}

impl From<Built> for TableState {
    fn from(built: Built) -> Self {
        match built {
            Built::NoRules => Self::NoRules,
            Built::TooLarge => Self::TooLarge,
            Built::Table { table, more } => {
                Self::Waiting(Box::new(Waiting { table: *table, more, turns: 0 }))
            }
        }
    }
}

/// The files.
#[derive(Debug)]
pub(super) struct Files {
    tables: Arc<Mutex<Tables>>,
    workers: Workers,
    files: HashMap<FileId, TableState>,
    /// Tables of files that no process maps yet.
    foreseen: HashMap<Stamp, Built>,
    /// Tables of which there are new versions, in use until the address spaces use those.
    replaced: Vec<(FileId, Installed)>,
    vdso: Option<Installed>,
    now: u64,
}

impl Files {
    pub(super) fn new(tables: Arc<Mutex<Tables>>) -> io::Result<Self> {
        let vdso = match build::vdso() {
            Some(table) => tables.lock().unwrap_or_else(PoisonError::into_inner).install(&table)?,
            None => None,
        };
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let workers = Workers::start(cpus.min(8))?;
        let (files, foreseen, replaced) = (HashMap::new(), HashMap::new(), Vec::new());
        Ok(Self { tables, workers, files, foreseen, replaced, vdso, now: 0 })
    }

    /// The tables themselves.
    pub(super) fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another update begins.
    pub(super) fn tick(&mut self) {
        self.now += 1;
    }

    /// These files' tables are in use.
    pub(super) fn used(&mut self, files: &[FileId]) {
        for file in files {
            if let Some(TableState::Installed { used, .. }) = self.files.get_mut(file) {
                *used = self.now;
            }
        }
    }

    /// Whether tables are being built.
    pub(super) fn building(&self) -> bool {
        self.workers.waiting() > 0
    }

    /// Builds tables of files that a command will map, and waits for them.
    pub(super) fn foresee(&mut self, files: Vec<Foreseen>) {
        for file in files {
            if let Some(stamp) = stamp(&file.file) {
                self.workers.build(Job {
                    key: Key::Stamp(stamp),
                    file: file.file,
                    code: file.code,
                    depth: Depth::Code,
                });
            }
        }
        for (key, built) in self.workers.built(true) {
            if let Key::Stamp(stamp) = key {
                self.foreseen.insert(stamp, built);
            }
        }
    }

    /// Has the tables built that a process's files lack.
    pub(super) fn order(&mut self, table: &ProcessTable, ranges: &[CodeRange], depth: Depth) {
        for range in ranges {
            let CodeOf::File { file: id, .. } = range.holds else { continue };
            if self.files.contains_key(&id) {
                continue;
            }
            let Some(file) = table.file(id) else { continue };
            // Without a descriptor nothing is known of its rules, not that it has none: it is asked for again.
            let Some(handle) = file.handle.as_ref().and_then(|handle| handle.try_clone().ok())
            else {
                continue;
            };
            let of = match stamp(&handle).and_then(|stamp| self.foreseen.remove(&stamp)) {
                Some(built) => built.into(),
                None => {
                    self.workers.build(job(id, handle, file, depth));
                    TableState::Building
                }
            };
            self.files.insert(id, of);
        }
    }

    /// Installs what was built; waits for all that is being built where `wait` says so.
    pub(super) fn install(&mut self, wait: bool) -> io::Result<()> {
        for (key, built) in self.workers.built(wait) {
            let Key::File(id) = key else { continue };
            if let Some(TableState::Installed { table, .. }) = self.files.insert(id, built.into()) {
                self.replaced.push((id, table));
            }
        }
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        for of in self.files.values_mut() {
            let TableState::Waiting(waiting) = of else { continue };
            if let Some(table) = tables.install(&waiting.table)? {
                *of = TableState::Installed { table, used: self.now, more: waiting.more, came: 0 };
            } else if waiting.turns >= PATIENCE {
                *of = TableState::NoRoom;
            } else {
                waiting.turns += 1;
            }
        }
        Ok(())
    }

    /// The files that have to give up their tables so that those that wait have room: those not used for longest.
    pub(super) fn make_room(&self) -> Vec<FileId> {
        let bytes = |of: &TableState| match of {
            TableState::Waiting(waiting) => waiting.table.rows().len() * 4,
            _ => 0,
        };
        let mut lacking: usize = self.files.values().map(bytes).sum();
        if lacking == 0 {
            return Vec::new();
        }
        let mut old: Vec<(u64, FileId, usize)> = self
            .files
            .iter()
            .filter_map(|(id, of)| match of {
                TableState::Installed { table, used, .. } if used + RECENT < self.now => {
                    Some((*used, *id, table.bytes()))
                }
                _ => None,
            })
            .collect();
        old.sort_unstable();
        let mut given = Vec::new();
        for (_, id, bytes) in old {
            if lacking == 0 {
                break;
            }
            lacking = lacking.saturating_sub(bytes);
            given.push(id);
        }
        given
    }

    /// Has code disassembled that a walk came to and that has no rules, as long as that was not done. What takes long is
    /// done when walks have come there often.
    pub(super) fn deepen(&mut self, id: FileId, table: &ProcessTable) {
        let Some(TableState::Installed { more, came, .. }) = self.files.get_mut(&id) else {
            return;
        };
        *came += 1;
        let file = table.file(id).filter(|file| *came > code_bytes(file) / CODE_A_TIME);
        let file = file.filter(|_| std::mem::take(more));
        let handle = file.and_then(|file| file.handle.as_ref()?.try_clone().ok());
        if let (Some(file), Some(handle)) = (file, handle) {
            self.workers.build(job(id, handle, file, Depth::Code));
        }
    }

    /// The files whose tables were replaced.
    pub(super) fn replaced(&self) -> Vec<FileId> {
        self.replaced.iter().map(|(id, _)| *id).collect()
    }

    /// No address space uses a replaced table any more.
    pub(super) fn drop_replaced(&mut self) {
        for (_, table) in std::mem::take(&mut self.replaced) {
            self.tables().uninstall(table);
        }
    }

    /// The files that the process table does not know any more.
    pub(super) fn gone(&self, table: &ProcessTable) -> Vec<FileId> {
        self.files.keys().copied().filter(|file| table.file(*file).is_none()).collect()
    }

    /// Takes a table away that no process uses any more; it is built again when one does.
    pub(super) fn evict(&mut self, file: FileId) {
        if let Some(TableState::Installed { table, .. }) = self.files.remove(&file) {
            self.tables().uninstall(table);
        }
    }

    /// Files without tables though they have rules, and why.
    pub(super) fn without_table(&self) -> impl Iterator<Item = (FileId, NoTable)> {
        self.files.iter().filter_map(|(id, of)| match of {
            TableState::NoRoom | TableState::Waiting(_) => Some((*id, NoTable::NoRoom)),
            TableState::TooLarge => Some((*id, NoTable::TooLarge)),
            TableState::Building | TableState::Installed { .. } | TableState::NoRules => None,
        })
    }

    /// How a range is walked, and whether its table is to come.
    pub(super) fn way(&self, range: &CodeRange) -> (Way<'_>, bool) {
        match range.holds {
            CodeOf::File { file, bias } => way(self.files.get(&file), bias),
            CodeOf::Vdso { base } => match &self.vdso {
                Some(table) => (Way::Rules { table, bias: base }, false),
                None => (Way::FramePointers, false),
            },
            CodeOf::Jit => (Way::RunTime, false),
            CodeOf::Unknown => (Way::Unknown, false),
        }
    }
}

/// Bytes of code, as mapped.
fn code_bytes(file: &MappedFile) -> u64 {
    file.segments.iter().fold(0, |sum, segment| sum.saturating_add(segment.len))
}

fn job(id: FileId, handle: File, file: &MappedFile, depth: Depth) -> Job {
    let range = |s: &symbolizer::Segment| s.start..s.start.saturating_add(s.len);
    let code = file.segments.iter().map(range).collect();
    Job { key: Key::File(id), file: handle, code, depth }
}

/// The file of a range of code.
pub(super) fn file(range: &CodeRange) -> Option<FileId> {
    match range.holds {
        CodeOf::File { file, .. } => Some(file),
        _ => None,
    }
}

/// How code is walked whose file has this table, if it has one; and whether that is to come.
fn way(of: Option<&TableState>, bias: u64) -> (Way<'_>, bool) {
    match of {
        Some(TableState::Installed { table, .. }) => (Way::Rules { table, bias }, false),
        Some(TableState::NoRules) => (Way::FramePointers, false),
        Some(TableState::NoRoom | TableState::TooLarge) => (Way::Unknown, false),
        Some(TableState::Building | TableState::Waiting(_)) | None => (Way::Unknown, true),
    }
}
