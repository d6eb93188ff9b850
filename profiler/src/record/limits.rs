//! The end of a recording.

use super::recorded::End;
use crate::host::signals::Signals;
use crate::target::watch::Watch;
use std::time::Duration;

/// The conditions that end a recording.
#[derive(Debug)]
pub(crate) struct Limits<'a> {
    /// The duration of the recording.
    pub time: Option<Duration>,
    /// The signals that end it.
    pub signals: &'a mut Signals,
    /// Whether the recording ends with the watched processes.
    pub ends_with_processes: bool,
}

impl Limits<'_> {
    /// The time left.
    pub(crate) fn left(&self, elapsed: Duration) -> Option<Duration> {
        self.time.map(|time| time.saturating_sub(elapsed))
    }

    /// The reason to end now, if there is one. `finished`: the source has no more samples.
    pub(crate) fn reached(
        &mut self,
        elapsed: Duration,
        finished: bool,
        watch: &mut Watch,
    ) -> Option<End> {
        if let Some(signal) = self.signals.take() {
            return Some(End::Signal(signal));
        }
        if self.time.is_some_and(|time| elapsed >= time) {
            return Some(End::Time);
        }
        if finished {
            return Some(End::Finished);
        }
        watch.all_gone(self.ends_with_processes).then_some(End::Gone)
    }
}
