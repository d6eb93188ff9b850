//! The form of a source: how it parses and finds an event, and what the sampler needs to know of it.

use super::event::{Event, EventSpec};
use crate::Error;
use std::ffi::CString;

/// A source of events.
pub(super) struct Kind {
    /// The forms of its events' names, for a message.
    pub(super) forms: &'static str,
    /// Parses a user's text; the number is the default frequency. `None`: the text names an event of another source.
    pub(super) parse: fn(&str, u32) -> Option<Result<EventSpec, String>>,
    /// Finds the event on this machine and tries it on a CPU. `None`: the event belongs to another source.
    pub(super) find: fn(&EventSpec, u32) -> Option<Result<Source, Error>>,
}

/// An event that this machine can sample.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The event as users see it.
    pub(crate) event: Event,
    /// The kernel's name of the event.
    pub(crate) number: Number,
    /// The number of runs to expect.
    pub(crate) due: Due,
    /// The program that the event runs.
    pub(crate) program: Program,
    /// Whether one attachment runs the program on every CPU, as for a watched instruction.
    pub(crate) everywhere: bool,
    /// The bits that tell the program about the event (`event_bits`).
    pub(crate) bits: u64,
    /// The samples per second on each CPU that logs must have room for.
    pub(crate) room: u32,
    /// The runs that can be under way on a CPU beside another run. It is 0 for perf events: their programs do not
    /// interrupt each other.
    pub(crate) beside: u32,
}

/// The kernel's name of a perf event.
#[derive(Clone, Debug, Default)]
pub(crate) struct Number {
    /// The type.
    pub(crate) kind: u32,
    /// The number within the type.
    pub(crate) config: u64,
    /// A file and an offset in it, if the type needs them.
    pub(crate) place: Option<(CString, u64)>,
}

/// The number of runs to expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Unknown: cycles do not tick while a CPU is idle.
    Unknown,
    /// One run for this many nanoseconds. Idle CPUs may sleep through theirs.
    Ticks(u64),
    /// One run for this many events that the kernel counted.
    Counts(u64),
}

/// A program that samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// The program of perf events.
    PerfEvent,
    /// The program of uprobes.
    Call,
}
