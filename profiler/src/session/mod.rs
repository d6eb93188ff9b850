//! A session, as in the picture in ARCHITECTURE.md.
//!
//! ```text
//! source ─batch▶ marked by the unwind tables ─▶ process table and counts ─▶ tables follow      (a step)
//!                                                                 └─ StackCounts, losses ─▶    (a cut)
//! ```
//!
//! A session is opened, stepped, cut any number of times, and closed. `record` is a session with one cut. `finish`
//! makes a profile of the cut, writes it and sends it.

mod finish;
pub mod record;
#[cfg(test)]
mod tests;

use crate::cli::config::Config;
use crate::cli::target_spec::TargetSpec;
use crate::host::clock::monotonic;
use crate::host::exit::Failure;
use crate::host::looking;
use crate::record::aggregate::{Aggregator, Gate, Rules};
use crate::record::batch::{Applied, Marked};
use crate::record::cpu_time::CpuTime;
use crate::record::recorded::Cut;
use crate::record::saved_recording::SavedRecording;
use crate::record::source::Source;
use crate::target::gate;
use crate::target::tracee::Tracee;
use crate::target::watch::Watch;
use crate::unwinding::Unwinding;
use bpf::{Losses, SampleSource, Started, Window};
use std::ffi::{OsStr, OsString};
use std::time::{Duration, Instant};
use symbolizer::{ProcessTable, Symbolize, Unread, Warning};

/// The time for which a machine-wide recording reads the running processes at its start. One that is sampled before its turn is read then.
const READ_ALL: Duration = Duration::from_millis(50);
/// The time for which it goes on in each step, until all are read.
const READ_MORE: Duration = Duration::from_millis(5);
/// The longest time between two such steps.
const READ_SOON: Duration = Duration::from_millis(20);
/// The longest time between two drains while run-time code without names is sampled: in the first seconds, in which programs start, and later.
const NAMES: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(100)];
const FIRST: Duration = Duration::from_secs(2);
/// The longest time between two readings of the CPU time of the target's processes.
const LOOK: Duration = Duration::from_secs(1);

/// The samples of a source, counted until a cut hands them over.
#[derive(Debug)]
struct Session<S> {
    source: S,
    started: Started,
    batch: Window,
    table: ProcessTable,
    aggregator: Aggregator,
    unwinding: Option<Unwinding>,
    /// Makes names, some of them during the recording.
    symbolizer: Box<dyn Symbolize + Send>,
    watch: Watch,
    time: CpuTime,
    saved: SavedRecording,
    /// The losses that were reported in earlier cuts.
    told: Losses,
    /// The number of samples in earlier cuts.
    handed_over: u64,
    begun: Instant,
    /// The time of the last cut, or of the start; CLOCK_MONOTONIC nanoseconds.
    last_cut: u64,
    looked: Instant,
    /// The running processes that are still to be read.
    unread: Unread,
}

impl Session<Source> {
    /// Starts the source, with unwind tables for the target's processes, or for the command.
    fn open(
        config: &Config,
        tracee: &Tracee,
        mut source: Source,
        symbolizer: Box<dyn Symbolize + Send>,
    ) -> Result<Self, Failure> {
        let (target, sampling) = (&tracee.target, &config.sampling);
        let machine = target.tasks == bpf::Target::Machine;
        let mut saved = SavedRecording::open(&config.stored, config.owner())?;
        let replayed = config.stored.replay.is_some();
        let live = || ProcessTable::looking_by(looking::start);
        let mut table = if replayed { ProcessTable::without_proc() } else { live() };
        // The process of a command is read after it has become the command.
        if tracee.gate().is_none() {
            target.processes.iter().for_each(|pid| table.read(*pid));
        }
        let by_fp = sampling.unwind == bpf::Unwind::Auto;
        let ready = |tables| Unwinding::ready(tables, (machine, by_fp), program(config), &table);
        let unwinding = source.tables().map(ready).transpose()?;
        let started = source.start(&sampling.events)?;
        // What follows takes time, in which samples come.
        let begun = Instant::now();
        let last_cut = started.time;
        saved.events(&started.events);
        let time = match config.stored.replay {
            Some(_) => CpuTime::Unknown,
            None => CpuTime::begin(&target.tasks, sampling.cpus.as_deref(), sampling.include_self),
        };
        let mut unread = if machine && !replayed { Unread::running() } else { Unread::default() };
        table.read_some(&mut unread, READ_ALL);
        let waits = |pid| Gate { pid, name: gate::NAME, first_name: gate::FIRST_NAME };
        let rules = Rules {
            threads: config.outputs.formats.labels(),
            times: config.outputs.times(),
            gate: tracee.gate().map(waits),
        };
        Ok(Self {
            source,
            started,
            batch: Window::default(),
            table,
            aggregator: Aggregator::new(rules),
            unwinding,
            symbolizer,
            watch: Watch::new(&target.processes).until(tracee.gate()),
            time,
            saved,
            told: Losses::default(),
            handed_over: 0,
            begun,
            last_cut,
            looked: Instant::now(),
            unread,
        })
    }
}

/// The program of the command to record.
fn program(config: &Config) -> Option<&OsStr> {
    match &config.target {
        TargetSpec::Command(command) => command.first().map(OsString::as_os_str),
        _ => None,
    }
}

/// The rest of a session.
#[derive(Debug)]
struct Closed {
    /// Everything since the last cut.
    last: Cut,
    /// The processes.
    table: ProcessTable,
    /// The files that have rules but no unwind table.
    without_table: Vec<Warning>,
    /// Whether the recording was stored, if that was requested.
    stored: Result<(), Failure>,
    /// The reason why the source could not be stopped properly.
    failed: Option<bpf::Error>,
    /// The symbolizer, which has made some names.
    symbolizer: Box<dyn Symbolize + Send>,
    /// The recorded processes that still run.
    living: Vec<u32>,
}

impl<S: SampleSource> Session<S> {
    /// Drains the source, counts the batch, and lets the unwind tables follow. Returns the time after which the next
    /// step must come, if there is such a limit.
    fn step(&mut self) -> Result<Option<Duration>, bpf::Error> {
        self.source.drain(&mut self.batch)?;
        let applied = self.apply();
        let named = self.name_new_places();
        self.look();
        self.table.read_some(&mut self.unread, READ_MORE);
        let soon = match &mut self.unwinding {
            None => None,
            Some(unwinding) => unwinding.update(applied, &self.table).map_err(|source| {
                bpf::Error::Failed { step: "filling the unwind tables", source }
            })?,
        };
        let names = named.then_some(NAMES[usize::from(self.begun.elapsed() > FIRST)]);
        let more = (!self.unread.is_empty()).then_some(READ_SOON);
        Ok([soon, names, more].into_iter().flatten().min())
    }

    /// Has new places named whose names may be gone at the end. Returns whether there are any.
    fn name_new_places(&mut self) -> bool {
        let kept = self.aggregator.kept(&self.table);
        self.symbolizer.name_early(&self.table, self.aggregator.new_places(), kept)
    }

    /// Marks the batch, applies it to the process table, and counts it.
    fn apply(&mut self) -> Applied {
        let marked = match &mut self.unwinding {
            Some(unwinding) => unwinding.see(&mut self.batch, &self.table),
            None => Marked::as_it_is(&self.batch),
        };
        marked.batch().side_band.iter().for_each(|record| self.watch.follow(record));
        self.saved.window(marked.batch());
        self.aggregator.add(marked, &mut self.table)
    }

    /// Reads the CPU time of the target's processes; that of all of them once in a while.
    fn look(&mut self) {
        let due = self.looked.elapsed() >= LOOK;
        self.time.again(due);
        if due {
            self.looked = Instant::now();
        }
    }

    /// The samples that were counted so far, in all cuts.
    fn samples(&self) -> u64 {
        self.handed_over + self.aggregator.samples()
    }

    /// Hands over everything since the last cut; sampling goes on. The address spaces and files of the counts stay in
    /// the table until [`Session::retire`].
    ///
    /// The source hands over its stacks again in the last batch of a cut. Later samples from the time of that batch may
    /// also have those stacks, so the next cut begins with them.
    #[cfg_attr(not(test), expect(dead_code, reason = "`record` has one cut, that of `close`"))]
    fn cut(&mut self) -> Result<Cut, bpf::Error> {
        self.source.forget_stacks();
        self.step()?;
        self.watch.forget_ended();
        let accounted = self.time.end(self.watch.members());
        self.time.begin_again(self.watch.members());
        let (time, ended) = (self.begun.elapsed(), monotonic());
        self.begun = Instant::now();
        let losses = self.losses();
        let counts = self.aggregator.cut(&self.batch.stacks);
        self.handed_over += counts.samples;
        let began = std::mem::replace(&mut self.last_cut, ended);
        Ok(Cut { counts, losses, accounted, time, began, ended })
    }

    /// The losses since the last cut.
    fn losses(&mut self) -> Losses {
        let all = self.source.losses();
        let new = all.since(&self.told);
        self.told = all;
        new
    }

    /// Removes what only earlier cuts needed: address spaces that have ended, files that no process maps, and their
    /// unwind tables. Call this when the profile of a cut is made.
    #[cfg_attr(not(test), expect(dead_code, reason = "`record` has one cut, that of `close`"))]
    fn retire(&mut self) {
        let (spaces, files) = self.aggregator.refers_to();
        self.table.retire(|space| spaces.contains(&space), |file| files.contains(&file));
        if let Some(unwinding) = &mut self.unwinding {
            unwinding.retire(&self.table);
        }
    }

    /// Ends sampling and hands over the rest.
    fn close(mut self) -> Closed {
        let (time, ended) = (self.begun.elapsed(), monotonic());
        let accounted = self.time.end(self.watch.members());
        let failed = self.source.stop(&mut self.batch).err();
        if failed.is_none() {
            drop(self.apply());
            self.name_new_places();
        }

        self.watch.forget_ended();
        let living = self.watch.members().collect();
        let losses = self.losses();
        let stored = self.saved.finish(&self.told);
        let without_table =
            self.unwinding.map_or_else(Vec::new, |tables| tables.without_table(&self.table));
        let counts = self.aggregator.finish();
        let last = Cut { counts, losses, accounted, time, began: self.last_cut, ended };
        let (table, symbolizer) = (self.table, self.symbolizer);
        Closed { last, table, without_table, stored, failed, symbolizer, living }
    }
}
