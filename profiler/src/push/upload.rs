//! `bpflame upload`: sends pprof files to backends.

use crate::cli::args::UploadArgs;
use crate::host::console::{self, Console};
use crate::host::exit::{Failure, Kind};
use crate::host::interrupt;
use crate::host::progress::Progress;
use crate::host::signals::Signals;
use crate::host::stop::Stop;
use crate::host::sudo_user::SudoUser;
use crate::push::keep::Keeping;
use crate::push::{Delivery, Push, deliver, service};
use crate::report::read;
use crate::target::slug::slug;
use output::Pprof;
use std::path::Path;

/// Sends each file to each receiver. If a file cannot be read or sent, prints the reason and continues with the next.
///
/// # Errors
/// [`Kind::Usage`] for wrong options, [`Kind::Failed`] when anything was not delivered.
pub(crate) fn run(args: UploadArgs) -> Result<(), Failure> {
    let console = Console::new(args.quiet, args.verbose);
    let push = Push::new(&args.push, console)?
        .ok_or_else(|| Failure::new(Kind::Usage, "upload needs --push URL"))?;
    let mut signals = Signals::install()?;
    let stop = Stop::default();
    // The upload lasts until the end: Ctrl-C between two files gives up the second.
    stop.begin();
    let job = Job { push, stop: stop.clone(), console, args };
    interrupt::unless_interrupted(move || job.all(), &mut signals, false, &stop, console)?
}

/// All files to all receivers.
struct Job {
    push: Push,
    stop: Stop,
    console: Console,
    args: UploadArgs,
}

impl Job {
    fn all(self) -> Result<(), Failure> {
        let files = &self.args.files;
        let mut failed: Vec<Failure> =
            files.iter().filter_map(|file| self.one(file).err()).collect();
        let (count, last) = (failed.len(), failed.pop());
        let Some(last) = last else { return Ok(()) };
        if files.len() == 1 {
            return Err(last);
        }
        failed.iter().chain([&last]).for_each(console::line);
        let (all, were) = (files.len(), if count == 1 { "was" } else { "were" });
        let message = format!("{count} of {all} files {were} not delivered to every backend");
        Err(Failure::new(Kind::Failed, message))
    }

    fn one(&self, file: &Path) -> Result<(), Failure> {
        let profile = read::profile(file)?;
        if profile.samples.iter().all(|sample| sample.values.iter().all(|value| *value == 0)) {
            let message = format!("{}: the profile has no samples", read::shown(file));
            return Err(Failure::new(Kind::NoSamples, message));
        }
        let mut unknown = false;
        let series = self.push.series(|| {
            let found = service::of_file(&profile, file);
            unknown = found.is_none();
            found.unwrap_or_default()
        });
        if unknown {
            let message = format!("{} has no service name", read::shown(file));
            return Err(Failure::new(Kind::Usage, message).cure("add --service-name NAME"));
        }
        let progress = Progress::new(self.console);
        let delivery = Delivery { profile: &profile, series: &series };
        let outcomes = deliver(&self.push, delivery, &self.stop, &progress, self.console);
        let user = if self.args.root { None } else { SudoUser::behind_sudo() };
        let keeping = Keeping {
            profile: &profile,
            file: Some(file).filter(|file| *file != Path::new("-") && file.is_file()),
            slug: &slug(&series.service_name),
            owner: user.as_ref().map(SudoUser::ids),
            encoder: Pprof::default(),
        };
        let kept = keeping.keep(&outcomes);
        self.push.tell(&outcomes, &kept, &series.service_name, Some(file), self.console)
    }
}
