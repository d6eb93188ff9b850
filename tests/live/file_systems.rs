//! Programs on file systems that do not answer.

use crate::lab;
use crate::recording::Recording;
use crate::{Skip, tests};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

tests!(
    a_file_system_that_does_not_answer_holds_nothing_up,
    a_file_system_of_errors_costs_its_own_names_alone,
    an_address_space_that_is_locked_holds_nothing_up,
);

/// The program `bare`, run from a file system of its own that can fall silent.
pub(crate) struct Mounted {
    _server: lab::Running,
    directory: tempfile::TempDir,
}

impl Mounted {
    pub(crate) fn new() -> Result<Self, Skip> {
        Self::with(&lab::program("bare")?)
    }

    /// Another program.
    pub(crate) fn with(program: &Path) -> Result<Self, Skip> {
        lab::need_root()?;
        if !Path::new("/dev/fuse").exists() {
            return Err(Skip("there is no /dev/fuse".to_owned()));
        }
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("at")).unwrap();
        let mut command = Command::new(lab::program("silent")?);
        command.arg("100").arg(directory.path().join("at")).arg(program);
        let server = lab::start(&mut command);
        let mounted = Self { _server: server, directory };
        lab::wait_for("the program on the file system", || mounted.pid());
        Ok(mounted)
    }

    /// From now on, the file system does not answer.
    pub(crate) fn fall_silent(&self) {
        fs::write(self.path("at.silent"), "").unwrap();
    }

    /// From now on, each read of the program is an error.
    pub(crate) fn tear(&self) {
        fs::write(self.path("at.torn"), "").unwrap();
    }

    /// The id of the process that runs the program.
    pub(crate) fn pid(&self) -> Option<u32> {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let mut ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let path = self.path("at").join("program");
        ids.find(|id: &u32| fs::read_link(format!("/proc/{id}/exe")).is_ok_and(|exe| exe == path))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// Samples of a program: all of them, and those in which a function is named.
pub(crate) fn named(recording: &Recording, comm: &str, function: &str) -> (i64, i64) {
    let count = |named: bool| {
        recording
            .pprof
            .count(|sample| sample.label("comm") == Some(comm) && (!named || sample.has(function)))
    };
    (count(false), count(true))
}

fn a_file_system_that_does_not_answer_holds_nothing_up() -> Result<(), Skip> {
    let mounted = Mounted::new()?;
    let usual = lab::start(Command::new(lab::program("bare")?).arg("100"));
    let options = format!("-p {},{} -d 2s -F 199", mounted.pid().unwrap(), usual.pid());
    // While it answers, its program has names, from a copy.
    let recording = Recording::make(&options, &[]);
    let (all, with) = named(&recording, "program", "main");
    assert!(all > 50 && with * 100 >= all * 90, "{with} of {all}: {}", recording.ended.err);

    mounted.fall_silent();
    let begun = Instant::now();
    let recording = Recording::make(&options, &[]);
    let said = &recording.ended.err;
    assert!(begun.elapsed() < Duration::from_secs(60), "{said}");
    assert!(said.contains("its file system does not answer"), "{said}");
    let (all, with) = named(&recording, "program", "main");
    assert!(all > 50 && with == 0, "{with} of {all}: {said}");
    let (all, with) = named(&recording, "bare", "main");
    assert!(all > 50 && with * 100 >= all * 99, "{with} of {all}: {said}");
    Ok(())
}

fn a_file_system_of_errors_costs_its_own_names_alone() -> Result<(), Skip> {
    let mounted = Mounted::new()?;
    fs::write(mounted.path("at.broken"), "").unwrap();
    let options = format!("-p {} -d 1s -F 199", mounted.pid().unwrap());
    let recording = Recording::make(&options, &[]);
    let (all, with) = named(&recording, "program", "main");
    assert!(all > 20 && with == 0, "{with} of {all}: {}", recording.ended.err);
    assert!(recording.ended.err.contains("file gone"), "{}", recording.ended.err);
    Ok(())
}

/// The wait for such a lock ends with the waiting process alone.
fn an_address_space_that_is_locked_holds_nothing_up() -> Result<(), Skip> {
    lab::need_root()?;
    if !Path::new("/dev/fuse").exists() {
        return Err(Skip("there is no /dev/fuse".to_owned()));
    }
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().join("at");
    fs::create_dir(&at).unwrap();
    let mut command = Command::new(lab::program("jammed")?);
    let jammed = lab::start(command.arg("100").arg(&at).arg(lab::program("bare")?));
    lab::wait_for("the lock", || fs::metadata(directory.path().join("at.jammed")).ok());
    let usual = lab::start(Command::new(lab::program("bare")?).arg("100"));
    let begun = Instant::now();
    let options = format!("-p {},{} -d 2s -F 199", jammed.pid(), usual.pid());
    let recording = Recording::make(&options, &[]);
    let said = &recording.ended.err;
    assert!(begun.elapsed() < Duration::from_secs(30), "{said}");
    let (all, with) = named(&recording, "jammed", "spins_on");
    // From Linux 6.17 on, the list of mappings is read without the lock, and the files are found by their paths.
    let told = said.contains("address space locked");
    assert!(all > 20 && (with * 100 >= all * 90 || with == 0 && told), "{with} of {all}: {said}");
    let (all, with) = named(&recording, "bare", "main");
    assert!(all > 20 && with * 100 >= all * 99, "{with} of {all}: {said}");
    Ok(())
}
