//! The message at the start of a recording.

use crate::cli::config::{Config, Until};
use crate::target::resolved::ResolvedTarget;
use bpf::{Event, Rate, Started};
use output::tell::counted;

/// Prints the target, the event, the CPUs and the end of the recording.
pub(crate) fn announce(config: &Config, target: &ResolvedTarget, started: &Started) {
    let (title, console) = (&target.title, config.console);
    if let Some(path) = &config.stored.replay {
        return console.note(format_args!("replaying {}", path.display()));
    }
    let until = match config.until {
        Until::Time(time) => format!("for {} s", time.as_secs_f64()),
        Until::Default(time) => {
            format!("for {} s (no terminal for Ctrl-C; -d sets the duration)", time.as_secs_f64())
        }
        Until::Command => String::from("until it exits"),
        Until::Interrupt => String::from("until Ctrl-C"),
    };
    let event = |event: &Event| match event.rate {
        Rate::Hertz(hertz) => format!("{} at {hertz} Hz", event.name),
        Rate::Every(count) => format!("{} every {count}", event.name),
    };
    let (events, cpus): (Vec<_>, _) = (started.events.iter().map(event).collect(), &started.cpus);
    console.note(format_args!(
        "recording {title} with {} on {} {until}",
        events.join(" and "),
        counted(cpus.len() as u64, "CPU")
    ));
    console.detail(format_args!("sampling the CPUs {cpus:?}"));
    let loading = started.loading.as_secs_f64() * 1e3;
    console.detail(format_args!("loading the BPF programs took {loading:.1} ms"));
}
