//! Programs that nobody here wrote, where they are installed.

use crate::lab;
use crate::recording::Recording;
use crate::{Skip, tests};
use std::process::Command;
use tempfile::tempdir;

tests!(
    gcc_at_work,
    git_at_work,
    python_at_work,
    node_with_a_perf_map,
    redis_under_load,
    sqlite_at_work
);

fn gcc_at_work() -> Result<(), Skip> {
    lab::need_root()?;
    lab::need("gcc")?;
    let source = lab::root().join("testdata/programs/sample.c").display().to_string();
    let recording = Recording::make("-F 499", &["gcc", "-O2", "-c", &source, "-o", "/dev/null"]);
    let names = recording.pprof.label_values("comm");
    assert!(names.contains(&"cc1"), "{names:?}");
    Ok(())
}

fn git_at_work() -> Result<(), Skip> {
    lab::need_root()?;
    lab::need("git")?;
    let directory = tempdir().expect("there is room");
    let path = directory.path().display().to_string();
    lab::finish(Command::new("git").args(["init", "-q", &path])).with_code(0);
    let numbers: String = (0..2_000_000).map(|n| format!("{n}\n")).collect();
    std::fs::write(directory.path().join("numbers"), numbers).expect("there is room");
    let recording = Recording::make("-F 499", &["git", "-C", &path, "add", "numbers"]);
    let git = recording.pprof.count(|s| s.label("comm") == Some("git"));
    assert!(git > 10, "git was sampled: {:?}", recording.folded);
    let files: Vec<_> = recording.pprof.mappings.iter().map(|m| m.file.as_str()).collect();
    assert!(files.iter().any(|f| f.ends_with("/git")), "{files:?}");
    Ok(())
}

fn python_at_work() -> Result<(), Skip> {
    lab::need_root()?;
    let python = lab::need("python3")?;
    let script = "sum(i * i for i in range(20_000_000))";
    let recording =
        Recording::make("-F 499", &[python.to_str().expect("a plain path"), "-c", script]);
    let leaf_named = recording.folded.share(|s| s.last().is_some_and(|leaf| leaf != "[unknown]"));
    assert!(leaf_named > 0.95, "{leaf_named} of {:?}", recording.folded);
    Ok(())
}

fn node_with_a_perf_map() -> Result<(), Skip> {
    lab::need_root()?;
    let node = lab::need("node")?;
    let script = "function hotLoop(n) { let s = 0; for (let i = 0; i < n; i++) s = (s * 31 + i) % 1000003; return s }
                  const end = Date.now() + 2000; while (Date.now() < end) hotLoop(1e6)";
    let node = node.to_str().expect("a plain path");
    let recording = Recording::make("-F 499", &[node, "--perf-basic-prof", "-e", script]);
    let share = recording.folded.share(|s| s.iter().any(|f| f.contains("hotLoop")));
    assert!(share > 0.5, "{share} of {:?}", recording.folded);
    Ok(())
}

fn redis_under_load() -> Result<(), Skip> {
    lab::need_root()?;
    let (redis, load) = (lab::need("redis-server")?, lab::need("redis-benchmark")?);
    let directory = tempdir().expect("there is room");
    let socket = directory.path().join("socket").display().to_string();
    let mut command = Command::new(redis);
    command
        .args(["--port", "0", "--unixsocket", &socket, "--save", "", "--dir"])
        .arg(directory.path());
    let server = lab::start(&mut command);
    lab::wait_for("the socket", || std::path::Path::new(&socket).exists().then_some(()));
    let mut command = Command::new(load);
    let _load = lab::start(command.args(["-s", &socket, "-n", "100000000", "-t", "set,get"]));
    let recording = Recording::make(&format!("-p {} -d 2s -F 499", server.pid()), &[]);
    assert!(recording.folded.total() > 50, "{:?}", recording.ended.err);
    let files: Vec<_> = recording.pprof.mappings.iter().map(|m| m.file.as_str()).collect();
    assert!(files.iter().any(|f| f.contains("redis")), "{files:?}");
    Ok(())
}

fn sqlite_at_work() -> Result<(), Skip> {
    lab::need_root()?;
    let sqlite = lab::need("sqlite3")?;
    let query = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) SELECT sum(i * i) FROM n";
    let recording =
        Recording::make("-F 499", &[sqlite.to_str().expect("a plain path"), ":memory:", query]);
    let unknown = recording.folded.share_of("[unknown]");
    assert!(unknown < 0.5, "a function without a symbol is still a frame: {:?}", recording.folded);
    Ok(())
}
