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
    a_command_has_no_capability,
    a_command_runs_only_what_its_user_can_reach,
    a_command_has_the_variables_of_its_user,
    options_open_only_what_the_user_may_read,
    servers_in_a_variable_are_not_trusted,
    outputs_are_written_only_where_the_user_may,
    without_sys_admin_no_function_is_watched,
    a_probed_file_is_found_with_the_user_s_rights,
    reports_read_only_what_the_user_may,
    with_the_set_user_id_bit_it_refuses,
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
        let mut command = self.command(capabilities)?;
        // The rate is the timer's.
        let rate: &[&str] = if what.contains(&"-e") { &[] } else { &["-F", "499"] };
        command.args(["record", "-o"]).arg(self.path("out.folded")).args(rate).args(what);
        Ok(lab::finish(&mut command))
    }

    /// bpflame as an ordinary user, with capabilities of the file.
    fn command(&self, capabilities: &str) -> Result<Command, Skip> {
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
        command.current_dir(self.directory.path()).uid(65534).gid(65534);
        Ok(command)
    }

    /// A directory that only root may enter.
    fn closed(&self) -> PathBuf {
        let closed = self.path("closed");
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        closed
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

/// What a command prints on its standard output when the full set records it.
fn said(bench: &Bench, command: &[&str]) -> Result<String, Skip> {
    let mut bpflame = bench.command(&FULL.join(","))?;
    bpflame.env("LD_LIBRARY_PATH", "/nowhere:/else").env("TMPDIR", "/elsewhere");
    bpflame.args(["record", "-q", "-o"]).arg(bench.path("out.folded")).arg("--").args(command);
    Ok(lab::finish(&mut bpflame).out)
}

fn a_command_has_no_capability() -> Result<(), Skip> {
    let out = said(&Bench::new()?, &["cat", "/proc/self/status"])?;
    let own = fs::read_to_string("/proc/self/status").unwrap();
    let line = |of: &str, name: &str| {
        of.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).map(str::to_owned)
    };
    for name in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(line(&out, name).as_deref(), Some("0000000000000000"), "{name} {out}");
    }
    for name in ["CapBnd:", "NoNewPrivs:"] {
        assert_eq!(line(&out, name), line(&own, name), "{name} {out}");
    }
    Ok(())
}

fn a_command_runs_only_what_its_user_can_reach() -> Result<(), Skip> {
    let bench = Bench::new()?;
    let hidden = bench.closed().join("id");
    fs::copy("/usr/bin/id", &hidden).unwrap();
    fs::set_permissions(&hidden, fs::Permissions::from_mode(0o4755)).unwrap();
    let ended = bench.record(&FULL.join(","), &["--", hidden.to_str().unwrap()])?;
    let ended = ended.with_code(126);
    assert!(!ended.out.contains("uid="), "{}", ended.out);
    Ok(())
}

fn a_command_has_the_variables_of_its_user() -> Result<(), Skip> {
    let out = said(&Bench::new()?, &["env"])?;
    for line in ["LD_LIBRARY_PATH=/nowhere:/else", "TMPDIR=/elsewhere"] {
        assert!(out.lines().any(|of| of == line), "{line} is not in {out}");
    }
    Ok(())
}

fn options_open_only_what_the_user_may_read() -> Result<(), Skip> {
    let bench = Bench::new()?;
    let token = bench.closed().join("token");
    fs::write(&token, "secret").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).unwrap();
    // Through another process's root, too, which needs the right to trace it.
    let process = lab::start(Command::new("sleep").arg("60"));
    let etc = format!("/proc/{}/root/etc/hostname", process.pid());
    for file in [token.to_str().unwrap(), &etc] {
        let options = ["-d", "1", "-a", "--push", "pyroscope+http://127.0.0.1:9"];
        let ended = bench
            .record(&FULL.join(","), &[&options[..], &["--push-token-file", file]].concat())?;
        let ended = ended.with_code(1);
        assert!(ended.err.contains("is not permitted"), "{file}: {}", ended.err);
    }
    Ok(())
}

fn servers_in_a_variable_are_not_trusted() -> Result<(), Skip> {
    let bench = Bench::new()?;
    let mut command = bench.command(&FULL.join(","))?;
    command.args(["record", "-a", "-d", "1", "--debuginfod", "-o", "out.svg"]);
    let ended = lab::finish(command.env("DEBUGINFOD_URLS", "http://127.0.0.1:9"));
    if fs::read_dir("/etc/debuginfod").is_ok_and(|mut files| files.next().is_some()) {
        return Err(Skip(String::from("/etc/debuginfod may name servers")));
    }
    assert!(ended.with_code(2).err.contains("/etc/debuginfod/*.urls"));
    Ok(())
}

fn outputs_are_written_only_where_the_user_may() -> Result<(), Skip> {
    let bench = Bench::new()?;
    let closed = bench.closed();
    let inside = closed.join("open");
    fs::create_dir(&inside).unwrap();
    fs::set_permissions(&inside, fs::Permissions::from_mode(0o777)).unwrap();
    let file = inside.join("out");
    let file = file.to_str().unwrap();
    for option in ["--output=FILE.svg", "--stats=FILE", "--save=FILE"] {
        let option = option.replace("FILE", file);
        let ended = bench.record(&FULL.join(","), &["-a", "-d", "100ms", &option])?;
        assert_eq!(ended.status.code(), Some(1), "{option}: {}", ended.err);
    }
    assert_eq!(fs::read_dir(&inside).unwrap().count(), 0, "files in a closed directory");
    Ok(())
}

fn without_sys_admin_no_function_is_watched() -> Result<(), Skip> {
    let event = format!("uprobe:{}:0x7", lab::program("chain")?.display());
    let bench = Bench::new()?;
    let ended = bench.record(&FULL.join(","), &["-a", "-d", "100ms", "-e", &event])?.with_code(4);
    assert!(ended.err.contains("CAP_SYS_ADMIN"), "{}", ended.err);
    Ok(())
}

fn a_probed_file_is_found_with_the_user_s_rights() -> Result<(), Skip> {
    let bench = Bench::new()?;
    let closed = bench.closed();
    let there = closed.join("chain");
    fs::copy(lab::program("chain")?, &there).unwrap();
    let told = |file: &Path| {
        let event = format!("uprobe:{}:0x7", file.display());
        let capabilities = format!("{},cap_sys_admin", FULL.join(","));
        let ended = bench.record(&capabilities, &["-a", "-d", "100ms", "-e", &event])?;
        Ok::<_, Skip>(ended.err.replace(&file.display().to_string(), "FILE"))
    };
    // Whether the file exists is not told.
    assert!(told(&there)?.contains("FILE:0x7: you may not read the file"), "{}", told(&there)?);
    assert_eq!(told(&there)?, told(&closed.join("nothing"))?);
    Ok(())
}

fn reports_read_only_what_the_user_may() -> Result<(), Skip> {
    let bench = Bench::new()?;
    let closed = bench.closed().join("cpu.pb.gz");
    fs::write(&closed, "not a profile").unwrap();
    let closed = closed.to_str().unwrap();
    for words in [&["report", closed][..], &["record", "--replay", closed]] {
        let ended = lab::finish(bench.command(&FULL.join(","))?.args(words));
        assert!(ended.err.contains("ermi"), "{words:?}: {}", ended.err);
        assert!(
            !ended.err.contains("malformed") && !ended.err.contains("protocol"),
            "{}",
            ended.err
        );
    }
    Ok(())
}

fn with_the_set_user_id_bit_it_refuses() -> Result<(), Skip> {
    let bench = Bench::new()?;
    let binary = bench.path("bpflame");
    for mode in [0o4755, 0o2755] {
        fs::set_permissions(&binary, fs::Permissions::from_mode(mode)).unwrap();
        let mut command = Command::new(&binary);
        let ended = lab::finish(command.arg("doctor").uid(65534).gid(65534)).with_code(4);
        assert!(ended.err.contains("set-user-ID"), "{}", ended.err);
    }
    Ok(())
}
