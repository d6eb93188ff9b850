//! Writes recordings.

use crate::sample::{Frame, FrameKind, Sample, SideBand, SideBandKind, Stack, Trust};
use crate::{Event, EventLosses, Losses, Rate, Window};
use std::fmt::Write as _;
use std::io::{self, Write};

pub(super) const FIRST_LINE: &str = "bpflame-recording 2";

/// Writes windows as text.
#[derive(Debug)]
pub struct Recorder<W: Write> {
    to: W,
}

impl<W: Write> Recorder<W> {
    /// Begins a recording.
    ///
    /// # Errors
    /// The error of writing.
    pub fn new(mut to: W) -> io::Result<Self> {
        writeln!(to, "{FIRST_LINE}")?;
        Ok(Self { to })
    }

    /// Writes the list of events. Call this once, before the first window.
    ///
    /// # Errors
    /// The error of writing.
    pub fn events(&mut self, events: &[Event]) -> io::Result<()> {
        for Event { name, unit, rate } in events {
            let rate = match rate {
                Rate::Hertz(hertz) => format!("hertz {hertz:x}"),
                Rate::Every(count) => format!("every {count:x}"),
            };
            writeln!(self.to, "event {rate} {} {}", unit.name(), escaped(name.as_bytes()))?;
        }
        Ok(())
    }

    /// Appends a window.
    ///
    /// # Errors
    /// The error of writing.
    pub fn window(&mut self, window: &Window) -> io::Result<()> {
        for stack in &window.stacks {
            writeln!(self.to, "{}", stack_line(stack))?;
        }
        for sample in &window.samples {
            writeln!(self.to, "{}", sample_line(sample))?;
        }
        for record in &window.side_band {
            writeln!(self.to, "{}", side_band_line(record))?;
        }
        if window.side_band_lost {
            writeln!(self.to, "side-band-lost")?;
        }
        writeln!(self.to, "window")
    }

    /// Ends the recording, and returns the destination.
    ///
    /// # Errors
    /// The error of writing.
    pub fn finish(mut self, losses: &Losses) -> io::Result<W> {
        let Losses { events, malformed, unfinished, side_band_lost } = losses;
        writeln!(self.to, "losses {side_band_lost:x} {malformed:x} {unfinished:x}")?;
        for (number, event) in events.iter().enumerate() {
            let EventLosses { lost, runs, idle, foreign, expected } = event;
            writeln!(self.to, "runs {number:x} {runs:x} {idle:x} {foreign:x} {expected:x}")?;
            for (cause, count) in lost {
                writeln!(self.to, "lost {number:x} {count:x} {cause}")?;
            }
        }
        self.to.flush()?;
        Ok(self.to)
    }
}

fn stack_line(stack: &Stack) -> String {
    let mut line = format!("stack {:x}", stack.id.0);
    for Frame { address, kind, trust } in &stack.frames {
        let kind = match kind {
            FrameKind::Instruction => String::from("i"),
            FrameKind::Return => String::from("r"),
            FrameKind::Interpreted { runtime, position, check } => {
                format!("p.{runtime:x}.{position:x}.{check:x}")
            }
        };
        let trust = match trust {
            Trust::Context => 'c',
            Trust::Rule => 'r',
            Trust::Synthesised => 's',
            Trust::FramePointer => 'f',
            Trust::Guessed => 'g',
        };
        // Writing to a string does not fail.
        let _ = write!(line, " {kind}/{trust}/{address:x}");
    }
    line
}

fn sample_line(s: &Sample) -> String {
    format!(
        "sample {:x} {:x} {:x} {:x} {:x} {:x} {:x} {:x} {:x} {:x} {:x} {:x} {:x} {:x} {}",
        s.time,
        s.cpu,
        s.event,
        s.space.pid,
        s.space.start,
        s.space.exec,
        s.tid,
        s.weight,
        s.kernel.0,
        s.user.0,
        s.cgroup,
        s.flags.0,
        s.words[0],
        s.words[1],
        escaped(s.comm.bytes())
    )
}

fn side_band_line(record: &SideBand) -> String {
    let who = format!("{:x} {:x} {:x}", record.time, record.pid, record.tid);
    match &record.kind {
        SideBandKind::Mmap { start, len, offset, device: (major, minor), inode, path } => {
            format!(
                "mmap {who} {start:x} {len:x} {offset:x} {major:x} {minor:x} {inode:x} {}",
                escaped(path)
            )
        }
        SideBandKind::Exec { comm } => format!("exec {who} {}", escaped(comm.bytes())),
        SideBandKind::Rename { comm } => format!("rename {who} {}", escaped(comm.bytes())),
        SideBandKind::Fork { parent_pid, parent_tid } => {
            format!("fork {who} {parent_pid:x} {parent_tid:x}")
        }
        SideBandKind::Exit => format!("exit {who}"),
    }
}

/// Makes one word of any bytes: a `=`, then the bytes; each byte that is not printable is `%` and two digits.
fn escaped(bytes: &[u8]) -> String {
    let mut word = String::from("=");
    for &byte in bytes {
        if byte.is_ascii_graphic() && byte != b'%' {
            word.push(byte.into());
        } else {
            let _ = write!(word, "%{byte:02x}");
        }
    }
    word
}
