//! The recording itself: drains the source on a timer until something ends it.

use crate::aggregate::{Aggregator, StackCounts};
use crate::exit::Failure;
use crate::progress::Progress;
use crate::signals::Signals;
use crate::stats::monotonic;
use crate::tape::Tape;
use crate::watch::Watch;
use bpf::{Losses, SampleSource, Window};
use std::time::{Duration, Instant};
use symbolizer::ProcessTable;

/// The first drain comes after this long, so that the maps of new processes are read early; each further one
/// after twice as long as the one before.
const FIRST_DRAIN: Duration = Duration::from_millis(10);
/// The longest time between two drains.
const DRAIN: Duration = Duration::from_millis(200);
/// The longest time between two looks at what the target's processes took.
const LOOK: Duration = Duration::from_secs(1);

/// Why a recording ended.
#[derive(Debug)]
pub(crate) enum End {
    /// Its time was over.
    Time,
    /// A signal came.
    Signal(i32),
    /// All that is recorded is gone: the target's processes, or the command.
    Gone,
    /// The source has no more.
    Finished,
    /// The source failed; what came before is there.
    Failed(bpf::Error),
}

/// What ends a recording, and who wants to know of it.
#[derive(Debug)]
pub(crate) struct Limits<'a> {
    /// Its time.
    pub time: Option<Duration>,
    /// Signals.
    pub signals: &'a mut Signals,
    /// The recorded processes.
    pub watch: &'a mut Watch,
    /// Whether it ends with them.
    pub ends_with_processes: bool,
    /// What a terminal shows.
    pub progress: &'a Progress,
}

/// What was collected.
#[derive(Debug)]
pub(crate) struct Collected {
    /// The counts.
    pub counts: StackCounts,
    /// The processes.
    pub table: ProcessTable,
    /// The source's figures.
    pub losses: Losses,
    /// How long it took.
    pub time: Duration,
    /// When it ended, CLOCK_MONOTONIC nanoseconds.
    pub ended: u64,
    /// Why it ended.
    pub end: End,
    /// Whether it was stored, where it should be.
    pub stored: Result<(), Failure>,
}

/// Collects until the end. `look` is called about once a second.
pub(crate) fn collect(
    source: &mut dyn SampleSource,
    table: ProcessTable,
    aggregator: Aggregator,
    mut limits: Limits<'_>,
    tape: Tape,
    mut look: impl FnMut(),
) -> Collected {
    let start = Instant::now();
    let mut collector = Collector { table, aggregator, window: Window::default(), tape };
    let mut pause = FIRST_DRAIN;
    let mut next_look = LOOK;
    let mut end = loop {
        if !source.finished() {
            limits.wait(pause, start.elapsed());
            pause = DRAIN.min(pause * 2);
        }
        if let Err(error) = source.drain(&mut collector.window) {
            break End::Failed(error);
        }
        collector.add(limits.watch);
        if start.elapsed() >= next_look {
            next_look = start.elapsed() + LOOK;
            look();
        }
        limits.progress.show(
            start.elapsed(),
            collector.aggregator.samples(),
            source.losses().total(),
        );
        if let Some(end) = limits.end(start.elapsed(), source) {
            break end;
        }
    };
    let (time, ended) = (start.elapsed(), monotonic());
    match source.stop(&mut collector.window) {
        Ok(()) => collector.add(limits.watch),
        Err(error) => end = End::Failed(error),
    }
    look();
    let Collector { table, aggregator, tape, .. } = collector;
    let losses = source.losses();
    let stored = tape.finish(&losses);
    Collected { counts: aggregator.finish(), table, losses, time, ended, end, stored }
}

struct Collector {
    table: ProcessTable,
    aggregator: Aggregator,
    window: Window,
    tape: Tape,
}

impl Collector {
    fn add(&mut self, watch: &mut Watch) {
        self.window.side_band.iter().for_each(|record| watch.follow(record));
        self.tape.window(&self.window);
        self.aggregator.add(&self.window, &mut self.table);
    }
}

impl Limits<'_> {
    fn wait(&mut self, pause: Duration, elapsed: Duration) {
        let left = self.time.map_or(pause, |time| time.saturating_sub(elapsed));
        self.watch.wait(self.signals, pause.min(left));
    }

    fn end(&mut self, elapsed: Duration, source: &dyn SampleSource) -> Option<End> {
        if let Some(signal) = self.signals.take() {
            return Some(End::Signal(signal));
        }
        if self.time.is_some_and(|time| elapsed >= time) {
            return Some(End::Time);
        }
        if source.finished() {
            return Some(End::Finished);
        }
        self.watch.all_gone(self.ends_with_processes).then_some(End::Gone)
    }
}
