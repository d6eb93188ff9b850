//! Containers by their parts: PID and mount namespaces, deleted files, other roots.

use crate::lab::{self, Running};
use crate::recording::{self, Recording};
use crate::{Skip, tests};
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::tempdir;

tests!(
    from_inside_a_pid_namespace,
    with_the_proc_of_another_pid_namespace,
    from_outside_a_pid_namespace,
    a_binary_that_only_another_mount_namespace_has,
    a_deleted_binary,
    a_replaced_binary_is_not_taken_for_the_old_one,
);

fn from_inside_a_pid_namespace() -> Result<(), Skip> {
    lab::need_root()?;
    lab::need("unshare")?;
    let directory = tempdir().expect("there is room");
    let mut command = Command::new("unshare");
    command.args(["-pf", "--mount-proc"]).arg(lab::bpflame()).args(["record", "-F", "499"]);
    command
        .args(recording::outputs(directory.path()))
        .arg("--")
        .arg(lab::program("chain")?)
        .arg("1");
    let recording = Recording::read(lab::finish(&mut command).with_code(0), directory.path());
    assert!(recording.folded.share_of_chain(&["main", "alpha"]) > 0.9, "{:?}", recording.folded);
    let pids = recording.pprof.label_values("pid");
    assert!(
        pids.iter().all(|pid| pid.parse::<u32>().is_ok_and(|pid| pid < 100)),
        "the namespace's own: {pids:?}"
    );
    Ok(())
}

/// The process of a name below another one, by its id out here.
fn descendant(parent: &Running, name: &str) -> u32 {
    fn children(pid: u32) -> Vec<u32> {
        let text =
            fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        text.split_whitespace().filter_map(|n| n.parse().ok()).collect()
    }
    lab::wait_for(name, || {
        let mut list = vec![parent.pid()];
        while let Some(pid) = list.pop() {
            if fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim() == name {
                return Some(pid);
            }
            list.extend(children(pid));
        }
        None
    })
}

/// The end of the command is seen, although `/proc` shows other processes.
fn with_the_proc_of_another_pid_namespace() -> Result<(), Skip> {
    lab::need_root()?;
    lab::need("unshare")?;
    let directory = tempdir().expect("there is room");
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", "60", "unshare", "-pf"]).arg(lab::bpflame()).arg("record");
    command.args(recording::outputs(directory.path())).arg("--").arg(lab::program("chain")?);
    let ended = lab::finish(command.arg("1")).with_code(0);
    assert!(Recording::read(ended, directory.path()).folded.share_of("alpha") > 0.0);
    Ok(())
}

fn from_outside_a_pid_namespace() -> Result<(), Skip> {
    lab::need_root()?;
    lab::need("unshare")?;
    let mut command = Command::new("unshare");
    let outer =
        lab::start(command.args(["-pf", "--mount-proc"]).arg(lab::program("chain")?).arg("60"));
    let pid = descendant(&outer, "chain");
    let recording = Recording::make(&format!("-p {pid} -d 1s"), &[]);
    assert_eq!(recording.pprof.label_values("pid"), [pid.to_string()], "the id out here");
    assert!(recording.folded.share_of_chain(&["main", "alpha"]) > 0.97, "{:?}", recording.folded);
    Ok(())
}

fn a_binary_that_only_another_mount_namespace_has() -> Result<(), Skip> {
    lab::need_root()?;
    lab::need("unshare")?;
    let directory = tempdir().expect("there is room");
    let hidden = directory.path().join("hidden");
    let script = format!(
        "mount -t tmpfs none {0} && cp {1} {2} && {2} 60",
        directory.path().display(),
        lab::program("chain")?.display(),
        hidden.display()
    );
    let outer = lab::start(Command::new("unshare").args(["-m", "sh", "-c", &script]));
    let pid = descendant(&outer, "hidden");
    assert!(!hidden.exists(), "it cannot be seen from here");
    let recording = Recording::make(&format!("-p {pid} -d 1s"), &[]);
    assert!(recording.folded.share_of_chain(&["main", "alpha"]) > 0.97, "{:?}", recording.folded);
    Ok(())
}

/// Starts a copy of a program, and takes the file away.
fn start_and_remove(path: &Path) -> Result<Running, Skip> {
    fs::copy(lab::program("chain")?, path).expect("there is room");
    let process = lab::start(Command::new(path).arg("60"));
    descendant(&process, path.file_name().and_then(OsStr::to_str).expect("a plain name"));
    fs::remove_file(path).expect("it is ours");
    Ok(process)
}

fn a_deleted_binary() -> Result<(), Skip> {
    lab::need_root()?;
    let directory = tempdir().expect("there is room");
    let path = directory.path().join("doomed");
    let process = start_and_remove(&path)?;
    let recording = Recording::make(&format!("-p {} -d 1s", process.pid()), &[]);
    assert!(recording.folded.share_of_chain(&["main", "alpha"]) > 0.97, "{:?}", recording.folded);
    Ok(())
}

fn a_replaced_binary_is_not_taken_for_the_old_one() -> Result<(), Skip> {
    lab::need_root()?;
    let directory = tempdir().expect("there is room");
    let path = directory.path().join("changeling");
    let process = start_and_remove(&path)?;
    fs::copy(lab::program("recurse")?, &path).expect("there is room");
    let recording = Recording::make(&format!("-p {} -d 1s", process.pid()), &[]);
    assert_eq!(recording.folded.share_of("descend"), 0.0, "{:?}", recording.folded);
    assert_eq!(recording.folded.share_of("bottom"), 0.0, "{:?}", recording.folded);
    Ok(())
}
