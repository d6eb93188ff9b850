//! Programs that would use up their profiler.

use crate::lab;
use crate::{Skip, tests};
use std::fs;

tests!(long_names_are_stored_once_and_cut);

/// A figure of `--stats`.
fn figure(stats: &str, name: &str) -> f64 {
    let (_, rest) = stats.split_once(&format!("\"{name}\":")).expect(stats);
    let end = rest.find([',', '}', '\n']).expect(stats);
    rest[..end].trim().parse().expect(stats)
}

fn long_names_are_stored_once_and_cut() -> Result<(), Skip> {
    lab::need_root()?;
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let mut command = lab::command(["record", "-F", "499", "-o"]);
    command.arg(path("out.svg")).arg("-o").arg(path("out.pb.gz")).arg("--stats").arg(path("stats"));
    command.arg("--").arg(lab::program("long-names")?).arg("2");
    let ended = lab::finish(&mut command).with_code(0);
    assert!(ended.err.contains("900 names: cut"), "{}", ended.err);
    let stats = fs::read_to_string(path("stats")).unwrap();
    let memory = figure(&stats, "own_anonymous_bytes");
    assert!(memory < f64::from(100 << 20), "{memory}");
    Ok(())
}
