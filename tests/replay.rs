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
    events_in_different_units,
    an_event_without_samples_spoils_no_graph,
    frames_of_an_interpreter,
    how_far_stacks_go_and_how_frames_were_found,
    trust_stays_when_a_file_is_read_and_written_again,
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

/// The timer beside page faults, of which a sample is ten: a stack has the values of both.
fn events_in_different_units() -> Result<(), Skip> {
    compare("events")?;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.pb.gz");
    let mut command = lab::command(["record", "-q", "--replay"]);
    command.arg(lab::root().join("testdata/recordings/events.txt"));
    lab::finish(command.arg("-o").arg(&path)).with_code(0);
    let profile = PprofFile::read(&path);
    assert_eq!(profile.sample_types, ["samples/count", "cpu/nanoseconds", "page_faults/count"]);
    let mut values: Vec<&[i64]> = profile.samples.iter().map(|s| s.values.as_slice()).collect();
    values.sort_unstable();
    assert_eq!(values, [&[0, 0, 20][..], &[2, 20_000_000, 10]]);
    Ok(())
}

/// The timer of a process that never ran on a sampled CPU, beside its page faults: the graph is that of the faults.
fn an_event_without_samples_spoils_no_graph() -> Result<(), Skip> {
    let directory = tempfile::tempdir().unwrap();
    let at = |name| directory.path().join(name);
    let (recording, svg, pprof) = (at("faults.txt"), at("out.svg"), at("out.pb.gz"));
    let text = fs::read_to_string(lab::root().join("testdata/recordings/events.txt")).unwrap();
    let of_timer = |line: &&str| line.starts_with("sample") && line.split(' ').nth(3) == Some("0");
    let lines: Vec<&str> = text.lines().filter(|line| !of_timer(line)).collect();
    fs::write(&recording, lines.join("\n") + "\n").unwrap();
    let mut command = lab::command(["record", "-q", "--replay"]);
    command.arg(recording).arg("-o").arg(&svg).arg("-o").arg(&pprof);
    lab::finish(&mut command).with_code(0);
    assert!(fs::read_to_string(svg).unwrap().contains("all (3 samples, 100%)"));
    let profile = PprofFile::read(&pprof);
    let samples: i64 = profile.samples.iter().map(|sample| sample.values[0]).sum();
    assert_eq!(samples, 3);
    Ok(())
}

/// Frames that are no addresses, between native ones: of a runtime that is known, and of one that is not. The same object at
/// two positions is two places.
fn frames_of_an_interpreter() -> Result<(), Skip> {
    compare("interpreted")
}

/// A stack of every kind: complete, with a guess, not sure, and incomplete for each reason.
fn how_far_stacks_go_and_how_frames_were_found() -> Result<(), Skip> {
    compare("trust")?;
    let directory = tempfile::tempdir().unwrap();
    let at = |name| directory.path().join(name);
    let (stats, folded, svg) = (at("stats.json"), at("out.folded"), at("out.svg"));
    let mut command = lab::command(["record", "-q", "--annotate", "--replay"]);
    command.arg(lab::root().join("testdata/recordings/trust.txt")).arg("--stats").arg(&stats);
    lab::finish(command.arg("-o").arg(&folded).arg("-o").arg(&svg)).with_code(0);

    let stats = fs::read_to_string(stats).unwrap();
    for figure in [
        r#""user_samples": 17"#,
        r#""complete": 4"#,
        r#""complete_with_guess": 1"#,
        r#""unsure": 2"#,
        r#""incomplete": 10"#,
        r#"{ "reason": "caller may be missing", "file": "libcodec.so.7", "samples": 1}"#,
        r#"{ "reason": "unwind tables not ready", "file": "mixed", "samples": 1}"#,
        r#"{ "reason": "no unwind rule", "file": "libcodec.so.7", "samples": 2}"#,
        r#"{ "reason": "return address outside all mappings", "file": "mixed", "samples": 1}"#,
    ] {
        assert!(stats.contains(figure), "{figure} in {stats}");
    }
    let folded = fs::read_to_string(folded).unwrap();
    for marked in
        ["[unknown] mixed_[g]", "[unknown] libasm.so.1_[s]", "[unknown] libcodec.so.7_[m]"]
    {
        assert!(folded.contains(marked), "{marked} in {folded}");
    }
    let svg = fs::read_to_string(svg).unwrap();
    for told in [
        "by a rule derived from disassembly",
        "guessed)",
        "caller may be missing",
        "stacks 23.5 % complete",
    ] {
        assert!(svg.contains(told), "{told} in the graph");
    }
    assert!(
        svg.contains("incomplete user stacks, no unwind rule in libcodec.so.7: 2"),
        "and in its description"
    );
    Ok(())
}

fn trust_stays_when_a_file_is_read_and_written_again() -> Result<(), Skip> {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (directory.path().join("1.pb.gz"), directory.path().join("2.pb.gz"));
    let mut command = lab::command(["record", "-q", "--replay"]);
    command.arg(lab::root().join("testdata/recordings/trust.txt"));
    lab::finish(command.arg("-o").arg(&first)).with_code(0);
    let mut command = lab::command(["report", "-q", "--no-symbolize"]);
    lab::finish(command.arg(&first).arg("-o").arg(&second)).with_code(0);
    let (first, second) = (PprofFile::read(&first), PprofFile::read(&second));
    assert!(describe(&first).contains("guessed_frames=2"), "{}", describe(&first));
    assert_eq!(describe(&first), describe(&second));
    assert_eq!(first.comments, second.comments);
    Ok(())
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
    let told =
        |comment: &&String| comment.starts_with("summary: ") || comment.contains("user stacks");
    let comments: String =
        profile.comments.iter().filter(told).map(|comment| format!("{comment}\n")).collect();
    format!("{comments}{}\n", lines.join("\n"))
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
