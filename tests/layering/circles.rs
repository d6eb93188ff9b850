//! No two files of a crate import each other, over any way.

use super::graph::Graph;
use super::manifests::{crates, source_root};
use super::modules::Crate;
use super::{arrows, includes};
use crate::harness::{Skip, tests};
use std::fmt::Write;

tests!(files_do_not_import_each_other, includes_run_one_way);

/// Files that still stand in circles, a crate each: a number that may only fall. A crate that is not here has none.
const LEFT: [(&str, usize); 5] =
    [("bpf", 11), ("bpf/unwind", 29), ("output", 6), ("output/send", 16), ("profiler", 31)];

fn files_do_not_import_each_other() -> Result<(), Skip> {
    let (mut told, mut too_many) = (String::new(), false);
    for name in crates() {
        let circles = arrows::graph(&Crate::read(&source_root(&name))).circles();
        let files: usize = circles.iter().map(|circle| circle.files.len()).sum();
        let left = LEFT.iter().find(|(of, _)| *of == name).map_or(0, |(_, left)| *left);
        if files > 0 {
            writeln!(told, "{name}: {files} files are in circles, {left} may be").unwrap();
            for circle in circles {
                write!(told, "{circle}").unwrap();
            }
        }
        too_many |= files > left;
    }
    eprint!("{told}");
    assert!(!too_many, "more files than before import each other; the names above tie them");
    Ok(())
}

fn includes_run_one_way() -> Result<(), Skip> {
    let graph: Graph = includes::graph("bpf");
    assert!(graph.arrows.len() > 5, "the C sources were read");
    let circles: Vec<String> = graph.circles().iter().map(ToString::to_string).collect();
    assert!(circles.is_empty(), "C sources that include each other:\n{}", circles.concat());
    Ok(())
}
