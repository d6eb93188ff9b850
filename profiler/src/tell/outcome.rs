//! The outcome of a recording: messages on standard error, and the text of `--stats`.

use crate::cli::config::Config;
use crate::host::console;
use crate::host::exit::{Failure, Kind};
use crate::record::recorded::{End, Recorded};
use crate::tell::browser;
use crate::tell::no_samples::{Target, nothing};
use crate::tell::stats::{self, Object};
use output::Facts;
use output::tell as words;
use std::path::PathBuf;

/// Prints the outcome, after the files are written or have failed. Returns the files.
pub(crate) fn tell<'a>(
    config: &Config,
    facts: &Facts,
    written: &'a Result<Vec<PathBuf>, Failure>,
) -> &'a [PathBuf] {
    let Ok(files) = written else { return &[] };
    let console = config.console;
    if facts.quality.samples > 0 {
        let arrow = if files.is_empty() { "" } else { " → " };
        words::warnings(facts).iter().for_each(|warning| console.warn(warning));
        console.note(format_args!("{}{arrow}{}", words::line(facts), names(files).join(", ")));
    }
    if config.outputs.open {
        browser::show(files, config.sudo_user.as_ref(), console);
    }
    files
}

fn names(files: &[PathBuf]) -> Vec<String> {
    files.iter().map(|path| path.display().to_string()).collect()
}

/// The text of `--stats`.
pub(crate) fn figures(facts: &Facts, files: &[PathBuf], push: &[Object]) -> String {
    stats::json(facts, &names(files), push)
}

/// The result of the whole recording. `target` is asked for if there are no samples.
pub(crate) fn ended<'a>(
    recorded: &Recorded,
    facts: &Facts,
    target: impl FnOnce() -> Target<'a>,
) -> Result<(), Failure> {
    end(&recorded.end, facts, target)?;
    recorded.stored.clone()
}

/// The failure of the source, if it failed. It is reported before a lack of samples, because it is the cause.
fn end<'a>(end: &End, facts: &Facts, target: impl FnOnce() -> Target<'a>) -> Result<(), Failure> {
    match end {
        End::Failed(error) => {
            Err(Failure::new(Kind::Failed, format!("the recording ended early: {error}")))
        }
        _ if facts.quality.samples == 0 => Err(nothing(facts, &target())),
        _ => Ok(()),
    }
}

/// Combines two results: the first failure is returned, the second is printed.
pub(crate) fn both(first: Result<(), Failure>, second: Result<(), Failure>) -> Result<(), Failure> {
    if let (Err(_), Err(second)) = (&first, &second) {
        console::line(second);
    }
    first.and(second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::target_spec::TargetSpec;

    #[test]
    fn a_failure_before_the_first_sample_is_named() {
        let failed = End::Failed(bpf::Error::Kernel { lacks: String::from("luck") });
        let target = || Target {
            spec: &TargetSpec::Machine,
            ended: false,
            some_cpus: false,
            cpu_time: None,
            children: 0,
        };
        let failure = end(&failed, &Facts::default(), target).unwrap_err();
        assert_eq!(failure.kind, Kind::Failed);
        assert!(failure.message.contains("luck"), "{failure}");
        assert_eq!(end(&End::Time, &Facts::default(), target).unwrap_err().kind, Kind::NoSamples);
    }
}
