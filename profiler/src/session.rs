//! A recording from its settings to its files.

use crate::aggregate::{Aggregator, Rules};
use crate::assemble::{Making, Material, assemble};
use crate::caller::Caller;
use crate::collect::{Collected, End, Limits, collect};
use crate::config::{Config, Until};
use crate::cputime::CpuTime;
use crate::destinations::Destinations;
use crate::exit::{Ending, Failure, Kind};
use crate::facts::Facts;
use crate::progress::Progress;
use crate::say::Voice;
use crate::signals::Signals;
use crate::source::Source;
use crate::stats::Own;
use crate::subject::Subject;
use crate::tape::Tape;
use crate::watch::Watch;
use crate::{finish, frameless, naming};
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
    let destinations = Destinations::open(config, &subject.target.title, &subject.target.slug)?;
    let mut source = Source::open(config, &subject.target.tasks)?;
    let tape = Tape::open(config.save.as_deref(), config.caller.as_ref().map(Caller::ids))?;
    let mut recorded = run(config, &mut subject, &mut source, &mut signals, &mut own, tape)?;
    let (named, warnings) =
        naming::name(config, &recorded.collected.counts.stacks, &mut recorded.collected.table);
    let frameless = frameless::leaves(&recorded.counts.stacks, &recorded.table);
    let material = Material {
        counts: &recorded.counts,
        table: &recorded.table,
        named: &named,
        frameless: &frameless,
    };
    let facts = Facts::new(config, &subject.target, &recorded, &material, warnings);
    let making = Making { labels: config.labels, scale: recorded.scale() };
    let profile = assemble(&material, making, finish::head(config, &recorded, &facts));
    let files = destinations.write(&profile);
    finish::tell(config, &recorded, &facts, &mut own, files)?;
    subject.ending(&mut signals, config.voice())
}

/// A finished recording.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// What was collected.
    pub collected: Collected,
    /// What the sampler ran on.
    pub started: Started,
    /// CPU time as the kernel accounts it, in nanoseconds.
    pub accounted: Option<u64>,
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
    /// Nanoseconds of CPU time that one unit of weight stands for.
    pub(crate) fn scale(&self) -> f64 {
        let counts = self.counts.counts.values();
        let (samples, weight) = counts
            .fold((0, 0_u64), |(n, w), count| (n + count.samples, w.saturating_add(count.weight)));
        if self.started.unit == "nanoseconds" || weight == 0 {
            return 1.0;
        }
        samples as f64 * 1e9 / f64::from(self.frequency.max(1)) / weight as f64
    }
}

fn run(
    config: &Config,
    subject: &mut Subject,
    source: &mut Source,
    signals: &mut Signals,
    own: &mut Own,
    tape: Tape,
) -> Result<Recorded, Failure> {
    let mut watch = Watch::new(&subject.target.processes);
    let mut table = process_table(config, subject);
    let mut time = CpuTime::begin(&subject.target.tasks, config.cpus.as_deref());
    let started = source.start()?;
    subject.release()?;
    announce(config, subject, &started);
    let progress = Progress::new(config.quiet);
    let limits = Limits {
        time: limit(config.until),
        signals: &mut *signals,
        watch: &mut watch,
        ends_with_processes: !subject.target.processes.is_empty(),
        progress: &progress,
    };
    let aggregator = Aggregator::new(Rules { threads: config.labels, gate: subject.gate() });
    let collected =
        collect(source.samples(), std::mem::take(&mut table), aggregator, limits, tape, || {
            time.again();
            own.look();
        });
    progress.clear();
    if let End::Signal(signal) = collected.end {
        subject.pass_on(signal);
    }
    let accounted = time.end(watch.members());
    Ok(Recorded { collected, started, accounted, cost: source.cost(), frequency: config.frequency })
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
    let until = match config.until {
        Until::Time(time) => format!("for {} s", time.as_secs_f64()),
        Until::Default(time) => {
            format!("for {} s (no terminal for Ctrl-C; -d says how long)", time.as_secs_f64())
        }
        Until::Command => String::from("until it exits"),
        Until::Interrupt => String::from("until Ctrl-C"),
    };
    let (title, event, cpus) = (&subject.target.title, started.event, started.cpus.len());
    config.voice().detail(format_args!("sampling CPUs {:?}", started.cpus));
    config.voice().note(format_args!(
        "recording {title} with {event} at {} Hz on {cpus} CPUs {until}",
        config.frequency
    ));
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
