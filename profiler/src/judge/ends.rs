//! The outermost functions of user stacks: functions that nobody calls.
//!
//! The code that calls `main` and the functions of threads seldom keeps a frame pointer, and may have no rule. A walk that reaches it
//! breaks, but it is at its end.

use crate::judge::recording::Recording;
use crate::record::stacks::PlaceId;
use bpf::Trust;
use symbolizer::Place;

/// The functions that nobody calls, in programs and threads of the C libraries and of Go.
const STARTS: [&str; 12] = [
    "_start",
    "_start_c",
    "_dl_start_user",
    "__libc_start_call_main",
    "__libc_start_main",
    "libc_start_main_stage2",
    "start_thread",
    "runtime.goexit",
    "runtime.mstart",
    "runtime.mcall",
    "runtime.rt0_go",
    "_rt0_amd64_linux",
];
/// Functions in which threads begin, and which other functions call to start a thread. A leaf in them is no end.
const STARTS_OF_THREADS: [&str; 4] = ["clone", "__clone", "clone3", "__clone3"];
/// The suffixes of a start's name in its versions, as in `__libc_start_main_impl`.
const VERSIONS: [&str; 5] = ["", "_impl", "_1", ".abi0", "0"];
/// The common beginnings of the C libraries' file names.
const C_LIBRARIES: [&str; 4] = ["libc.so", "libc-", "libpthread", "ld-musl-"];

/// Whether a stack, leaf first, ends at a start. The unnamed code of a C library also counts if it called `main` or a
/// function of another file, such as a thread's.
pub(crate) fn at_start(frames: &[(PlaceId, Trust)], recording: &Recording<'_>) -> bool {
    let [.., (last, _)] = frames else { return false };
    if let Some(name) = name(*last, recording) {
        return is(name, &STARTS) || (frames.len() > 1 && is(name, &STARTS_OF_THREADS));
    }
    let [.., (above, _), _] = frames else { return false };
    name(*above, recording) == Some("main")
        || (in_c_library(*last, recording) && !in_c_library(*above, recording))
}

/// The symbol of a place's outermost function; no substitute such as `file+0x10`.
fn name<'a>(place: PlaceId, recording: &Recording<'a>) -> Option<&'a str> {
    let named = recording.named.get(place.0 as usize).filter(|named| named.reason.is_none())?;
    Some(named.lines.last()?.system_name.as_ref())
}

fn is(name: &str, starts: &[&str]) -> bool {
    let name = name.split_once('@').map_or(name, |(name, _version)| name);
    let version = |start: &str| name.strip_prefix(start).is_some_and(|v| VERSIONS.contains(&v));
    starts.iter().any(|start| version(start))
}

fn in_c_library(place: PlaceId, recording: &Recording<'_>) -> bool {
    let Place::File { file, .. } = recording.counts.stacks.places()[place.0 as usize] else {
        return false;
    };
    let path = recording.table.file(file).map_or(&[][..], |file| &file.path);
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    C_LIBRARIES.into_iter().any(|library| name.starts_with(library.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::counted;
    use crate::record::aggregate::Rules;
    use crate::record::testing::{mmap, sample, stack};
    use bpf::{SideBandKind, Window};
    use symbolizer::{Line, Named, Reason};

    /// Whether a stack with these names, leaf first, ends at a start. An empty name means no name.
    fn starts(names: &[&str], paths: &[(u64, &str)]) -> bool {
        let addresses: Vec<u64> = (1..).map(|at| at * 0x1000 + 1).take(names.len()).collect();
        let mut side_band = Vec::new();
        for (start, path) in paths {
            let mut record = mmap(0, *start, *start);
            if let SideBandKind::Mmap { path: old, .. } = &mut record.kind {
                *old = path.as_bytes().to_vec();
            }
            side_band.push(record);
        }
        let stacks = vec![stack(1, &addresses)];
        let window =
            Window { stacks, samples: vec![sample(1, 1, 0)], side_band, ..Window::default() };
        let (counts, table) = counted(Rules::default(), &window);
        let named: Vec<Named> = names.iter().map(|name| named(name)).collect();
        let recording = Recording { counts: &counts, table: &table, named: &named, leaves: &[] };
        let user = counts.counts.keys().next().unwrap().user.unwrap();
        at_start(counts.stacks.frames(user), &recording)
    }

    fn named(name: &str) -> Named {
        let reason = name.is_empty().then_some(Reason::Stripped);
        let name = if name.is_empty() { "file+0x10" } else { name };
        let line = Line {
            system_name: name.into(),
            name: name.into(),
            file: "".into(),
            ..Line::default()
        };
        Named { lines: vec![line], module: String::new(), reason }
    }

    #[test]
    fn starts_are_known_by_name() {
        for start in [
            "__libc_start_call_main",
            "__libc_start_main@@GLIBC_2.34",
            "__libc_start_main_impl",
            "_start",
            "start_thread",
            "__clone3",
            "runtime.goexit.abi0",
        ] {
            assert!(starts(&["work", "main", start], &[]), "{start}");
        }
        for other in ["work", "start", "_start_work", "clone_all", "main", "runtime.goexit2"] {
            assert!(!starts(&["leaf", other], &[]), "{other}");
        }
    }

    #[test]
    fn a_leaf_alone_is_a_start_where_nobody_calls_it() {
        assert!(starts(&["_start"], &[]));
        assert!(!starts(&["read"], &[]));
        assert!(!starts(&["clone3"], &[]), "who creates a thread calls it");
        assert!(!starts(&[""], &[(0x1000, "/lib/libc.so.6")]));
    }

    #[test]
    fn the_unnamed_code_that_calls_main_or_threads_is_a_start() {
        assert!(starts(&["work", "main", ""], &[]));
        let paths = [(0x1000, "/bin/program"), (0x2000, "/lib/libc.so.6")];
        assert!(starts(&["work", ""], &paths));
        // If the caller lies in the library itself, only its name counts.
        let paths = [(0x1000, "/lib/libc.so.6"), (0x2000, "/lib/libc.so.6")];
        assert!(!starts(&["read", ""], &paths));
        assert!(!starts(&["work", ""], &[(0x1000, "/bin/program"), (0x2000, "/lib/libcurl.so.4")]));
    }
}
