//! Where user stacks end: at a function that nobody called, or nowhere.
//!
//! The code that calls `main` and threads' functions seldom keeps a frame pointer, so a walk that comes to it
//! goes on to something that is none. Behind such a function that is the end; elsewhere callers are missing.

use crate::aggregate::Key;
use crate::assemble::Material;
use crate::stacks::PlaceId;
use bpf::{Flags, Trust};
use symbolizer::Place;

/// Functions that nobody calls: of the C libraries' programs, threads and Go's goroutines.
const STARTS: [&str; 14] = [
    "_start",
    "_start_c",
    "__libc_start_call_main",
    "__libc_start_main",
    "libc_start_main_stage2",
    "start_thread",
    "clone",
    "__clone",
    "clone3",
    "__clone3",
    "runtime.goexit",
    "runtime.mstart",
    "runtime.rt0_go",
    "_rt0_amd64_linux",
];
/// What follows a start's name in its versions, as in `__libc_start_main_impl`.
const VERSIONS: [&str; 5] = ["", "_impl", "_1", ".abi0", "0"];
/// File names of the C libraries, as far as they are the same everywhere.
const C_LIBRARIES: [&str; 4] = ["libc.so", "libc-", "libpthread", "ld-musl-"];

/// Whether callers are missing at the end of the user stack.
pub(crate) fn nowhere(key: &Key, material: &Material<'_>) -> bool {
    let Some(user) = key.user else { return false };
    let by_rules =
        Flags::NO_RULE.with(Flags::UNSUPPORTED).with(Flags::NO_MAPPING).with(Flags::LOST_REGISTER);
    if key.flags.has_any(Flags::UNREADABLE.with(by_rules)) {
        return true;
    }
    key.flags.has(Flags::BROKEN) && !complete(material.counts.stacks.frames(user), material)
}

/// Whether a stack, leaf first, ends at a start, or at the unnamed code of a C library that called `main` or
/// something of another file, as a thread's function.
fn complete(frames: &[(PlaceId, Trust)], material: &Material<'_>) -> bool {
    let [.., (above, _), (last, _)] = frames else { return false };
    if let Some(name) = name(*last, material) {
        return is_start(name);
    }
    name(*above, material) == Some("main")
        || (in_c_library(*last, material) && !in_c_library(*above, material))
}

/// The symbol of a place, of the outermost function there; not what stands for one, as `file+0x10`.
fn name<'a>(place: PlaceId, material: &Material<'a>) -> Option<&'a str> {
    let named = material.named.get(place.0 as usize).filter(|named| named.reason.is_none())?;
    Some(named.lines.last()?.system_name.as_str())
}

fn is_start(name: &str) -> bool {
    let name = name.split_once('@').map_or(name, |(name, _version)| name);
    let version = |start: &str| name.strip_prefix(start).is_some_and(|v| VERSIONS.contains(&v));
    STARTS.into_iter().any(version)
}

fn in_c_library(place: PlaceId, material: &Material<'_>) -> bool {
    let Place::File { file, .. } = material.counts.stacks.places()[place.0 as usize] else {
        return false;
    };
    let path = material.table.file(file).map_or(&[][..], |file| &file.path);
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    C_LIBRARIES.into_iter().any(|library| name.starts_with(library.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::{Aggregator, Rules};
    use crate::testing::{mmap, sample, stack};
    use bpf::{Sample, SideBandKind, Window};
    use symbolizer::{Line, Named, ProcessTable, Reason};

    /// Whether a stack of these names, leaf first, ends nowhere; an empty name is none.
    fn ends_nowhere(flags: Flags, names: &[&str], paths: &[(u64, &str)]) -> bool {
        let addresses: Vec<u64> = (1..).map(|at| at * 0x1000 + 1).take(names.len()).collect();
        let mut side_band = Vec::new();
        for (start, path) in paths {
            let mut record = mmap(0, *start, *start);
            if let SideBandKind::Mmap { path: old, .. } = &mut record.kind {
                *old = path.as_bytes().to_vec();
            }
            side_band.push(record);
        }
        let samples = vec![Sample { flags, ..sample(1, 1, 0) }];
        let stacks = vec![stack(1, &addresses)];
        let window = Window { stacks, samples, side_band, ..Window::default() };
        let mut table = ProcessTable::without_proc();
        let mut aggregator = Aggregator::new(Rules::default());
        aggregator.add(&window, &mut table);
        let counts = aggregator.finish();
        let named: Vec<Named> = names.iter().map(|name| named(name)).collect();
        let material = Material { counts: &counts, table: &table, named: &named, frameless: &[] };
        nowhere(counts.counts.keys().next().unwrap(), &material)
    }

    fn named(name: &str) -> Named {
        let reason = name.is_empty().then_some(Reason::Stripped);
        let name = if name.is_empty() { "file+0x10" } else { name }.to_owned();
        let line =
            Line { system_name: name.clone(), name, file: String::new(), line: 0, inlined: false };
        Named { lines: vec![line], module: String::new(), reason }
    }

    #[test]
    fn a_walk_that_breaks_above_a_start_is_complete() {
        let broken = |names: &[&str]| ends_nowhere(Flags::BROKEN, names, &[]);
        for start in [
            "__libc_start_call_main",
            "__libc_start_main@@GLIBC_2.34",
            "__libc_start_main_impl",
            "_start",
            "start_thread",
            "__clone3",
            "runtime.goexit.abi0",
        ] {
            assert!(!broken(&["work", "main", start]), "{start}");
        }
        for other in ["work", "start", "_start_work", "clone_all", "main", "runtime.goexit2"] {
            assert!(broken(&["leaf", other]), "{other}");
        }
        assert!(!ends_nowhere(Flags::default(), &["leaf", "work"], &[]));
    }

    #[test]
    fn a_leaf_alone_that_breaks_ends_nowhere() {
        assert!(ends_nowhere(Flags::BROKEN, &["read"], &[]));
        assert!(ends_nowhere(Flags::BROKEN, &["start_thread"], &[]));
        assert!(ends_nowhere(Flags::UNREADABLE, &["read"], &[]));
        assert!(ends_nowhere(Flags::UNREADABLE, &["work", "main", "_start"], &[]));
        assert!(!ends_nowhere(Flags::default(), &["read"], &[]));
    }

    #[test]
    fn the_unnamed_code_that_calls_main_or_threads_is_a_start() {
        let broken =
            |names: &[&str], paths: &[(u64, &str)]| ends_nowhere(Flags::BROKEN, names, paths);
        assert!(!broken(&["work", "main", ""], &[]));
        let paths = [(0x1000, "/bin/program"), (0x2000, "/lib/libc.so.6")];
        assert!(!broken(&["work", ""], &paths));
        // From the library's own code the caller is what matters.
        let paths = [(0x1000, "/lib/libc.so.6"), (0x2000, "/lib/libc.so.6")];
        assert!(broken(&["read", ""], &paths));
        assert!(broken(&["work", ""], &[(0x1000, "/bin/program"), (0x2000, "/lib/libcurl.so.4")]));
    }
}
