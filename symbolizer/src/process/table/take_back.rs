//! What was read of the next program is taken back.

use super::state::ProcessTable;
use crate::process::space::image::Image;
use crate::process::{Event, EventKind};

impl ProcessTable {
    /// Says beforehand what will be applied. To be called for all events of a window before its first
    /// sample is located: then no process is read that runs another program by now. Every announced event
    /// must be applied later.
    pub fn announce(&mut self, event: &Event) {
        if self.live && matches!(event.kind, EventKind::Exec { .. }) {
            let time = self.hindsight.announced.entry(event.pid).or_default();
            *time = event.time.max(*time);
        }
    }

    /// Samples that were located by the maps of their process's next program, perhaps: it changed its
    /// program before they were read, and the record of that came later.
    pub fn misplaced(&self) -> u64 {
        self.hindsight.misplaced
    }

    /// `pid` changes its program at `time`: what was read of it later than that was not what it runs until
    /// then.
    pub(crate) fn take_back(&mut self, pid: u32, time: u64) {
        if self.hindsight.announced.get(&pid).is_some_and(|&last| last <= time) {
            self.hindsight.announced.remove(&pid);
        }
        let spoilt = |image: &Image| {
            image.reading.as_ref().is_some_and(|reading| reading.is_spoilt(pid, time))
        };
        let Some(&index) = self.current.get(&pid) else { return };
        if !spoilt(&self.images[index]) {
            return;
        }
        // Children that share what was read are not what they seem either.
        for &index in self.current.values() {
            let image = &mut self.images[index];
            if !spoilt(image) {
                continue;
            }
            let own = image.pid == pid;
            let (samples, dropped_map) = image.take_back(own);
            self.hindsight.misplaced += samples;
            if dropped_map {
                self.files.descriptors.closed();
            }
        }
    }
}
