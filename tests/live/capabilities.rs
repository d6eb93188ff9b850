//! The two sets of capabilities in docs/privileges.md: each capability is needed, and for the purpose given there.

use crate::folded::Folded;
use crate::lab::{self, Ended, Running};
use crate::{Skip, tests};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::{TempDir, tempdir};

tests!(
    the_smallest_set_records_ones_own_command,
    without_bpf_it_is_named,
    without_perfmon_it_is_named,
    syslog_is_for_names_of_the_kernel,
    sys_ptrace_is_for_files_of_other_mount_namespaces,
    checkpoint_restore_is_for_deleted_libraries,
    dac_read_search_is_for_unreadable_files,
);

const SMALLEST: &str = "cap_bpf,cap_perfmon";
const FULL: [&str; 6] = [
    "cap_bpf",
    "cap_perfmon",
    "cap_sys_ptrace",
    "cap_syslog",
    "cap_checkpoint_restore",
    "cap_dac_read_search",
];

/// A directory that anybody may use, with a bpflame of its own.
struct Bench {
    directory: TempDir,
}

impl Bench {
    fn new() -> Result<Self, Skip> {
        lab::need_root()?;
        lab::need("setcap")?;
        let directory = tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
        fs::copy(lab::bpflame(), directory.path().join("bpflame")).unwrap();
        Ok(Self { directory })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A copy of a program, where anybody may run it.
    fn program(&self, name: &str) -> Result<PathBuf, Skip> {
        let copy = self.path(name);
        fs::copy(lab::program(name)?, &copy).unwrap();
        Ok(copy)
    }

    /// Records as an ordinary user, with capabilities of the file.
    fn record(&self, capabilities: &str, what: &[&str]) -> Result<Ended, Skip> {
        let binary = self.path("bpflame");
        let set =
            lab::finish(Command::new("setcap").arg(format!("{capabilities}+ep")).arg(&binary));
        if !set.status.success() {
            return Err(Skip(format!(
                "this file system keeps no capabilities: {}",
                set.err.trim()
            )));
        }
        let mut command = Command::new(binary);
        command.args(["record", "-F", "499", "-o"]).arg(self.path("out.folded")).args(what);
        Ok(lab::finish(command.current_dir(self.directory.path()).uid(65534).gid(65534)))
    }

    /// Records a process for a second.
    fn record_process(&self, capabilities: &str, process: &Running) -> Result<Folded, Skip> {
        self.record(capabilities, &["-d", "1", "-p", &process.pid().to_string()])?.with_code(0);
        Ok(Folded::read(&self.path("out.folded")))
    }

    /// What a process's stacks show with the full set, and without one capability of it.
    fn with_and_without(
        &self,
        capability: &str,
        process: &Running,
    ) -> Result<(Folded, Folded), Skip> {
        let rest: Vec<_> = FULL.into_iter().filter(|&c| c != capability).collect();
        assert_eq!(rest.len() + 1, FULL.len(), "{capability} is in the set");
        Ok((
            self.record_process(&FULL.join(","), process)?,
            self.record_process(&rest.join(","), process)?,
        ))
    }
}

fn the_smallest_set_records_ones_own_command() -> Result<(), Skip> {
    let bench = Bench::new()?;
    let program = bench.program("chain")?;
    bench.record(SMALLEST, &["--", program.to_str().unwrap(), "1"])?.with_code(0);
    let folded = Folded::read(&bench.path("out.folded"));
    assert!(folded.share_of_chain(&["main", "alpha"]) > 0.9, "{folded:?}");
    Ok(())
}

fn refused(capabilities: &str, missing: &str) -> Result<(), Skip> {
    let ended = Bench::new()?.record(capabilities, &["-a", "-d", "1"])?.with_code(4);
    assert!(ended.err.contains(missing), "{}", ended.err);
    Ok(())
}

fn without_bpf_it_is_named() -> Result<(), Skip> {
    refused("cap_perfmon", "CAP_BPF")
}

fn without_perfmon_it_is_named() -> Result<(), Skip> {
    refused("cap_bpf", "CAP_PERFMON")
}

fn syslog_is_for_names_of_the_kernel() -> Result<(), Skip> {
    let bench = Bench::new()?;
    let process = lab::start(Command::new(lab::program("syscalls")?).arg("60"));
    let (with, without) = bench.with_and_without("cap_syslog", &process)?;
    assert!(with.share_of("vfs_read") > 0.5, "{with:?}");
    assert!(
        without.share_of("vfs_read") == 0.0 && without.share_of("[kernel]") > 0.5,
        "{without:?}"
    );
    Ok(())
}

fn sys_ptrace_is_for_files_of_other_mount_namespaces() -> Result<(), Skip> {
    let bench = Bench::new()?;
    let hidden = bench.path("inner");
    fs::create_dir(&hidden).unwrap();
    let script = format!(
        "mount -t tmpfs none {0} && cp {1} {0}/hidden && exec {0}/hidden 60",
        hidden.display(),
        lab::program("chain")?.display()
    );
    let process = lab::start(Command::new("unshare").args(["-m", "sh", "-c", &script]));
    wait_for_name(&process, "hidden");
    let (with, without) = bench.with_and_without("cap_sys_ptrace", &process)?;
    assert!(with.share_of_chain(&["main", "alpha"]) > 0.9, "{with:?}");
    assert_eq!(without.share_of("alpha"), 0.0, "{without:?}");
    Ok(())
}

fn wait_for_name(process: &Running, name: &str) {
    let comm = format!("/proc/{}/comm", process.pid());
    lab::wait_for(name, || (fs::read_to_string(&comm).ok()?.trim() == name).then_some(()));
}

fn checkpoint_restore_is_for_deleted_libraries() -> Result<(), Skip> {
    let bench = Bench::new()?;
    let library = bench.program("first.so")?;
    let mut command = Command::new(lab::program("plugins")?);
    let process = lab::start(command.arg("60").arg(bench.directory.path()).arg("hold"));
    lab::wait_for("the library", || mapped(&process, &library).then_some(()));
    fs::remove_file(&library).unwrap();
    let (with, without) = bench.with_and_without("cap_checkpoint_restore", &process)?;
    assert!(with.share_of("in_first") > 0.9, "{with:?}");
    assert_eq!(without.share_of("in_first"), 0.0, "{without:?}");
    Ok(())
}

fn mapped(process: &Running, library: &Path) -> bool {
    let maps = fs::read_to_string(format!("/proc/{}/maps", process.pid())).unwrap_or_default();
    maps.lines().any(|line| line.contains("r-xp") && line.ends_with(library.to_str().unwrap()))
}

fn dac_read_search_is_for_unreadable_files() -> Result<(), Skip> {
    let bench = Bench::new()?;
    let program = bench.program("chain")?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o711)).unwrap();
    let process = lab::start(Command::new(&program).arg("60"));
    wait_for_name(&process, "chain");
    let (with, without) = bench.with_and_without("cap_dac_read_search", &process)?;
    assert!(with.share_of_chain(&["main", "alpha"]) > 0.9, "{with:?}");
    assert_eq!(without.share_of("alpha"), 0.0, "{without:?}");
    Ok(())
}
