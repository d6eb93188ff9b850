//! The timer, `profile[:hz:N]`: it samples the running code N times per second.

use super::event::{Event, EventSpec, Rate, Unit};
use super::perf::{self, PerfEvent};
use super::source::{Due, Kind, Number, Program, Source};
use crate::Error;
use perf_event_open_sys::bindings as sys;

pub(super) const KIND: Kind = Kind { forms: "profile, profile:hz:N", parse, find };

const NAME: &str = "profile";

fn parse(asked: &str, hertz: u32) -> Option<Result<EventSpec, String>> {
    let rest = asked.strip_prefix(NAME)?;
    let hertz = match rest.strip_prefix(":hz:") {
        None if rest.is_empty() => Some(hertz),
        None => None,
        Some(number) => number.parse().ok().filter(|hertz| *hertz > 0),
    };
    Some(
        hertz
            .map(EventSpec::timer)
            .ok_or_else(|| "write profile or profile:hz:N, with an N of 1 or more".to_owned()),
    )
}

fn find(spec: &EventSpec, cpu: u32) -> Option<Result<Source, Error>> {
    match (spec.name.as_str(), spec.rate) {
        (NAME, Rate::Hertz(hertz)) => Some(best(hertz, cpu)),
        _ => None,
    }
}

/// The CPU's cycles if they can be counted, else its clock.
fn best(hertz: u32, cpu: u32) -> Result<Source, Error> {
    let cycles = cycles(hertz);
    let Err(error) = PerfEvent::sampling(&cycles, cpu) else { return Ok(cycles) };
    let clock = clock(hertz);
    match error.raw_os_error() {
        // A frequency above the limit gives the same error with any event.
        Some(libc::EINVAL) => {
            PerfEvent::sampling(&clock, cpu).map_err(|e| perf::explain(e, hertz))?;
            Ok(clock)
        }
        // The CPU has no counter of cycles, or none that overflows.
        Some(libc::ENOENT | libc::EOPNOTSUPP | libc::ENODEV) => Ok(clock),
        _ => Err(perf::explain(error, hertz)),
    }
}

fn cycles(hertz: u32) -> Source {
    let config = sys::PERF_COUNT_HW_CPU_CYCLES.into();
    timer("cycles", Unit::Cycles, hertz, Due::Unknown, sys::PERF_TYPE_HARDWARE, config)
}

fn clock(hertz: u32) -> Source {
    let (config, due) = (sys::PERF_COUNT_SW_CPU_CLOCK.into(), Due::Ticks(period(hertz)));
    timer("cpu-clock", Unit::Nanoseconds, hertz, due, sys::PERF_TYPE_SOFTWARE, config)
}

fn timer(name: &str, unit: Unit, hertz: u32, due: Due, kind: u32, config: u64) -> Source {
    Source {
        event: Event { name: name.to_owned(), unit, rate: Rate::Hertz(hertz) },
        number: Number { kind, config, place: None },
        due,
        program: Program::PerfEvent,
        everywhere: false,
        bits: 0,
        room: hertz,
        beside: 0,
    }
}

/// The nanoseconds between two ticks.
fn period(hertz: u32) -> u64 {
    (1_000_000_000 / u64::from(hertz.max(1))).max(1)
}
