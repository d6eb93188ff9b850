mod cuts;
mod facts;
mod live;
mod storm;
mod times;

use super::record::steps;
use super::*;
use crate::host::console::Console;
use crate::host::own_usage::OwnUsage;
use crate::host::progress::Progress;
use crate::host::signals::Signals;
use crate::record::limits::Limits;
use crate::record::recorded::End;
use crate::record::testing::{sample, stack};
use bpf::{Error, EventLosses, Losses};

/// A source that gives its batches one by one, the last one at the stop.
#[derive(Debug, Default)]
struct Fake {
    batches: Vec<Window>,
    drained: usize,
    fails_at: Option<usize>,
    endless: bool,
}

impl SampleSource for Fake {
    fn drain(&mut self, batch: &mut Window) -> Result<(), Error> {
        batch.clear();
        self.drained += 1;
        if self.fails_at == Some(self.drained) {
            return Err(Error::Kernel { lacks: String::from("luck") });
        }
        if self.batches.len() > 1 {
            *batch = self.batches.remove(0);
        }
        Ok(())
    }

    fn stop(&mut self, batch: &mut Window) -> Result<(), Error> {
        *batch = self.batches.pop().unwrap_or_default();
        Ok(())
    }

    fn forget_stacks(&mut self) {}

    fn losses(&self) -> Losses {
        let event = EventLosses { runs: self.drained as u64, ..EventLosses::default() };
        Losses { events: vec![event], ..Losses::default() }
    }

    fn finished(&self) -> bool {
        !self.endless && self.batches.len() <= 1
    }
}

fn batches() -> Vec<Window> {
    let batch = |time| Window {
        stacks: vec![stack(1, &[0x10])],
        samples: vec![sample(time, 1, 0)],
        ..Window::default()
    };
    vec![batch(1), batch(2), batch(3)]
}

/// A session without unwind tables and without `/proc`.
fn session<S: SampleSource>(source: S, processes: &[u32]) -> Session<S> {
    Session {
        source,
        started: Started {
            events: Vec::new(),
            cpus: Vec::new(),
            wall_offset: 0,
            time: 0,
            drain_every: Duration::MAX,
            loading: Duration::ZERO,
        },
        batch: Window::default(),
        table: ProcessTable::without_proc(),
        aggregator: Aggregator::new(Rules::default()),
        unwinding: None,
        symbolizer: Box::new(symbolizer::RawAddresses::<symbolizer::LocalSymbolizer>::new(None)),
        watch: Watch::new(processes),
        time: CpuTime::Unknown,
        saved: SavedRecording::default(),
        told: Losses::default(),
        handed_over: 0,
        begun: Instant::now(),
        last_cut: 0,
        looked: Instant::now(),
        unread: symbolizer::Unread::default(),
    }
}

/// Steps a session to its end and closes it. Returns the reason for the end and the rest.
fn recorded(source: Fake, time: Option<Duration>, processes: &[u32]) -> (End, Closed) {
    let (mut own, mut signals) = (OwnUsage::begin(), Signals::install().unwrap());
    let limits = Limits { time, signals: &mut signals, ends_with_processes: !processes.is_empty() };
    let mut session = session(source, processes);
    let progress = Progress::new(Console::new(true, false));
    let end = steps(&mut session, limits, &mut own, &progress);
    (end, session.close())
}

#[test]
fn a_source_is_drained_to_its_end_and_stopped() {
    let (end, closed) = recorded(Fake { batches: batches(), ..Fake::default() }, None, &[]);
    assert!(matches!(end, End::Finished), "{end:?}");
    assert_eq!(closed.last.counts.samples, 3);
    assert_eq!(closed.last.losses.sum(|event| event.runs), 2);
}

#[test]
fn what_came_before_a_failure_is_kept() {
    let source = Fake { batches: batches(), fails_at: Some(2), ..Fake::default() };
    let (end, closed) = recorded(source, None, &[]);
    assert!(matches!(end, End::Failed(_)), "{end:?}");
    assert_eq!(closed.last.counts.samples, 2);
}

#[test]
fn time_ends_it() {
    let source = Fake { endless: true, ..Fake::default() };
    let (end, closed) = recorded(source, Some(Duration::from_millis(30)), &[]);
    assert!(matches!(end, End::Time), "{end:?}");
    assert!(closed.last.time >= Duration::from_millis(30));
}

#[test]
fn the_end_of_the_last_process_ends_it() {
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let source = Fake { endless: true, ..Fake::default() };
    let (end, _) = recorded(source, None, &[child.id()]);
    child.wait().unwrap();
    assert!(matches!(end, End::Gone), "{end:?}");
}
