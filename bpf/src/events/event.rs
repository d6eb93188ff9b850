//! The nouns of events.

use std::fmt;
use std::time::Duration;

/// The unit of a sample's weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unit {
    /// Nanoseconds of CPU time.
    Nanoseconds,
    /// Cycles of a CPU.
    Cycles,
    /// Occurrences.
    Count,
}

impl Unit {
    /// Every unit.
    pub const ALL: [Self; 3] = [Self::Nanoseconds, Self::Cycles, Self::Count];

    /// Its name as profiles have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nanoseconds => "nanoseconds",
            Self::Cycles => "cycles",
            Self::Count => "count",
        }
    }
}

/// The sampling rate of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rate {
    /// Samples a second and CPU.
    Hertz(u32),
    /// One sample for so many of the event's unit.
    Every(u64),
}

impl Rate {
    /// The time between two samples of a CPU; none where it is not time that decides.
    pub fn period(self) -> Option<Duration> {
        match self {
            Self::Hertz(hertz) => {
                Some(Duration::from_nanos((1_000_000_000 / u64::from(hertz.max(1))).max(1)))
            }
            Self::Every(_) => None,
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hertz(hertz) => write!(f, "{hertz} Hz"),
            Self::Every(count) => write!(f, "every {count}"),
        }
    }
}

/// An event that is sampled. [`crate::Sample::event`] is its place in [`crate::Started::events`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its name, as in `cycles`, `cpu-clock` or `page-faults`.
    pub name: String,
    /// The unit of [`crate::Sample::weight`].
    pub unit: Unit,
    /// Its sampling rate.
    pub rate: Rate,
}

/// An event that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSpec {
    /// Its name as users write it: `profile` is the timer.
    pub name: String,
    /// Its sampling rate.
    pub rate: Rate,
}

impl Event {
    /// Whether its samples come at the pace of time, so that each stands for CPU time: the timer's do.
    pub fn samples_time(&self) -> bool {
        self.unit != Unit::Count && matches!(self.rate, Rate::Hertz(_))
    }
}

impl EventSpec {
    /// The timer: the CPU's cycles where it counts them, else its clock.
    pub fn timer(hertz: u32) -> Self {
        Self { name: "profile".to_owned(), rate: Rate::Hertz(hertz) }
    }
}
