//! Stacks of real programs beside those of perf, by the comparison that `make compare` runs on more of them: nearly
//! all complete, not fewer than perf's, and the same shares of functions.

use crate::{Skip, lab, tests};
use std::process::Command;

tests!(redis, python, sqlite);

/// Runs the comparison on one program, for some seconds.
fn compare(program: &str, commands: &[&str]) -> Result<(), Skip> {
    lab::need_root()?;
    for command in ["perf", "python3"].iter().chain(commands) {
        lab::need(command)?;
    }
    let mut run = Command::new("tests/compare/run");
    run.args(["--seconds", "8", "--show", "1", program]);
    run.current_dir(lab::root()).env("BPFLAME", lab::bpflame()).env_remove("OTEL_PROFILER");
    let ended = lab::finish(&mut run);
    assert_eq!(ended.code(), 0, "{}\n{}", ended.out, ended.err);
    let row = ended.out.lines().find(|line| line.starts_with(&format!("| {program} |")));
    assert!(row.is_some_and(|row| row.ends_with("| agree |")), "{}", ended.out);
    Ok(())
}

fn redis() -> Result<(), Skip> {
    compare("redis-server", &["redis-server", "redis-cli", "redis-benchmark"])
}

fn python() -> Result<(), Skip> {
    compare("python3", &[])
}

fn sqlite() -> Result<(), Skip> {
    compare("sqlite3", &["sqlite3"])
}
