//! The tables of files: which file has one, and which file gives its room to another.

use super::accounts::{Accounts, Answer, Ledger, Paid};
use super::build::{self, Built, Depth, Interpreter};
use super::choice::Choice;
use super::foresee::Foreseen;
use super::job::{Job, Key};
use super::stamp::{Stamp, stamp};
use super::table_state::{NoTable, TableState};
use super::workers::Workers;
use bpf::{Installed, Tables, Way};
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use symbolizer::{CodeOf, CodeRange, FileId, MappedFile, ProcessTable};

/// The number of updates without use after which a file's table may give its room to another.
const RECENT: u64 = 10;
/// The bytes of a file's code that are disassembled for each walk that reached code without rules; this takes some
/// milliseconds.
const CODE_A_TIME: u64 = 2 << 20;
/// The number of updates for which a table waits for room.
const PATIENCE: u32 = 5;
/// The time limit for waiting for tables before a recording. The rest is installed during it.
const LONGEST: Duration = Duration::from_secs(10);

/// The tables of all files.
#[derive(Debug)]
pub(super) struct Files {
    tables: Arc<Mutex<Tables>>,
    accounts: Mutex<Accounts>,
    workers: Workers<Job, (Key, Built)>,
    files: HashMap<FileId, TableState>,
    /// Tables of files that no process maps yet.
    foreseen: HashMap<Stamp, Built>,
    /// Old versions of tables. They stay in use until the address spaces use the new ones.
    replaced: Vec<(FileId, Paid)>,
    /// Files whose table has just come.
    came: Vec<FileId>,
    /// The processes whose share had no room for a file's table.
    refused: HashMap<FileId, Vec<u32>>,
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
        let workers = Workers::start("tables", cpus.min(8), Job::run)?;
        let (files, foreseen, replaced) = (HashMap::new(), HashMap::new(), Vec::new());
        let (accounts, refused) = (Mutex::default(), HashMap::new());
        let came = Vec::new();
        Ok(Self {
            tables,
            accounts,
            workers,
            files,
            foreseen,
            replaced,
            came,
            refused,
            vdso,
            now: 0,
        })
    }

    /// Locks the installed tables and their accounts.
    pub(super) fn tables(&self) -> Ledger<'_> {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        Ledger { tables, accounts }
    }

    /// Begins another update.
    pub(super) fn tick(&mut self) {
        self.now += 1;
    }

    /// Marks the tables of these files as used in this update.
    pub(super) fn used<'a>(&mut self, files: impl IntoIterator<Item = &'a FileId>) {
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

    /// Builds the tables of files that a command will map, and waits for them.
    pub(super) fn foresee(&mut self, files: Vec<Foreseen>) {
        for file in files {
            if let Some(stamp) = stamp(&file.file) {
                let (file, code) = (Arc::new(file.file), file.code);
                let job = Job { key: Key::Stamp(stamp), file, code, depth: Depth::Code };
                self.workers.give(0, job);
            }
        }
        for (key, built) in self.workers.done(Duration::MAX) {
            if let Key::Stamp(stamp) = key {
                self.foreseen.insert(stamp, built);
            }
        }
    }

    /// Orders tables for those of these files that have none. A process pays for what it orders.
    pub(super) fn order(&mut self, table: &ProcessTable, pid: u32, choice: &Choice, depth: Depth) {
        for id in choice.files_in_order().into_iter().rev() {
            let refused = self.refused.get(&id).is_some_and(|by| by.contains(&pid));
            if refused || !matches!(self.files.get(&id), None | Some(TableState::NoShare)) {
                continue;
            }
            let Some(file) = table.file(id) else { continue };
            // Without a descriptor, it is unknown whether the file has rules. The next update asks for it again.
            let Some(handle) = file.handle.clone() else { continue };
            let of = match stamp(&handle).and_then(|stamp| self.foreseen.remove(&stamp)) {
                Some(built) => TableState::of(built, pid),
                None => {
                    self.workers.give(pid, job((id, pid), handle, file, depth));
                    TableState::Building
                }
            };
            self.files.insert(id, of);
        }
    }

    /// Installs the tables that are built. With `wait`, waits a while for those that are being built.
    pub(super) fn install(&mut self, wait: bool) -> io::Result<()> {
        for (key, built) in self.workers.done(if wait { LONGEST } else { Duration::ZERO }) {
            let Key::File(id, pid) = key else { continue };
            let new = TableState::of(built, pid);
            if let Some(TableState::Installed { paid, .. }) = self.files.insert(id, new) {
                self.replaced.push((id, paid));
            }
        }
        let idle = self.idle().iter().map(|(_, _, bytes)| bytes).sum();
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ledger = Ledger { tables, accounts };
        for (id, of) in &mut self.files {
            let TableState::Waiting(waiting) = of else { continue };
            *of = match ledger.install(waiting.pid, &waiting.table, idle)? {
                Answer::Installed(paid) => {
                    self.came.push(*id);
                    TableState::Installed {
                        paid,
                        used: self.now,
                        more: waiting.more,
                        came: 0,
                        interpreter: waiting.interpreter.take(),
                    }
                }
                Answer::NoShare => {
                    self.refused.entry(*id).or_default().push(waiting.pid);
                    TableState::NoShare
                }
                Answer::NoRoom if waiting.turns >= PATIENCE => TableState::NoRoom,
                Answer::NoRoom => {
                    waiting.turns += 1;
                    continue;
                }
            };
        }
        Ok(())
    }

    /// The tables that were not used lately: the update of their last use, their file, and their bytes.
    fn idle(&self) -> Vec<(u64, FileId, usize)> {
        let idle = |(id, of): (&FileId, &TableState)| match of {
            TableState::Installed { paid, used, .. } if used + RECENT < self.now => {
                Some((*used, *id, paid.table.bytes()))
            }
            _ => None,
        };
        self.files.iter().filter_map(idle).collect()
    }

    /// The files that must give up their tables so that waiting tables have room. Those that were not used for longest
    /// come first.
    pub(super) fn make_room(&self) -> Vec<FileId> {
        let bytes = |of: &TableState| match of {
            TableState::Waiting(waiting) => waiting.table.rows().len() * 4,
            _ => 0,
        };
        let mut lacking: usize = self.files.values().map(bytes).sum();
        if lacking == 0 {
            return Vec::new();
        }
        let mut old = self.idle();
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

    /// Disassembles a file's code without rules, once, after walks reached it. The more code the file has, the more
    /// walks are needed.
    pub(super) fn deepen(&mut self, id: FileId, table: &ProcessTable) {
        let Some(TableState::Installed { more, came, paid, .. }) = self.files.get_mut(&id) else {
            return;
        };
        *came += 1;
        let pid = paid.pid;
        let file = table.file(id).filter(|file| *came > code_bytes(file) / CODE_A_TIME);
        let file = file.filter(|_| std::mem::take(more));
        let handle = file.and_then(|file| file.handle.clone());
        if let (Some(file), Some(handle)) = (file, handle) {
            self.workers.give(pid, job((id, pid), handle, file, Depth::Code));
        }
    }

    /// The files whose tables have come since the last call.
    pub(super) fn came(&mut self) -> Vec<FileId> {
        std::mem::take(&mut self.came)
    }

    /// The files whose tables have new versions.
    pub(super) fn replaced(&self) -> Vec<FileId> {
        self.replaced.iter().map(|(id, _)| *id).collect()
    }

    /// Removes the old versions of tables. No address space may use them any more.
    pub(super) fn drop_replaced(&mut self) {
        for (_, table) in std::mem::take(&mut self.replaced) {
            self.tables().uninstall(table);
        }
    }

    /// The files that the process table no longer knows.
    pub(super) fn gone(&self, table: &ProcessTable) -> Vec<FileId> {
        let known = self.files.keys().chain(self.refused.keys()).copied();
        known.filter(|file| table.file(*file).is_none()).collect()
    }

    /// Removes a table that no process uses any more. It is built again when a process uses it.
    pub(super) fn evict(&mut self, file: FileId) {
        self.refused.remove(&file);
        if let Some(TableState::Installed { paid, .. }) = self.files.remove(&file) {
            self.tables().uninstall(paid);
        }
    }

    /// The files that have rules but no table, and the reason.
    pub(super) fn without_table(&self) -> impl Iterator<Item = (FileId, NoTable)> {
        self.files.iter().filter_map(|(id, of)| Some((*id, of.no_table()?)))
    }

    /// The processes that have more tables than their share.
    pub(super) fn without_share(&self) -> BTreeSet<u32> {
        self.refused.values().flatten().copied().collect()
    }

    /// The interpreter in a file, if the file has a table.
    pub(super) fn interpreter(&self, file: FileId) -> Option<&Interpreter> {
        match self.files.get(&file)? {
            TableState::Installed { interpreter, .. } => interpreter.as_deref(),
            _ => None,
        }
    }

    /// The way in which a range of a process is walked, and whether its table is still to come.
    pub(super) fn way(&self, pid: u32, range: &CodeRange) -> (Way<'_>, bool) {
        match range.holds {
            CodeOf::File { file, bias } => {
                let refused = self.refused.get(&file).is_some_and(|by| by.contains(&pid));
                let (way, missing) = TableState::way(self.files.get(&file), bias);
                (way, missing && !refused)
            }
            CodeOf::Vdso { base } => match &self.vdso {
                Some(table) => (Way::Rules { table, bias: base }, false),
                None => (Way::FramePointers, false),
            },
            CodeOf::Jit => (Way::RunTime, false),
            CodeOf::Unknown => (Way::Unknown, false),
        }
    }
}

/// The bytes of code that are mapped.
fn code_bytes(file: &MappedFile) -> u64 {
    file.segments.iter().fold(0, |sum, segment| sum.saturating_add(segment.len))
}

fn job((id, pid): (FileId, u32), handle: Arc<File>, file: &MappedFile, depth: Depth) -> Job {
    let range = |s: &symbolizer::Segment| s.start..s.start.saturating_add(s.len);
    let code = file.segments.iter().map(range).collect();
    Job { key: Key::File(id, pid), file: handle, code, depth }
}
