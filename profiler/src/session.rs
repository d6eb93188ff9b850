//! A recording from its settings to its files.

use crate::cli::config::{Config, Until};
use crate::host::console::Console;
use crate::host::exit::{Ending, Failure, Kind};
use crate::host::interrupt;
use crate::host::progress::Progress;
use crate::host::signals::Signals;
use crate::host::stop::Stop;
use crate::judge::leaves;
use crate::profile::assemble::{AssembleOptions, Material, assemble};
use crate::profile::names;
use crate::push::recorded::Recording;
use crate::record::aggregate::{Aggregator, Rules};
use crate::record::collect::{Collected, Collector, End, Limits, collect};
use crate::record::cpu_time::CpuTime;
use crate::record::saved_recording::SavedRecording;
use crate::record::source::Source;
use crate::target::resolved::ResolvedTarget;
use crate::target::resolved::TargetSpec;
use crate::target::tracee::Tracee;
use crate::target::watch::Watch;
use crate::tell::destinations::Destinations;
use crate::tell::facts::Facts;
use crate::tell::outcome;
use crate::tell::stats::OwnUsage;
use crate::unwinding::Unwinding;
use bpf::{Started, Unit};
use std::time::Duration;
use symbolizer::ProcessTable;

/// Records, and writes the results.
///
/// # Errors
/// When nothing can be recorded or written: the cause, and its cure.
pub fn record(config: &Config) -> Result<Ending, Failure> {
    let (mut own, mut signals) = (OwnUsage::begin(), Signals::install()?);
    let mut tracee = Tracee::find(config)?;
    let destinations = Destinations::open(config, &tracee.target)?;
    let mut source = Source::open(config, &tracee.target.tasks)?;
    add_newborn(config, &mut tracee, &mut source);
    let recorded = run(config, &mut tracee, &mut source, &mut signals, &mut own)?;
    let (signalled, remove) = (recorded.signalled(), destinations.remover()?);
    let (config, console) = (config.clone(), config.console());
    let (target, program) = (tracee.target.clone(), tracee.program());
    let stop = Stop::default();
    let theirs = stop.clone();
    let finish = move || finish(&config, &target, program, recorded, destinations, own, &theirs);
    match interrupt::unless_interrupted(finish, &mut signals, signalled, &stop, console) {
        Ok(told) => tracee.ending(told, &mut signals, console),
        Err(failure) => {
            remove();
            Err(failure)
        }
    }
}

/// From the recording to its files and words.
fn finish(
    config: &Config,
    target: &ResolvedTarget,
    program: Option<String>,
    mut recorded: Recorded,
    mut destinations: Destinations,
    mut own: OwnUsage,
    stop: &Stop,
) -> Result<(), Failure> {
    let (named, warnings) = names::name(config, &mut recorded.collected);
    let leaves = leaves::leaves(&recorded.counts.stacks, &recorded.table);
    let material = Material::new(&recorded.collected, &named, &leaves);
    let facts = Facts::new(config, target, &recorded, &material, warnings);
    let options = AssembleOptions { labels: config.labels, scale: recorded.scale() };
    let profile = assemble(&material, options, outcome::head(config, target, &recorded, &facts));
    let written = destinations.write(&profile, program.as_deref());
    own.finish(recorded.counts.first, recorded.ended);
    let files = outcome::tell(config, &facts, &written);
    let recording = Recording { profile: &profile, target, program: program.as_deref(), files };
    let sent = recording.send(config, stop);
    let figures = || outcome::figures(&facts, &own, &recorded, files, &sent);
    let done = written
        .as_ref()
        .map_err(Failure::clone)
        .and_then(|_| destinations.write_stats(figures))
        .and_then(|()| outcome::ended(&recorded, &facts));
    outcome::both(done, sent.told)
}

/// The time for which a machine-wide recording reads the running processes. The rest are read when they are first sampled.
const READ_ALL: Duration = Duration::from_millis(50);

/// A finished recording.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// The result of collecting.
    pub collected: Collected,
    /// The events and CPUs of the sampler.
    pub started: Started,
    /// The cost of the BPF programs.
    pub cost: bpf::Cost,
    /// Samples a second and CPU.
    pub frequency: u32,
}

impl std::ops::Deref for Recorded {
    type Target = Collected;

    fn deref(&self) -> &Collected {
        &self.collected
    }
}

impl Recorded {
    /// Nanoseconds of CPU time that one unit of weight stands for. Cycles are no time: what the kernel accounts
    /// is split over them, or where that is not known, each sample is a tick's worth.
    pub(crate) fn scale(&self) -> f64 {
        let Collected { counts, accounted, .. } = &self.collected;
        if self.weighs_time() || counts.weight == 0 {
            return 1.0;
        }
        let ticks = counts.samples as f64 * 1e9 / f64::from(self.frequency.max(1));
        accounted.map_or(ticks, |time| time as f64) / counts.weight as f64
    }

    /// Whether a signal ended it.
    fn signalled(&self) -> bool {
        matches!(self.end, End::Signal(_))
    }

    /// Whether the event's unit is time, so that CPU time is known without the kernel's account.
    pub(crate) fn weighs_time(&self) -> bool {
        self.started.events.first().is_some_and(|event| event.unit == Unit::Nanoseconds)
    }
}

/// The most looks at the processes for those that were born before their parents were followed: each finds
/// the children of what the one before it found.
const LOOKS: usize = 4;

/// Forks are followed from the opening of the source on: whoever was born between the first look at the
/// processes and that is found now.
fn add_newborn(config: &Config, tracee: &mut Tracee, source: &mut Source) {
    for _ in 0..LOOKS {
        let newborn = tracee.target.newborn(&config.target);
        if newborn.is_empty() {
            return;
        }
        source.add(&newborn);
    }
}

/// From the start of the sampler to its end.
fn run(
    config: &Config,
    tracee: &mut Tracee,
    source: &mut Source,
    signals: &mut Signals,
    own: &mut OwnUsage,
) -> Result<Recorded, Failure> {
    let mut saved = SavedRecording::open(config)?;
    let watch = Watch::new(&tracee.target.processes).until(tracee.gate());
    let mut table = process_table(config, tracee);
    let unwinding = unwinding(config, tracee, source, &table)?;
    let started = source.start(config.frequency)?;
    let time = CpuTime::begin(config, &tracee.target.tasks);
    saved.events(&started.events);
    tracee.release()?;
    if tracee.target.tasks == bpf::Target::Machine {
        table.read_all(READ_ALL);
    }
    announce(config, tracee, &started);
    let limits = Limits {
        time: limit(config.until),
        signals: &mut *signals,
        ends_with_processes: !tracee.target.processes.is_empty(),
        drain_every: started.drain_every,
    };
    let aggregator = Aggregator::new(Rules { threads: config.labels, gate: tracee.gate() });
    let progress = Progress::new(config.quiet);
    let collector = Collector { table, aggregator, watch, time, own, saved, progress, unwinding };
    let collected = collect(source.samples(), collector, limits);
    if let End::Signal(signal) = collected.end {
        tracee.pass_on(signal);
    }
    Ok(Recorded { collected, started, cost: source.cost(), frequency: config.frequency })
}

/// Unwind tables, those of the target's processes or of the command ready for use.
fn unwinding(
    config: &Config,
    tracee: &Tracee,
    source: &Source,
    table: &ProcessTable,
) -> Result<Option<Unwinding>, Failure> {
    let machine = tracee.target.tasks == bpf::Target::Machine;
    let Some(tables) = source.tables() else { return Ok(None) };
    let mut unwinding = Unwinding::new(tables, machine, config.unwind == bpf::Unwind::Auto)?;
    if let TargetSpec::Command(command) = &config.target
        && let Some(program) = command.first()
    {
        unwinding.foresee(program);
    }
    unwinding.prepare(table)?;
    Ok(Some(unwinding))
}

/// A table that has read the target's processes; a command is read when it has become itself.
fn process_table(config: &Config, tracee: &Tracee) -> ProcessTable {
    if config.replay.is_some() {
        return ProcessTable::without_proc();
    }
    let mut table = ProcessTable::new();
    if tracee.gate().is_none() {
        tracee.target.processes.iter().for_each(|pid| table.read(*pid));
    }
    table
}

fn limit(until: Until) -> Option<Duration> {
    match until {
        Until::Time(time) | Until::Default(time) => Some(time),
        Until::Command | Until::Interrupt => None,
    }
}

/// Says what is recorded, on what, and until when.
fn announce(config: &Config, tracee: &Tracee, started: &Started) {
    let (title, console) = (&tracee.target.title, config.console());
    if let Some(path) = &config.replay {
        return console.note(format_args!("replaying {}", path.display()));
    }
    let until = match config.until {
        Until::Time(time) => format!("for {} s", time.as_secs_f64()),
        Until::Default(time) => {
            format!("for {} s (no terminal for Ctrl-C; -d sets the duration)", time.as_secs_f64())
        }
        Until::Command => String::from("until it exits"),
        Until::Interrupt => String::from("until Ctrl-C"),
    };
    let (event, hertz, cpus) = (name(started), config.frequency, &started.cpus);
    let noun = if cpus.len() == 1 { "CPU" } else { "CPUs" };
    console.note(format_args!(
        "recording {title} with {event} at {hertz} Hz on {} {noun} {until}",
        cpus.len()
    ));
    console.detail(format_args!("sampling the CPUs {cpus:?}"));
}

/// The first event's name.
fn name(started: &Started) -> &str {
    started.events.first().map_or("", |event| &event.name)
}

impl Config {
    /// How much is said.
    pub(crate) fn console(&self) -> Console {
        Console::new(self.quiet, self.verbose)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Kind::Failed, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::aggregate::StackCounts;
    use bpf::{Event, Rate};

    fn recorded(unit: Unit, accounted: Option<u64>) -> Recorded {
        let counts = StackCounts { samples: 10, weight: 1_000_000, ..StackCounts::default() };
        let collected = Collected {
            counts,
            table: ProcessTable::without_proc(),
            losses: bpf::Losses::default(),
            accounted,
            time: Duration::from_secs(1),
            ended: 0,
            end: End::Finished,
            without_table: Vec::new(),
            stored: Ok(()),
        };
        let started = Started {
            events: vec![Event { name: String::from("event"), unit, rate: Rate::Hertz(100) }],
            cpus: vec![0],
            wall_offset: 0,
            time: 0,
            drain_every: Duration::MAX,
        };
        Recorded { collected, started, cost: bpf::Cost::default(), frequency: 100 }
    }

    #[test]
    fn nanoseconds_are_time_and_cycles_are_not() {
        assert_eq!(recorded(Unit::Nanoseconds, Some(5)).scale(), 1.0);
        // Half a second of account over a million cycles.
        assert_eq!(recorded(Unit::Cycles, Some(500_000_000)).scale(), 500.0);
        // Ten samples at 100 Hz are a tenth of a second.
        assert_eq!(recorded(Unit::Cycles, None).scale(), 100.0);
    }
}
