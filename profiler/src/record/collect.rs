//! The recording itself: drains the source on a timer until something ends it.

use crate::host::exit::Failure;
use crate::host::progress::Progress;
use crate::host::signals::Signals;
use crate::record::aggregate::{Aggregator, StackCounts};
use crate::record::cpu_time::CpuTime;
use crate::record::drain_budget::DrainBudget;
use crate::record::saved_recording::SavedRecording;
use crate::target::watch::Watch;
use crate::tell::stats::{OwnUsage, monotonic, own_cpu_time};
use crate::unwinding::{NoTable, Unwinding};
use bpf::{Losses, SampleSource, Window};
use std::time::{Duration, Instant};
use symbolizer::{FileId, ProcessTable};

/// The time until the first drain, short so that the maps of new processes are read early. Each further drain waits twice as long as the
/// one before.
const FIRST_DRAIN: Duration = Duration::from_millis(10);
/// The longest time between two drains.
const DRAIN: Duration = Duration::from_millis(200);
/// The longest time between two looks at what the target's processes and bpflame itself took.
const LOOK: Duration = Duration::from_secs(1);

/// The reason why a recording ended.
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

/// The conditions that end a recording.
#[derive(Debug)]
pub(crate) struct Limits<'a> {
    /// Its time.
    pub time: Option<Duration>,
    /// Signals.
    pub signals: &'a mut Signals,
    /// Whether it ends with the processes that are watched.
    pub ends_with_processes: bool,
    /// The longest time between two drains that the source allows.
    pub drain_every: Duration,
}

/// The consumers of windows.
#[derive(Debug)]
pub(crate) struct Collector<'a> {
    /// The processes.
    pub table: ProcessTable,
    /// The counts.
    pub aggregator: Aggregator,
    /// The recorded processes that live.
    pub watch: Watch,
    /// The CPU time counted by the kernel.
    pub time: CpuTime,
    /// bpflame's own usage.
    pub own: &'a mut OwnUsage,
    /// The saved recording, if one is requested.
    pub saved: SavedRecording,
    /// The progress line.
    pub progress: Progress,
    /// Unwind tables, where stacks are walked by rules.
    pub unwinding: Option<Unwinding>,
}

/// The result of collecting.
#[derive(Debug)]
pub(crate) struct Collected {
    /// The counts.
    pub counts: StackCounts,
    /// The processes.
    pub table: ProcessTable,
    /// The source's figures.
    pub losses: Losses,
    /// CPU time as the kernel accounts it, in nanoseconds.
    pub accounted: Option<u64>,
    /// The duration.
    pub time: Duration,
    /// The time of the end, CLOCK_MONOTONIC nanoseconds.
    pub ended: u64,
    /// The reason for the end.
    pub end: End,
    /// Files without unwind tables though they have rules.
    pub without_table: Vec<(FileId, NoTable)>,
    /// Whether it was stored, where it should be.
    pub stored: Result<(), Failure>,
}

/// Collects until the end.
pub(crate) fn collect(
    source: &mut dyn SampleSource,
    mut collector: Collector<'_>,
    mut limits: Limits<'_>,
) -> Collected {
    let start = Instant::now();
    let mut window = Window::default();
    let mut end = collector.run(source, &mut window, &mut limits, start);
    let (time, ended) = (start.elapsed(), monotonic());
    let accounted = collector.time.end(collector.watch.members());
    match source.stop(&mut window) {
        Ok(()) => collector.add(&mut window),
        Err(error) => end = End::Failed(error),
    }
    collector.own.look();
    collector.progress.clear();
    let losses = source.losses();
    let stored = collector.saved.finish(&losses);
    let Collector { table, aggregator, unwinding, .. } = collector;
    let without_table =
        unwinding.map_or_else(Vec::new, |unwinding| unwinding.without_table().collect());
    let counts = aggregator.finish();
    Collected { counts, table, losses, accounted, time, ended, end, without_table, stored }
}

impl Collector<'_> {
    /// Brings the unwind tables up to date; when that is to be done again at the latest.
    fn follow(&mut self) -> Result<Option<Duration>, bpf::Error> {
        let Some(unwinding) = &mut self.unwinding else { return Ok(None) };
        unwinding
            .update(&self.table)
            .map_err(|source| bpf::Error::Failed { step: "filling the unwind tables", source })
    }

    fn run(
        &mut self,
        source: &mut dyn SampleSource,
        window: &mut Window,
        limits: &mut Limits<'_>,
        start: Instant,
    ) -> End {
        let (mut pause, mut next_look, mut budget) = (FIRST_DRAIN, LOOK, DrainBudget::new());
        let mut rest = budget.after(Duration::ZERO, Duration::ZERO);
        loop {
            if !source.finished() {
                let left = limits.time.map_or(pause, |time| time.saturating_sub(start.elapsed()));
                self.watch.wait(limits.signals, pause.min(left), rest, &source.wakes());
                pause = DRAIN.min(pause * 2).min(limits.drain_every);
            }
            let worked = own_cpu_time();
            if let Err(error) = source.drain(window) {
                return End::Failed(error);
            }
            self.add(window);
            match self.follow() {
                Ok(soon) => pause = pause.min(soon.unwrap_or(pause)),
                Err(error) => return End::Failed(error),
            }
            let elapsed = start.elapsed();
            rest = budget.after(Duration::from_nanos(own_cpu_time() - worked), elapsed);
            let look = elapsed >= next_look;
            self.time.again(look);
            if look {
                next_look = elapsed + LOOK;
                self.own.look();
            }
            self.progress.show(elapsed, self.aggregator.samples(), || source.losses().total());
            if let Some(end) = limits.reached(elapsed, source, &mut self.watch) {
                return end;
            }
        }
    }

    fn add(&mut self, window: &mut Window) {
        if let Some(unwinding) = &mut self.unwinding {
            unwinding.see(window, &self.table);
        }
        window.side_band.iter().for_each(|record| self.watch.follow(record));
        self.saved.window(window);
        self.aggregator.add(window, &mut self.table);
    }
}

impl Limits<'_> {
    fn reached(
        &mut self,
        elapsed: Duration,
        source: &dyn SampleSource,
        watch: &mut Watch,
    ) -> Option<End> {
        if let Some(signal) = self.signals.take() {
            return Some(End::Signal(signal));
        }
        if self.time.is_some_and(|time| elapsed >= time) {
            return Some(End::Time);
        }
        if source.finished() {
            return Some(End::Finished);
        }
        watch.all_gone(self.ends_with_processes).then_some(End::Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::aggregate::Rules;
    use crate::record::testing::{sample, stack};
    use bpf::Error;

    /// Gives its windows one by one; the last one at the stop.
    #[derive(Debug, Default)]
    struct Fake {
        windows: Vec<Window>,
        drained: usize,
        fails_at: Option<usize>,
        endless: bool,
    }

    impl SampleSource for Fake {
        fn drain(&mut self, window: &mut Window) -> Result<(), Error> {
            window.clear();
            self.drained += 1;
            if self.fails_at == Some(self.drained) {
                return Err(Error::Kernel { lacks: String::from("luck") });
            }
            if self.windows.len() > 1 {
                *window = self.windows.remove(0);
            }
            Ok(())
        }

        fn stop(&mut self, window: &mut Window) -> Result<(), Error> {
            *window = self.windows.pop().unwrap_or_default();
            Ok(())
        }

        fn losses(&self) -> Losses {
            let event = bpf::EventLosses { runs: self.drained as u64, ..Default::default() };
            Losses { events: vec![event], ..Losses::default() }
        }

        fn finished(&self) -> bool {
            !self.endless && self.windows.len() <= 1
        }
    }

    fn windows() -> Vec<Window> {
        let window = |time| Window {
            stacks: vec![stack(1, &[0x10])],
            samples: vec![sample(time, 1, 0)],
            ..Window::default()
        };
        vec![window(1), window(2), window(3)]
    }

    fn collected(source: &mut Fake, time: Option<Duration>, processes: &[u32]) -> Collected {
        let (mut own, mut signals) = (OwnUsage::begin(), Signals::install().unwrap());
        let collector = Collector {
            table: ProcessTable::without_proc(),
            aggregator: Aggregator::new(Rules::default()),
            watch: Watch::new(processes),
            time: CpuTime::Unknown,
            own: &mut own,
            saved: SavedRecording::default(),
            progress: Progress::new(true),
            unwinding: None,
        };
        let ends_with_processes = !processes.is_empty();
        let limits =
            Limits { time, signals: &mut signals, ends_with_processes, drain_every: DRAIN };
        collect(source, collector, limits)
    }

    #[test]
    fn a_source_is_drained_to_its_end_and_stopped() {
        let mut source = Fake { windows: windows(), ..Fake::default() };
        let collected = collected(&mut source, None, &[]);
        assert!(matches!(collected.end, End::Finished), "{:?}", collected.end);
        assert_eq!(collected.counts.samples, 3);
        assert_eq!(collected.losses.sum(|event| event.runs), 2);
    }

    #[test]
    fn what_came_before_a_failure_is_kept() {
        let mut source = Fake { windows: windows(), fails_at: Some(2), ..Fake::default() };
        let collected = collected(&mut source, None, &[]);
        assert!(matches!(collected.end, End::Failed(_)), "{:?}", collected.end);
        assert_eq!(collected.counts.samples, 2);
    }

    #[test]
    fn time_ends_it() {
        let mut source = Fake { endless: true, ..Fake::default() };
        let collected = collected(&mut source, Some(Duration::from_millis(30)), &[]);
        assert!(matches!(collected.end, End::Time), "{:?}", collected.end);
        assert!(collected.time >= Duration::from_millis(30));
    }

    #[test]
    fn the_end_of_the_last_process_ends_it() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let mut source = Fake { endless: true, ..Fake::default() };
        let collected = collected(&mut source, None, &[child.id()]);
        child.wait().unwrap();
        assert!(matches!(collected.end, End::Gone), "{:?}", collected.end);
    }
}
