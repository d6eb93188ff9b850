//! The outcome of a recording: in the head of files, on standard error, and in the figures.

use crate::cli::config::Config;
use crate::host::console;
use crate::host::exit::{Failure, Kind};
use crate::host::own_usage::OwnUsage;
use crate::judge::quality::Quality;
use crate::judge::recording::Recording;
use crate::record::recorded::{End, Recorded};
use crate::target::resolved::ResolvedTarget;
use crate::tell::facts::Facts;
use crate::tell::stats::{self, Object};
use crate::tell::{browser, summary};
use output::{Profile, ValueType};
use std::path::PathBuf;
use symbolizer::Warning;

impl Facts {
    /// The figures of a recording.
    pub(crate) fn new(
        config: &Config,
        target: &ResolvedTarget,
        recorded: &Recorded,
        recording: &Recording<'_>,
        warnings: Vec<Warning>,
    ) -> Self {
        let quality = Quality::of(recording);
        let losses = &recorded.losses;
        let mut lost = losses.by_cause();
        for (cause, samples) in [
            ("stack missing", recorded.counts.stack_missing),
            ("stack memory full (user space)", recorded.counts.memory_full),
        ] {
            if samples > 0 {
                *lost.entry(cause).or_default() += samples;
            }
        }
        Self {
            target: target.title.clone(),
            event: recorded
                .started
                .events
                .first()
                .map_or_else(String::new, |event| event.name.clone()),
            frequency: config.sampling.frequency,
            cpus: recorded.started.cpus.len(),
            duration: duration(config, recorded),
            cpu_time: (recorded.counts.weight as f64 * recorded.scale()) as u64,
            accounted: recorded.accounted.filter(|_| !account(config, target, recorded).is_empty()),
            account: account(config, target, recorded),
            lost,
            side_band_lost: losses.side_band_lost,
            runs: losses.sum(|event| event.runs),
            idle: losses.sum(|event| event.idle),
            foreign: losses.sum(|event| event.foreign),
            expected: losses.sum(|event| event.expected),
            unwind: config.sampling.unwind,
            quality,
            warnings,
        }
    }
}

/// The kernel's figure to compare the CPU time with. There is none for cycles, which are scaled to it; with samples of the idle task,
/// which exceed it; and for a saved recording.
fn account(config: &Config, target: &ResolvedTarget, recorded: &Recorded) -> &'static str {
    match target.tasks {
        _ if config.stored.replay.is_some() || !recorded.weighs_time() => "",
        bpf::Target::Machine if config.sampling.idle => "",
        bpf::Target::Machine => "/proc/stat",
        bpf::Target::Processes(_) | bpf::Target::Threads(_) => "schedstat",
    }
}

/// The duration of the recording; for a saved recording, the time between its first and last sample.
fn duration(config: &Config, recorded: &Recorded) -> u64 {
    let counts = &recorded.counts;
    match (&config.stored.replay, counts.first, counts.last) {
        (Some(_), Some(first), Some(last)) => last.saturating_sub(first),
        _ => u64::try_from(recorded.time.as_nanos()).unwrap_or(u64::MAX),
    }
}

/// The head of a profile: its types, its time, and the facts.
pub(crate) fn head(
    config: &Config,
    target: &ResolvedTarget,
    recorded: &Recorded,
    facts: &Facts,
) -> Profile {
    let value =
        |kind: &str, unit: &str| ValueType { kind: String::from(kind), unit: String::from(unit) };
    let begin = i64::try_from(recorded.started.time).unwrap_or(0);
    Profile {
        sample_types: vec![value("samples", "count"), value("cpu", "nanoseconds")],
        default_sample_type: 1,
        period_type: value("cpu", "nanoseconds"),
        period: 1_000_000_000 / i64::from(config.sampling.frequency.max(1)),
        time_nanos: begin.saturating_add(recorded.started.wall_offset),
        duration_nanos: i64::try_from(facts.duration).unwrap_or(i64::MAX),
        summary: summary::line(facts),
        comments: summary::comments(facts),
        service: Some(target.service.clone()),
        ..Profile::default()
    }
}

/// Tells how it went, once the files are written or are known not to be; the files.
pub(crate) fn tell<'a>(
    config: &Config,
    facts: &Facts,
    written: &'a Result<Vec<PathBuf>, Failure>,
) -> &'a [PathBuf] {
    let Ok(files) = written else { return &[] };
    let console = config.console;
    if facts.quality.samples > 0 {
        let arrow = if files.is_empty() { "" } else { " → " };
        summary::warnings(facts).iter().for_each(|warning| console.warn(warning));
        console.note(format_args!("{}{arrow}{}", summary::line(facts), names(files).join(", ")));
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
pub(crate) fn figures(
    facts: &Facts,
    own: &OwnUsage,
    recorded: &Recorded,
    files: &[PathBuf],
    push: &[Object],
) -> String {
    stats::json(facts, own, &recorded.cost, &names(files), push)
}

/// The result of the whole recording.
pub(crate) fn ended(recorded: &Recorded, facts: &Facts) -> Result<(), Failure> {
    end(&recorded.end, facts)?;
    recorded.stored.clone()
}

/// A failure is the cause of missing samples, not the other way round.
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
        summary::lost(facts)
    } else {
        format!("{target} did not run on the sampled CPUs during the recording")
    };
    Failure::new(Kind::NoSamples, format!("no samples, nothing written: {why}"))
        .cure("record longer with -d, or sample more often with -F")
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
