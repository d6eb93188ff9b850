//! Code that changes while it is recorded: what was looked up before must not be used on.
//!
//! A recording follows changes with some delay. The stacks of that time are said to be stale or incomplete; no others may
//! differ.

use super::calls::Calls;
use super::measure::{Figures, Fixture, Oracle, tell};
use crate::lab;
use crate::recording::{self, Recording};
use crate::{Skip, tests};
use bpf::Flags;
use std::fs;
use std::path::Path;

tests!(
    two_files_with_one_build_id,
    libraries_at_the_same_address,
    programs_at_the_same_address,
    children_that_go_on,
    code_that_moves,
    code_made_anew_at_the_same_address,
    a_process_that_starts_during_the_recording,
);

/// Of all stacks, so many may be said to be stale or incomplete.
const SAID: f64 = 0.35;

/// What says of a sample that its stack may not be what it was.
const DOUBTS: [Flags; 8] = [
    Flags::STALE,
    Flags::BROKEN,
    Flags::UNREADABLE,
    Flags::NO_RULE,
    Flags::NO_MAPPING,
    Flags::UNSUPPORTED,
    Flags::LOST_REGISTER,
    Flags::TRUNCATED_USER,
];

/// Whose recording a program changes in.
#[derive(Clone, Copy, PartialEq)]
enum Of {
    Command,
    Machine,
}

/// Records a program while it changes: no more of its stacks may differ than are said to be stale or incomplete.
fn follow(of: Of, fixture: &Fixture, seconds: u32) -> Result<(), Skip> {
    lab::need_root()?;
    let _ = lab::need("timeout")?;
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let stored = directory.path().join("stored");
    let mut command = lab::command(["record", "--no-inline", "-F", "1999", "--save"]);
    command.arg(&stored).args(recording::outputs(directory.path()));
    let (ended, pid) = match of {
        Of::Command => {
            command.args(["--", "timeout", &seconds.to_string()]);
            command.arg(&fixture.program).args(&fixture.arguments);
            // What `timeout` ends with.
            (lab::finish(&mut command).with_code(124), None)
        }
        Of::Machine => {
            let recorder = lab::start(command.args(["-a", "-d", &format!("{seconds}s")]));
            lab::wait_for("the start", || lab::has_bpf_program(recorder.pid()).then_some(()));
            let running = fixture.start();
            (recorder.end().with_code(0), Some(running.pid()))
        }
    };
    let recording = Recording::read(ended, directory.path());
    let (samples, said) = said(&stored, pid);
    let figures = Figures::read(fixture, &recording.pprof, pid)?;
    let case = format!("{}, {said} of {samples} said to be stale or incomplete", fixture.case);
    assert!(said as f64 <= SAID * samples as f64, "{}", figures.told(&case));
    tell(&[(case.as_str(), &figures.without(said))]);
    Ok(())
}

/// How many samples (of a process) a stored recording has, and how many of them something is said against.
fn said(stored: &Path, pid: Option<u32>) -> (u64, u64) {
    let recording = fs::read_to_string(stored).expect("the recording was stored");
    let (mut samples, mut said) = (0, 0);
    for line in recording.lines().filter(|line| line.starts_with("sample ")) {
        let fields: Vec<&str> = line.split(' ').collect();
        let number = |field: usize| u64::from_str_radix(fields[field], 16).expect("a number");
        if pid.is_some_and(|pid| u64::from(pid) != number(4)) {
            continue;
        }
        let flags = Flags(number(12) as u32);
        samples += 1;
        said += u64::from(DOUBTS.into_iter().any(|doubt| flags.has(doubt)));
    }
    (samples, said)
}

const LOADED: &str = "
main
  load
    call
      run
        first_run
          first_middle@plt
          first_middle
            first_leaf@plt
            first_leaf
        second_run
          second_middle@plt
          second_middle
            second_leaf@plt
            second_leaf
";

fn loads(case: &'static str, more: &[&str]) -> Result<Fixture, Skip> {
    let libraries = ["known-first.so", "known-second.so"].map(lab::program);
    let [first, second] = libraries.map(|path| path.map(|path| path.display().to_string()));
    let (first, second) = (first?, second?);
    let mut arguments = vec![first.as_str(), second.as_str()];
    arguments.extend(more);
    let fixture = Fixture::new("known-loads", "main")?.with(case, &arguments);
    let oracle = Oracle::Own(Calls::parse(LOADED));
    Ok(Fixture { code: lab::program("known-first.so")?, oracle, ..fixture })
}

fn two_files_with_one_build_id() -> Result<(), Skip> {
    follow(Of::Command, &loads("known-loads both", &["both"])?, 6)
}

fn libraries_at_the_same_address() -> Result<(), Skip> {
    follow(Of::Command, &loads("known-loads in turn", &[])?, 10)
}

fn programs_at_the_same_address() -> Result<(), Skip> {
    let second = lab::program("known-second")?.display().to_string();
    let calls = "
main
  first_run
    first_middle
      first_leaf
  second_run
    second_middle
      second_leaf
";
    let first = Fixture::new("known-first", calls)?;
    let fixture = first.with("known-first and known-second", &[&second]);
    follow(Of::Command, &fixture.by(Oracle::Own(Calls::parse(calls))), 10)
}

fn children_that_go_on() -> Result<(), Skip> {
    let fixture = Fixture::new("known-forks", "main")?;
    let calls = "
main
  forks
    in_child
      forked_frame
        forked_leaf
    in_parent
      parent_leaf
";
    follow(Of::Command, &fixture.by(Oracle::Own(Calls::parse(calls))), 6)
}

fn code_that_moves() -> Result<(), Skip> {
    let fixture = Fixture::new("known-moves", "main")?;
    let calls = "
main
  call
    moved
      moved_frame
        moved_leaf
";
    follow(Of::Command, &fixture.by(Oracle::Own(Calls::parse(calls))), 10)
}

fn code_made_anew_at_the_same_address() -> Result<(), Skip> {
    let fixture = Fixture::new("known-jit", "main")?;
    let calls = "
main
  make
    call
      [jit]
        called_by_one
        [jit]
          called_by_two
";
    follow(Of::Command, &fixture.by(Oracle::Own(Calls::parse(calls))), 10)
}

fn a_process_that_starts_during_the_recording() -> Result<(), Skip> {
    follow(Of::Machine, &loads("known-loads, machine-wide", &["both"])?, 30)
}
