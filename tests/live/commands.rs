//! Commands: their exit codes, signals, and what is written when they end.

use crate::lab;
use crate::recording::{self, Recording};
use crate::{Skip, tests};
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use tempfile::tempdir;

tests!(
    the_commands_exit_code_is_ours,
    a_killed_command_gives_128_and_the_signal,
    a_command_that_does_not_exist_gives_127,
    a_command_that_is_not_executable_gives_126,
    a_command_without_samples_keeps_its_code,
    a_command_without_samples_is_told_of_a_higher_rate,
    processes_that_a_command_leaves_behind_are_counted,
    a_duration_ends_the_recording_not_the_command,
    interrupt_and_terminate_write_everything,
    the_commands_output_is_its_own,
    the_first_instructions_are_recorded,
    under_sudo_command_and_files_are_the_callers,
    under_sudo_a_command_has_the_groups_of_every_service,
    one_recording_as_folded_stacks_on_standard_output,
    figures_as_json,
    the_recorder_goes_first_and_nobody_inherits_it,
);

/// `bpflame record` of a shell's words; files go to a directory that is gone afterwards.
fn shell(script: &str) -> lab::Ended {
    let directory = tempdir().expect("there is room");
    let mut command = lab::command(["record"]);
    lab::finish(command.args(recording::outputs(directory.path())).args(["--", "sh", "-c", script]))
}

const BUSY: &str = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done";

fn the_commands_exit_code_is_ours() -> Result<(), Skip> {
    lab::need_root()?;
    for code in [0, 1, 7, 125] {
        shell(&format!("{BUSY}; exit {code}")).with_code(code);
    }
    Ok(())
}

fn a_killed_command_gives_128_and_the_signal() -> Result<(), Skip> {
    lab::need_root()?;
    shell(&format!("{BUSY}; kill -KILL $$")).with_code(128 + 9);
    shell(&format!("{BUSY}; kill -SEGV $$")).with_code(128 + 11);
    Ok(())
}

fn a_command_that_does_not_exist_gives_127() -> Result<(), Skip> {
    lab::need_root()?;
    let directory = tempdir().expect("there is room");
    let output = directory.path().join("x.svg");
    let mut command = lab::command(["record", "-o"]);
    let ended = lab::finish(command.arg(&output).args(["--", "/no/such/command"])).with_code(127);
    assert!(ended.err.contains("/no/such/command"), "{}", ended.err);
    assert!(!output.exists(), "nothing is written");
    Ok(())
}

fn a_command_that_is_not_executable_gives_126() -> Result<(), Skip> {
    lab::need_root()?;
    let directory = tempdir().expect("there is room");
    let file = directory.path().join("plain");
    fs::write(&file, "text").expect("it can be written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("it is ours");
    let mut command = lab::command(["record", "-o"]);
    let ended = lab::finish(command.arg(directory.path().join("x.svg")).arg("--").arg(&file))
        .with_code(126);
    assert!(ended.err.contains("plain"), "{}", ended.err);
    Ok(())
}

fn a_command_without_samples_keeps_its_code() -> Result<(), Skip> {
    lab::need_root()?;
    let ended = shell("exit 9").with_code(9);
    assert!(!ended.err.contains("panicked"), "{}", ended.err);
    Ok(())
}

fn a_command_without_samples_is_told_of_a_higher_rate() -> Result<(), Skip> {
    lab::need_root()?;
    let directory = tempdir().expect("there is room");
    let mut command = lab::command(["record", "-q", "-F", "1", "-o"]);
    let ended = lab::finish(command.arg(directory.path().join("x.svg")).args(["--", "true"]));
    let said = ended.with_code(0).err;
    assert!(said.starts_with("bpflame: no samples, nothing written: true ("), "{said}");
    assert!(said.ends_with("; sample more often with -F, as in -F 4999\n"), "{said}");
    Ok(())
}

fn processes_that_a_command_leaves_behind_are_counted() -> Result<(), Skip> {
    lab::need_root()?;
    let said = shell(&format!("sleep 60 & {BUSY}; sleep 60 &")).with_code(0).err;
    let wanted = "2 processes that it started are still running; `bpflame record -p sleep --tree`";
    assert!(said.contains(wanted), "{said}");
    let said = shell(&format!("sleep 0.1 & {BUSY}; wait")).with_code(0).err;
    assert!(!said.contains("still running"), "{said}");
    Ok(())
}

fn a_duration_ends_the_recording_not_the_command() -> Result<(), Skip> {
    lab::need_root()?;
    let directory = tempdir().expect("there is room");
    let done = directory.path().join("done");
    let script = format!("{}; sleep 2; echo > {}", BUSY, done.display());
    let mut command = lab::command(["record", "-d", "500ms"]);
    command.args(recording::outputs(directory.path())).args(["--", "sh", "-c", &script]);
    let recorder = lab::start(&mut command);
    lab::wait_for("the graph", || directory.path().join("out.svg").exists().then_some(()));
    assert!(!done.exists(), "the recording ended before the command");
    lab::wait_for("the command's end", || done.exists().then_some(()));
    drop(recorder);
    Ok(())
}

fn interrupt_and_terminate_write_everything() -> Result<(), Skip> {
    lab::need_root()?;
    let process = lab::start(Command::new(lab::program("chain")?).arg("60"));
    for signal in [Signal::INT, Signal::TERM] {
        let directory = tempdir().expect("there is room");
        let mut command = lab::command(["record", "-d", "60s", "-p", &process.pid().to_string()]);
        let recorder = lab::start(command.args(recording::outputs(directory.path())));
        let before = lab::cpu_ticks(process.pid());
        lab::wait_for("a second of work", || {
            (lab::cpu_ticks(process.pid()) > before + 100).then_some(())
        });
        recorder.signal(signal);
        let recording = Recording::read(recorder.end().with_code(0), directory.path());
        assert!(recording.folded.share_of("omega") > 0.5, "{signal:?}: {:?}", recording.folded);
        assert!(
            recording.ended.err.contains("out.svg"),
            "it names its files: {}",
            recording.ended.err
        );
    }
    Ok(())
}

fn the_commands_output_is_its_own() -> Result<(), Skip> {
    lab::need_root()?;
    let ended = shell(&format!("{BUSY}; echo out; echo err >&2")).with_code(0);
    assert_eq!(ended.out, "out\n", "bpflame writes nothing to standard output");
    assert!(ended.err.lines().any(|line| line == "err"), "{}", ended.err);
    Ok(())
}

fn the_first_instructions_are_recorded() -> Result<(), Skip> {
    lab::need_root()?;
    let program = lab::program("chain")?;
    let recording = Recording::make("-F 1999", &[program.to_str().expect("a plain path"), "0.3"]);
    assert!(recording.folded.total() > 20, "300 ms at 2 kHz: {:?}", recording.folded);
    assert!(recording.folded.share_of("omega") > 0.3, "{:?}", recording.folded);
    Ok(())
}

fn under_sudo_command_and_files_are_the_callers() -> Result<(), Skip> {
    lab::need_root()?;
    for (option, owner) in [(None, 65534), (Some("--root"), 0)] {
        let directory = tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let graph = directory.path().join("out.svg");
        let script = format!("{BUSY}; id -u > {}", directory.path().join("id").display());
        let mut command = lab::command(["record", "-o"]);
        command.arg(&graph).args(option).args(["--", "sh", "-c", &script]);
        command.env("SUDO_UID", "65534").env("SUDO_GID", "65534").env("SUDO_USER", "nobody");
        lab::finish(&mut command).with_code(0);
        let ran_as = fs::read_to_string(directory.path().join("id")).unwrap();
        assert_eq!(ran_as.trim(), owner.to_string(), "with {option:?}");
        assert_eq!(fs::metadata(&graph).unwrap().uid(), owner, "with {option:?}");
    }
    Ok(())
}

/// Users and groups may come from a network. Here one comes from other files, by a service of the C library.
fn under_sudo_a_command_has_the_groups_of_every_service() -> Result<(), Skip> {
    lab::need_root()?;
    lab::need("unshare")?;
    if !Path::new("/var/lib/extrausers").is_dir() {
        return Err(Skip(String::from("libnss-extrausers is not installed")));
    }
    let directory = tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    write("nsswitch", "passwd: files\ngroup: files extrausers\n");
    write("group", "far:x:71234:nobody\n");
    let script = format!(
        "mount --bind {0}/nsswitch /etc/nsswitch.conf && mount --bind {0} /var/lib/extrausers && exec {1} record -q -o {0}/out.svg -- sh -c 'id -G; {BUSY}'",
        directory.path().display(),
        lab::bpflame().display(),
    );
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", &script]);
    command.env("SUDO_UID", "65534").env("SUDO_GID", "65534").env("SUDO_USER", "nobody");
    let said = lab::finish(&mut command).with_code(0).out;
    assert_eq!(said.trim(), "65534 71234");
    Ok(())
}

fn one_recording_as_folded_stacks_on_standard_output() -> Result<(), Skip> {
    lab::need_root()?;
    let mut command = lab::command(["record", "-d", "1s", "-a", "--format", "folded", "-o", "-"]);
    let _busy = lab::start(Command::new(lab::program("chain")?).arg("60"));
    let ended = lab::finish(&mut command).with_code(0);
    let folded = crate::folded::Folded::parse(&ended.out);
    assert!(folded.share(|s| s[0] == "chain") > 0.1, "{folded:?}");
    Ok(())
}

fn figures_as_json() -> Result<(), Skip> {
    lab::need_root()?;
    let directory = tempdir().unwrap();
    let stats = directory.path().join("stats.json");
    let mut command = lab::command(["record", "--stats"]);
    command.arg(&stats).arg("-o").arg(directory.path().join("out.svg")).arg("--");
    lab::finish(command.arg(lab::program("chain")?).arg("1")).with_code(0);
    let text = fs::read_to_string(&stats).unwrap();
    for figure in [
        "samples",
        "cpu_ns",
        "lost_total",
        "truncated",
        "guessed",
        "complete",
        "complete_with_guess",
        "unsure",
        "incomplete",
        "incomplete_by",
        "unresolved",
        "own_cpu_ns",
        "bpf_map_bytes",
    ] {
        assert!(text.contains(&format!("\"{figure}\": ")), "{figure} in {text}");
    }
    Ok(())
}

/// The nice value of a task.
fn nice(task: &str) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{task}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(16)?.parse().ok()
}

/// The thread that drains is raised while samples come; the command and the processes that help are not.
fn the_recorder_goes_first_and_nobody_inherits_it() -> Result<(), Skip> {
    lab::need_root()?;
    let directory = tempdir().unwrap();
    let mut command = lab::command(["record"]);
    command.args(recording::outputs(directory.path()));
    let end = directory.path().join("end");
    let script = "while [ ! -e \"$0\" ]; do :; done";
    let recorder = lab::start(command.args(["--", "sh", "-c", script]).arg(&end));
    let pid = recorder.pid().to_string();
    lab::wait_for("a raised recorder", || (nice(&pid)? < 0).then_some(()));
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let children: Vec<&str> = children.split_whitespace().collect();
    assert!(children.len() >= 2, "the command, and who makes names: {children:?}");
    children.iter().for_each(|child| assert_eq!(nice(child), Some(0), "{child}"));
    let tables = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten().filter(|task| {
        fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.starts_with("tables"))
    });
    let builders: Vec<String> = tables
        .filter_map(|task| Some(format!("{pid}/task/{}", task.file_name().to_str()?)))
        .collect();
    assert!(!builders.is_empty(), "tables are built");
    builders.iter().for_each(|task| assert_eq!(nice(task), Some(0), "who builds tables"));
    fs::write(end, "").unwrap();
    drop(recorder.end().with_code(0));
    Ok(())
}
