//! Takes back what was read of a process's next program.

use super::state::ProcessTable;
use crate::process::space::image::Image;
use crate::process::{Event, EventKind};

impl ProcessTable {
    /// Announces an event that will be applied. Call this for all events of a window before its first sample is
    /// located. Then no process is read that already runs another program. Every announced event must be applied later.
    pub fn announce(&mut self, event: &Event) {
        if self.live && matches!(event.kind, EventKind::Exec { .. }) {
            let time = self.hindsight.announced.entry(event.pid).or_default();
            *time = event.time.max(*time);
        }
    }

    /// The number of samples that may have been located by the maps of the next program: the process called exec before
    /// its maps were read, and the record of the exec came later.
    pub fn misplaced(&self) -> u64 {
        self.hindsight.misplaced
    }

    /// `pid` calls exec at `time`. A reading of it after that time does not show the program that ran before.
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
        // Children that share the reading are also wrong.
        for &index in self.current.values() {
            let image = &mut self.images[index];
            if !spoilt(image) {
                continue;
            }
            let own = image.pid == pid;
            let (samples, dropped_map) = image.take_back(own);
            self.hindsight.misplaced += samples;
            if dropped_map {
                self.files.descriptors.closed(image.pid);
            }
        }
    }
}
