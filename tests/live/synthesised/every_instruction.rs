//! Every instruction of the programs whose calls are known, whatever the machine's timing: samples come to most of them rarely.

use super::file::Loaded;
use super::shadow::{Orders, Shadow};
use super::walk::Figures;
use crate::{Skip, lab, tests};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

tests!(of_c, of_musl, of_assembly, of_rust);

/// More than any of the functions takes.
const STEPS: u64 = 10_000_000;
/// Reports of an instruction: it is come to by several ways.
const EACH: u32 = 8;

/// `early_return` takes another way the second time.
fn of_c() -> Result<(), Skip> {
    for program in ["known", "known-static", "known-static-pie"] {
        sweep(program, &["once", "early_return"], 300)?;
    }
    Ok(())
}

fn of_musl() -> Result<(), Skip> {
    let _ = lab::need("musl-gcc")?;
    sweep("known-musl", &["once", "early_return"], 300)
}

/// Without `ruled_leaf`, which does not keep its caller's rbp.
fn of_assembly() -> Result<(), Skip> {
    let functions = ["ruled_callee", "with_rules_by_register", "calls_without"];
    sweep("known-assembly", &functions, 100)
}

fn of_rust() -> Result<(), Skip> {
    sweep("known-rust", &["known::once"], 100)
}

/// Follows functions of a program to their returns: in every instruction of the program's own, each frame and what is
/// restored of its registers is as the calls left it.
fn sweep(program: &str, functions: &[&str], instructions: usize) -> Result<(), Skip> {
    let path = lab::program(program)?;
    let all = symbols(&path)?;
    let from = functions.iter().map(|name| all[*name]).collect();
    let mut shadow = Shadow::start(&lab::program("shadow")?, &Command::new(&path))?;
    let loaded = Loaded::find(shadow.pid(), &path)?;
    shadow.order(&Orders { each: EACH, covered: true, from, steps: STEPS }, &loaded);
    let mut figures = Figures::default();
    for name in functions {
        let stacks = shadow.window(&loaded);
        figures.add(&stacks.unwrap_or_else(|| panic!("{program}: {name} returned")));
    }
    assert!(figures.lost.is_empty(), "{program}: {figures}; at {:x?}", figures.lost);
    assert_eq!(figures.whole, figures.stacks, "{program}: {figures}");
    let seen = figures.instructions.len();
    assert!(seen >= instructions, "{program}: {seen} instructions");
    Ok(())
}

/// The addresses of a program's functions, by name.
fn symbols(program: &Path) -> Result<BTreeMap<String, u64>, Skip> {
    let _ = lab::need("nm")?;
    let listed = lab::finish(Command::new("nm").arg("-C").arg(program)).with_code(0);
    let symbol = |line: &str| {
        let (address, rest) = line.split_once(' ')?;
        Some((rest.get(2..)?.to_owned(), u64::from_str_radix(address, 16).ok()?))
    };
    Ok(listed.out.lines().filter_map(symbol).collect())
}
