//! Calls of a function, `uprobe:FILE:0xOFFSET`: one sample for each call, by any process. The program's runs can be
//! preempted (6.0).

use super::event::{Event, EventSpec, Rate, Unit};
use super::perf::{self, PerfEvent};
use super::source::{Due, Kind, Number, Program, Source};
use crate::{Error, capability};
use std::ffi::CString;
use std::io;

pub(super) const KIND: Kind = Kind { forms: "uprobe:FILE:0xOFFSET", parse, find };

const PREFIX: &str = "uprobe:";
const ROOM: u32 = 4_000;

fn parse(asked: &str, _hertz: u32) -> Option<Result<EventSpec, String>> {
    asked.strip_prefix(PREFIX)?;
    let spec = EventSpec { name: asked.to_owned(), rate: Rate::Every(1) };
    Some(place(asked).map(|_| spec).ok_or_else(|| {
        "write uprobe:FILE:0xOFFSET, with the function's offset in the file".to_owned()
    }))
}

/// The file, and the offset of the function in it.
fn place(name: &str) -> Option<(CString, u64)> {
    let (file, offset) = name.strip_prefix(PREFIX)?.rsplit_once(':')?;
    let offset = u64::from_str_radix(offset.strip_prefix("0x")?, 16).ok()?;
    let named = !file.is_empty();
    Some((CString::new(file).ok().filter(|_| named)?, offset))
}

fn find(spec: &EventSpec, cpu: u32) -> Option<Result<Source, Error>> {
    let place = place(&spec.name)?;
    let kind = std::fs::read_to_string("/sys/bus/event_source/devices/uprobe/type");
    let Some(kind) = kind.ok().and_then(|text| text.trim().parse().ok()) else {
        return Some(Err(Error::Kernel { lacks: "uprobes (CONFIG_UPROBE_EVENTS)".to_owned() }));
    };
    let source = Source {
        event: Event { name: spec.name.clone(), unit: Unit::Count, rate: spec.rate },
        number: Number { kind, config: 0, place: Some(place) },
        due: Due::Unknown,
        program: Program::Call,
        everywhere: true,
        bits: 0,
        room: ROOM,
        beside: 3,
    };
    let tried = PerfEvent::sampling(&source, cpu).map_err(|error| explain(spec, error));
    Some(tried.map(|_| source))
}

/// The cause behind a refused uprobe.
fn explain(spec: &EventSpec, error: io::Error) -> Error {
    let defect = match error.raw_os_error() {
        Some(libc::EACCES | libc::EPERM) if !capability::administers() => {
            return Error::Permission {
                step: "watching a function",
                missing: vec!["CAP_SYS_ADMIN"],
                source: error,
            };
        }
        Some(libc::EACCES) => "you may not read the file",
        Some(libc::ENOENT) => "there is no such file",
        Some(libc::EINVAL) => "the file has no code at this offset that can be watched",
        _ => return perf::explain(error, 0),
    };
    Error::Event { event: spec.name.clone(), defect }
}
