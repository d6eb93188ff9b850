//! Cuts of a live recording.

use super::super::Session;
use crate::cli::args::{Cli, Command};
use crate::cli::config::Config;
use crate::profile::names;
use crate::record::source::Source;
use crate::target::tracee::Tracee;
use clap::Parser;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Recurses to many depths, so that there are many stacks.
#[inline(never)]
fn burn(depth: u32, stop: &AtomicBool) -> u64 {
    let mut sum = u64::from(depth);
    for number in 0..2_000 {
        sum = black_box(sum ^ number);
    }
    if depth > 0 && !stop.load(Ordering::Relaxed) {
        sum ^= burn(depth - 1, stop);
    }
    black_box(sum)
}

/// The programs and the logs hand over each stack once until they are told to forget. Samples that are held back over a
/// cut have their stacks all the same.
#[test]
#[ignore = "needs root"]
fn no_stack_is_missing_over_the_cuts_of_a_live_recording() {
    let words = ["bpflame", "record", "-a", "-F", "4999", "--include-self", "-d", "9"];
    let Command::Record(args) = Cli::try_parse_from(words).unwrap().command else { panic!() };
    let config = Config::new(*args).unwrap();
    let tracee = Tracee::find(&config.target, None, false).unwrap();
    let source = Source::open(None, &config.sampling, &tracee.target.tasks).unwrap();
    let mut session =
        Session::open(&config, &tracee, source, names::symbolizer(&config.naming, false)).unwrap();
    let stop = AtomicBool::new(false);
    let (mut samples, mut missing, mut runs, mut cuts) = (0, 0, 0, 0);
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let stop = &stop;
            scope.spawn(move || {
                let mut depth = thread;
                while !stop.load(Ordering::Relaxed) {
                    depth = (depth + 7) % 60;
                    black_box(burn(depth, stop));
                }
            });
        }
        for round in 0..60 {
            std::thread::sleep(Duration::from_millis(20));
            if round % 3 == 0 {
                session.step().unwrap();
                continue;
            }
            let cut = session.cut().unwrap();
            samples += cut.counts.samples;
            missing += cut.counts.stack_missing;
            runs += cut.losses.sum(|event| event.runs);
            cuts += 1;
            session.retire();
        }
        stop.store(true, Ordering::Relaxed);
    });
    let closed = session.close();
    samples += closed.last.counts.samples;
    missing += closed.last.counts.stack_missing;
    runs += closed.last.losses.sum(|event| event.runs);
    let seen = format!("{cuts} cuts, {samples} samples of {runs} runs, {missing} without stacks");
    assert_eq!(missing, 0, "{seen}");
    assert!(samples > 1_000, "{seen}");
    assert!(runs >= samples, "{seen}");
}
