//! The source of a session's samples: the live sampler, or a saved recording.

use crate::cli::config::Config;
use crate::host::exit::{Failure, Kind};
use bpf::replay::Replay;
use bpf::{Cost, Event, EventSpec, Rate, SampleSource, Sampler, Started, Tables, Target, Unit};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A source, with what only the live one has.
#[derive(Debug)]
pub(crate) enum Source {
    /// The kernel.
    Live(Box<Sampler>),
    /// A stored recording.
    Replay(Replay),
}

impl Source {
    /// Opens it; nothing is sampled yet.
    pub(crate) fn open(config: &Config, tasks: &Target) -> Result<Self, Failure> {
        if let Some(path) = &config.replay {
            let text = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
            return Ok(Self::Replay(Replay::read(&text)?));
        }
        crate::record::freeze::check(config.force)?;
        let sampler = Sampler::open(&bpf::Config {
            target: tasks.clone(),
            cpus: config.cpus.clone(),
            events: vec![EventSpec::timer(config.frequency)],
            user: config.user,
            kernel: config.kernel,
            idle: config.idle,
            exclude: (!config.include_self).then(std::process::id),
            unwind: config.unwind,
            unwind_memory: config.unwind_memory,
            guess: config.guess,
        })?;
        Ok(Self::Live(Box::new(sampler)))
    }

    /// Adds processes to the target: those that were born before their parents were followed.
    pub(crate) fn add(&mut self, processes: &[u32]) {
        if let (Self::Live(sampler), false) = (self, processes.is_empty()) {
            sampler.add_targets(processes);
        }
    }

    /// Starts sampling.
    pub(crate) fn start(&mut self, frequency: u32) -> Result<Started, Failure> {
        match self {
            Self::Live(sampler) => Ok(sampler.start()?),
            // Facts that a saved recording lacks are left open, the same for every replay.
            Self::Replay(replay) => Ok(Started {
                events: match replay.events() {
                    [] => vec![unnamed(frequency)],
                    named => named.to_vec(),
                },
                cpus: Vec::new(),
                wall_offset: 0,
                time: 0,
                drain_every: Duration::MAX,
            }),
        }
    }

    /// The place to install unwind tables, if stacks are walked by rules.
    pub(crate) fn tables(&self) -> Option<Arc<Mutex<Tables>>> {
        match self {
            Self::Live(sampler) => sampler.tables(),
            Self::Replay(_) => None,
        }
    }

    /// The seam.
    pub(crate) fn samples(&mut self) -> &mut dyn SampleSource {
        match self {
            Self::Live(sampler) => sampler.as_mut(),
            Self::Replay(replay) => replay,
        }
    }

    /// The cost of the BPF programs.
    pub(crate) fn cost(&self) -> Cost {
        match self {
            Self::Live(sampler) => sampler.cost(),
            Self::Replay(_) => Cost::default(),
        }
    }
}

/// The event of a recording that names none.
fn unnamed(frequency: u32) -> Event {
    Event { name: String::from("replay"), unit: Unit::Nanoseconds, rate: Rate::Hertz(frequency) }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Kind::Failed, format!("{} can't be read: {error}", path.display()))
}
