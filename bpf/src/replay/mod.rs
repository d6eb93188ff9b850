//! A recording as text, and its replay: the second implementor of [`SampleSource`].
//!
//! One item a line. Numbers are hexadecimal, addresses leaf first. Names follow a `=`; bytes other than printable ASCII are `%` and two
//! hexadecimal digits. `window` ends a window.
//!
//! ```text
//! bpflame-recording 2
//! event hertz|every RATE UNIT NAME
//! stack ID KIND/TRUST/ADDRESS …
//! sample TIME CPU EVENT PID START EXEC TID WEIGHT KERNEL USER CGROUP FLAGS WORD WORD COMM
//! mmap TIME PID TID START LEN OFFSET MAJOR MINOR INODE PATH
//! exec|rename TIME PID TID COMM
//! fork TIME PID TID PARENT_PID PARENT_TID
//! exit TIME PID TID
//! side-band-lost
//! window
//! losses SIDE_BAND_LOST MALFORMED UNFINISHED
//! runs EVENT RUNS IDLE FOREIGN EXPECTED
//! lost EVENT COUNT CAUSE
//! ```
//!
//! Events come first and are numbered from 0. KIND is `i` for an instruction, `r` for a return address, and
//! `p.RUNTIME.POSITION.CHECK` for an interpreter's frame. Version 1 has one event and no line for it. Its samples have
//! no words, and its figures are in the lines `losses` and `lost`.

mod parse;
#[cfg(test)]
mod tests;
mod write;

use crate::{Error, Event, Losses, SampleSource, Stack, StackId, Window};
use std::collections::{HashMap, HashSet, VecDeque};

use parse::Recording;
pub use write::Recorder;

/// Bytes of a recording, at most.
const LARGEST: usize = 1 << 30;

/// Replays the windows of a stored recording.
#[derive(Debug, Default)]
pub struct Replay {
    events: Vec<Event>,
    windows: VecDeque<Window>,
    losses: Losses,
    /// The stacks of all windows so far.
    stacks: HashMap<StackId, Stack>,
    /// The stacks that were handed over since the last call to forget them.
    known: HashSet<StackId>,
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
        let Recording { events, windows, losses } = parse::recording(text)?;
        Ok(Self { events, windows, losses, ..Self::default() })
    }

    /// Adds the stacks of earlier windows that must be handed over again.
    fn add_forgotten(&mut self, window: &mut Window) {
        self.known.extend(window.stacks.iter().map(|stack| stack.id));
        let ids = window.samples.iter().flat_map(|sample| [sample.kernel, sample.user]);
        let forgotten: Vec<Stack> = ids
            .filter(|id| self.known.insert(*id))
            .filter_map(|id| self.stacks.get(&id).cloned())
            .collect();
        for stack in &window.stacks {
            self.stacks.entry(stack.id).or_insert_with(|| stack.clone());
        }
        window.stacks.extend(forgotten);
    }

    /// The recorded events; empty for a recording of version 1, which does not name its only event.
    pub fn events(&self) -> &[Event] {
        &self.events
    }
}

impl SampleSource for Replay {
    fn drain(&mut self, window: &mut Window) -> Result<(), Error> {
        *window = self.windows.pop_front().unwrap_or_default();
        self.add_forgotten(window);
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
        self.add_forgotten(window);
        Ok(())
    }

    fn forget_stacks(&mut self) {
        self.known.clear();
    }

    fn losses(&self) -> Losses {
        self.losses.clone()
    }

    fn finished(&self) -> bool {
        self.windows.is_empty()
    }
}
