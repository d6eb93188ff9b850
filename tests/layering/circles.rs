//! No two files of a crate import each other, over any way.

use super::graph::Circle;
use super::map;
use super::plan::{self, Plan};
use crate::harness::{Skip, tests};
use std::fmt::Write;

tests!(files_do_not_import_each_other, one_folder_may_have_a_circle, includes_run_one_way,);

fn files_do_not_import_each_other() -> Result<(), Skip> {
    let mut told = String::new();
    for Plan { of, rust, .. } in plan::all() {
        let mut circles = rust.circles();
        for folder in argued(of) {
            let is_in = |circle: &Circle| circle.files.iter().all(|file| file.starts_with(&folder));
            circles.iter().position(is_in).map(|at| circles.remove(at));
        }
        if !circles.is_empty() {
            writeln!(told, "{of}:").unwrap();
        }
        for circle in circles {
            write!(told, "{circle}").unwrap();
        }
    }
    assert!(told.is_empty(), "files that import each other, and the names that tie them:\n{told}");
    Ok(())
}

/// The folders of a crate that may have one circle, as the map argues.
fn argued(of: &str) -> Vec<String> {
    let source = map::name(of, "");
    let rows = map::rows().into_iter().filter(|row| row.circle && map::is_of(row, of));
    rows.map(|row| row.folder[source.len()..].trim_end_matches('/').to_owned()).collect()
}

fn one_folder_may_have_a_circle() -> Result<(), Skip> {
    let rows: Vec<String> =
        map::rows().into_iter().filter(|row| row.circle).map(|row| row.folder).collect();
    assert_eq!(rows, ["bpf/unwind/src/synth/"]);
    Ok(())
}

fn includes_run_one_way() -> Result<(), Skip> {
    let bpf = plan::all().iter().find(|plan| plan.of == "bpf").unwrap();
    assert!(bpf.c.arrows.len() > 5, "the C sources were read");
    let circles: Vec<String> = bpf.c.circles().iter().map(ToString::to_string).collect();
    assert!(circles.is_empty(), "C sources that include each other:\n{}", circles.concat());
    Ok(())
}
