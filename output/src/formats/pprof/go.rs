//! Go's reader takes what we write without a word of complaint.

use super::Pprof;
use super::tests::encode;
use crate::model::profile::{FrameKind, Profile, Trust};
use crate::testing::{frame, profile, small, stack};
use std::io::{self, Write};
use std::process::Command;

/// The output of `go tool pprof`, which must print nothing to stderr. `None` without Go; the reason is printed.
fn go(profile: &Profile, flags: &[&str]) -> Option<String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("p.pb.gz");
    std::fs::write(&file, encode(&Pprof::default(), profile)).unwrap();
    let mut command = Command::new("go");
    command.args(["tool", "pprof"]).args(flags).arg(&file).env("PPROF_TMPDIR", directory.path());
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            report_skip(&error);
            return None;
        }
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{flags:?}: {stderr}");
    assert_eq!(stderr, "", "{flags:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Past the harness, which keeps what passing tests print. The thread has the test's name.
fn report_skip(error: &io::Error) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let line = format!("skipped: {test}: go is not to be run ({error})\n");
    // In one piece, beside what other threads write.
    io::stderr().write_all(line.as_bytes()).unwrap();
}

#[test]
fn top_counts_what_we_count() {
    let Some(text) = go(&small(), &["-top", "-sample_index=samples"]) else { return };
    assert!(text.contains("Type: samples"), "{text}");
    let row = |name: &str| {
        let line = text.lines().find(|line| line.split_whitespace().nth(5) == Some(name));
        line.unwrap_or_else(|| panic!("no {name} in {text}"))
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(row("work")[..4], ["12", "52.17%", "52.17%", "17"].map(str::to_owned)[..]);
    assert!(go(&small(), &["-top"]).unwrap().contains("Type: cpu"));
}

#[test]
fn traces_raw_tags_and_peek_say_nothing_on_stderr() {
    let Some(traces) = go(&small(), &["-traces"]) else { return };
    assert!(traces.contains("comm:  prog"), "{traces}");
    assert!(traces.contains("inner (inline)"), "{traces}");
    let raw = go(&small(), &["-raw"]).unwrap();
    for fact in [
        "PeriodType: cpu nanoseconds",
        "Period: 10000000",
        "[FN][FL][LN][IN]",
        "summary: 23 samples",
    ] {
        assert!(raw.contains(fact), "{fact}: {raw}");
    }
    let tags = go(&small(), &["-tags"]).unwrap();
    for key in [
        "pid:",
        "tid:",
        "comm:",
        "thread:",
        "guessed_frames:",
        "truncated:",
        "caller_may_be_missing:",
    ] {
        assert!(tags.contains(key), "{key}: {tags}");
    }
    assert!(go(&small(), &["-peek", "work"]).unwrap().contains("main"));
}

#[test]
fn what_has_no_mapping_or_no_file_is_no_complaint_either() {
    let mut mixed = stack(&["main"], 2);
    mixed.frames.push(frame("compiled", FrameKind::Jit, Trust::FramePointer));
    mixed.frames.push(frame("", FrameKind::Unknown, Trust::FramePointer));
    let kernel = crate::testing::Stack {
        frames: vec![frame("do_idle", FrameKind::Kernel, Trust::Sure)],
        ..stack(&[], 9)
    };
    let mut unmapped = stack(&[], 3);
    unmapped.frames.push(frame("compiled", FrameKind::Jit, Trust::FramePointer));
    for stacks in [
        vec![mixed.clone(), kernel.clone()],
        vec![kernel],
        vec![unmapped],
        vec![stack(&["", "main"], 1)],
    ] {
        for flags in [&["-top"][..], &["-traces"], &["-raw"], &["-tags"], &["-peek", "."]] {
            if go(&profile(&stacks), flags).is_none() {
                return;
            }
        }
    }
}
