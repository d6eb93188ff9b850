//! Functions whose return a uprobe waits for: the kernel puts the address of a trampoline in place of their return address.

use crate::lab;
use crate::recording::Recording;
use crate::{Skip, tests};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

tests!(a_function_whose_return_is_watched);

/// A return probe of this test's own; taken away at the end.
struct ReturnProbe {
    tracing: PathBuf,
    /// Whether it was mounted by this test.
    mounted: bool,
    name: String,
}

impl ReturnProbe {
    fn set(program: &Path, function: &str) -> Result<Self, Skip> {
        let tracing = PathBuf::from("/sys/kernel/tracing");
        let mut mounted = false;
        if !tracing.join("uprobe_events").exists() {
            let status =
                Command::new("mount").args(["-t", "tracefs", "nodev"]).arg(&tracing).status();
            mounted = status.is_ok_and(|status| status.success());
        }
        let name = format!("bpflame_{}", std::process::id());
        let probe = Self { tracing, mounted, name };
        if !probe.tracing.join("uprobe_events").exists() {
            return Err(Skip(String::from("this kernel has no uprobes in tracefs")));
        }
        let offset = offset(program, function);
        let line = format!("r:{0}/watched {1}:{offset:#x}", probe.name, program.display());
        probe.order(&line).expect("the kernel takes the probe");
        fs::write(probe.switch(), "1").expect("the probe is switched on");
        Ok(probe)
    }

    fn order(&self, line: &str) -> std::io::Result<()> {
        use std::io::Write;
        let file = fs::OpenOptions::new().append(true).open(self.tracing.join("uprobe_events"));
        file?.write_all(line.as_bytes())
    }

    fn switch(&self) -> PathBuf {
        self.tracing.join("events").join(&self.name).join("watched/enable")
    }
}

impl Drop for ReturnProbe {
    fn drop(&mut self) {
        let _ = fs::write(self.switch(), "0");
        let _ = self.order(&format!("-:{}/watched", self.name));
        if self.mounted {
            let _ = Command::new("umount").arg(&self.tracing).status();
        }
    }
}

/// Where a function begins in its file: for programs whose code lies in memory as in the file.
fn offset(program: &Path, function: &str) -> u64 {
    let listed = lab::finish(Command::new("nm").arg(program)).with_code(0);
    let line = listed.out.lines().find(|line| line.ends_with(&format!(" {function}")));
    let address = line.and_then(|line| line.split(' ').next()).expect("it has the function");
    u64::from_str_radix(address, 16).expect("a number")
}

fn a_function_whose_return_is_watched() -> Result<(), Skip> {
    lab::need_root()?;
    lab::need("nm")?;
    // A copy: a probe is the file's, and would be every other test's that runs it.
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let program = directory.path().join("watched");
    fs::copy(lab::program("frameless")?, &program).expect("there is room for a copy");
    let process = lab::start(Command::new(&program).arg("60"));
    let probe = ReturnProbe::set(&program, "beta")?;
    let recording = Recording::make(&format!("-p {} -d 2s -F 499", process.pid()), &[]);
    drop(probe);
    let watched = recording.folded.count(|stack| stack.iter().any(|frame| frame == "beta"));
    let whole = |stack: &[String]| {
        stack.first().is_some_and(|root| root == "_start")
            && crate::folded::has_chain(stack, &["main", "alpha", "beta"])
    };
    assert!(watched > 100, "{:?}", recording.folded);
    // But where the kernel is just putting its trampoline there.
    let whole = recording.folded.count(whole);
    assert!(whole * 100 >= watched * 99, "{whole} of {watched}: {:?}", recording.folded);
    Ok(())
}
