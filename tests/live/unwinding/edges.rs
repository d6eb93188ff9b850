//! Where in a program's code the stack pointer is on its way: at a function's first instruction, at each that moves the stack
//! pointer, and at the return.

use crate::{Skip, lab};
use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

/// Virtual addresses of a file's instructions in prologues and epilogues, found by `objdump`.
pub(super) fn of(program: &Path) -> Result<HashSet<u64>, Skip> {
    let _ = lab::need("objdump")?;
    let mut command = Command::new("objdump");
    let listing =
        lab::finish(command.args(["-d", "--no-show-raw-insn"]).arg(program)).with_code(0).out;
    let mut edges = HashSet::new();
    let mut first = false;
    for line in listing.lines() {
        if line.ends_with(">:") {
            first = true;
        } else if let Some((address, instruction)) = line.split_once(":\t") {
            let at_edge = std::mem::take(&mut first) || moves_the_stack(instruction);
            if let (true, Ok(address)) = (at_edge, u64::from_str_radix(address.trim(), 16)) {
                edges.insert(address);
            }
        }
    }
    Ok(edges)
}

fn moves_the_stack(instruction: &str) -> bool {
    let mut words = instruction.split_whitespace().skip_while(|word| *word == "repz");
    match words.next() {
        Some("push" | "pop" | "ret" | "leave") => true,
        Some("add" | "sub" | "and" | "lea" | "mov") => instruction.trim_end().ends_with(",%rsp"),
        _ => false,
    }
}
