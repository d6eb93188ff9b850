//! Reading a recording.

use super::write::FIRST_LINE;
use crate::sample::{
    AddressSpace, Comm, Flags, Frame, FrameKind, Sample, SideBand, SideBandKind, Stack, StackId,
    Trust,
};
use crate::source::{CAUSES, MALFORMED, UNFINISHED};
use crate::{Error, Event, EventLosses, Losses, Rate, Unit, Window};
use std::collections::VecDeque;
use std::str::SplitAsciiWhitespace;

/// The contents of a recording's text.
#[derive(Debug, Default)]
pub(super) struct Recording {
    /// The events. A recording of version 1 has one event and does not name it.
    pub(super) events: Vec<Event>,
    pub(super) windows: VecDeque<Window>,
    pub(super) losses: Losses,
}

/// The first line of version 1.
const FIRST_LINE_OF_1: &str = "bpflame-recording 1";
/// The most events of a recording.
const MOST_EVENTS: usize = 1024;

pub(super) fn recording(text: &[u8]) -> Result<Recording, Error> {
    let mut lines = text.split(|&b| b == b'\n').enumerate();
    let first = lines.next().map(|(_, line)| line);
    let one = first == Some(FIRST_LINE_OF_1.as_bytes());
    if !one && first != Some(FIRST_LINE.as_bytes()) {
        return Err(Error::Replay { line: 1, what: format!("it is not `{FIRST_LINE}`") });
    }
    let mut recording = Recording::default();
    if one {
        recording.losses.events.push(EventLosses::default());
    }
    let mut window = Window::default();
    for (number, line) in lines {
        let error = |what: &str| Error::Replay { line: number + 1, what: what.to_owned() };
        let line = std::str::from_utf8(line).map_err(|_| error("not text"))?;
        let mut words = Words { words: line.split_ascii_whitespace(), one };
        let (events, losses) = (recording.losses.events.len(), &mut recording.losses);
        match words.words.next() {
            None => {}
            Some("window") => recording.windows.push_back(std::mem::take(&mut window)),
            Some("side-band-lost") => window.side_band_lost = true,
            Some("stack") => window.stacks.push(words.stack().ok_or_else(|| error("bad stack"))?),
            Some("sample") => {
                window.samples.push(words.sample(events).ok_or_else(|| error("bad sample"))?)
            }
            Some("event") if !one && events < MOST_EVENTS => {
                recording.events.push(words.event().ok_or_else(|| error("bad event"))?);
                losses.events.push(EventLosses::default());
            }
            Some("losses") => words.losses(losses).ok_or_else(|| error("bad losses"))?,
            Some("runs") if !one => words.runs(losses).ok_or_else(|| error("bad runs"))?,
            Some("lost") => words.lost(losses).ok_or_else(|| error("bad loss"))?,
            Some(kind) => {
                window.side_band.push(words.side_band(kind).ok_or_else(|| error("bad record"))?)
            }
        }
    }
    Ok(recording)
}

/// The words of a line.
struct Words<'a> {
    words: SplitAsciiWhitespace<'a>,
    /// Whether the recording is of version 1.
    one: bool,
}

impl Words<'_> {
    fn number(&mut self) -> Option<u64> {
        u64::from_str_radix(self.words.next()?, 16).ok()
    }

    fn small<T: TryFrom<u64>>(&mut self) -> Option<T> {
        T::try_from(self.number()?).ok()
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        let mut rest = self.words.next()?.strip_prefix('=')?.as_bytes();
        let mut bytes = Vec::new();
        while let Some((&first, tail)) = rest.split_first() {
            rest = tail;
            if first == b'%' {
                let (digits, tail) = rest.split_first_chunk::<2>()?;
                bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
                rest = tail;
            } else {
                bytes.push(first);
            }
        }
        Some(bytes)
    }

    fn comm(&mut self) -> Option<Comm> {
        Some(Comm::from_bytes(&self.bytes()?))
    }

    fn stack(&mut self) -> Option<Stack> {
        let id = StackId(self.number()?);
        let frames: Option<Vec<Frame>> = self.words.by_ref().map(frame).collect();
        frames.filter(|f| !f.is_empty()).map(|frames| Stack { id, frames, checks: Vec::new() })
    }

    fn event(&mut self) -> Option<Event> {
        let rate = match self.words.next()? {
            "hertz" => Rate::Hertz(self.small()?),
            "every" => Rate::Every(self.number()?),
            _ => return None,
        };
        let unit = self.words.next()?;
        let unit = Unit::ALL.into_iter().find(|known| known.name() == unit)?;
        let name = String::from_utf8(self.bytes()?).ok()?;
        Some(Event { name, unit, rate })
    }

    /// A sample. `events` is the number of events in the recording.
    fn sample(&mut self, events: usize) -> Option<Sample> {
        let sample = Sample {
            time: self.number()?,
            cpu: self.small()?,
            event: self.small()?,
            space: AddressSpace { pid: self.small()?, start: self.number()?, exec: self.number()? },
            tid: self.small()?,
            weight: self.number()?,
            kernel: StackId(self.number()?),
            user: StackId(self.number()?),
            cgroup: self.number()?,
            flags: Flags(self.small()?),
            words: if self.one { [0; 2] } else { [self.number()?, self.number()?] },
            comm: self.comm()?,
        };
        (usize::from(sample.event) < events).then_some(sample)
    }

    fn side_band(&mut self, kind: &str) -> Option<SideBand> {
        let (time, pid, tid) = (self.number()?, self.small()?, self.small()?);
        let kind = match kind {
            "mmap" => SideBandKind::Mmap {
                start: self.number()?,
                len: self.number()?,
                offset: self.number()?,
                device: (self.small()?, self.small()?),
                inode: self.number()?,
                path: self.bytes()?,
            },
            "exec" => SideBandKind::Exec { comm: self.comm()? },
            "rename" => SideBandKind::Rename { comm: self.comm()? },
            "fork" => SideBandKind::Fork { parent_pid: self.small()?, parent_tid: self.small()? },
            "exit" => SideBandKind::Exit,
            _ => return None,
        };
        Some(SideBand { time, pid, tid, kind })
    }

    fn losses(&mut self, losses: &mut Losses) -> Option<()> {
        losses.side_band_lost = self.number()?;
        if self.one {
            return self.figures(losses.events.first_mut()?);
        }
        losses.malformed = self.number()?;
        losses.unfinished = self.number()?;
        Some(())
    }

    fn runs(&mut self, losses: &mut Losses) -> Option<()> {
        let event = losses.events.get_mut(self.small::<usize>()?)?;
        self.figures(event)
    }

    fn figures(&mut self, event: &mut EventLosses) -> Option<()> {
        event.runs = self.number()?;
        event.idle = self.number()?;
        event.foreign = self.number()?;
        event.expected = self.number()?;
        Some(())
    }

    fn lost(&mut self, losses: &mut Losses) -> Option<()> {
        let event = if self.one { 0 } else { self.small()? };
        let count = self.number()?;
        let words: Vec<&str> = self.words.by_ref().collect();
        let cause = CAUSES.iter().find(|c| **c == words.join(" "))?;
        match *cause {
            MALFORMED => losses.malformed = count,
            UNFINISHED => losses.unfinished = count,
            cause => {
                losses.events.get_mut::<usize>(event)?.lost.insert(cause, count);
            }
        }
        Some(())
    }
}

fn frame(word: &str) -> Option<Frame> {
    let mut parts = word.splitn(3, '/');
    let kind = match parts.next()? {
        "i" => FrameKind::Instruction,
        "r" => FrameKind::Return,
        kind => interpreted(kind)?,
    };
    let trust = match parts.next()? {
        "c" => Trust::Context,
        "r" => Trust::Rule,
        "s" => Trust::Synthesised,
        "f" => Trust::FramePointer,
        "g" => Trust::Guessed,
        _ => return None,
    };
    let address = u64::from_str_radix(parts.next()?, 16).ok()?;
    Some(Frame { address, kind, trust })
}

/// Parses `p.RUNTIME.POSITION.CHECK`, the kind of an interpreter's frame.
fn interpreted(kind: &str) -> Option<FrameKind> {
    let mut parts = kind.strip_prefix("p.")?.split('.');
    let mut number = || u32::from_str_radix(parts.next()?, 16).ok();
    let runtime = u8::try_from(number()?).ok().filter(|runtime| *runtime != 0)?;
    Some(FrameKind::Interpreted { runtime, position: number()?, check: number()? })
}
