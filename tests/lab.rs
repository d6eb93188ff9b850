//! Helpers of the tests: the built binary, the small programs, and processes that are never left behind.

use crate::Skip;
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

/// Nothing here takes this long; what does hangs.
const WATCHDOG: Duration = Duration::from_secs(120);

/// The project's root directory.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The bpflame under test: `BPFLAME`, or the release binary, which is built first.
pub(crate) fn bpflame() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("BPFLAME") {
            return PathBuf::from(path);
        }
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--release", "--package", "profiler"]).current_dir(root());
        // What cargo says of this package would have others' build scripts run again.
        let of_package =
            |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(of_package) {
                build.env_remove(name);
            }
        }
        let built = build.status();
        assert!(built.expect("cargo runs").success(), "bpflame does not build");
        // CARGO_TARGET_TMPDIR is `tmp` in the target directory.
        Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("release").join("bpflame")
    })
}

/// Tells a measured figure, if `FIGURES` asks for them.
pub(crate) fn figure(text: std::fmt::Arguments<'_>) {
    if std::env::var_os("FIGURES").is_some() {
        eprintln!("{text}");
    }
}

/// A program of `testdata/programs/`, built if need be.
pub(crate) fn program(name: &str) -> Result<PathBuf, Skip> {
    let compiler = match name {
        "chain-cpp" | "known-throws" => "g++",
        "chain-go" | "known-go" | "known-go-stripped" | "known-cgo" => "go",
        "known-rust" => "rustc",
        "known-musl" => "musl-gcc",
        "Known.class" | "Lambdas.class" | "Replaced.class" | "Copy0000.class" => "javac",
        _ if name.starts_with("chain-rust") => "rustc",
        _ => "gcc",
    };
    need(compiler)?;
    let out = std::env::var_os("PROGRAMS").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("programs"),
        PathBuf::from,
    );
    let built = Command::new("make")
        .args(["-s", "-C", "testdata/programs", name])
        .arg(format!("OUT={}", out.display()))
        .current_dir(root())
        .env_remove("MAKEFLAGS")
        .status();
    assert!(built.expect("make runs").success(), "{name} does not build");
    Ok(out.join(name))
}

/// A runtime's program in the versions that `tests/rig/runtimes` has brought into the directory RUNTIMES.
pub(crate) fn others(runtimes: &str, program: &str) -> Vec<PathBuf> {
    let home = std::env::var_os("RUNTIMES").map(|home| Path::new(&home).join(runtimes));
    let versions = home.and_then(|home| std::fs::read_dir(home).ok()).into_iter().flatten();
    let programs = versions.flatten().map(|version| version.path().join("bin").join(program));
    programs.filter(|program| program.exists()).collect()
}

/// Skips where a command is not on the PATH.
pub(crate) fn need(command: &str) -> Result<PathBuf, Skip> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|directory| directory.join(command))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| Skip(format!("{command} is not installed")))
}

/// Whether this is root: all who may record are, here.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Skips where recording is not permitted.
pub(crate) fn need_root() -> Result<(), Skip> {
    if is_root() { Ok(()) } else { Err(Skip(String::from("recording needs root"))) }
}

/// The exit of a command, and its output.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its process id, which another process may have by now.
    pub(crate) pid: u32,
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// Its exit code.
    ///
    /// # Panics
    /// When a signal killed it.
    #[track_caller]
    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| panic!("{}; it wrote {}", self.status, self.err))
    }

    /// The same, after a look at the code.
    #[track_caller]
    pub(crate) fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "it wrote {:?} and {:?}", self.out, self.err);
        self
    }
}

/// `bpflame` with arguments, not started yet, without input.
pub(crate) fn command<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(bpflame());
    command.args(arguments);
    command
}

/// Runs `bpflame` to its end.
pub(crate) fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ended {
    finish(&mut command(arguments))
}

/// Runs a command to its end.
pub(crate) fn finish(command: &mut Command) -> Ended {
    start(command).end()
}

/// Starts a command, without input, its output kept.
pub(crate) fn start(command: &mut Command) -> Running {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own, so that the end takes its children, too.
    command.process_group(0);
    let mut child = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let out = collect(child.stdout.take().expect("it is piped"));
    let err = collect(child.stderr.take().expect("it is piped"));
    Running { what: format!("{command:?}"), child, streams: Some((out, err)) }
}

type Collector = thread::JoinHandle<Vec<u8>>;

fn collect(mut stream: impl Read + Send + 'static) -> Collector {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        bytes
    })
}

/// A process that is ended, with its group, when the test ends.
#[derive(Debug)]
pub(crate) struct Running {
    what: String,
    child: Child,
    streams: Option<(Collector, Collector)>,
}

impl Running {
    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to it alone.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("it still runs");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When the watchdog ran out.
    pub(crate) fn end(mut self) -> Ended {
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break status;
            }
            assert!(begin.elapsed() < WATCHDOG, "{} hangs", self.what);
            thread::sleep(Duration::from_millis(5));
        };
        // What it left running may hold the streams open.
        self.kill_group();
        let (out, err) = self.streams.take().expect("the end comes once");
        let text =
            |c: Collector| String::from_utf8_lossy(&c.join().expect("reading works")).into_owned();
        Ended { pid: self.child.id(), status, out: text(out), err: text(err) }
    }

    fn kill_group(&self) {
        let group = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill_group();
        let _ = self.child.wait();
    }
}

/// Waits until something is there.
///
/// # Panics
/// When the watchdog ran out.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < WATCHDOG, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// CPU time of a process so far, in hundredths of a second.
pub(crate) fn cpu_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let (_, after_name) = stat.rsplit_once(')').expect("the name is in parentheses");
    // utime and stime are the fields 14 and 15; the one behind the name is the third.
    after_name.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum()
}

/// Whether a process has loaded a BPF program: it holds one open.
pub(crate) fn has_bpf_program(pid: u32) -> bool {
    let Ok(descriptors) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    descriptors.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok()).any(|target| {
        target.as_os_str() == "anon_inode:bpf-prog" || target.as_os_str() == "anon_inode:bpf_link"
    })
}
