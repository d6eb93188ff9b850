//! The outcome of a recording: messages on standard error, and the text of `--stats`.

use crate::cli::config::Config;
use crate::host::console;
use crate::host::exit::{Failure, Kind};
use crate::record::recorded::{End, Recorded};
use crate::tell::browser;
use crate::tell::stats::{self, Object};
use output::Facts;
use output::facts::Rate;
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

/// The result of the whole recording.
pub(crate) fn ended(recorded: &Recorded, facts: &Facts) -> Result<(), Failure> {
    end(&recorded.end, facts)?;
    recorded.stored.clone()
}

/// The failure of the source, if it failed. It is reported before a lack of samples, because it is the cause.
fn end(end: &End, facts: &Facts) -> Result<(), Failure> {
    match end {
        End::Failed(error) => {
            Err(Failure::new(Kind::Failed, format!("the recording ended early: {error}")))
        }
        _ if facts.quality.samples == 0 => Err(nothing(facts)),
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

/// The failure for a recording without samples.
fn nothing(facts: &Facts) -> Failure {
    let target = &facts.target;
    let why = if facts.lost_share() > 0.5 {
        words::lost(facts)
    } else if facts.cpu.is_none() && !facts.events.is_empty() {
        let names: Vec<&str> = facts.events.iter().map(|event| event.name.as_str()).collect();
        let each = facts.events.iter().all(|event| event.rate == Rate::Every(1));
        let often = if each { "" } else { " often enough" };
        format!("{} did not occur{often} in {target}", names.join(" and "))
    } else {
        format!("{target} did not run on the sampled CPUs during the recording")
    };
    let failure = Failure::new(Kind::NoSamples, format!("no samples, nothing written: {why}"));
    match facts.cpu {
        None if facts.events.iter().any(|event| matches!(event.rate, Rate::Every(2..))) => {
            failure.cure("record longer with -d, or sample each occurrence with a count of 1")
        }
        None if !facts.events.is_empty() => failure.cure("record longer with -d"),
        _ => failure.cure("record longer with -d, or sample more often with -F"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_before_the_first_sample_is_named() {
        let failed = End::Failed(bpf::Error::Kernel { lacks: String::from("luck") });
        let failure = end(&failed, &Facts::default()).unwrap_err();
        assert_eq!(failure.kind, Kind::Failed);
        assert!(failure.message.contains("luck"), "{failure}");
        assert_eq!(end(&End::Time, &Facts::default()).unwrap_err().kind, Kind::NoSamples);
    }
}
