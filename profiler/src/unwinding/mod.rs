//! Unwind tables for the recorded processes. They are built from the processes' files and kept in step with their
//! mappings.
//!
//! In reading order: [`Unwinding`] (how each process is walked), `walked` (one process), `files` (which file has a table),
//! `choice` (the code that gets tables), `accounts` (what a process may have), `table_state` (one table), `workers` (threads beside the recording), `job` (one table's building), `build` (one file),
//! `loops` (where interpreters run), `foresee` (files of a command before it starts), `replaced` (code that replaced other code), `uncovered` (code without
//! rules that walks reached), `hotspot` (run-time code of Java).

mod accounts;
pub(crate) mod build;
mod choice;
mod files;
mod foresee;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod hotspot;
mod job;
mod loops;
mod replaced;
mod stamp;
mod table_state;
mod uncovered;
mod walked;
mod workers;

use crate::host::clock::monotonic;
use crate::host::privileges::as_the_user;
use crate::host::proc;
use crate::record::batch::{Applied, Marked};
use bpf::{CodeMapping, SpaceName, Tables, Window};
use build::Depth;
use choice::{Choice, Seen, file};
use files::Files;
use hotspot::JavaCode;
use replaced::Replacements;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use symbolizer::{CodeMemory, CodeRange, FileId, ProcessTable, Warning};
use table_state::NoTable;
use walked::Walked;

/// The longest time between two updates while unwind tables are being built, and while run-time code is sampled.
const TABLES: Duration = Duration::from_millis(20);
const RUN_TIME: Duration = Duration::from_millis(50);
/// The most processes that are named in warnings.
const MOST_TOLD: usize = 64;

/// Keeps the kernel's tables in step with the processes.
#[derive(Debug)]
pub(crate) struct Unwinding {
    files: Files,
    run_time: JavaCode,
    walked: HashMap<u32, Walked>,
    /// Processes that had samples since the last update.
    sampled: HashSet<u32>,
    /// Whether the whole machine is recorded. Then only processes with samples get tables.
    machine: bool,
    replacements: Replacements,
    /// The places where walks reached code without rules: process and address.
    uncovered: HashSet<(u32, u64)>,
    /// Processes of which code was left out.
    partial: BTreeSet<u32>,
}

impl Unwinding {
    /// Begins without processes. `machine`: the whole machine is recorded, not chosen processes. `by_fp`: code whose
    /// rules are not known yet is walked by frame pointer.
    fn new(tables: Arc<Mutex<Tables>>, machine: bool, by_fp: bool) -> io::Result<Self> {
        Ok(Self {
            files: Files::new(tables)?,
            run_time: JavaCode::new(by_fp)?,
            walked: HashMap::new(),
            sampled: HashSet::new(),
            machine,
            replacements: Replacements::default(),
            uncovered: HashSet::new(),
            partial: BTreeSet::new(),
        })
    }

    /// Makes the tables of all processes in the process table, and those of the files that a command's `program` will
    /// map. Returns when they are installed. `machine` and `by_fp` are as in [`Unwinding::new`].
    pub(crate) fn ready(
        tables: Arc<Mutex<Tables>>,
        (machine, by_fp): (bool, bool),
        program: Option<&OsStr>,
        table: &ProcessTable,
    ) -> io::Result<Self> {
        let mut unwinding = Self::new(tables, machine, by_fp)?;
        if let Some(program) = program {
            unwinding.files.foresee(as_the_user(|| Ok::<_, io::Error>(foresee::files(program)))?);
        }
        unwinding.prepare(table)?;
        Ok(unwinding)
    }

    /// Makes the tables of all processes in the process table, and waits for them.
    fn prepare(&mut self, table: &ProcessTable) -> io::Result<()> {
        for code in table.code() {
            self.sampled.insert(code.pid);
            let choice = Choice::of(table.ranges(&code), &Seen::default());
            self.files.order(table, code.pid, &choice, Depth::Code);
            self.run_time.order(table, &code, &choice.ranges, true);
        }
        self.files.install(true)?;
        self.run_time.install(true, &mut self.files.tables())?;
        self.follow(table).map(|_| ())
    }

    /// Notes which processes were sampled, and marks the samples that were walked by the rules of replaced code. This
    /// comes before the process table applies the window.
    pub(crate) fn see<'a>(&mut self, batch: &'a mut Window, table: &ProcessTable) -> Marked<'a> {
        self.sampled.extend(batch.samples.iter().map(|sample| sample.space.pid));
        self.uncovered.extend(uncovered::addresses(batch));
        walked::note(&mut self.walked, batch);
        let walked = &self.walked;
        Marked::by(batch, |batch| {
            self.replacements.mark(batch, |record| {
                walked.get(&record.pid).is_some_and(|walked| walked.loses_code_to(record, table))
            });
            self.run_time.see(batch)
        })
    }

    /// Follows the changes: new processes, new mappings, finished tables. Returns the time after which it must be
    /// called again: tables are being built, or sampled processes are changing.
    pub(crate) fn update(
        &mut self,
        _: Applied,
        table: &ProcessTable,
    ) -> io::Result<Option<Duration>> {
        self.files.tick();
        for pid in &self.sampled {
            if let Some(walked) = self.walked.get(pid) {
                self.files.used(&walked.choice.files);
            }
        }
        self.deepen(table);
        self.run_time.read(table);
        for evicted in self.files.make_room() {
            self.forget_file(evicted);
        }
        let changed = self.follow(table)?;
        // All tables may be installed, but new run-time code may appear.
        let sampled = self.run_time.is_sampled();
        Ok(if changed || self.files.building() || self.run_time.building() {
            Some(TABLES)
        } else {
            sampled.then_some(RUN_TIME)
        })
    }

    /// The files that have rules but no table, with the reason.
    pub(crate) fn without_table(&self, table: &ProcessTable) -> Vec<Warning> {
        let made = self.run_time.without_room().into_iter();
        let made = made.map(|file| (file, NoTable::NoRoomForMade));
        let all = self.files.without_table().chain(made);
        let files = all.filter_map(|(file, why)| Some(why.warning(table.file(file)?)));
        let shares = self.files.without_share().into_iter().map(table_state::more_than_its_share);
        let many = self.partial.iter().copied().map(table_state::partly_walked);
        files.chain(shares).chain(many).collect()
    }

    /// Removes the tables of files that the process table has dropped.
    pub(crate) fn retire(&mut self, table: &ProcessTable) {
        for file in self.files.gone(table) {
            self.forget_file(file);
        }
    }

    /// Disassembles the files in which walks reached code without rules.
    fn deepen(&mut self, table: &ProcessTable) {
        for (pid, address) in std::mem::take(&mut self.uncovered) {
            let Some(walked) = self.walked.get(&pid) else { continue };
            let holds = |range: &&CodeRange| (range.start..range.end).contains(&address);
            if let Some(file) = walked.choice.ranges.iter().find(holds).and_then(file) {
                self.files.deepen(file, table);
            }
        }
    }

    /// Follows the changes of processes. Returns whether a sampled process changed.
    fn follow(&mut self, table: &ProcessTable) -> io::Result<bool> {
        let mut alive = HashSet::new();
        let mut changed = Vec::new();
        let mut of_sampled = false;
        for code in table.code() {
            alive.insert(code.pid);
            let sampled = self.sampled.contains(&code.pid);
            let wanted = !self.machine || sampled;
            let same = self.walked.get(&code.pid).filter(|walked| walked.code.is_same(&code));
            // A process that gave up its place comes back only when it is sampled. Otherwise it would at once take the
            // place of another.
            let lacks = |walked: &Walked| (walked.incomplete || walked.news) && wanted;
            if same.is_some_and(|walked| !(lacks(walked) && (sampled || walked.name.is_some()))) {
                continue;
            }
            of_sampled |= same.is_none() && wanted;
            let program = |walked: &&Walked| walked.code.is_same_program(&code);
            let seen = self.walked.get(&code.pid).filter(program).map(|walked| &walked.seen);
            let choice = Choice::of(table.ranges(&code), seen.unwrap_or(&Seen::default()));
            if wanted {
                self.files.order(table, code.pid, &choice, Depth::Tables);
            }
            self.run_time.order(table, &code, &choice.ranges, wanted);
            changed.push((code, choice));
        }
        self.sampled.clear();
        self.files.install(false)?;
        let new_code = self.run_time.install(false, &mut self.files.tables())?;
        let (replaced, came) = (self.files.replaced(), self.files.came());
        walked::again(&self.walked, (&replaced, &came, &new_code), &mut changed);
        let pids = changed.iter().map(|(code, _)| code.pid).collect();
        for (code, choice) in changed {
            self.set(code, choice)?;
        }
        let now = monotonic();
        self.replacements.settle(&pids, now);
        self.files.drop_replaced();
        self.remove_all_but(&alive);
        self.replacements.remove_all_but(&alive);
        self.run_time.remove_all_but(&alive);
        self.run_time.settle(&mut self.files.tables(), now);
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

    /// Sets how a process is walked.
    fn set(&mut self, code: CodeMemory, choice: Choice) -> io::Result<()> {
        let start =
            code.start.map(|start| start / proc::START_UNIT).or_else(|| proc::start(code.pid));
        let before = self.walked.remove(&code.pid);
        let seen = before.as_ref().filter(|before| before.code.is_same_program(&code));
        let seen = seen.map_or_else(Seen::default, |before| before.seen.clone());
        let before = before.and_then(|walked| walked.name);
        let mut tables = self.files.tables();
        let Some(start) = start else {
            before.into_iter().for_each(|before| tables.remove_space(before));
            return Ok(());
        };
        let new = SpaceName { pid: code.pid, start: start as u32 };
        let (mut incomplete, mut facts) = (false, Vec::new());
        let mut mappings: Vec<CodeMapping<'_>> = Vec::with_capacity(choice.ranges.len());
        for range in &choice.ranges {
            if let Some(parts) = self.run_time.parts(&code, range, &mut facts) {
                mappings.extend(parts);
                continue;
            }
            let (way, missing) = self.files.way(code.pid, range);
            incomplete |= missing && !choice.leaves_out(range);
            mappings.extend(loops::split(range, way, &self.files, &mut facts));
        }
        loops::compiled(&mut mappings, &facts);
        if let Some(before) = before.filter(|before| *before != new) {
            tables.remove_space(before);
        }
        let known = tables.set_space(new, &mappings, &facts)?;
        let partial = choice.partial || known.is_some_and(|known| known < mappings.len());
        drop(tables);
        if partial && self.partial.len() < MOST_TOLD {
            self.partial.insert(code.pid);
        }
        let (name, pid) = (known.map(|_| new), code.pid);
        self.walked.insert(pid, Walked { name, code, choice, seen, news: false, incomplete });
        Ok(())
    }

    /// Removes a file's table from all processes, so that another file can use its room.
    fn forget_file(&mut self, file: FileId) {
        for walked in self.walked.values_mut().filter(|walked| walked.choice.files.contains(&file))
        {
            if let Some(name) = walked.name.take() {
                self.files.tables().remove_space(name);
            }
            walked.incomplete = true;
        }
        self.files.evict(file);
    }
}
