//! Each cut of a session has facts of its own: what came since the cut before.

use super::{Fake, batches, session};
use crate::cli::args::{Cli, Command};
use crate::cli::config::Config;
use crate::judge::leaves::Leaf;
use crate::judge::recording::Recording;
use crate::profile::facts::About;
use crate::record::recorded::Cut;
use crate::record::testing::{ByAddress, sample, stack};
use crate::target::tracee::Tracee;
use bpf::{Event, Rate, Unit, Window};
use clap::Parser;
use output::{Facts, Profile};
use symbolizer::{ProcessTable, Symbolize};

/// The facts of a cut, and the head of its profile.
fn told(about: About<'_>, cut: &Cut, table: &ProcessTable) -> (Facts, Profile) {
    let named = ByAddress.names(table, cut.counts.stacks.places());
    let leaves = vec![Leaf::Framed; named.len()];
    let recording = Recording { counts: &cut.counts, table, named: &named, leaves: &leaves };
    let facts = about.facts(cut, &recording, Default::default(), Vec::new());
    let head = about.head(cut, facts.clone());
    (facts, head)
}

#[test]
fn each_cut_has_facts_of_its_own() {
    let line = ["bpflame", "record", "-a", "-o", "-", "--format", "folded"];
    let Command::Record(args) = Cli::try_parse_from(line).unwrap().command else { panic!() };
    let config = Config::new(*args).unwrap();
    let tracee = Tracee::find(&config.target, None, false).unwrap();
    let mut batches = batches();
    batches.push(Window {
        stacks: vec![stack(1, &[0x10])],
        samples: vec![sample(4, 1, 0), sample(5, 1, 0)],
        ..Window::default()
    });
    let mut session = session(Fake { batches, ..Fake::default() }, &[]);
    session.started.events = vec![Event {
        name: String::from("cpu-clock"),
        unit: Unit::Nanoseconds,
        rate: Rate::Hertz(99),
    }];
    let started = session.started.clone();
    let about = About { config: &config, target: &tracee.target, started: &started };

    session.step().unwrap();
    let first = session.cut().unwrap();
    let (facts, head) = told(about, &first, &session.table);
    let event = &facts.events[0];
    assert_eq!((event.samples, event.weight, event.runs), (2, 20, 2));
    assert_eq!((facts.quality.samples, facts.cpu.unwrap().sampled), (2, 20));
    assert_eq!(head.time_nanos, 0);

    session.step().unwrap();
    let second = session.cut().unwrap();
    let (facts, head) = told(about, &second, &session.table);
    let event = &facts.events[0];
    assert_eq!((event.samples, event.weight, event.runs), (1, 10, 2), "since the cut before");
    assert_eq!((facts.quality.samples, facts.cpu.unwrap().sampled), (1, 10));
    assert_eq!(second.began, first.ended);
    assert_eq!(head.time_nanos, i64::try_from(first.ended).unwrap());

    let closed = session.close();
    let (facts, _) = told(about, &closed.last, &closed.table);
    assert_eq!((facts.events[0].samples, facts.events[0].runs), (2, 0));
}
