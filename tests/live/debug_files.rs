//! Names that are not in the binary itself: separate debug files, compressed ones, and those of a server.

use crate::lab::{self, Running};
use crate::recording::Recording;
use crate::{Skip, tests};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::{TempDir, tempdir};

tests!(
    a_debug_file_beside_the_binary,
    symbols_inside_the_stripped_binary,
    a_debuginfod_server,
    no_server_is_asked_unless_the_user_asks,
    a_stripped_go_program,
);

/// A stripped copy of the busy program, and its debug file.
struct Split {
    directory: TempDir,
    binary: PathBuf,
    debug: PathBuf,
}

fn objcopy(arguments: &[&str], from: &Path, to: &Path) {
    lab::finish(Command::new("objcopy").args(arguments).arg(from).arg(to)).with_code(0);
}

fn split(link: bool) -> Result<Split, Skip> {
    lab::need_root()?;
    lab::need("objcopy")?;
    let program = lab::program("chain")?;
    let directory = tempdir().unwrap();
    let (binary, debug) = (directory.path().join("split"), directory.path().join("split.debug"));
    objcopy(&["--only-keep-debug"], &program, &debug);
    let link_option = format!("--add-gnu-debuglink={}", debug.display());
    let options = ["--strip-all", link_option.as_str()];
    objcopy(if link { &options } else { &options[..1] }, &program, &binary);
    Ok(Split { directory, binary, debug })
}

fn record(binary: &Path, options: &str) -> Recording {
    Recording::make(&format!("-F 499 {options}"), &[binary.to_str().unwrap(), "1"])
}

#[track_caller]
fn is_whole(recording: &Recording) {
    let share = recording.folded.share_of_chain(&["main", "alpha", "beta", "omega", "spin"]);
    assert!(share > 0.5, "{share} of {:?}", recording.folded);
}

fn a_debug_file_beside_the_binary() -> Result<(), Skip> {
    let split = split(true)?;
    is_whole(&record(&split.binary, ""));
    fs::remove_file(&split.debug).unwrap();
    let without = record(&split.binary, "");
    assert_eq!(
        without.folded.share_of("main"),
        0.0,
        "the names came from that file: {:?}",
        without.folded
    );
    Ok(())
}

fn symbols_inside_the_stripped_binary() -> Result<(), Skip> {
    lab::need("xz")?;
    let split = split(false)?;
    let symbols = split.directory.path().join("symbols");
    objcopy(&["--strip-debug"], &split.debug, &symbols);
    lab::finish(Command::new("xz").arg(&symbols)).with_code(0);
    let section = format!(".gnu_debugdata={}.xz", symbols.display());
    let carrier = split.directory.path().join("carrier");
    objcopy(&["--add-section", &section], &split.binary, &carrier);
    let recording = record(&carrier, "");
    let share = recording.folded.share_of_chain(&["main", "alpha", "beta", "omega"]);
    assert!(share > 0.5, "{share} of {:?}", recording.folded);
    Ok(())
}

fn a_debuginfod_server() -> Result<(), Skip> {
    let split = split(false)?;
    let server = Server::start(&split)?;
    let cache = tempdir().unwrap();
    let directory = tempdir().unwrap();
    let folded = directory.path().join("out.folded");
    let mut command = lab::command(["record", "-F", "499", "--debuginfod", "-o"]);
    command.arg(&folded).arg("--").arg(&split.binary).arg("1");
    command.env("DEBUGINFOD_URLS", &server.url).env("DEBUGINFOD_CACHE_PATH", cache.path());
    command.env("XDG_CACHE_HOME", cache.path());
    lab::finish(&mut command).with_code(0);
    let folded = crate::folded::Folded::read(&folded);
    let share = folded.share_of_chain(&["main", "alpha", "beta", "omega", "spin"]);
    assert!(share > 0.5, "{share} of {folded:?}");
    Ok(())
}

/// A debuginfod on loopback that serves the debug file.
struct Server {
    url: String,
    _process: Running,
}

impl Server {
    fn start(split: &Split) -> Result<Self, Skip> {
        let debuginfod = lab::need("debuginfod")?;
        let served = split.directory.path().join("served");
        fs::create_dir(&served).unwrap();
        fs::rename(&split.debug, served.join("split.debug")).unwrap();
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut command = Command::new(debuginfod);
        command.arg("-d").arg(split.directory.path().join("index")).args([
            "-p",
            &port.to_string(),
            "-F",
        ]);
        let process = lab::start(command.arg(&served).env_remove("DEBUGINFOD_URLS"));
        lab::wait_for("the server", || TcpStream::connect(("127.0.0.1", port)).ok());
        lab::wait_for("its index", || has_indexed(port).then_some(()));
        Ok(Self { url: format!("http://127.0.0.1:{port}"), _process: process })
    }
}

/// Whether the server has scanned a file with debug information, by its own metrics.
fn has_indexed(port: u16) -> bool {
    use std::io::{Read, Write};
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut answer = String::new();
    let asked = stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").is_ok()
        && stream.read_to_string(&mut answer).is_ok();
    asked
        && answer.lines().any(|line| {
            line.starts_with("groom{") || line.starts_with("thread_work_total{role=\"scan\"}")
        })
}

fn a_stripped_go_program() -> Result<(), Skip> {
    lab::need_root()?;
    let program = lab::program("chain-go")?;
    let directory = tempdir().unwrap();
    let stripped = directory.path().join("stripped-go");
    objcopy(&["--strip-all"], &program, &stripped);
    let recording = record(&stripped, "");
    let share = recording.folded.share_of_chain(&[
        "main.main",
        "main.bake",
        "main.(*oven).heat",
        "main.glow",
    ]);
    assert!(share > 0.8, "{share} of {:?}", recording.folded);
    Ok(())
}

fn no_server_is_asked_unless_the_user_asks() -> Result<(), Skip> {
    lab::need_root()?;
    let split = split(false)?;
    let cache = tempdir().unwrap();
    for (option, connections) in [(None, false), (Some("--debuginfod"), true)] {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.local_addr().unwrap());
        server.set_nonblocking(true).unwrap();
        let mut command = lab::command(["record", "-F", "499", "-o"]);
        command.arg(cache.path().join("out.svg")).args(option);
        command.env("DEBUGINFOD_URLS", url).env("DEBUGINFOD_CACHE_PATH", cache.path());
        // The end of the first connection is the answer.
        let answers = std::thread::spawn(move || {
            let mut seen = false;
            let end = std::time::Instant::now() + std::time::Duration::from_secs(3);
            while std::time::Instant::now() < end {
                seen |= server.accept().is_ok();
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            seen
        });
        lab::finish(command.arg("--").arg(&split.binary).arg("1")).with_code(0);
        assert_eq!(answers.join().unwrap(), connections, "with {option:?}");
    }
    Ok(())
}
