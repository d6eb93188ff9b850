//! Foreign files that are broken or lie: one counted warning, and the recording goes on.

use crate::lab;
use crate::recording::Recording;
use crate::{Skip, tests};
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::tempdir;

tests!(
    broken_dwarf_is_a_warning,
    two_binaries_with_one_build_id_keep_their_own_names,
    a_perf_map_of_another_user_is_refused,
    a_perf_map_of_gigabytes_is_refused,
);

/// Replaces a section's bytes with others, everywhere.
fn overwrite_section(binary: &Path, section: &str, byte: u8) {
    let dump = binary.with_extension("section");
    let option = format!("{section}={}", dump.display());
    lab::finish(Command::new("objcopy").args(["--dump-section", &option]).arg(binary)).with_code(0);
    let length = fs::metadata(&dump).unwrap().len() as usize;
    fs::write(&dump, vec![byte; length]).unwrap();
    lab::finish(Command::new("objcopy").args(["--update-section", &option]).arg(binary))
        .with_code(0);
}

fn copy(name: &str, directory: &Path, to: &str) -> Result<PathBuf, Skip> {
    lab::need_root()?;
    lab::need("objcopy")?;
    let path = directory.join(to);
    fs::copy(lab::program(name)?, &path).unwrap();
    Ok(path)
}

fn broken_dwarf_is_a_warning() -> Result<(), Skip> {
    let directory = tempdir().unwrap();
    let broken = copy("chain", directory.path(), "broken")?;
    overwrite_section(&broken, ".debug_info", 0xff);
    let recording = Recording::make("-F 499", &[broken.to_str().unwrap(), "1"]);
    let share = recording.folded.share_of_chain(&["main", "alpha", "beta", "omega"]);
    assert!(share > 0.5, "the symbols are still there: {share} of {:?}", recording.folded);
    assert!(
        recording.ended.err.contains("broken"),
        "and the file is named: {}",
        recording.ended.err
    );
    Ok(())
}

fn two_binaries_with_one_build_id_keep_their_own_names() -> Result<(), Skip> {
    let directory = tempdir().unwrap();
    let honest = copy("chain", directory.path(), "honest")?;
    let liar = copy("recurse", directory.path(), "liar")?;
    let note = directory.path().join("note");
    let dump = format!(".note.gnu.build-id={}", note.display());
    lab::finish(Command::new("objcopy").args(["--dump-section", &dump]).arg(&honest)).with_code(0);
    lab::finish(Command::new("objcopy").args(["--update-section", &dump]).arg(&liar)).with_code(0);
    let script = format!("{} 1 & {} 1; wait", honest.display(), liar.display());
    let recording = Recording::make("-F 499", &["sh", "-c", &script]);
    let of = |comm: &str, function: &str| {
        recording.pprof.count(|s| s.label("comm") == Some(comm) && s.has(function))
    };
    assert!(of("honest", "omega") > 10 && of("liar", "bottom") > 10, "{:?}", recording.folded);
    assert_eq!(of("honest", "bottom") + of("liar", "omega"), 0, "{:?}", recording.folded);
    Ok(())
}

/// Records code without a map of its own, after something was laid where the map would be.
fn with_map(lay: impl Fn(&Path)) -> Result<Recording, Skip> {
    lab::need_root()?;
    let process = lab::start(Command::new(lab::program("jit")?).args(["60", "nomap"]));
    let map = PathBuf::from(format!("/tmp/perf-{}.map", process.pid()));
    lay(&map);
    let recording = Recording::make(&format!("-p {} -d 1s", process.pid()), &[]);
    fs::remove_file(&map).unwrap();
    assert_eq!(recording.folded.share_of("trap"), 0.0, "{:?}", recording.folded);
    assert!(recording.folded.share_of_chain(&["main", "call_jit"]) > 0.9, "{:?}", recording.folded);
    Ok(recording)
}

fn a_perf_map_of_another_user_is_refused() -> Result<(), Skip> {
    with_map(|map| {
        fs::write(map, "1000 7fffffffffff trap\n").unwrap();
        chown(map, Some(65534), Some(65534)).unwrap();
    })?;
    Ok(())
}

fn a_perf_map_of_gigabytes_is_refused() -> Result<(), Skip> {
    with_map(|map| {
        fs::write(map, "1000 7fffffffffff trap\n").unwrap();
        fs::File::options().write(true).open(map).unwrap().set_len(3 << 30).unwrap();
    })?;
    Ok(())
}
