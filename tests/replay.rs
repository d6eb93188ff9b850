//! The pipeline from stored samples, without privileges: `testdata/recordings/NAME.txt` is replayed and compared with
//! `NAME.golden`, which `BLESS=1` writes anew.

use crate::lab;
use crate::pprof_file::{PprofFile, Sample};
use crate::{Skip, tests};
use std::fmt::Write;
use std::fs;

tests!(
    a_real_recording,
    exec_fork_and_a_pid_used_again,
    mappings_that_replace_one_another,
    names_of_threads_with_any_bytes,
    losses_and_marks_reach_the_file,
    a_malformed_recording_is_named_with_its_line,
);

/// The busy C program for a second, as it was recorded.
fn a_real_recording() -> Result<(), Skip> {
    compare("chain")
}

/// One pid is three programs: by exec, and by another process that got its number. The same address lies in another file
/// each time; a child starts with its parent's mappings.
fn exec_fork_and_a_pid_used_again() -> Result<(), Skip> {
    compare("identity")
}

/// A library takes the place of another one; code in anonymous memory; an address in no mapping.
fn mappings_that_replace_one_another() -> Result<(), Skip> {
    compare("mappings")
}

/// Threads change their names, to names with separators in them. The process's name is its main thread's.
fn names_of_threads_with_any_bytes() -> Result<(), Skip> {
    compare("threads")
}

/// A truncated stack, a kernel thread, a task of another PID namespace, lost samples and lost mapping records.
fn losses_and_marks_reach_the_file() -> Result<(), Skip> {
    compare("losses")
}

fn a_malformed_recording_is_named_with_its_line() -> Result<(), Skip> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bad.txt");
    fs::write(&path, "bpflame-recording 1\nwindow\nstack a1 i/c/zz\n").unwrap();
    let mut command = lab::command(["record", "--replay"]);
    let ended =
        lab::finish(command.arg(&path).arg("-o").arg(directory.path().join("x.svg"))).with_code(1);
    assert!(ended.err.contains("line 3"), "{}", ended.err);
    Ok(())
}

fn compare(name: &str) -> Result<(), Skip> {
    let recordings = lab::root().join("testdata/recordings");
    let directory = tempfile::tempdir().unwrap();
    let (pprof, folded) = (directory.path().join("out.pb.gz"), directory.path().join("out.folded"));
    let mut command = lab::command(["record", "-q", "--replay"]);
    command.arg(recordings.join(format!("{name}.txt")));
    lab::finish(command.arg("-o").arg(&pprof).arg("-o").arg(&folded)).with_code(0);
    let found = describe(&PprofFile::read(&pprof)) + &fs::read_to_string(folded).unwrap();

    let golden = recordings.join(format!("{name}.golden"));
    if std::env::var_os("BLESS").is_some() {
        fs::write(&golden, &found).unwrap();
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    assert!(found == expected, "{} differs; found:\n{found}", golden.display());
    Ok(())
}

/// The profile as text: its summary, then a line per sample.
fn describe(profile: &PprofFile) -> String {
    let mut lines: Vec<String> =
        profile.samples.iter().map(|sample| line(profile, sample)).collect();
    lines.sort_unstable();
    let summary = profile.comments.iter().find(|c| c.starts_with("summary: ")).unwrap();
    format!("{summary}\n{}\n", lines.join("\n"))
}

fn line(profile: &PprofFile, sample: &Sample) -> String {
    let mut line = format!("{:?}", sample.values);
    for (key, value) in &sample.labels {
        write!(line, " {key}={}", value.escape_debug()).unwrap();
    }
    for (address, mapping) in sample.addresses.iter().zip(&sample.mappings) {
        let file = mapping.map_or("-", |index| &profile.mappings[index].file);
        write!(line, " {file}+{address:#x}").unwrap();
    }
    line
}
