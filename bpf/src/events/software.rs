//! Events that the kernel counts: `software:NAME[:COUNT]` or `NAME[:COUNT]`, one sample for every COUNT of them. A
//! sample's first word is the address that was touched.

use super::event::{Event, EventSpec, Rate, Unit};
use super::perf::{self, PerfEvent};
use super::source::{Due, Kind, Number, Program, Source};
use crate::Error;
use crate::skeleton::sampler::types::event_bits;
use perf_event_open_sys::bindings as sys;

pub(super) const KIND: Kind =
    Kind { forms: "page-faults, minor-faults, major-faults (each with :N)", parse, find };

/// The names of the events, and the kernel's numbers.
const COUNTED: [(&str, u32); 3] = [
    ("page-faults", sys::PERF_COUNT_SW_PAGE_FAULTS),
    ("minor-faults", sys::PERF_COUNT_SW_PAGE_FAULTS_MIN),
    ("major-faults", sys::PERF_COUNT_SW_PAGE_FAULTS_MAJ),
];
/// The default number of events for one sample.
const COUNT: u64 = 100;
/// The samples per second on each CPU that logs have room for.
const ROOM: u32 = 4_000;

fn parse(asked: &str, _hertz: u32) -> Option<Result<EventSpec, String>> {
    let (prefix, rest) = match asked.strip_prefix("software:") {
        Some(rest) => (true, rest),
        None => (false, asked),
    };
    let (name, count) = rest.split_once(':').map_or((rest, None), |(name, n)| (name, Some(n)));
    if number(name).is_none() {
        let known: Vec<&str> = COUNTED.iter().map(|(name, _)| *name).collect();
        return prefix.then(|| Err(format!("the software events are {}", known.join(", "))));
    }
    let count = match count {
        None => Some(COUNT),
        // The kernel takes no more.
        Some(text) => text.parse().ok().filter(|count| (1..1 << 63).contains(count)),
    };
    let spec = |count| EventSpec { name: name.to_owned(), rate: Rate::Every(count) };
    Some(
        count.map(spec).ok_or_else(|| {
            format!("write {name} or {name}:COUNT, with a COUNT from 1 to 2^63 - 1")
        }),
    )
}

fn number(name: &str) -> Option<u32> {
    COUNTED.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
}

fn find(spec: &EventSpec, cpu: u32) -> Option<Result<Source, Error>> {
    let (Some(number), Rate::Every(count)) = (number(&spec.name), spec.rate) else { return None };
    let source = Source {
        event: Event { name: spec.name.clone(), unit: Unit::Count, rate: spec.rate },
        number: Number { kind: sys::PERF_TYPE_SOFTWARE, config: number.into(), place: None },
        due: Due::Counts(count),
        program: Program::PerfEvent,
        everywhere: false,
        bits: event_bits::EVENT_HAS_ADDRESS.0.into(),
        room: ROOM,
        beside: 0,
    };
    let tried = PerfEvent::sampling(&source, cpu).map_err(|e| perf::explain(e, 0));
    Some(tried.map(|_| source))
}
