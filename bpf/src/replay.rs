//! A recording as text, and its replay: the second implementor of [`SampleSource`].

use crate::{Error, Losses, SampleSource, Window};
use std::collections::VecDeque;

/// Replays the windows of a stored recording.
#[derive(Debug, Default)]
pub struct Replay {
    windows: VecDeque<Window>,
    losses: Losses,
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
