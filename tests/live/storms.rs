//! Many short processes.

use super::hostile::figure;
use crate::lab;
use crate::pprof_file::{PprofFile, Sample};
use crate::recording::{self, Recording};
use crate::{Skip, tests};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::tempdir;

tests!(
    a_storm_of_forks,
    a_storm_of_execs,
    hundreds_of_short_programs_have_names,
    short_lived_compilers_have_files,
    who_gives_its_memory_up_has_no_user_stack,
    processes_that_nobody_has_sampled_yet_are_ready,
);

fn storm(name: &str, count: &str) -> Result<Recording, Skip> {
    lab::need_root()?;
    let program = lab::program(name)?;
    Ok(Recording::make("-F 997", &[program.to_str().expect("a plain path"), count, "10"]))
}

fn a_storm_of_forks() -> Result<(), Skip> {
    let recording = storm("forks", "200")?;
    let share = recording.folded.share_of_chain(&["main", "in_child"]);
    assert!(share > 0.7, "{share} of {:?}", recording.folded);
    let pids = recording.pprof.label_values("pid").len();
    assert!(pids > 150, "{pids} of 201 processes were seen");
    Ok(())
}

fn a_storm_of_execs() -> Result<(), Skip> {
    let recording = storm("execs", "150")?;
    let share = recording.folded.share_of_chain(&["main", "between_execs"]);
    assert!(share > 0.6, "{share} of {:?}", recording.folded);
    assert_eq!(recording.pprof.label_values("pid").len(), 1, "exec keeps the pid");
    Ok(())
}

/// Records the machine while a shell runs the script.
fn record_machine_during(script: &str, frequency: &str) -> Recording {
    let directory = tempdir().expect("there is room");
    let mut command = lab::command(["record", "-a", "-d", "100s", "-F", frequency]);
    let recorder = lab::start(command.args(recording::outputs(directory.path())));
    // The recorder holds its outputs open before it samples.
    lab::wait_for("the recording's start", || {
        (fs::read_dir(directory.path()).ok()?.count() >= 3 && lab::has_bpf_program(recorder.pid()))
            .then_some(())
    });
    let ended = lab::finish(Command::new("sh").args(["-c", script]));
    ended.with_code(0);
    recorder.signal(rustix::process::Signal::INT);
    Recording::read(recorder.end().with_code(0), directory.path())
}

/// Of 400 processes that begin when the recorder has read them, each is sampled once or twice. The first sample of each has its tables.
fn processes_that_nobody_has_sampled_yet_are_ready() -> Result<(), Skip> {
    lab::need_root()?;
    let directory = tempdir().unwrap();
    let [out, stats, begin] = ["out.svg", "stats", "begin"].map(|name| directory.path().join(name));
    let mut crowd = Command::new(lab::program("crowd")?);
    let crowd = lab::start(crowd.args(["100", "400"]).arg(&begin));
    lab::wait_for("its processes", || {
        let children = format!("/proc/{0}/task/{0}/children", crowd.pid());
        (fs::read_to_string(children).ok()?.split_whitespace().count() >= 400).then_some(())
    });
    let mut command = lab::command(["record", "-a", "-F", "99", "-d", "100s", "-o"]);
    let recorder = lab::start(command.arg(out).arg("--stats").arg(&stats));
    lab::wait_for("a recorder that has read them", || {
        let ticks = || lab::cpu_ticks(recorder.pid());
        let before = ticks();
        std::thread::sleep(Duration::from_millis(500));
        (lab::has_bpf_program(recorder.pid()) && ticks() < before + 4).then_some(())
    });
    fs::write(begin, "").unwrap();
    std::thread::sleep(Duration::from_secs(4));
    recorder.signal(rustix::process::Signal::INT);
    drop(recorder.end().with_code(0));
    let stats = fs::read_to_string(stats).unwrap();
    let share = figure(&stats, "complete") / figure(&stats, "user_samples");
    assert!(share > 0.75, "{share}: {stats}");
    Ok(())
}

/// What the kernel does for a process whose memory it takes back stands above `[exiting]`, and not among broken stacks.
fn who_gives_its_memory_up_has_no_user_stack() -> Result<(), Skip> {
    let recording = storm("leaves", "40")?;
    let exiting = |s: &[String]| s.iter().any(|frame| frame == "[exiting]");
    let all = recording.folded.count(|_| true);
    let ending = recording.folded.count(exiting);
    assert!(ending * 50 >= all, "{ending} of {all} of {:?}", recording.folded);
    let alone = recording.folded.count(|s| exiting(s) && s.iter().all(|frame| frame != "main"));
    assert_eq!(alone, ending, "no user frame beside it: {:?}", recording.folded);
    let [complete, _] = recording.whole();
    assert!(complete > 90.0, "they are not held for incomplete: {}", recording.ended.err);
    Ok(())
}

fn hundreds_of_short_programs_have_names() -> Result<(), Skip> {
    lab::need_root()?;
    let chain = lab::program("chain")?;
    let directory = tempdir().expect("there is room");
    for number in 0..200 {
        fs::copy(&chain, directory.path().join(format!("brief-{number}"))).expect("there is room");
    }
    let script =
        format!("for n in $(seq 0 199); do {}/brief-$n 0.02; done", directory.path().display());
    let recording = record_machine_during(&script, "997");
    let ours = |s: &[String]| s[0].starts_with("brief-");
    let all = recording.folded.count(ours);
    let named = recording.folded.count(|s| ours(s) && s.iter().any(|f| f == "alpha"));
    assert!(all > 500, "they were sampled: {all}");
    // The rest is their start: the dynamic linker and exec itself.
    assert!(named * 100 >= all * 80, "{named} of {all} reach alpha");
    let names: std::collections::BTreeSet<_> =
        recording.folded.stacks.iter().filter(|(s, _)| ours(s)).map(|(s, _)| &s[0]).collect();
    assert!(names.len() > 190, "{} of 200 names", names.len());
    let (frames, placed, with_name) =
        user_frames(&recording.pprof, |comm| comm.starts_with("brief-"));
    assert!(placed * 100 >= frames * 99, "{placed} of {frames} user frames have a file");
    assert!(with_name * 100 >= frames * 95, "{with_name} of {frames} have a name");
    Ok(())
}

fn short_lived_compilers_have_files() -> Result<(), Skip> {
    lab::need_root()?;
    lab::need("gcc")?;
    let source = lab::root().join("testdata/programs/sample.c");
    let script =
        format!("for n in 1 2 3 4 5; do gcc -O2 -c {} -o /dev/null; done", source.display());
    let recording = record_machine_during(&script, "499");
    // cc1 has no frame pointers: what lies below its leaf is known to nobody here.
    let (mut all, mut placed) = (0, 0);
    let of_cc1 = |s: &&Sample| s.label("comm") == Some("cc1") && !s.is_exiting();
    for sample in recording.pprof.samples.iter().filter(of_cc1) {
        let files: Vec<_> =
            sample.mappings.iter().map(|m| m.map(|m| &recording.pprof.mappings[m].file)).collect();
        let is_user = |file: &&Option<&String>| !file.is_some_and(|f| f.starts_with('['));
        if let Some(leaf) = files.iter().rfind(is_user) {
            all += sample.values[0];
            placed += if leaf.is_some() { sample.values[0] } else { 0 };
        }
    }
    assert!(all > 100, "cc1 was sampled {all} times");
    assert!(placed * 100 >= all * 99, "{placed} of {all} leaves have a file");
    Ok(())
}

/// Of the processes that fit: user frames, those in a file, those with a name that is not only a range's.
fn user_frames(pprof: &PprofFile, fits: impl Fn(&str) -> bool) -> (i64, i64, i64) {
    let mut counts = (0, 0, 0);
    let fits = |s: &&Sample| s.label("comm").is_some_and(&fits) && !s.is_exiting();
    for sample in pprof.samples.iter().filter(fits) {
        for (frame, mapping) in sample.mappings.iter().enumerate() {
            let file = mapping.map(|index| pprof.mappings[index].file.as_str());
            if file.is_some_and(|f| f.starts_with('[')) {
                continue;
            }
            counts.0 += sample.values[0];
            counts.1 += if file.is_some() { sample.values[0] } else { 0 };
            let base =
                file.and_then(|f| Path::new(f).file_name()).map(|f| format!("{}+0x", f.display()));
            let name = sample.stack.get(frame);
            let is_range = base.is_some_and(|b| name.is_some_and(|n| n.starts_with(&b)));
            counts.2 += if file.is_some() && !is_range { sample.values[0] } else { 0 };
        }
    }
    counts
}
