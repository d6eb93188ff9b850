//! From a recording to its files and messages.

use crate::cli::config::Config;
use crate::host::exit::Failure;
use crate::host::own_usage::OwnUsage;
use crate::host::stop::Stop;
use crate::judge::leaves::leaves;
use crate::judge::recording::Recording;
use crate::profile::assemble::{AssembleOptions, assemble};
use crate::profile::names;
use crate::push::Push;
use crate::push::recorded::Finished;
use crate::record::recorded::Recorded;
use crate::target::resolved::ResolvedTarget;
use crate::target::tracee::Tracee;
use crate::tell::destinations::Destinations;
use crate::tell::facts::Facts;
use crate::tell::outcome;
use output::Profile;

/// The inputs.
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
    /// For a recording of `tracee`.
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

    /// Makes the profile, writes it, sends it and prints the outcome.
    pub(super) fn all(mut self, mut recorded: Recorded, stop: &Stop) -> Result<(), Failure> {
        let (config, target) = (&self.config, &self.target);
        let (named, mut warnings) = {
            let Recorded { counts, table, .. } = &mut recorded;
            let replayed = config.stored.replay.is_some();
            let mut symbolizer = names::symbolizer(&config.naming, replayed);
            names::name(symbolizer.as_mut(), &counts.stacks, table)
        };
        warnings.append(&mut recorded.without_table);
        let Recorded { counts, table, .. } = &recorded;
        let leaves = leaves(&counts.stacks, table);
        let recording = Recording { counts, table, named: &named, leaves: &leaves };
        let facts = Facts::new(config, target, &recorded, &recording, warnings);
        let options = AssembleOptions { labels: config.outputs.labels, scale: recorded.scale() };
        let head = Profile {
            program: self.program.take(),
            ..outcome::head(config, target, &recorded, &facts)
        };
        let profile = assemble(&recording, options, head);
        let written = self.destinations.write(&profile);
        self.own.finish(counts.first, recorded.ended);
        let files = outcome::tell(config, &facts, &written);
        let finished = Finished { profile: &profile, target, files };
        let sent = finished.send(self.push.as_ref(), config, stop);
        let figures = || outcome::figures(&facts, &self.own, &recorded, files, &sent.figures());
        let done = written
            .as_ref()
            .map_err(Failure::clone)
            .and_then(|_| self.destinations.write_stats(figures))
            .and_then(|()| outcome::ended(&recorded, &facts));
        outcome::both(done, sent.told)
    }
}
