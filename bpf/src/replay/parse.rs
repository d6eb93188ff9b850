//! Reading a recording.

use super::{FIRST_LINE, Replay};
use crate::sample::{
    AddressSpace, Comm, Flags, Frame, FrameKind, Sample, SideBand, SideBandKind, Stack, StackId,
    Trust,
};
use crate::{Error, Losses, Window};
use std::str::SplitAsciiWhitespace;

pub(super) fn recording(text: &[u8]) -> Result<Replay, Error> {
    let mut replay = Replay::default();
    let mut window = Window::default();
    let mut lines = text.split(|&b| b == b'\n').enumerate();
    if lines.next().map(|(_, l)| l) != Some(FIRST_LINE.as_bytes()) {
        return Err(Error::Replay { line: 1, what: format!("it is not `{FIRST_LINE}`") });
    }
    for (number, line) in lines {
        let error = |what: &str| Error::Replay { line: number + 1, what: what.to_owned() };
        let line = std::str::from_utf8(line).map_err(|_| error("not text"))?;
        let mut words = Words(line.split_ascii_whitespace());
        match words.0.next() {
            None => {}
            Some("window") => replay.windows.push_back(std::mem::take(&mut window)),
            Some("side-band-lost") => window.side_band_lost = true,
            Some("stack") => window.stacks.push(words.stack().ok_or_else(|| error("bad stack"))?),
            Some("sample") => {
                window.samples.push(words.sample().ok_or_else(|| error("bad sample"))?)
            }
            Some("losses") => {
                words.losses(&mut replay.losses).ok_or_else(|| error("bad losses"))?
            }
            Some("lost") => words.lost(&mut replay.losses).ok_or_else(|| error("bad loss"))?,
            Some(kind) => {
                window.side_band.push(words.side_band(kind).ok_or_else(|| error("bad record"))?)
            }
        }
    }
    Ok(replay)
}

/// The words of a line.
struct Words<'a>(SplitAsciiWhitespace<'a>);

impl Words<'_> {
    fn number(&mut self) -> Option<u64> {
        u64::from_str_radix(self.0.next()?, 16).ok()
    }

    fn small<T: TryFrom<u64>>(&mut self) -> Option<T> {
        T::try_from(self.number()?).ok()
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        let mut rest = self.0.next()?.strip_prefix('=')?.as_bytes();
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
        let frames: Option<Vec<Frame>> = self.0.by_ref().map(frame).collect();
        frames.filter(|f| !f.is_empty()).map(|frames| Stack { id, frames })
    }

    fn sample(&mut self) -> Option<Sample> {
        Some(Sample {
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
            comm: self.comm()?,
        })
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
        losses.runs = self.number()?;
        losses.idle = self.number()?;
        losses.foreign = self.number()?;
        losses.expected = self.number()?;
        Some(())
    }

    fn lost(&mut self, losses: &mut Losses) -> Option<()> {
        let count = self.number()?;
        let words: Vec<&str> = self.0.by_ref().collect();
        let cause = crate::source::CAUSES.iter().find(|c| **c == words.join(" "))?;
        losses.lost.insert(cause, count);
        Some(())
    }
}

fn frame(word: &str) -> Option<Frame> {
    let mut parts = word.splitn(3, '/');
    let kind = match parts.next()? {
        "i" => FrameKind::Instruction,
        "r" => FrameKind::Return,
        _ => return None,
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
