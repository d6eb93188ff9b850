//! What a file of this folder makes of an event that is asked for: what the kernel is told, and what is known of its runs.

use super::event::{Event, EventSpec};
use crate::Error;
use std::ffi::CString;

/// A source of events.
pub(super) struct Kind {
    /// What it makes of what users write; the second number is the frequency where none is written. None: another source's.
    pub(super) parse: fn(&str, u32) -> Option<Result<EventSpec, String>>,
    /// The event on this machine, tried on a CPU. None: another source's.
    pub(super) find: fn(&EventSpec, u32) -> Option<Result<Source, Error>>,
}

/// An event that this machine can sample.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// What it is for the reader.
    pub(crate) event: Event,
    /// What the kernel knows it as.
    pub(crate) number: Number,
    /// How many runs are to be expected.
    pub(crate) due: Due,
    /// Which program it runs.
    pub(crate) program: Program,
    /// Whether one attachment has the program run on every CPU, as where an instruction is watched.
    pub(crate) everywhere: bool,
    /// What the program knows of it (`event_bits`).
    pub(crate) bits: u64,
    /// Samples a second and CPU that there is to be room for.
    pub(crate) room: u32,
    /// Runs that can be under way on a CPU beside another one: perf events' programs keep each other out.
    pub(crate) beside: u32,
}

/// The kernel's name of a perf event.
#[derive(Clone, Debug, Default)]
pub(crate) struct Number {
    /// Its type.
    pub(crate) kind: u32,
    /// Its number in that.
    pub(crate) config: u64,
    /// A file and an offset in it, where the type takes one.
    pub(crate) place: Option<(CString, u64)>,
}

/// How many runs should come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// That is not known: cycles do not tick while a CPU idles.
    Unknown,
    /// One for so many nanoseconds; idle CPUs may sleep through theirs.
    Ticks(u64),
    /// One for so many that the kernel counted.
    Counts(u64),
}

/// A program that samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// That of perf events.
    PerfEvent,
    /// That of uprobes.
    Call,
}
