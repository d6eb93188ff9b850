//! A recording from its settings to its files.

use crate::cli::config::{Config, Until};
use crate::host::console::Voice;
use crate::host::exit::{Ending, Failure, Kind};
use crate::host::interrupt;
use crate::host::progress::Progress;
use crate::host::signals::Signals;
use crate::host::stop::Stop;
use crate::judge::leaves;
use crate::profile::assemble::{Making, Material, assemble};
use crate::profile::names;
use crate::push::recorded::Recording;
use crate::record::aggregate::{Aggregator, Rules};
use crate::record::collect::{Collected, Collector, End, Limits, collect};
use crate::record::cpu_time::CpuTime;
use crate::record::saved_recording::Tape;
use crate::record::source::Source;
use crate::target::resolved::Goal;
use crate::target::resolved::Target;
use crate::target::tracee::Subject;
use crate::target::watch::Watch;
use crate::tell::destinations::Destinations;
use crate::tell::facts::Facts;
use crate::tell::outcome;
use crate::tell::stats::Own;
use crate::unwinding::Unwinding;
use bpf::Started;
use std::time::Duration;
use symbolizer::ProcessTable;

/// Records, and writes what was recorded.
///
/// # Errors
/// When nothing can be recorded or written: the cause, and what mends it.
pub fn record(config: &Config) -> Result<Ending, Failure> {
    let (mut own, mut signals) = (Own::begin(), Signals::install()?);
    let mut subject = Subject::find(config)?;
    let destinations = Destinations::open(config, &subject.target)?;
    let mut source = Source::open(config, &subject.target.tasks)?;
    add_newborn(config, &mut subject, &mut source);
    let recorded = run(config, &mut subject, &mut source, &mut signals, &mut own)?;
    let (signalled, remove) = (recorded.signalled(), destinations.remover()?);
    let (config, voice) = (config.clone(), config.voice());
    let (target, program) = (subject.target.clone(), subject.program());
    let stop = Stop::default();
    let theirs = stop.clone();
    let finish = move || finish(&config, &target, program, recorded, destinations, own, &theirs);
    match interrupt::unless_interrupted(finish, &mut signals, signalled, &stop, voice) {
        Ok(told) => subject.ending(told, &mut signals, voice),
        Err(failure) => {
            remove();
            Err(failure)
        }
    }
}

/// From the recording to its files and words.
fn finish(
    config: &Config,
    target: &Target,
    program: Option<String>,
    mut recorded: Recorded,
    mut destinations: Destinations,
    mut own: Own,
    stop: &Stop,
) -> Result<(), Failure> {
    let (named, warnings) = names::name(config, &mut recorded.collected);
    let leaves = leaves::leaves(&recorded.counts.stacks, &recorded.table);
    let material = Material::new(&recorded.collected, &named, &leaves);
    let facts = Facts::new(config, target, &recorded, &material, warnings);
    let making = Making { labels: config.labels, scale: recorded.scale() };
    let profile = assemble(&material, making, outcome::head(config, target, &recorded, &facts));
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

/// How long a machine-wide recording reads the processes that run already; the rest are read when they are first
/// sampled.
const READ_ALL: Duration = Duration::from_millis(50);

/// A finished recording.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// What was collected.
    pub collected: Collected,
    /// What the sampler ran on.
    pub started: Started,
    /// What the BPF programs cost.
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
        self.started.unit == "nanoseconds"
    }
}

/// The most looks at the processes for those that were born before their parents were followed: each finds
/// the children of what the one before it found.
const LOOKS: usize = 4;

/// Forks are followed from the opening of the source on: whoever was born between the first look at the
/// processes and that is found now.
fn add_newborn(config: &Config, subject: &mut Subject, source: &mut Source) {
    for _ in 0..LOOKS {
        let newborn = subject.target.newborn(&config.goal);
        if newborn.is_empty() {
            return;
        }
        source.add(&newborn);
    }
}

/// From the start of the sampler to its end.
fn run(
    config: &Config,
    subject: &mut Subject,
    source: &mut Source,
    signals: &mut Signals,
    own: &mut Own,
) -> Result<Recorded, Failure> {
    let tape = Tape::open(config)?;
    let watch = Watch::new(&subject.target.processes).until(subject.gate());
    let mut table = process_table(config, subject);
    let unwinding = unwinding(config, subject, source, &table)?;
    let started = source.start()?;
    let time = CpuTime::begin(config, &subject.target.tasks);
    subject.release()?;
    if subject.target.tasks == bpf::Target::Machine {
        table.read_all(READ_ALL);
    }
    announce(config, subject, &started);
    let limits = Limits {
        time: limit(config.until),
        signals: &mut *signals,
        ends_with_processes: !subject.target.processes.is_empty(),
        drain_every: started.drain_every,
    };
    let aggregator = Aggregator::new(Rules { threads: config.labels, gate: subject.gate() });
    let progress = Progress::new(config.quiet);
    let collector = Collector { table, aggregator, watch, time, own, tape, progress, unwinding };
    let collected = collect(source.samples(), collector, limits);
    if let End::Signal(signal) = collected.end {
        subject.pass_on(signal);
    }
    Ok(Recorded { collected, started, cost: source.cost(), frequency: config.frequency })
}

/// Unwind tables, those of the target's processes or of the command ready for use.
fn unwinding(
    config: &Config,
    subject: &Subject,
    source: &Source,
    table: &ProcessTable,
) -> Result<Option<Unwinding>, Failure> {
    let machine = subject.target.tasks == bpf::Target::Machine;
    let Some(tables) = source.tables() else { return Ok(None) };
    let mut unwinding = Unwinding::new(tables, machine, config.unwind == bpf::Unwind::Auto)?;
    if let Goal::Command(command) = &config.goal
        && let Some(program) = command.first()
    {
        unwinding.foresee(program);
    }
    unwinding.prepare(table)?;
    Ok(Some(unwinding))
}

/// A table that has read the target's processes; a command is read when it has become itself.
fn process_table(config: &Config, subject: &Subject) -> ProcessTable {
    if config.replay.is_some() {
        return ProcessTable::without_proc();
    }
    let mut table = ProcessTable::new();
    if subject.gate().is_none() {
        subject.target.processes.iter().for_each(|pid| table.read(*pid));
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
fn announce(config: &Config, subject: &Subject, started: &Started) {
    let (title, voice) = (&subject.target.title, config.voice());
    if let Some(path) = &config.replay {
        return voice.note(format_args!("replaying {}", path.display()));
    }
    let until = match config.until {
        Until::Time(time) => format!("for {} s", time.as_secs_f64()),
        Until::Default(time) => {
            format!("for {} s (no terminal for Ctrl-C; -d says how long)", time.as_secs_f64())
        }
        Until::Command => String::from("until it exits"),
        Until::Interrupt => String::from("until Ctrl-C"),
    };
    let (event, hertz, cpus) = (started.event, config.frequency, &started.cpus);
    let noun = if cpus.len() == 1 { "CPU" } else { "CPUs" };
    voice.note(format_args!(
        "recording {title} with {event} at {hertz} Hz on {} {noun} {until}",
        cpus.len()
    ));
    voice.detail(format_args!("sampled are the CPUs {cpus:?}"));
}

impl Config {
    /// How much is said.
    pub(crate) fn voice(&self) -> Voice {
        Voice::new(self.quiet, self.verbose)
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

    fn recorded(unit: &'static str, accounted: Option<u64>) -> Recorded {
        let counts = StackCounts { samples: 10, weight: 1_000_000, ..StackCounts::default() };
        let collected = Collected {
            counts,
            table: ProcessTable::without_proc(),
            losses: bpf::Losses::default(),
            accounted,
            time: Duration::from_secs(1),
            ended: 0,
            end: End::Finished,
            unfit: Vec::new(),
            stored: Ok(()),
        };
        let started = Started {
            event: "event",
            unit,
            cpus: vec![0],
            wall_offset: 0,
            time: 0,
            drain_every: Duration::MAX,
        };
        Recorded { collected, started, cost: bpf::Cost::default(), frequency: 100 }
    }

    #[test]
    fn nanoseconds_are_time_and_cycles_are_not() {
        assert_eq!(recorded("nanoseconds", Some(5)).scale(), 1.0);
        // Half a second of account over a million cycles.
        assert_eq!(recorded("cycles", Some(500_000_000)).scale(), 500.0);
        // Ten samples at 100 Hz are a tenth of a second.
        assert_eq!(recorded("cycles", None).scale(), 100.0);
    }
}
