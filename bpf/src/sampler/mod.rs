//! The live sampler.

mod attachments;
mod cpus;
mod descriptors;
mod drain;
mod grace_period;
mod held;
mod idle;
mod load;
mod maps;
mod memory;
mod program_info;
mod record;
mod ring;
mod rings;
mod scope;
mod settings;
mod side_band;
mod size;
mod tables;

use crate::events::{self, Event, Rate, Source, perf};
use crate::skeleton::sampler::types::limits;
use crate::{Error, EventLosses, Losses, SampleSource, Window};
use attachments::Attachments;
use drain::Logs;
use load::Loaded;
use memory::clocks;
#[cfg(feature = "native-walk")]
pub(crate) use memory::{SharedMemory, page_size};
#[cfg(feature = "native-walk")]
pub(crate) use record::Records;
use rings::Rings;
use settings::Settings;
pub use settings::{Config, Target, Unwind};
use size::Sizes;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex};
use std::time::Duration;
pub use tables::{
    CodeMapping, HotSpotBegin, HotSpotBlock, HotSpotHeap, HotSpotLayout, Installed, PythonLayout,
    PythonWay, RuntimeFacts, SpaceName, Tables, V8Layout, Way,
};

/// The events and CPUs of a running sampler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// The sampled events, in the order of [`Config::events`].
    pub events: Vec<Event>,
    /// The CPUs sampled.
    pub cpus: Vec<u32>,
    /// CLOCK_REALTIME minus CLOCK_MONOTONIC at the start, in nanoseconds.
    pub wall_offset: i64,
    /// CLOCK_MONOTONIC nanoseconds when sampling began.
    pub time: u64,
    /// The longest time between drains before the logs may fill.
    pub drain_every: Duration,
    /// How long loading the programs took.
    pub loading: Duration,
}

/// Figures of the BPF programs, if `kernel.bpf_stats_enabled` is 1, and of the maps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Runs of the sampling program that the kernel timed.
    pub runs: u64,
    /// Nanoseconds of those runs together.
    pub nanoseconds: u64,
    /// Bytes of memory that the BPF maps and rings hold.
    pub map_bytes: u64,
    /// The part of these bytes that unwind tables take.
    pub table_bytes: u64,
}

/// The interval of looking for CPUs that went offline or came online, in nanoseconds.
const LOOK_AT_CPUS: u64 = 1_000_000_000;

/// Samples the kernel.
#[derive(Debug)]
pub struct Sampler {
    config: Config,
    sizes: Sizes,
    logs: Logs,
    rings: Rings,
    events: Vec<Attachments>,
    looked_at_cpus: u64,
    stopped: bool,
}

impl Sampler {
    /// Loads the programs and opens the perf events. Nothing is sampled yet, but side-band records are collected from now on, so `/proc` may
    /// be read after this.
    ///
    /// # Errors
    /// The failed step and its cause; nothing stays behind.
    pub fn open(config: &Config) -> Result<Self, Error> {
        descriptors::raise_limit();
        if config.events.is_empty() || config.events.len() > limits::EVENTS.0 as usize {
            return Err(Error::Events { most: limits::EVENTS.0 });
        }
        let chosen = cpus::chosen(config.cpus.as_deref())?;
        let found = config.events.iter().map(|spec| events::find(spec, chosen[0]));
        let sources: Vec<Source> = found.collect::<Result<_, _>>()?;
        if let (Some(source), Some(_)) = (sources.iter().find(|s| s.everywhere), &config.cpus) {
            return Err(Error::Everywhere { event: source.event.name.clone() });
        }
        let mut sizes = Sizes::choose(cpus::count()?, &sources);
        if config.target == Target::Machine {
            sizes.id_entries = 1;
        }
        let settings = Settings::new(config, sizes)?;
        let loaded = Loaded::load(&settings, &config.target, &sources, sizes)?;
        let by_rules = config.unwind != Unwind::FramePointers;
        let sources = sources.into_iter().enumerate();
        let mut sampler = Self {
            sizes,
            logs: Logs::new(loaded)?,
            rings: Rings::new(&config.target, sizes.ring_pages, by_rules),
            events: sources.map(|(number, of)| Attachments::new(of, number, config.idle)).collect(),
            looked_at_cpus: clocks().0,
            stopped: false,
            config: config.clone(),
        };
        for cpu in cpus::online()? {
            unless_gone(cpu, sampler.rings.add(cpu))?;
        }
        Ok(sampler)
    }

    /// Starts sampling.
    ///
    /// # Errors
    /// When an event cannot be enabled.
    pub fn start(&mut self) -> Result<Started, Error> {
        let chosen = cpus::chosen(self.config.cpus.as_deref())?;
        let (time, wall) = clocks();
        for &cpu in &chosen {
            unless_gone(cpu, self.attach(cpu))?;
        }
        Ok(Started {
            events: self.events.iter().map(|event| event.source().event.clone()).collect(),
            cpus: chosen,
            wall_offset: wall.cast_signed().wrapping_sub(time.cast_signed()),
            time,
            drain_every: self.sizes.drain_every,
            loading: self.logs.loaded().took,
        })
    }

    /// Adds processes (or threads, if the target is threads) to the target: those that were born before births were
    /// followed.
    pub fn add_targets(&mut self, ids: &[u32]) {
        self.logs.loaded().add_targets(ids);
        self.rings.add_targets(ids);
    }

    /// The place to install unwind tables, if stacks are walked by rules; another thread may fill them.
    pub fn tables(&self) -> Option<Arc<Mutex<Tables>>> {
        self.logs.tables()
    }

    /// The cost of the programs so far.
    pub fn cost(&self) -> Cost {
        let (runs, nanoseconds) = self.logs.loaded().cost();
        let tables = self.tables().map_or(0, |tables| {
            tables.lock().unwrap_or_else(std::sync::PoisonError::into_inner).bytes()
        });
        let map_bytes = (self.sizes.bytes() + self.rings.bytes() + tables) as u64;
        Cost { runs, nanoseconds, map_bytes, table_bytes: tables as u64 }
    }

    /// Attaches the events to a CPU, unless they are attached to it already.
    fn attach(&mut self, cpu: u32) -> Result<(), Error> {
        for event in self.events.iter_mut().filter(|event| !event.has(cpu)) {
            let hertz = match event.source().event.rate {
                Rate::Hertz(hertz) => hertz,
                Rate::Every(_) => 0,
            };
            event.add(cpu, self.logs.loaded()).map_err(|e| perf::explain(e, hertz))?;
        }
        Ok(())
    }

    /// The losses of an event.
    fn losses_of(&self, number: usize, event: &Attachments) -> EventLosses {
        let drain::Figures { mut lost, runs, idle, foreign } = self.logs.figures(number);
        let (cause, missed) = event.missed(runs, idle);
        lost.insert(cause, missed);
        lost.retain(|_, count| *count > 0);
        EventLosses { lost, runs, idle, foreign, expected: event.expected_ticks() }
    }

    /// Drops CPUs that went offline, and samples those that came online.
    fn follow_cpus(&mut self, now: u64) {
        if now - self.looked_at_cpus < LOOK_AT_CPUS {
            return;
        }
        self.looked_at_cpus = now;
        let Ok(online) = cpus::online() else { return };
        self.events.iter_mut().for_each(|event| event.keep(&online));
        self.rings.keep(&online);
        let room = self.sizes.cpus;
        for cpu in online.into_iter().filter(|c| *c < room) {
            self.rings.restore(cpu);
            let wanted = self.config.cpus.as_ref().is_none_or(|list| list.contains(&cpu));
            if wanted {
                // If the CPU goes offline again at once, the next look finds that.
                let _ = self.attach(cpu);
            }
        }
    }
}

/// The result of opening something for a CPU. If the CPU went offline meanwhile, that is no error: the next look finds
/// it.
fn unless_gone(cpu: u32, opened: Result<(), Error>) -> Result<(), Error> {
    match opened {
        Err(_) if cpus::online().is_ok_and(|online| !online.contains(&cpu)) => Ok(()),
        opened => opened,
    }
}

impl SampleSource for Sampler {
    fn wakes(&self) -> Vec<BorrowedFd<'_>> {
        self.rings.descriptors().collect()
    }

    fn drain(&mut self, window: &mut Window) -> Result<(), Error> {
        window.clear();
        let until = self.logs.drain(window)?;
        self.rings.take(window, until);
        self.follow_cpus(until);
        Ok(())
    }

    fn stop(&mut self, window: &mut Window) -> Result<(), Error> {
        window.clear();
        self.events.iter_mut().for_each(Attachments::disable);
        self.logs.drain_all(window)?;
        self.rings.disable();
        self.rings.take(window, u64::MAX);
        self.stopped = true;
        Ok(())
    }

    fn forget_stacks(&mut self) {
        self.logs.forget_stacks();
    }

    fn losses(&self) -> Losses {
        let events = self.events.iter().enumerate();
        Losses {
            events: events.map(|(number, event)| self.losses_of(number, event)).collect(),
            malformed: self.rings.malformed() + self.logs.malformed(),
            unfinished: self.logs.unfinished(),
            side_band_lost: self.rings.lost(),
        }
    }

    fn finished(&self) -> bool {
        self.stopped
    }
}

impl AsFd for Sampler {
    /// The sampling program's descriptor.
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.logs.loaded().program()
    }
}
