//! A recording as text, and its replay: the second implementor of [`SampleSource`].
//!
//! One thing a line, numbers in hexadecimal, addresses leaf first; names follow a `=`, in them bytes that are no
//! printable ASCII are `%` and two hexadecimal digits. `window` ends a window.
//!
//! ```text
//! bpflame-recording 1
//! stack ID KIND/TRUST/ADDRESS …
//! sample TIME CPU EVENT PID START EXEC TID WEIGHT KERNEL USER CGROUP FLAGS COMM
//! mmap TIME PID TID START LEN OFFSET MAJOR MINOR INODE PATH
//! exec|rename TIME PID TID COMM
//! fork TIME PID TID PARENT_PID PARENT_TID
//! exit TIME PID TID
//! side-band-lost
//! window
//! losses SIDE_BAND_LOST RUNS IDLE FOREIGN EXPECTED
//! lost COUNT CAUSE
//! ```

mod parse;
mod write;

use crate::{Error, Losses, SampleSource, Window};
use std::collections::VecDeque;

pub use write::Recorder;

/// Bytes of a recording, at most.
const LARGEST: usize = 1 << 30;
const FIRST_LINE: &str = "bpflame-recording 1";

/// Replays the windows of a stored recording.
#[derive(Debug, Default)]
pub struct Replay {
    windows: VecDeque<Window>,
    losses: Losses,
}

impl Replay {
    /// Reads a recording's text.
    ///
    /// # Errors
    /// [`Error::Replay`] with the line that is malformed.
    pub fn read(text: &[u8]) -> Result<Self, Error> {
        if text.len() > LARGEST {
            return Err(Error::Replay { line: 1, what: "larger than 1 GiB".to_owned() });
        }
        parse::recording(text)
    }
}

impl SampleSource for Replay {
    fn drain(&mut self, window: &mut Window) -> Result<(), Error> {
        *window = self.windows.pop_front().unwrap_or_default();
        Ok(())
    }

    fn stop(&mut self, window: &mut Window) -> Result<(), Error> {
        window.clear();
        for w in self.windows.drain(..) {
            window.stacks.extend(w.stacks);
            window.samples.extend(w.samples);
            window.side_band.extend(w.side_band);
            window.side_band_lost |= w.side_band_lost;
        }
        Ok(())
    }

    fn losses(&self) -> Losses {
        self.losses.clone()
    }

    fn finished(&self) -> bool {
        self.windows.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        AddressSpace, Comm, Flags, Frame, FrameKind, Sample, SideBand, SideBandKind, Stack,
        StackId, Trust,
    };

    fn window() -> Window {
        let frame = |address, kind, trust| Frame { address, kind, trust };
        let frames = vec![
            frame(0x401000, FrameKind::Instruction, Trust::Context),
            frame(0x402000, FrameKind::Return, Trust::FramePointer),
            frame(0x403000, FrameKind::Return, Trust::Guessed),
        ];
        let sample = Sample {
            time: 10,
            cpu: 1,
            event: 0,
            space: AddressSpace { pid: 7, start: 3, exec: 2 },
            tid: 8,
            weight: 10_101_010,
            kernel: StackId(0),
            user: StackId(u64::MAX),
            comm: Comm::from_bytes(b"a b%\n\xff"),
            cgroup: 5,
            flags: Flags::TRUNCATED_USER.with(Flags::FRAME_POINTERS),
        };
        let event = |kind| SideBand { time: 9, pid: 7, tid: 7, kind };
        let mmap = SideBandKind::Mmap {
            start: 0x400000,
            len: 0x1000,
            offset: 0,
            device: (8, 1),
            inode: 99,
            path: b"/tmp/with space and \x01".to_vec(),
        };
        let comm = Comm::from_bytes(b"");
        let fork = SideBandKind::Fork { parent_pid: 1, parent_tid: 2 };
        let kinds = [
            mmap,
            SideBandKind::Exec { comm },
            SideBandKind::Rename { comm },
            fork,
            SideBandKind::Exit,
        ];
        Window {
            stacks: vec![Stack { id: StackId(u64::MAX), frames }],
            samples: vec![sample],
            side_band: kinds.into_iter().map(event).collect(),
            side_band_lost: true,
        }
    }

    fn recorded() -> (Vec<u8>, Losses) {
        let losses = Losses {
            lost: [("missed ticks", 3)].into_iter().collect(),
            side_band_lost: 1,
            runs: 40,
            idle: 2,
            foreign: 0,
            expected: 43,
        };
        let mut recorder = Recorder::new(Vec::new()).unwrap();
        recorder.window(&window()).unwrap();
        recorder.window(&Window::default()).unwrap();
        (recorder.finish(&losses).unwrap(), losses)
    }

    #[test]
    fn what_is_recorded_is_replayed() {
        let (text, losses) = recorded();
        let mut replay = Replay::read(&text).unwrap();
        let mut got = Window::default();
        assert!(!replay.finished());
        replay.drain(&mut got).unwrap();
        assert_eq!(got, window());
        replay.drain(&mut got).unwrap();
        assert_eq!(got, Window::default());
        assert!(replay.finished());
        assert_eq!(replay.losses(), losses);
    }

    #[test]
    fn malformed_lines_are_named() {
        let error = |text: &str| Replay::read(text.as_bytes()).unwrap_err().to_string();
        assert!(error("").contains("line 1"));
        assert!(error("bpflame-recording 1\nsample 1 2\n").contains("line 2"));
        assert!(error("bpflame-recording 1\nwindow\nnonsense\n").contains("line 3"));
    }

    #[test]
    fn cut_or_flipped_recordings_never_panic() {
        let (text, _) = recorded();
        for len in 0..text.len() {
            let _ = Replay::read(&text[..len]);
        }
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut flipped = text.clone();
                flipped[at] ^= 1 << bit;
                let _ = Replay::read(&flipped);
            }
        }
    }
}
