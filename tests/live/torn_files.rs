//! Files whose content is taken away while they are read.

use super::file_systems::{Mounted, named};
use crate::lab;
use crate::recording::{Recording, outputs};
use crate::{Skip, tests};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

tests!(
    a_mapped_file_of_errors_costs_its_own_names_alone,
    a_file_that_shrinks_and_grows_costs_its_own_names_alone,
);

/// Where the DWARF of such a copy begins.
const DWARF: u64 = 1 << 20;

/// A copy of a program or library with its DWARF far behind its code, and its symbols far behind that: who runs it has read neither.
fn stretched(name: &str, directory: &Path) -> Result<PathBuf, Skip> {
    lab::need_root()?;
    lab::need("objcopy")?;
    let (padding, stretched) = (directory.join("padding"), directory.join(name));
    fs::write(&padding, vec![1; 2 << 20]).unwrap();
    let mut objcopy = Command::new("objcopy");
    objcopy.arg(format!("--set-section-alignment=.debug_info={DWARF}"));
    objcopy.arg(format!("--add-section=.padding={}", padding.display()));
    lab::finish(objcopy.arg(lab::program(name)?).arg(&stretched)).with_code(0);
    Ok(stretched)
}

/// The file is opened, and its symbols are read; then each read is an error. Who has mapped it gets a signal.
fn a_mapped_file_of_errors_costs_its_own_names_alone() -> Result<(), Skip> {
    let directory = tempfile::tempdir().unwrap();
    let mounted = Mounted::with(&stretched("bare", directory.path())?)?;
    let usual = lab::start(Command::new(lab::program("bare")?).arg("100"));
    let processes = format!("{},{}", mounted.pid().unwrap(), usual.pid());
    let mut command = lab::command(["record", "-d", "2s", "-F", "499", "-p", &processes]);
    let recording = lab::start(command.args(outputs(directory.path())));
    lab::wait_for("the recording", || lab::has_bpf_program(recording.pid()).then_some(()));
    thread::sleep(Duration::from_millis(500));
    mounted.tear();
    let recording = Recording::read(recording.end().with_code(0), directory.path());
    let said = &recording.ended.err;
    // What was copied before has names; what was not is told.
    let (all, with) = named(&recording, "program", "main");
    let told = said.contains("file gone") || said.contains("file malformed");
    assert!(all > 20 && (with * 100 >= all * 90 || told), "{with} of {all}: {said}");
    let (all, with) = named(&recording, "bare", "main");
    assert!(all > 20 && with * 100 >= all * 98, "{with} of {all}: {said}");
    Ok(())
}

/// The library loses all behind its code, and gets it back, all the time.
fn a_file_that_shrinks_and_grows_costs_its_own_names_alone() -> Result<(), Skip> {
    let directory = tempfile::tempdir().unwrap();
    let library = stretched("first.so", directory.path())?;
    let mut plugins = Command::new(lab::program("plugins")?);
    let plugins = lab::start(plugins.arg("100").arg(directory.path()).arg("hold"));
    let maps = format!("/proc/{}/maps", plugins.pid());
    let mapped = || fs::read_to_string(&maps).unwrap_or_default().contains("first.so");
    lab::wait_for("the library", || mapped().then_some(()));
    let mut command = lab::command(["record", "-d", "1s", "-F", "499", "-p"]);
    command.arg(plugins.pid().to_string()).args(outputs(directory.path()));
    let recording = lab::start(&mut command);
    let status = format!("/proc/{}/status", recording.pid());
    let runs = || fs::read_to_string(&status).is_ok_and(|status| !status.contains("State:\tZ"));
    let file = fs::File::options().write(true).open(&library).unwrap();
    let bytes = fs::read(&library).unwrap();
    while runs() {
        file.set_len(DWARF).unwrap();
        thread::sleep(Duration::from_micros(300));
        file.write_all_at(&bytes[DWARF as usize..], DWARF).unwrap();
        thread::sleep(Duration::from_micros(300));
    }
    let recording = Recording::read(recording.end().with_code(0), directory.path());
    let said = &recording.ended.err;
    let (all, with) = named(&recording, "plugins", "main");
    assert!(all > 20 && with * 100 >= all * 90, "{with} of {all}: {said}");
    let (_, with) = named(&recording, "plugins", "in_first");
    assert!(with * 100 >= all * 90 || said.contains("first.so"), "{with} of {all}: {said}");
    Ok(())
}
