//! Real processes.

use super::{
    Running, event, exec, fork, identity, identity_of, mapping_event, skipped, start_of,
    wait_for_program,
};
use crate::place::{Place, Reason};
use crate::process::{EventKind, ProcessTable};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// A copy of `cat` in a directory of its own: it waits for its input to end.
fn copy_of_cat() -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("copied-cat");
    std::fs::copy("/bin/cat", &path).unwrap();
    (directory, path)
}

fn waiting(path: &std::path::Path) -> Running {
    Running::shell(&format!("{} & echo ready; wait", cat_with_input(path)))
}

/// In the background a shell gives no input of its own.
fn cat_with_input(path: &std::path::Path) -> String {
    format!("exec 3<&0; {} <&3", path.display())
}

/// The program that a copy of `cat` runs, once the shell's child has become it.
fn program(running: &Running) -> u32 {
    let pid = running.child();
    wait_for_program(pid, "copied-cat");
    pid
}

#[test]
fn this_process_is_read_and_its_code_found_in_its_file() {
    let mut table = ProcessTable::new();
    let own = std::process::id();
    let space = table.space(identity_of(own), 1);
    let address = this_process_is_read_and_its_code_found_in_its_file as fn() as usize as u64;
    let Place::File { file, address: virtual_address } = table.locate(space, address) else {
        panic!("{:?}", table.locate(space, address));
    };
    let file = table.file(file).unwrap();
    assert_eq!(file.path, std::env::current_exe().unwrap().as_os_str().as_encoded_bytes());
    assert_eq!(file.reason, None);
    assert_eq!(file.build_id.as_ref().unwrap().len(), 20);
    assert!(file.root.is_none());
    // The same bytes in memory and in the file.
    let segment = file.segments[0];
    let (mut in_memory, mut in_file) = ([0; 32], [1; 32]);
    std::fs::File::open("/proc/self/mem").unwrap().read_exact_at(&mut in_memory, address).unwrap();
    let offset = virtual_address - segment.start + segment.offset;
    file.handle.as_ref().unwrap().read_exact_at(&mut in_file, offset).unwrap();
    assert_eq!(in_memory, in_file);
    assert!(!table.name(space).is_empty());
    assert!(table.files().count() >= 2);
    assert!(table.files().all(|(_, file)| file.handle.is_some()));
}

#[test]
fn a_deleted_program_is_opened_while_it_runs() {
    let (_directory, path) = copy_of_cat();
    let running = waiting(&path);
    let pid = program(&running);
    std::fs::remove_file(&path).unwrap();
    let mut table = ProcessTable::new();
    table.read(pid);
    let facts = table.process(pid).unwrap();
    assert_eq!(facts.name, b"copied-cat");
    let program = table.file(facts.files[0]).unwrap();
    assert_eq!(program.path, path.as_os_str().as_encoded_bytes());
    assert!(program.handle.is_some(), "{:?}", program.reason);
    assert!(program.build_id.is_some());
}

#[test]
fn a_file_is_opened_once_and_survives_its_process() {
    let (_directory, path) = copy_of_cat();
    let mut running = waiting(&path);
    let pid = program(&running);
    let mapping = mapping_event(3, pid, "copied-cat");
    let mut table = ProcessTable::new();
    table.apply(&exec(2, pid, "copied-cat"));
    table.apply(&mapping);
    let who = identity_of(pid);
    running.end();
    std::fs::remove_file(&path).unwrap();
    table.apply(&event(4, pid, EventKind::Exit));
    let space = table.space(who, 5);
    let Place::File { file, .. } = table.locate(space, start_of(&mapping)) else {
        panic!("no file")
    };
    assert!(table.file(file).unwrap().handle.is_some());
    // Another process with the same file.
    table.apply(&exec(6, 1_999_999_999, "copied-cat"));
    table.apply(&crate::process::Event { pid: 1_999_999_999, tid: 1_999_999_999, ..mapping });
    assert_eq!(table.process(1_999_999_999).unwrap().files, [file]);
}

#[test]
fn a_program_that_runs_from_memory_is_a_file() {
    let memory = rustix::fs::memfd_create("copied-cat", rustix::fs::MemfdFlags::empty()).unwrap();
    let mut memory = std::fs::File::from(memory);
    memory.write_all(&std::fs::read("/bin/cat").unwrap()).unwrap();
    let link = format!("/proc/{}/fd/{}", std::process::id(), memory.as_raw_fd());
    let mut cat = Command::new(link).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    drop(memory);
    wait_for_program(cat.id(), "memfd:copied-cat");
    let mut table = ProcessTable::new();
    table.read(cat.id());
    let facts = table.process(cat.id()).unwrap();
    cat.kill().unwrap();
    cat.wait().unwrap();
    assert!(!facts.has_jit_code);
    let file = table.file(facts.files[0]).unwrap();
    assert_eq!(file.path, b"/memfd:copied-cat");
    assert!(file.handle.is_some() && !file.segments.is_empty());
}

#[test]
fn another_process_with_the_pid_is_not_read() {
    let running = Running::shell("echo ready; read line");
    let who = identity_of(running.pid());
    let mut table = ProcessTable::new();
    let earlier = identity(who.pid, who.start - 5_000_000_000, 1);
    let space = table.space(earlier, 1);
    assert!(table.process(who.pid).unwrap().files.is_empty());
    assert!(matches!(
        table.locate(space, 0x10_0000),
        Place::Unknown { reason: Reason::ProcessGone, .. }
    ));
    table.space(who, 2);
    assert!(!table.process(who.pid).unwrap().files.is_empty());
    // And the other way round: what was read before its identity was known.
    let mut table = ProcessTable::new();
    table.read(who.pid);
    let late = table.space(earlier, 1);
    assert!(matches!(
        table.locate(late, 0x10_0000),
        Place::Unknown { reason: Reason::ProcessGone, .. }
    ));
    assert_ne!(table.space(who, 2).index, late.index);
}

#[test]
fn an_address_without_a_mapping_makes_the_maps_be_read_again() {
    let running = Running::shell("echo ready; read line");
    let pid = running.pid();
    let libc = mapping_event(1, pid, "libc");
    let mut table = ProcessTable::new();
    // By events the process has no mapping at all.
    table.apply(&exec(1, pid, "sh"));
    let who = identity_of(pid);
    let space = table.space(who, 2);
    assert_eq!(table.process(pid).unwrap().files, []);
    assert!(matches!(table.locate(space, start_of(&libc)), Place::File { .. }));
    // The only reading that is permitted within this time was used.
    assert!(matches!(
        table.locate(space, 0x10_0000),
        Place::Unknown { reason: Reason::NoMapping, .. }
    ));
}

#[test]
fn after_losses_the_maps_are_read_again_and_take_the_place_of_all() {
    let running = Running::shell("echo ready; read line");
    let pid = running.pid();
    let mut table = ProcessTable::new();
    table.apply(&exec(1, pid, "sh"));
    table.apply(&super::mmap(1, pid, 0x10_0000, "/bin/not-there"));
    let before = table.space(identity_of(pid), 2);
    table.apply(&event(3, 0, EventKind::Lost));
    let after = table.space(identity_of(pid), 4);
    assert_eq!((after.index, after.epoch), (before.index, before.epoch + 1));
    assert!(matches!(table.locate(after, 0x10_0010), Place::Unknown { .. }));
    assert!(matches!(
        table.locate(after, start_of(&mapping_event(1, pid, "libc"))),
        Place::File { .. }
    ));
}

#[test]
fn after_losses_the_name_is_read_again() {
    let running = Running::shell("echo ready; read line");
    let pid = running.pid();
    let mut table = ProcessTable::new();
    // Its program was started by another one, whose end was lost: with its name it would be sampled as that.
    table.apply(&exec(1, pid, "taskset"));
    table.apply(&event(2, 0, EventKind::Lost));
    let space = table.space(identity_of(pid), 3);
    assert_eq!(table.name(space), b"sh");
    // Of a process that was sampled, a new name may be lost, too.
    let rename = EventKind::Rename { comm: b"before".into() };
    table.apply(&event(4, pid, rename));
    assert_eq!(table.name(space), b"before");
    table.apply(&event(5, 0, EventKind::Lost));
    let space = table.space(identity_of(pid), 6);
    assert_eq!(table.name(space), b"sh");
}

#[test]
fn a_child_that_is_gone_has_the_mappings_of_a_parent_that_was_never_read() {
    let running = Running::shell("echo ready; read line");
    let parent = running.pid();
    let gone = 1_999_999_998;
    let mut table = ProcessTable::new();
    table.apply(&fork(1, gone, parent));
    let space = table.space(identity(gone, 77, 1), 2);
    assert_eq!(table.name(space), b"sh");
    assert!(matches!(
        table.locate(space, start_of(&mapping_event(1, parent, "libc"))),
        Place::File { .. }
    ));
}

#[test]
fn a_kernel_thread_has_a_name_and_no_mappings() {
    if std::fs::read("/proc/2/comm").ok().as_deref() != Some(b"kthreadd\n") {
        skipped("no kernel threads in this PID namespace");
        return;
    }
    let mut table = ProcessTable::new();
    let space = table.space(identity_of(2), 1);
    assert_eq!(table.name(space), b"kthreadd");
    assert!(table.process(2).unwrap().files.is_empty());
}

#[test]
fn an_ordinary_user_is_told_what_may_not_be_read() {
    let own = std::env::current_exe().unwrap();
    let name = "process::tests::processes::somebody_elses_process_is_not_permitted";
    let arguments = ["--exact", "--ignored", name];
    if !rustix::process::geteuid().is_root() {
        assert!(Command::new(own).args(arguments).status().unwrap().success());
        return;
    }
    // The test binary may lie where that user cannot go.
    let directory = tempfile::Builder::new().prefix("bpflame-test").tempdir_in("/tmp").unwrap();
    let public = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(directory.path(), public).unwrap();
    let copy = directory.path().join("tests");
    std::fs::copy(own, &copy).unwrap();
    let mut command = Command::new(copy);
    command.args(arguments).uid(65_534).gid(65_534).current_dir("/");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
#[ignore = "run as an ordinary user by an_ordinary_user_is_told_what_may_not_be_read"]
fn somebody_elses_process_is_not_permitted() {
    assert!(!rustix::process::geteuid().is_root());
    let mut table = ProcessTable::new();
    let space = table.space(identity_of(1), 1);
    assert_eq!(
        table.locate(space, 0x10_0000),
        Place::Unknown { address: 0x10_0000, reason: Reason::NotPermitted }
    );
    assert!(!table.name(space).is_empty());
    // Its own process it reads, by path.
    table.read(std::process::id());
    assert!(table.files().count() >= 2);
    assert!(table.files().all(|(_, file)| file.handle.is_some()));
}
