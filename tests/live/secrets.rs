//! What files must not tell: where the kernel is in memory, and anything to others than their owner.

use crate::lab;
use crate::recording::{Recording, outputs};
use crate::{Skip, tests};
use flate2::read::GzDecoder;
use pprof::protos::{self, Message};
use std::fs::{self, File};
use std::io::Read;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

tests!(kernel_addresses_are_in_no_file, recordings_are_for_their_owner);

/// The first address of the kernel's half.
const KERNEL: u64 = 1 << 63;

/// The range of the kernel's code.
fn kernel_text() -> Range<u64> {
    let symbols = fs::read_to_string("/proc/kallsyms").unwrap();
    let of = |name: &str| {
        let line = symbols.lines().find(|line| line.ends_with(name)).unwrap();
        u64::from_str_radix(line.split(' ').next().unwrap(), 16).unwrap()
    };
    of(" T _stext")..of(" T _etext")
}

fn profile(path: &Path) -> protos::Profile {
    let mut bytes = Vec::new();
    GzDecoder::new(File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    protos::Profile::decode(bytes.as_slice()).unwrap()
}

fn kernel_addresses_are_in_no_file() -> Result<(), Skip> {
    lab::need_root()?;
    let directory = tempfile::tempdir().unwrap();
    let saved = directory.path().join("saved");
    let program = lab::program("syscalls")?;
    for symbolize in [&[][..], &["--no-symbolize"]] {
        let mut command = lab::command(["record", "-F", "999"]);
        command.args(symbolize).args(outputs(directory.path()));
        command.arg("--save").arg(&saved).arg("--").arg(&program).arg("1");
        let recording = Recording::read(lab::finish(&mut command).with_code(0), directory.path());
        assert!(recording.folded.share_of("vfs_read") > 0.3, "{:?}", recording.folded);
        let profile = profile(&directory.path().join("out.pb.gz"));
        assert!(profile.location.iter().all(|location| location.address < KERNEL));
        let ends = profile.mapping.iter().map(|m| m.memory_start.max(m.memory_limit));
        assert!(ends.clone().all(|end| end < KERNEL), "{:x?}", ends.collect::<Vec<_>>());
    }
    let found = kernel_addresses(&saved);
    assert!(found.len() > 100, "the kernel's frames are stored: {}", found.len());
    let range = kernel_text();
    let real: Vec<&u64> = found.iter().filter(|address| range.contains(address)).collect();
    assert!(real.is_empty(), "{real:x?}");
    // Unless they are asked for.
    let mut command = lab::command(["record", "-F", "999", "--save-kernel-addresses", "-o"]);
    command.arg(directory.path().join("out.svg")).arg("--save").arg(&saved);
    lab::finish(command.arg("--").arg(&program).arg("1")).with_code(0);
    assert!(kernel_addresses(&saved).iter().any(|address| range.contains(address)));
    Ok(())
}

/// The numbers of a saved recording that are in the kernel's half.
fn kernel_addresses(saved: &Path) -> Vec<u64> {
    let text = fs::read_to_string(saved).unwrap();
    let words = text.split(|c: char| !c.is_ascii_hexdigit());
    let numbers = words.filter_map(|word| u64::from_str_radix(word, 16).ok());
    numbers.filter(|number| *number >= KERNEL).collect()
}

fn recordings_are_for_their_owner() -> Result<(), Skip> {
    lab::need_root()?;
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("out.svg"), "earlier").unwrap();
    fs::set_permissions(path("out.svg"), fs::Permissions::from_mode(0o640)).unwrap();
    let mut command = lab::command(["record", "-F", "999", "--stats"]);
    command.arg(path("stats")).args(outputs(directory.path())).arg("--save").arg(path("saved"));
    lab::finish(command.arg("--").arg(lab::program("chain")?).arg("1")).with_code(0);
    for (name, mode) in [
        ("out.svg", 0o640),
        ("out.folded", 0o600),
        ("out.pb.gz", 0o600),
        ("stats", 0o600),
        ("saved", 0o600),
    ] {
        let found = fs::metadata(path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{name}: {found:o}");
    }
    Ok(())
}
