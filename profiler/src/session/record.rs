//! `bpflame record`: a session with one cut.

use super::finish::Finish;
use super::{Closed, LOOK, Session};
use crate::cli::config::Config;
use crate::host::clock::own_cpu_time;
use crate::host::exit::{Ending, Failure};
use crate::host::interrupt::unless_interrupted;
use crate::host::own_usage::OwnUsage;
use crate::host::priority::Raised;
use crate::host::privileges::as_the_user;
use crate::host::progress::Progress;
use crate::host::signals::Signals;
use crate::host::stop::Stop;
use crate::profile::names;
use crate::push::Push;
use crate::record::limits::Limits;
use crate::record::pace::Pace;
use crate::record::recorded::{End, Recorded};
use crate::record::source::Source;
use crate::target::tracee::Tracee;
use crate::tell::announcement::announce;
use crate::tell::destinations::Destinations;
use bpf::SampleSource;
use std::time::Duration;

/// Records, writes the results and sends them.
///
/// # Errors
/// When nothing can be recorded or written: the cause, and its cure.
pub fn record(config: &Config, push: Option<Push>) -> Result<Ending, Failure> {
    let (mut own, mut signals) = (OwnUsage::begin(), Signals::install()?);
    let needs_mappings = config.sampling.user && config.naming.symbolize;
    let mut tracee = Tracee::find(&config.target, config.sudo_user.as_ref(), needs_mappings)?;
    let destinations = as_the_user(|| {
        Destinations::open(&config.outputs, &tracee.target, config.owner(), push.is_some())
    })?;
    let replay = config.stored.replay.as_deref();
    // The process that makes names starts meanwhile.
    let symbolizer = names::symbolizer(&config.naming, replay.is_some());
    let mut source = Source::open(replay, &config.sampling, &tracee.target.tasks)?;
    tracee.add_newborn(&config.target, |born| source.add(born));
    let session = Session::open(config, &tracee, source, symbolizer)?;
    tracee.release()?;
    announce(config, &tracee.target, &session.started);
    // The thread that finishes inherits it.
    let _raised = Raised::begin();
    let (recorded, living) = recorded(session, &tracee, config, &mut signals, &mut own);
    let (signalled, remove) = (recorded.signalled(), destinations.remover()?);
    let (console, stop) = (config.console, Stop::default());
    let finish = Finish::new(config, push, &tracee, destinations, own);
    let finished = {
        let stop = stop.clone();
        move || finish.all(recorded, &living, &stop)
    };
    match unless_interrupted(finished, &mut signals, signalled, &stop, console) {
        Ok(told) => tracee.ending(told, &mut signals, console),
        Err(failure) => {
            remove();
            Err(failure)
        }
    }
}

/// Steps until the end, and closes the session. Also returns the recorded processes that still run.
fn recorded(
    mut session: Session<Source>,
    tracee: &Tracee,
    config: &Config,
    signals: &mut Signals,
    own: &mut OwnUsage,
) -> (Recorded, Vec<u32>) {
    let limits = Limits {
        time: config.until.time(),
        signals,
        ends_with_processes: !tracee.target.processes.is_empty(),
    };
    let progress = Progress::new(config.console);
    let end = steps(&mut session, limits, own, &progress);
    let (started, cost) = (session.started.clone(), session.source.cost());
    let Closed { last, table, without_table, stored, failed, symbolizer, living } = session.close();
    own.look();
    progress.clear();
    let end = failed.map_or(end, End::Failed);
    if let End::Signal(signal) = end {
        tracee.pass_on(signal);
    }
    (Recorded { cut: last, table, end, without_table, stored, started, cost, symbolizer }, living)
}

/// Steps until something ends it.
pub(super) fn steps<S: SampleSource>(
    session: &mut Session<S>,
    mut limits: Limits<'_>,
    own: &mut OwnUsage,
    progress: &Progress,
) -> End {
    let mut pace = Pace::begin(session.begun, session.started.drain_every);
    let mut looked = Duration::ZERO;
    loop {
        if !session.source.finished() {
            let wait = pace.wait(limits.left(pace.elapsed()));
            session.watch.wait(limits.signals, wait.time, wait.rest, &session.source.wakes());
        }
        let worked = own_cpu_time();
        match session.step() {
            Ok(soon) => pace.drained(Duration::from_nanos(own_cpu_time() - worked), soon),
            Err(error) => return End::Failed(error),
        }
        let elapsed = pace.elapsed();
        if elapsed >= looked + LOOK {
            looked = elapsed;
            own.look();
        }
        progress.show(elapsed, session.samples(), || session.source.losses().total());
        let finished = session.source.finished();
        if let Some(end) = limits.reached(elapsed, finished, &mut session.watch) {
            return end;
        }
    }
}
