//! Everything that is hard to profile, at once, beside a usual program.

use super::file_systems::Mounted;
use super::hostile;
use crate::lab;
use crate::recording::{Recording, outputs};
use crate::{Skip, tests};
use std::fs;
use std::process::Command;

tests!(a_machine_full_of_hostile_processes_is_recorded);

fn a_machine_full_of_hostile_processes_is_recorded() -> Result<(), Skip> {
    let mounted = Mounted::new()?;
    mounted.fall_silent();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let start = |name: &str| -> Result<_, Skip> {
        fs::create_dir(path(name)).unwrap();
        let program = lab::program(name)?;
        Ok(lab::start(Command::new(program).arg("100").arg(path(name))))
    };
    lab::program("liar.so")?;
    let hoard = start("hoard")?;
    lab::wait_for("60,000 mappings", || fs::metadata(path("hoard").join("ready")).ok());
    let animals = [start("zoo")?, start("long-names")?, start("forks")?];
    let again = format!("while :; do {}; done", hostile::bomb(directory.path()).display());
    let bomb = lab::start(Command::new("sh").arg("-c").arg(again));
    let usual = lab::start(Command::new(lab::program("bare")?).arg("100"));

    let mut command = lab::command(["record", "-a", "-d", "5s"]);
    command.arg("--stats").arg(path("stats.json")).args(outputs(directory.path()));
    let ended = lab::finish(&mut command).with_code(0);
    let recording = Recording::read(ended, directory.path());
    drop((hoard, animals, bomb, usual));
    let said = &recording.ended.err;
    let functions = ["main", "alpha", "beta", "omega", "delta", "spin", "now"];
    let count = |named: bool| {
        recording.pprof.count(|sample| {
            let known = || functions.iter().any(|name| sample.has(name));
            sample.label("comm") == Some("bare") && (!named || known())
        })
    };
    let (all, named) = (count(false), count(true));
    assert!(all > 20 && named * 100 >= all * 98, "{named} of {all}: {said}");
    let stats = fs::read_to_string(path("stats.json")).unwrap();
    let figures = ["own_anonymous_bytes", "bpf_map_bytes", "unwind_table_bytes"];
    let memory: f64 = figures.iter().map(|name| hostile::figure(&stats, name)).sum();
    assert!(memory < f64::from(256 << 20), "{memory}: {said}");
    // What was bounded is said.
    assert!(stats.contains("\"its file system does not answer\""), "{stats}");
    assert!(
        said.contains("bpflame: warning: ") && hostile::figure(&stats, "warnings") > 2.0,
        "{stats}"
    );
    Ok(())
}
