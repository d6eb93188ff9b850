//! What can be recorded: processes by id and name, the machine, CPUs; user or kernel frames alone.

use crate::lab::{self, Running};
use crate::recording::{self, Recording};
use crate::{Skip, tests};
use std::fs;
use std::process::Command;

tests!(
    a_process_by_id,
    all_processes_of_a_name,
    children_of_a_tree,
    children_born_during_the_recording,
    the_whole_machine_with_process_names,
    one_cpu_alone,
    user_frames_alone,
    kernel_frames_alone,
    a_process_that_ends_in_the_middle,
    a_process_that_sleeps_gives_no_samples,
    a_process_that_waits_for_its_children_is_told_of_them,
    cpu_seconds_agree_with_the_scheduler,
    bpflame_leaves_itself_out,
);

fn start(name: &str, arguments: &[&str]) -> Result<Running, Skip> {
    lab::need_root()?;
    Ok(lab::start(Command::new(lab::program(name)?).args(arguments)))
}

fn a_process_by_id() -> Result<(), Skip> {
    let (wanted, _other) = (start("chain", &["60"])?, start("recurse", &["60"])?);
    let recording = Recording::make(&format!("-p {} -d 1s", wanted.pid()), &[]);
    assert_eq!(recording.pprof.label_values("pid"), [wanted.pid().to_string()]);
    assert!(recording.folded.share_of_chain(&["main", "alpha"]) > 0.97, "{:?}", recording.folded);
    assert_eq!(recording.pprof.sample_types, ["samples/count", "cpu/nanoseconds"]);
    let ours = recording.pprof.mappings.iter().find(|m| m.file.ends_with("/chain"));
    assert!(
        ours.is_some_and(|m| m.build_id.len() == 40),
        "with its build ID: {:?}",
        recording.pprof.mappings
    );
    Ok(())
}

fn all_processes_of_a_name() -> Result<(), Skip> {
    let directory = tempfile::tempdir().expect("there is room");
    let copy = directory.path().join("twin-of-chain");
    lab::need_root()?;
    fs::copy(lab::program("chain")?, &copy).expect("it can be copied");
    let twins = [(); 2].map(|()| lab::start(Command::new(&copy).arg("60")));
    let recording = Recording::make("-p twin-of-chain -d 2s", &[]);
    let mut pids = twins.each_ref().map(|t| t.pid().to_string());
    pids.sort_unstable();
    assert_eq!(recording.pprof.label_values("pid"), pids);
    Ok(())
}

fn children_of_a_tree() -> Result<(), Skip> {
    lab::need_root()?;
    let script = format!("{} 60 & wait", lab::program("chain")?.display());
    let parent = lab::start(Command::new("sh").args(["-c", &script]));
    let children = format!("/proc/{0}/task/{0}/children", parent.pid());
    lab::wait_for("the child", || {
        let child = fs::read_to_string(&children).ok()?.trim().to_owned();
        (fs::read_to_string(format!("/proc/{child}/comm")).ok()?.trim() == "chain").then_some(())
    });
    let recording = Recording::make(&format!("-p {} --tree -d 1s", parent.pid()), &[]);
    assert!(recording.folded.share_of("omega") > 0.5, "{:?}", recording.folded);
    Ok(())
}

fn children_born_during_the_recording() -> Result<(), Skip> {
    lab::need_root()?;
    let chain = lab::program("chain")?;
    let script = format!("sleep 1; {0} 1 & {0} 1; wait", chain.display());
    let recording = Recording::make("-F 199", &["sh", "-c", &script]);
    let pids = recording.pprof.count(|s| s.has("omega"));
    assert!(pids > 20, "{:?}", recording.folded);
    assert!(
        recording.pprof.label_values("comm").contains(&"chain"),
        "{:?}",
        recording.pprof.label_values("comm")
    );
    Ok(())
}

fn the_whole_machine_with_process_names() -> Result<(), Skip> {
    let (a, b) = (start("chain", &["60"])?, start("recurse", &["60"])?);
    let recording = Recording::make("-a -d 2s", &[]);
    for (name, function, pid) in [("chain", "omega", a.pid()), ("recurse", "bottom", b.pid())] {
        let pid = pid.to_string();
        let own = recording.pprof.count(|s| s.label("pid") == Some(&pid));
        assert!(own > 10, "{name} was sampled");
        let rooted = recording.folded.count(|s| s[0] == name && s.iter().any(|f| f == function));
        assert!(rooted > 10, "{name} is a root: {:?}", recording.folded);
    }
    Ok(())
}

fn one_cpu_alone() -> Result<(), Skip> {
    lab::need_root()?;
    if fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default().trim() == "0" {
        return Err(Skip(String::from("there is only one CPU")));
    }
    let directory = tempfile::tempdir().expect("there is room");
    let on = |cpu: &str, name: &str| -> Result<Running, Skip> {
        let copy = directory.path().join(name);
        fs::copy(lab::program("chain")?, &copy).expect("it can be copied");
        Ok(lab::start(Command::new("taskset").args(["-c", cpu]).arg(copy).arg("60")))
    };
    let (_first, _second) = (on("0", "pinned-to-0")?, on("1", "pinned-to-1")?);
    let recording = Recording::make("-a -C 1 -d 1s", &[]);
    let count = |name: &str| recording.folded.count(|s| s[0] == name);
    assert!(count("pinned-to-1") > 5, "{:?}", recording.folded);
    assert_eq!(count("pinned-to-0"), 0, "{:?}", recording.folded);
    Ok(())
}

fn user_frames_alone() -> Result<(), Skip> {
    let both = syscalls("")?;
    let user = syscalls("-U")?;
    let deep = |r: &Recording| {
        r.folded.count(|s| s.iter().any(|f| f.contains("entry_SYSCALL") || f == "vfs_read"))
    };
    assert!(deep(&both) > 10, "{:?}", both.folded);
    assert_eq!(deep(&user), 0, "{:?}", user.folded);
    // libc's read() has no frame, which hides its caller.
    assert!(user.folded.share_of("main") > 0.8, "the samples stay: {:?}", user.folded);
    Ok(())
}

fn kernel_frames_alone() -> Result<(), Skip> {
    let kernel = syscalls("-K")?;
    assert_eq!(kernel.folded.share_of("main"), 0.0, "{:?}", kernel.folded);
    assert!(kernel.folded.share_of("vfs_read") > 0.7, "{:?}", kernel.folded);
    Ok(())
}

fn syscalls(options: &str) -> Result<Recording, Skip> {
    lab::need_root()?;
    let program = lab::program("syscalls")?;
    Ok(Recording::make(
        &format!("-F 199 {options}"),
        &[program.to_str().expect("a plain path"), "1"],
    ))
}

fn a_process_that_ends_in_the_middle() -> Result<(), Skip> {
    let process = start("chain", &["1"])?;
    let directory = tempfile::tempdir().expect("there is room");
    let mut command = lab::command(["record", "-d", "60s", "-p", &process.pid().to_string()]);
    let recorder = lab::start(command.args(recording::outputs(directory.path())));
    let reaper = std::thread::spawn(move || process.end());
    let recording = Recording::read(recorder.end().with_code(0), directory.path());
    reaper.join().expect("it ended").with_code(0);
    assert!(recording.folded.share_of_chain(&["main", "alpha"]) > 0.97, "{:?}", recording.folded);
    Ok(())
}

fn a_process_that_sleeps_gives_no_samples() -> Result<(), Skip> {
    lab::need_root()?;
    let sleeper = lab::start(Command::new("sleep").arg("60"));
    let directory = tempfile::tempdir().expect("there is room");
    let mut command = lab::command(["record", "-d", "300ms", "-p", &sleeper.pid().to_string()]);
    let ended = lab::finish(command.args(recording::outputs(directory.path()))).with_code(3);
    assert!(ended.err.contains("no samples"), "{}", ended.err);
    assert!(ended.err.contains("was waiting"), "{}", ended.err);
    let left = fs::read_dir(directory.path()).expect("it is there").count();
    assert_eq!(left, 0, "nothing half-written stays");
    Ok(())
}

fn a_process_that_waits_for_its_children_is_told_of_them() -> Result<(), Skip> {
    lab::need_root()?;
    let script = format!("{0} 60 & {0} 60 & wait", lab::program("chain")?.display());
    let parent = lab::start(Command::new("sh").args(["-c", &script]));
    let children = format!("/proc/{0}/task/{0}/children", parent.pid());
    lab::wait_for("the children", || {
        let list = fs::read_to_string(&children).ok()?;
        (list.split_whitespace().count() == 2).then_some(())
    });
    let directory = tempfile::tempdir().expect("there is room");
    let mut command = lab::command(["record", "-d", "300ms", "-p", &parent.pid().to_string()]);
    let ended = lab::finish(command.args(recording::outputs(directory.path()))).with_code(3);
    assert!(ended.err.contains("its 2 child processes were not recorded"), "{}", ended.err);
    assert!(ended.err.contains("add --tree"), "{}", ended.err);
    Ok(())
}

/// Nanoseconds on a CPU, by the scheduler.
fn schedstat(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).expect("it runs");
    text.split_whitespace().next().and_then(|n| n.parse().ok()).expect("it is a number")
}

fn cpu_seconds_agree_with_the_scheduler() -> Result<(), Skip> {
    let process = start("chain", &["60"])?;
    let before = schedstat(process.pid());
    let recording = Recording::make(&format!("-p {} -d 3s -F 499", process.pid()), &[]);
    let after = schedstat(process.pid());
    let recorded: i64 = recording.pprof.samples.iter().map(|s| s.values[1]).sum();
    let (recorded, upper) = (recorded as f64 / 1e9, (after - before) as f64 / 1e9);
    // The scheduler's figure also covers bpflame's start and end.
    assert!(recorded < upper * 1.05 && recorded > upper * 0.6, "{recorded} s of {upper} s");
    Ok(())
}

fn bpflame_leaves_itself_out() -> Result<(), Skip> {
    let _busy = start("chain", &["60"])?;
    let recording = Recording::make("-a -d 1s -F 997", &[]);
    let pids = recording.pprof.label_values("pid");
    assert!(!pids.contains(&recording.ended.pid.to_string().as_str()), "{pids:?}");
    Ok(())
}
