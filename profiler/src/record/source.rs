//! The source of a session's samples: the live sampler, or a saved recording.

use crate::cli::config::Sampling;
use crate::host::exit::{Failure, Kind};
use crate::host::privileges::{as_the_user, without_files_of_others};
use bpf::replay::Replay;
use bpf::{
    Cost, Error, Event, EventSpec, Losses, SampleSource, Sampler, Started, Tables, Target, Unit,
    Window,
};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A source of samples, and what only the live one offers.
#[derive(Debug)]
pub(crate) enum Source {
    /// The live sampler.
    Live(Box<Sampler>),
    /// A saved recording.
    Replay(Replay),
}

impl Source {
    /// Opens the sampler, or the recording to replay. Nothing is sampled yet.
    pub(crate) fn open(
        replay: Option<&Path>,
        sampling: &Sampling,
        tasks: &Target,
    ) -> Result<Self, Failure> {
        if let Some(path) = replay {
            let text =
                as_the_user(|| std::fs::read(path)).map_err(|error| unreadable(path, &error))?;
            return Ok(Self::Replay(Replay::read(&text)?));
        }
        crate::record::freeze::check(sampling.force)?;
        let asked = bpf::Config {
            target: tasks.clone(),
            cpus: sampling.cpus.clone(),
            events: sampling.events.clone(),
            user: sampling.user,
            kernel: sampling.kernel,
            idle: sampling.idle,
            exclude: (!sampling.include_self).then(std::process::id),
            unwind: sampling.unwind,
            unwind_memory: sampling.unwind_memory,
            guess: sampling.guess,
        };
        // The kernel looks for the files of uprobes while it opens their events.
        let sampler = without_files_of_others(|| Ok::<_, Failure>(Sampler::open(&asked)?))?;
        Ok(Self::Live(Box::new(sampler)))
    }

    /// Adds processes to the target: children that were born before births were followed.
    pub(crate) fn add(&mut self, processes: &[u32]) {
        if let (Self::Live(sampler), false) = (self, processes.is_empty()) {
            sampler.add_targets(processes);
        }
    }

    /// Starts sampling. Facts that a saved recording lacks about its event are taken from the requested events.
    pub(crate) fn start(&mut self, asked: &[EventSpec]) -> Result<Started, Failure> {
        match self {
            Self::Live(sampler) => without_files_of_others(|| Ok(sampler.start()?)),
            // A saved recording lacks some facts. They are the same in every replay.
            Self::Replay(replay) => Ok(Started {
                events: match replay.events() {
                    [] => asked.iter().take(1).map(unnamed).collect(),
                    named => named.to_vec(),
                },
                cpus: Vec::new(),
                wall_offset: 0,
                time: 0,
                // All of it is there already.
                drain_every: Duration::ZERO,
                loading: Duration::ZERO,
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

    fn samples(&self) -> &dyn SampleSource {
        match self {
            Self::Live(sampler) => sampler.as_ref(),
            Self::Replay(replay) => replay,
        }
    }

    fn samples_mut(&mut self) -> &mut dyn SampleSource {
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

/// The event of a saved recording without a list of events.
fn unnamed(asked: &EventSpec) -> Event {
    Event { name: String::from("replay"), unit: Unit::Nanoseconds, rate: asked.rate }
}

impl SampleSource for Source {
    fn drain(&mut self, window: &mut Window) -> Result<(), Error> {
        self.samples_mut().drain(window)
    }

    fn stop(&mut self, window: &mut Window) -> Result<(), Error> {
        self.samples_mut().stop(window)
    }

    fn forget_stacks(&mut self) {
        self.samples_mut().forget_stacks();
    }

    fn losses(&self) -> Losses {
        self.samples().losses()
    }

    fn wakes(&self) -> Vec<BorrowedFd<'_>> {
        self.samples().wakes()
    }

    fn finished(&self) -> bool {
        self.samples().finished()
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Kind::Failed, format!("{} can't be read: {error}", path.display()))
}
