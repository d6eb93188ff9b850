//! Taking back readings of `/proc` that belong to a later program. `/proc` shows a process as it is now, but samples are located later
//! than they were taken. If an exec happened in between, the reading shows the next program. It is taken back, so that the earlier
//! program is unknown instead of wrong.

use super::image::Image;
use super::reading::Reading;
use super::story::Story;
use crate::place::Reason;
use rustix::time::{ClockId, clock_gettime};

impl Image {
    /// Notes the state before `/proc` is read. If several readings are uncertain, the state before the first one
    /// counts.
    pub(crate) fn begin_reading(&mut self) {
        if self.reading.is_none() {
            self.reading = Some(Box::new(Reading {
                pid: self.pid,
                end: u64::MAX,
                maps: self.maps.clone(),
                story: self.story,
                comm: self.comm.clone(),
                runtime: self.runtime,
                watched: self.watch.is_some(),
                samples: 0,
            }));
        }
    }

    /// Notes that `/proc` was read.
    pub(crate) fn end_reading(&mut self) {
        if let Some(reading) = &mut self.reading {
            reading.pid = self.pid;
            reading.end = monotonic();
        }
    }

    /// Notes that a sample of `time` is located. A sample that is later than the reading shows that no exec came before
    /// the reading.
    pub(crate) fn sampled(&mut self, time: u64) {
        match &mut self.reading {
            Some(reading) if time <= reading.end => reading.samples += 1,
            reading => *reading = None,
        }
    }

    /// Notes that the sample which is being located caused the reading.
    pub(crate) fn sampled_now(&mut self) {
        if let Some(reading) = &mut self.reading {
            reading.samples = reading.samples.max(1);
        }
    }

    /// Restores the state before the reading. Its own program is gone; a child's may still be read. Returns the number of samples that were
    /// located by the reading, and whether an open perf map was dropped.
    pub(crate) fn take_back(&mut self, own: bool) -> (u64, bool) {
        let Some(reading) = self.reading.take() else { return (0, false) };
        self.story = match reading.story {
            Story::Known | Story::Doubted { certain: true } => Story::Known,
            Story::Unread if !own => Story::Unread,
            Story::Unread | Story::Doubted { certain: false } | Story::Unreadable(_) => {
                Story::Unreadable(Reason::ProcessGone)
            }
        };
        self.comm = reading.comm;
        self.runtime = reading.runtime;
        let watch = if reading.watched { None } else { self.watch.take() };
        let changed = *self.maps != *reading.maps;
        if changed {
            self.maps = reading.maps;
            self.next_epoch();
        }
        let samples = if changed { reading.samples } else { 0 };
        (samples, watch.is_some_and(|watch| watch.jit.map.is_some()))
    }
}

/// The time now, in nanoseconds of CLOCK_MONOTONIC.
pub(crate) fn monotonic() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    let (seconds, nanoseconds) =
        (u64::try_from(time.tv_sec).unwrap_or(0), u64::try_from(time.tv_nsec).unwrap_or(0));
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}
