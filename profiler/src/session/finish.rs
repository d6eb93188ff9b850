//! From a recording to its files and messages.

use crate::cli::config::Config;
use crate::host::exit::Failure;
use crate::host::own_usage::OwnUsage;
use crate::host::priority;
use crate::host::privileges::give_up;
use crate::host::stop::Stop;
use crate::judge::leaves::leaves;
use crate::judge::recording::Recording;
use crate::profile::assemble::{Shown, assemble};
use crate::profile::columns::Columns;
use crate::profile::facts::{About, cost};
use crate::profile::names;
use crate::push::Push;
use crate::push::recorded::Finished;
use crate::record::recorded::Recorded;
use crate::target::resolved::ResolvedTarget;
use crate::target::tracee::Tracee;
use crate::tell::destinations::Destinations;
use crate::tell::left_running;
use crate::tell::no_samples::Target;
use crate::tell::outcome;
use output::Profile;
use symbolizer::{LocalSymbolizer, RawAddresses};

/// The inputs of the end of a recording.
#[derive(Debug)]
pub(super) struct Finish {
    config: Config,
    push: Option<Push>,
    target: ResolvedTarget,
    program: Option<String>,
    destinations: Destinations,
    own: OwnUsage,
}

impl Finish {
    /// The inputs for a recording of `tracee`.
    pub(super) fn new(
        config: &Config,
        push: Option<Push>,
        tracee: &Tracee,
        destinations: Destinations,
        own: OwnUsage,
    ) -> Self {
        let (target, program) = (tracee.target.clone(), tracee.program());
        Self { config: config.clone(), push, target, program, destinations, own }
    }

    /// Makes the profile, writes it, sends it and prints the outcome. `living` are the recorded processes that still run.
    pub(super) fn all(
        mut self,
        mut recorded: Recorded,
        living: &[u32],
        stop: &Stop,
    ) -> Result<(), Failure> {
        let (config, target) = (&self.config, &self.target);
        let (named, mut spoilt) = {
            let Recorded { cut, table, symbolizer, .. } = &mut recorded;
            names::name(symbolizer.as_mut(), &cut.counts.stacks, table)
        };
        self.own.naming = recorded.symbolizer.usage();
        self.own.reading = recorded.table.reading_time();
        // The process that makes names ends.
        recorded.symbolizer = Box::new(RawAddresses::<LocalSymbolizer>::new(None));
        spoilt.append(&mut recorded.without_table);
        let Recorded { cut, table, started, .. } = &recorded;
        let leaves = leaves(&cut.counts.stacks, table);
        // What is left writes and sends what the user asked for.
        give_up()?;
        let recording = Recording { counts: &cut.counts, table, named: &named, leaves: &leaves };
        let about = About { config, target, started };
        let so_far = cost(&self.own, &recorded.cost);
        let mut facts = about.facts(cut, &recording, so_far, spoilt);
        let columns = Columns::of(&started.events, &cut.counts, cut.accounted);
        let head = Profile { program: self.program.take(), ..about.head(cut, facts.clone()) };
        let shown = Shown { labels: config.outputs.formats.labels(), native: config.naming.native };
        let profile = assemble(&recording, &columns, shown, head);
        let written = self.destinations.write(&profile);
        self.own.finish(cut.counts.first, cut.ended);
        facts.cost = cost(&self.own, &recorded.cost);
        let files = outcome::tell(config, &facts, &written);
        left_running::tell(config, target, &recorded.end, living);
        // Sending may take long.
        priority::usual();
        let finished = Finished { profile: &profile, target, files };
        let sent = finished.send(self.push.as_ref(), config, stop);
        let figures = || outcome::figures(&facts, files, &sent.figures());
        let done = written
            .as_ref()
            .map_err(Failure::clone)
            .and_then(|_| self.destinations.write_stats(figures))
            .and_then(|()| {
                outcome::ended(&recorded, &facts, || Target::of(config, target, &recorded, living))
            });
        // The process ends now. It may hold thousands of files, which the kernel closes faster than one call for each.
        std::mem::forget(recorded);
        outcome::both(done, sent.told)
    }
}
