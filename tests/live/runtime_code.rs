//! Code that comes and goes while the process runs: plugins, and code made at run time.

use crate::lab;
use crate::recording::Recording;
use crate::{Skip, tests};
use std::fs;
use std::process::Command;

tests!(
    plugins_at_the_same_address,
    jit_code_with_a_map,
    jit_code_with_a_dump,
    jit_code_without_a_map,
    a_map_that_is_a_link_is_refused,
    a_map_that_is_a_pipe_does_not_hang,
);

fn plugins_at_the_same_address() -> Result<(), Skip> {
    lab::need_root()?;
    let (program, first) = (lab::program("plugins")?, lab::program("first.so")?);
    lab::program("second.so")?;
    let directory = first.parent().expect("it lies in a directory").display().to_string();
    let recording =
        Recording::make("-F 997", &[program.to_str().expect("a plain path"), "2", &directory]);
    let (a, b) = (recording.folded.share_of("in_first"), recording.folded.share_of("in_second"));
    assert!(a + b > 0.9, "{a} + {b} of {:?}", recording.folded);
    assert!((0.4..0.6).contains(&(a / (a + b))), "half each: {a}, {b}");
    let chain = ["main", "load_and_run", "run", "in_second"];
    assert!(recording.folded.share_of_chain(&chain) > 0.3, "{:?}", recording.folded);
    Ok(())
}

fn jit(argument: &str) -> Result<Recording, Skip> {
    lab::need_root()?;
    let program = lab::program("jit")?;
    Ok(Recording::make("-F 199", &[program.to_str().expect("a plain path"), "2", argument]))
}

fn jit_code_with_a_map() -> Result<(), Skip> {
    let recording = jit("map")?;
    let share = recording.folded.share_of_chain(&["main", "call_jit", "jitted_loop"]);
    assert!(share > 0.9, "{share} of {:?}", recording.folded);
    Ok(())
}

fn jit_code_with_a_dump() -> Result<(), Skip> {
    let recording = jit("dump")?;
    let share = recording.folded.share_of_chain(&["main", "call_jit", "dumped_loop"]);
    assert!(share > 0.9, "{share} of {:?}", recording.folded);
    Ok(())
}

fn jit_code_without_a_map() -> Result<(), Skip> {
    let recording = jit("nomap")?;
    assert!(recording.folded.share_of_chain(&["main", "call_jit"]) > 0.9, "{:?}", recording.folded);
    assert!(recording.ended.err.contains("JIT"), "the reason is named: {}", recording.ended.err);
    Ok(())
}

/// Records code without a map of its own, after something was laid where the map would be.
fn with_map(lay: impl Fn(&str)) -> Result<Recording, Skip> {
    lab::need_root()?;
    let process = lab::start(Command::new(lab::program("jit")?).args(["60", "nomap"]));
    let map = format!("/tmp/perf-{}.map", process.pid());
    lay(&map);
    let recording = Recording::make(&format!("-p {} -d 1s", process.pid()), &[]);
    let _ = fs::remove_file(&map);
    assert_eq!(recording.folded.share_of("trap"), 0.0, "{:?}", recording.folded);
    assert!(recording.folded.share_of_chain(&["main", "call_jit"]) > 0.9, "{:?}", recording.folded);
    Ok(recording)
}

fn a_map_that_is_a_link_is_refused() -> Result<(), Skip> {
    let directory = tempfile::tempdir().expect("there is room");
    let elsewhere = directory.path().join("elsewhere");
    fs::write(&elsewhere, "1000 7fffffffffff trap\n").expect("there is room");
    with_map(|map| std::os::unix::fs::symlink(&elsewhere, map).expect("it is free"))?;
    Ok(())
}

fn a_map_that_is_a_pipe_does_not_hang() -> Result<(), Skip> {
    lab::need("mkfifo")?;
    with_map(|map| {
        lab::finish(Command::new("mkfifo").arg(map)).with_code(0);
    })?;
    Ok(())
}
