//! The live sampler.

mod attachments;
mod cpus;
mod descriptors;
mod drain;
mod grace_period;
mod idle;
mod load;
mod memory;
mod record;
mod ring;
mod scope;
mod side_band;
mod size;
mod tables;

use crate::capability;
use crate::events::perf::{self, PerfEvent, Trigger};
use crate::events::{Event, EventSpec, Rate};
use crate::sample::SideBand;
pub(crate) use crate::skeleton::sampler::types::record_flags;
use crate::source::MISSED;
use crate::{Error, EventLosses, Losses, SampleSource, Window};
use attachments::Ticks;
use drain::Logs;
use load::Loaded;
use memory::clocks;
#[cfg(feature = "native-walk")]
pub(crate) use memory::{SharedMemory, page_size};
#[cfg(feature = "native-walk")]
pub(crate) use record::Records;
use ring::Ring;
use scope::Scope;
use side_band::Decoded;
use size::Sizes;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex};
use std::time::Duration;
pub use tables::{CodeMapping, Installed, SpaceName, Tables, Way};

/// The recorded tasks. The filter runs in the kernel. Children and threads born during the recording belong to the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Every task.
    Machine,
    /// Processes by id, in bpflame's own PID namespace.
    Processes(Vec<u32>),
    /// Threads by id, in the same.
    Threads(Vec<u32>),
}

/// The settings of the sampler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The target.
    pub target: Target,
    /// On which CPUs; `None`: all that are online.
    pub cpus: Option<Vec<u32>>,
    /// The events to sample, at least one.
    pub events: Vec<EventSpec>,
    /// Whether user stacks are recorded.
    pub user: bool,
    /// Whether kernel stacks are recorded.
    pub kernel: bool,
    /// Whether the idle task is sampled.
    pub idle: bool,
    /// A process to leave out (bpflame's own).
    pub exclude: Option<u32>,
    /// The mode of walking user stacks.
    pub unwind: Unwind,
    /// Memory limit for unwind tables, in bytes.
    pub unwind_memory: usize,
    /// Whether callers are guessed where code has no rule in a file that has some ([`Unwind::Auto`]).
    pub guess: bool,
}

/// The mode of walking user stacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unwind {
    /// By frame pointer.
    FramePointers,
    /// By rules, and by frame pointer if a process or a file has none.
    #[default]
    Auto,
    /// By rules alone.
    Rules,
}

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
}

/// Figures of the BPF programs, where `kernel.bpf_stats_enabled` is 1, and of the maps.
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

/// Bytes of side-band records after which tables are to be looked at: a program that starts writes more, a thread less.
const NEW_MAPPINGS: u32 = 512;
/// The interval of looking for CPUs that went offline or came online, in nanoseconds.
const LOOK_AT_CPUS: u64 = 1_000_000_000;

/// Samples the kernel.
#[derive(Debug)]
pub struct Sampler {
    config: Config,
    frequency: u32,
    trigger: Trigger,
    sizes: Sizes,
    logs: Logs,
    rings: Vec<(u32, Ring)>,
    ticks: Ticks,
    held: Vec<SideBand>,
    scope: Scope,
    side_band_lost: u64,
    malformed: u64,
    looked_at_cpus: u64,
    /// A CPU came online, and what happened on it before its ring stood is not known.
    gap: bool,
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
        let frequency = frequency(&config.events)?;
        let chosen = cpus::chosen(config.cpus.as_deref())?;
        let trigger = perf::best_trigger(frequency, chosen[0])?;
        let mut sizes = Sizes::choose(cpus::count()?, frequency);
        if config.target == Target::Machine {
            sizes.id_entries = 1;
        }
        let mut sampler = Self {
            frequency,
            trigger,
            sizes,
            logs: Logs::new(Loaded::load(config, sizes)?)?,
            rings: Vec::new(),
            ticks: Ticks::new(trigger, frequency, config.idle),
            held: Vec::new(),
            scope: Scope::new(&config.target),
            side_band_lost: 0,
            malformed: 0,
            looked_at_cpus: clocks().0,
            gap: false,
            stopped: false,
            config: config.clone(),
        };
        for cpu in cpus::online()? {
            unless_gone(cpu, sampler.add_ring(cpu))?;
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
            unless_gone(cpu, self.add_event(cpu))?;
        }
        Ok(Started {
            events: vec![Event {
                name: self.trigger.name().to_owned(),
                unit: self.trigger.unit(),
                rate: Rate::Hertz(self.frequency),
            }],
            cpus: chosen,
            wall_offset: wall.cast_signed().wrapping_sub(time.cast_signed()),
            time,
            drain_every: self.sizes.drain_every,
        })
    }

    /// Adds processes (or threads, where the target is threads) to the target: those that were born before their parents
    /// were followed.
    pub fn add_targets(&mut self, ids: &[u32]) {
        self.logs.add_targets(ids);
        self.scope.add(ids);
    }

    /// The place to install unwind tables, if stacks are walked by rules; another thread may fill them.
    pub fn tables(&self) -> Option<Arc<Mutex<Tables>>> {
        self.logs.tables()
    }

    /// The cost of the programs so far.
    pub fn cost(&self) -> Cost {
        let (runs, nanoseconds) = self.logs.program_cost();
        let rings: usize = self.rings.iter().map(|(_, r)| r.bytes()).sum();
        let tables = self.tables().map_or(0, |tables| {
            tables.lock().unwrap_or_else(std::sync::PoisonError::into_inner).bytes()
        });
        let map_bytes = (self.sizes.bytes() + rings + tables) as u64;
        Cost { runs, nanoseconds, map_bytes, table_bytes: tables as u64 }
    }

    fn add_ring(&mut self, cpu: u32) -> Result<(), Error> {
        let by_rules = self.config.unwind != Unwind::FramePointers;
        let wake_after = if by_rules { NEW_MAPPINGS } else { u32::MAX };
        let event =
            PerfEvent::side_band(cpu, wake_after).map_err(|e| perf::explain(e, self.frequency))?;
        let ring = Ring::map(event, self.sizes.ring_pages).map_err(capability::locked_memory)?;
        self.rings.push((cpu, ring));
        Ok(())
    }

    fn add_event(&mut self, cpu: u32) -> Result<(), Error> {
        let explained = |e| perf::explain(e, self.frequency);
        let event = PerfEvent::sampling(self.trigger, self.frequency, cpu).map_err(explained)?;
        event.attach(self.logs.program()).map_err(explained)?;
        event.enable().map_err(explained)?;
        self.ticks.add(cpu, event);
        Ok(())
    }

    /// Lets go of CPUs that went offline, and samples those that came online.
    fn follow_cpus(&mut self, now: u64) {
        if now - self.looked_at_cpus < LOOK_AT_CPUS {
            return;
        }
        self.looked_at_cpus = now;
        let Ok(online) = cpus::online() else { return };
        self.ticks.keep(&online);
        self.rings.retain_mut(|(cpu, ring)| ring.went_on() && online.contains(cpu));
        let room = self.sizes.cpus;
        for cpu in online.into_iter().filter(|c| *c < room) {
            if !self.rings.iter().any(|(c, _)| *c == cpu) {
                // Without a ring it is looked for again, and the maps are read again until it stands.
                let _ = self.add_ring(cpu);
                self.gap = true;
            }
            let wanted = self.config.cpus.as_ref().is_none_or(|list| list.contains(&cpu));
            if wanted && !self.ticks.has(cpu) {
                // A CPU that goes away again at once is looked for at the next turn.
                let _ = self.add_event(cpu);
            }
        }
    }

    /// Moves the side-band records up to `until` into the window; later ones are held.
    fn take_side_band(&mut self, window: &mut Window, until: u64) {
        let mut decoded = Decoded::default();
        let mut bytes = Vec::new();
        for (_, ring) in &self.rings {
            bytes.clear();
            ring.take(&mut bytes);
            decoded.decode(&bytes);
        }
        self.side_band_lost += decoded.lost;
        self.malformed += decoded.malformed;
        window.side_band_lost = decoded.lost > 0 || std::mem::take(&mut self.gap);
        self.held.append(&mut decoded.records);
        self.held.sort_by_key(|r| r.time);
        let ready = self.held.partition_point(|r| r.time <= until);
        window.side_band.extend(self.held.drain(..ready).filter(|r| self.scope.wants(r)));
    }
}

/// The timer's frequency: the one event that there is so far.
fn frequency(events: &[EventSpec]) -> Result<u32, Error> {
    match events {
        [timer] => timer.hertz(),
        _ => None,
    }
    .ok_or_else(|| Error::Kernel { lacks: "events but the timer".to_owned() })
}

/// What came of opening something for a CPU; that it went offline meanwhile is no error: it is looked for again.
fn unless_gone(cpu: u32, opened: Result<(), Error>) -> Result<(), Error> {
    match opened {
        Err(_) if cpus::online().is_ok_and(|online| !online.contains(&cpu)) => Ok(()),
        opened => opened,
    }
}

impl SampleSource for Sampler {
    fn wakes(&self) -> Vec<BorrowedFd<'_>> {
        self.rings.iter().map(|(_, ring)| ring.descriptor()).collect()
    }

    fn drain(&mut self, window: &mut Window) -> Result<(), Error> {
        window.clear();
        let until = self.logs.drain(window)?;
        self.take_side_band(window, until);
        self.follow_cpus(until);
        Ok(())
    }

    fn stop(&mut self, window: &mut Window) -> Result<(), Error> {
        window.clear();
        self.ticks.disable();
        self.logs.drain_all(window)?;
        for (_, ring) in &self.rings {
            let _ = ring.disable();
        }
        self.take_side_band(window, u64::MAX);
        self.stopped = true;
        Ok(())
    }

    fn forget_stacks(&mut self) {
        self.logs.forget_stacks();
    }

    fn losses(&self) -> Losses {
        let figures = self.logs.figures();
        let expected = self.ticks.expected();
        let mut lost = figures.lost;
        lost.insert(MISSED, self.ticks.missed(figures.runs, figures.idle));
        lost.retain(|_, n| *n > 0);
        let event = EventLosses {
            lost,
            runs: figures.runs,
            idle: figures.idle,
            foreign: figures.foreign,
            expected,
        };
        Losses {
            events: vec![event],
            malformed: self.malformed + figures.malformed,
            side_band_lost: self.side_band_lost,
        }
    }

    fn finished(&self) -> bool {
        self.stopped
    }
}

impl AsFd for Sampler {
    /// The sampling program's descriptor.
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.logs.program()
    }
}
