//! Sends a recording.

use super::keep::{Keeping, Kept};
use super::{Delivery, Outcome, Push, deliver, figures};
use crate::cli::config::Config;
use crate::cli::outputs::Place;
use crate::host::exit::Failure;
use crate::host::progress::Progress;
use crate::host::stop::Stop;
use crate::target::resolved::ResolvedTarget;
use crate::tell::stats::Object;
use output::{Format, Pprof, Profile, pprof};
use std::path::{Path, PathBuf};

/// The result of sending a recording.
#[derive(Debug)]
pub(crate) struct Sent {
    /// The outcomes, by receiver.
    outcomes: Vec<Outcome>,
    /// The saved files.
    kept: Vec<Kept>,
    /// An error if something was not delivered.
    pub told: Result<(), Failure>,
}

impl Default for Sent {
    fn default() -> Self {
        Self { outcomes: Vec::new(), kept: Vec::new(), told: Ok(()) }
    }
}

impl Sent {
    /// One object for each receiver, for `--stats`.
    pub(crate) fn figures(&self) -> Vec<Object> {
        figures::objects(&self.outcomes, &self.kept)
    }
}

/// The recording to send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finished<'a> {
    /// The profile of the recording.
    pub profile: &'a Profile,
    /// The target of the recording.
    pub target: &'a ResolvedTarget,
    /// The files that were written.
    pub files: &'a [PathBuf],
}

impl Finished<'_> {
    /// Sends the recording to all receivers and prints the outcomes. An empty recording is not sent.
    pub(crate) fn send(self, push: Option<&Push>, config: &Config, stop: &Stop) -> Sent {
        match push {
            Some(push) if !self.profile.samples.is_empty() => self.send_to(push, config, stop),
            _ => Sent::default(),
        }
    }

    fn send_to(self, push: &Push, config: &Config, stop: &Stop) -> Sent {
        let Finished { profile, target, files } = self;
        let console = config.console;
        let mut series = push.series(|| target.service.clone());
        if !config.outputs.formats.labels() {
            series.allowed.clear();
        }
        let progress = Progress::new(config.console);
        let delivery = Delivery { profile, series: &series };
        stop.begin();
        let outcomes = deliver(push, delivery, stop, &progress, console);
        stop.end();
        let keeping = Keeping {
            profile,
            file: pprof(config, files),
            slug: &target.slug,
            owner: config.owner(),
            encoder: Pprof { labels: config.outputs.formats.labels(), ..Pprof::default() },
        };
        let kept = keeping.keep(&outcomes);
        let told = push.tell(&outcomes, &kept, &series.service_name, None, console);
        Sent { outcomes, kept, told }
    }
}

/// The pprof file among the written files.
fn pprof<'a>(config: &Config, files: &'a [PathBuf]) -> Option<&'a Path> {
    let is_pprof = |path: &Path| {
        let wanted = |(place, format): &(Place, Format)| {
            *format == pprof::FORMAT && *place == Place::File(path.to_owned())
        };
        config.outputs.list.iter().any(wanted) && path.is_file()
    };
    files.iter().map(PathBuf::as_path).find(|path| is_pprof(path))
}
