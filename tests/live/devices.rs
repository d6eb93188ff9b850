//! Devices and pipes that a stranger names: to open one can act, so they are looked at and not opened.

use crate::lab;
use crate::recording::Recording;
use crate::{Skip, tests};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

tests!(
    a_debug_link_to_a_device_is_not_opened,
    an_interpreter_that_is_a_device_is_not_opened,
    a_report_of_a_device_is_refused,
);

/// A device, or a pipe that stands for one, and who tells when it is opened.
struct Device {
    path: PathBuf,
    openings: OwnedFd,
}

impl Device {
    fn new(directory: &Path, kind: &[&str]) -> Self {
        let path = directory.join("device");
        lab::finish(Command::new("mknod").arg(&path).args(kind)).with_code(0);
        let openings = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap();
        inotify::add_watch(&openings, &path, WatchFlags::OPEN).unwrap();
        Self { path, openings }
    }

    fn was_opened(&self) -> bool {
        let mut buffer = [MaybeUninit::uninit(); 512];
        let mut reader = inotify::Reader::new(&self.openings, &mut buffer);
        reader.next().is_ok_and(|event| event.events().contains(ReadFlags::OPEN))
    }
}

/// A copy of a program without symbols, and the name of the file that it says has them.
pub(crate) fn linked(directory: &Path) -> Result<(PathBuf, PathBuf), Skip> {
    lab::need("objcopy")?;
    let (program, debug) = (directory.join("stripped"), directory.join("stripped.debug"));
    let objcopy = |option: &str, from: &Path, to: &Path| {
        lab::finish(Command::new("objcopy").arg(option).arg(from).arg(to)).with_code(0);
    };
    objcopy("--only-keep-debug", &lab::program("bare")?, &debug);
    objcopy("--strip-all", &lab::program("bare")?, &program);
    objcopy("--remove-section=.note.gnu.build-id", &program, &program);
    objcopy(&format!("--add-gnu-debuglink={}", debug.display()), &program, &program);
    Ok((program, debug))
}

fn a_debug_link_to_a_device_is_not_opened() -> Result<(), Skip> {
    lab::need_root()?;
    let directory = tempfile::tempdir().unwrap();
    let device = Device::new(directory.path(), &["p"]);
    let (program, debug) = linked(directory.path())?;
    let program = program.to_str().unwrap();
    let recording = Recording::make("-F 499", &[program, "0.5"]);
    assert!(recording.folded.share_of("main") > 0.5, "the link is followed: {recording:?}");
    fs::remove_file(&debug).unwrap();
    symlink(&device.path, &debug).unwrap();
    let recording = Recording::make("-F 499", &[program, "0.5"]);
    assert_eq!(recording.folded.share_of("main"), 0.0, "{:?}", recording.folded);
    assert!(!device.was_opened());
    Ok(())
}

fn an_interpreter_that_is_a_device_is_not_opened() -> Result<(), Skip> {
    lab::need_root()?;
    let directory = tempfile::tempdir().unwrap();
    let device = Device::new(directory.path(), &["p"]);
    let script = directory.path().join("script");
    fs::write(&script, format!("#!{}\n", device.path.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = lab::command(["record", "-o"]);
    command.arg(directory.path().join("out.svg")).arg("--").arg(&script);
    let ended = lab::finish(&mut command);
    assert!(matches!(ended.code(), 126 | 127), "it cannot be executed: {}", ended.err);
    assert!(!device.was_opened());
    Ok(())
}

fn a_report_of_a_device_is_refused() -> Result<(), Skip> {
    lab::need_root()?;
    let directory = tempfile::tempdir().unwrap();
    // It never ends. A pipe would be read: it may be the user's own.
    let device = Device::new(directory.path(), &["c", "1", "5"]);
    let link = directory.path().join("evil.pb.gz");
    symlink(&device.path, &link).unwrap();
    let ended = lab::finish(lab::command(["report"]).arg(&link)).with_code(1);
    assert!(!device.was_opened(), "{}", ended.err);
    Ok(())
}
