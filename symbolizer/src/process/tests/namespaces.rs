//! Processes with mounts, roots and pids of their own.

use super::{
    Running, event, exec, fork, inode, mapping_event, may_mount, wait_for_program,
    with_run_time_code,
};
use crate::foreign::Foreign;
use crate::place::Reason;
use crate::process::files::kept::Files;
use crate::process::{EventKind, ProcessTable};
use std::os::unix::fs::FileExt;
use std::process::Command;

#[test]
fn files_of_another_mount_namespace_are_found_even_of_processes_that_are_gone() {
    if !may_mount() {
        return;
    }
    let script = "mount -t tmpfs none /mnt && cp /bin/cat /mnt/hidden-cat && cp /bin/true /mnt/hidden-true &&
        echo ready && exec /mnt/hidden-cat";
    let running = Running::command(Command::new("unshare").args(["-m", "sh", "-c", script]));
    let pid = running.pid();
    wait_for_program(pid, "hidden-cat");
    assert!(!std::path::Path::new("/mnt/hidden-cat").exists());
    let mut table = ProcessTable::new();
    table.read(pid);
    let program = table.process(pid).unwrap().files[0];
    let file = table.file(program).unwrap();
    assert_eq!(file.path, b"/mnt/hidden-cat");
    assert!(file.handle.is_some() && file.root.is_some());
    // A child that ran another program of the namespace and is gone: found below the parent's root.
    let gone = 1_999_999_997;
    let hidden = std::path::PathBuf::from(format!("/proc/{pid}/root/mnt/hidden-true"));
    let device = match mapping_event(1, pid, "hidden-cat").kind {
        EventKind::Mmap { device, .. } => device,
        other => panic!("{other:?}"),
    };
    table.apply(&fork(1, gone, pid));
    table.apply(&exec(2, gone, "hidden-true"));
    let (start, path) = (0x10_0000, b"/mnt/hidden-true".to_vec());
    let kind =
        EventKind::Mmap { start, len: 0x1000, offset: 0, device, inode: inode(&hidden), path };
    table.apply(&event(3, gone, kind));
    let facts = table.process(gone).unwrap();
    let file = table.file(facts.files[0]).unwrap();
    assert!(file.handle.is_some(), "{:?}", file.reason);
    // One that is gone and whose parent nobody saw there: a known root has it. By the same name in no other
    // file.
    let hidden = std::path::PathBuf::from(format!("/proc/{pid}/root/mnt/hidden-cat"));
    for (gone, inode, found) in [(gone + 1, inode(&hidden), true), (gone + 2, 987_654, false)] {
        let path = b"/mnt/hidden-cat".to_vec();
        let kind = EventKind::Mmap { start, len: 0x1000, offset: 0, device, inode, path };
        let mut table = ProcessTable::new();
        table.read(pid);
        table.files = Files::default();
        table.apply(&exec(2, gone, "hidden-cat"));
        table.apply(&event(3, gone, kind));
        let facts = table.process(gone).unwrap();
        assert_eq!(table.file(facts.files[0]).unwrap().handle.is_some(), found);
    }
}

#[test]
fn a_perf_map_in_a_pid_and_mount_namespace_is_found_by_the_inner_pid() {
    if !may_mount() {
        return;
    }
    let script = "mount -t tmpfs none /tmp && echo '1000 10 inner' > /tmp/perf-$$.map && echo ready && read line";
    let mut unshare = Command::new("unshare");
    unshare.args(["-pf", "--mount-proc", "sh", "-c", script]);
    let running = Running::command(&mut unshare);
    let pid = running.child();
    let (table, space) = with_run_time_code(pid);
    let jit = table.jit(space.index).unwrap();
    let mut text = [0; 13];
    jit.map.as_ref().expect("the map was found").read_exact_at(&mut text, 0).unwrap();
    assert_eq!(&text, b"1000 10 inner");
}

#[test]
fn files_of_an_overlay_are_known_as_the_ones_that_were_mapped() {
    if !may_mount() {
        return;
    }
    let script = "mount -t tmpfs none /mnt && cd /mnt && mkdir l u w m && cp /bin/cat l/lower-cat &&
        mount -t overlay none -o lowerdir=l,upperdir=u,workdir=w m && cp /bin/cat m/upper-cat && exec 3<&0 &&
        { m/upper-cat <&3 & m/lower-cat <&3 & echo ready; wait; }";
    let mut unshare = Command::new("unshare");
    unshare.args(["-m", "sh", "-c", script]);
    let running = Running::command(&mut unshare);
    let children = format!("/proc/{0}/task/{0}/children", running.pid());
    let mut table = ProcessTable::new();
    for child in std::fs::read_to_string(children).unwrap().split_ascii_whitespace() {
        let pid = child.parse().unwrap();
        wait_for_program(pid, "er-cat");
        table.read(pid);
        let file = table.file(table.process(pid).unwrap().files[0]).unwrap();
        assert!(file.path.starts_with(b"/mnt/m/"));
        assert!(file.handle.is_some() && file.build_id.is_some(), "{:?}", file.reason);
        // Without the help of map_files, and with the device that older kernels tell in their records.
        let root = std::fs::File::open(format!("/proc/{pid}/root")).unwrap();
        let maps = std::fs::read(format!("/proc/{pid}/maps")).unwrap();
        let mut told = crate::process::proc::maps::executable(&maps).next().unwrap();
        crate::process::proc::open::by_path(&root, &told, &mut Foreign::default()).unwrap();
        told.device = (8, 1);
        crate::process::proc::open::by_path(&root, &told, &mut Foreign::default()).unwrap();
        told.inode += 1_000_000;
        assert_eq!(
            crate::process::proc::open::by_path(&root, &told, &mut Foreign::default()).unwrap_err(),
            Reason::FileChanged
        );
    }
}
