//! `/proc` shows a process as it is now, and samples are located later than they were taken: what was read
//! may be the memory of the program that came next. An exec between the two says so; what it spoilt is taken
//! back, so that the program before it is unknown, and not another one.

use super::image::{Image, Story};
use super::mappings::Mappings;
use crate::place::{Reason, Runtime};
use crate::process::{Event, EventKind, ProcessTable};
use crate::warning::Warning;
use rustix::time::{ClockId, clock_gettime};
use std::collections::HashMap;
use std::sync::Arc;

/// What an address space was before `/proc` was read for it, kept until it is certain what was read.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// Whose maps were read: its own pid, or that of an ancestor which it shares mappings with.
    pid: u32,
    /// When the reading ended, nanoseconds of CLOCK_MONOTONIC: an exec before that spoils it.
    end: u64,
    maps: Arc<Mappings>,
    story: Story,
    comm: Option<Arc<[u8]>>,
    runtime: Option<Runtime>,
    watched: bool,
    /// Samples that were located by what was read.
    samples: u64,
}

/// What is known of programs to come, and of those that were taken for others.
#[derive(Debug, Default)]
pub(crate) struct Hindsight {
    /// By pid: when the last exec that was announced and not yet applied happened.
    announced: HashMap<u32, u64>,
    /// Samples that were located by the maps of another program, perhaps.
    misplaced: u64,
}

impl Hindsight {
    /// Whether `/proc` shows a later program of a pid than the present one.
    pub(crate) fn shows_another(&self, pid: u32) -> bool {
        self.announced.contains_key(&pid)
    }

    /// What to tell the reader.
    pub(crate) fn warning(&self) -> Option<Warning> {
        let samples = self.misplaced;
        let noun = if samples == 1 { "sample" } else { "samples" };
        (samples > 0).then(|| Warning {
            file: format!("{samples} {noun}"),
            what:
                "taken just before their process changed its program: perhaps named by the next one"
                    .to_owned(),
        })
    }
}

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
            image.reading.as_ref().is_some_and(|reading| reading.pid == pid && time < reading.end)
        };
        let Some(&index) = self.current.get(&pid) else { return };
        if !spoilt(&self.images[index as usize]) {
            return;
        }
        // Children that share what was read are not what they seem either.
        for &index in self.current.values() {
            let image = &mut self.images[index as usize];
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

impl Image {
    /// Notes what is known before `/proc` is read. Of several readings that are not certain yet, the first
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

    /// Notes that it was read.
    pub(crate) fn end_reading(&mut self) {
        if let Some(reading) = &mut self.reading {
            reading.pid = self.pid;
            reading.end = monotonic();
        }
    }

    /// A sample of `time` is located. One later than the reading shows that no exec came before.
    pub(crate) fn sampled(&mut self, time: u64) {
        match &mut self.reading {
            Some(reading) if time <= reading.end => reading.samples += 1,
            reading => *reading = None,
        }
    }

    /// The sample that is being located made the maps be read.
    pub(crate) fn sampled_now(&mut self) {
        if let Some(reading) = &mut self.reading {
            reading.samples = reading.samples.max(1);
        }
    }

    /// What a child is to take back if its parent is.
    pub(crate) fn inherited_reading(&self) -> Option<Box<Reading>> {
        let reading = self.reading.as_ref()?;
        let story = if reading.story == Story::Known { Story::Known } else { Story::Unread };
        Some(Box::new(Reading { story, watched: false, samples: 0, ..(**reading).clone() }))
    }

    /// Whether all that it maps was its own until `time`.
    pub(crate) fn certain_at(&self, time: u64) -> bool {
        self.reading.as_ref().is_none_or(|reading| reading.end <= time)
    }

    /// Makes it what it was before it was read; its own program is gone, a child's may be read yet. Tells
    /// how many samples were located by what is taken back, and whether an open perf map was dropped.
    fn take_back(&mut self, own: bool) -> (u64, bool) {
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

/// Now, nanoseconds of CLOCK_MONOTONIC.
pub(crate) fn monotonic() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    let (seconds, nanoseconds) =
        (u64::try_from(time.tv_sec).unwrap_or(0), u64::try_from(time.tv_nsec).unwrap_or(0));
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}
