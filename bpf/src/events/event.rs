//! Events: their units, rates and names.

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

    /// The unit's name in profiles.
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
    /// Samples per second on each CPU.
    Hertz(u32),
    /// One sample for this many of the event's unit.
    Every(u64),
}

impl Rate {
    /// The time between two samples on a CPU; `None` if the rate is not one of time.
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

/// A sampled event. [`crate::Sample::event`] is its index in [`crate::Started::events`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The event's name, such as `cycles`, `cpu-clock` or `page-faults`.
    pub name: String,
    /// The unit of [`crate::Sample::weight`].
    pub unit: Unit,
    /// The sampling rate.
    pub rate: Rate,
}

/// A requested event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSpec {
    /// The event's name as users write it. `profile` is the timer.
    pub name: String,
    /// The sampling rate.
    pub rate: Rate,
}

impl Event {
    /// Whether the event samples time, so that each sample stands for CPU time. The timer does.
    pub fn samples_time(&self) -> bool {
        self.unit != Unit::Count && matches!(self.rate, Rate::Hertz(_))
    }
}

impl EventSpec {
    /// The timer: the CPU's cycles if they can be counted, else its clock.
    pub fn timer(hertz: u32) -> Self {
        Self { name: "profile".to_owned(), rate: Rate::Hertz(hertz) }
    }
}
