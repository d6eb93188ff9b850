//! From the bytes of `.gopclntab` to rules over address ranges. Stripped Go programs also keep this table.
//!
//! For each address, the table has the distance of the stack pointer from the return address. A function that begins a stack ends the
//! walk. A function that switches stacks (`runtime.systemstack`, `runtime.asmcgocall`) is left by the frame pointer, which still points
//! to the old stack if Go saves it there (since 1.21); otherwise the stack ends in it, and this is counted.
//! Formats of Go 1.2, 1.16, 1.18 and 1.20 (which 1.26 still writes), little-endian, 64-bit.

mod frame;
mod functions;
mod steps;

use crate::table::{Code, Source};
use functions::Functions;

pub use functions::stated_text;

/// The bytes of program-counter tables that may be read for each byte of the table: functions share many of them.
const MOST_STEPS: usize = 16;

/// The result of reading a table.
#[derive(Debug)]
pub struct GoRules {
    /// Its rules.
    pub source: Source,
    /// Functions whose rules were read.
    pub read: u64,
    /// Functions that are malformed or out of order, and left out.
    pub malformed: u64,
    /// Whether something was left out because it took too many rows or too much work.
    pub stopped: bool,
}

/// The rules of all functions of a table that lie in the code. `text` is the address of `runtime.text`, which tables since
/// Go 1.18 count from; see [`stated_text`]. `None` if it is no such table.
pub fn rules(bytes: &[u8], text: u64, code: &Code) -> Option<GoRules> {
    let functions = Functions::parse(bytes, text)?;
    let mut go = GoRules { source: Source::new(code), read: 0, malformed: 0, stopped: false };
    let mut work = bytes.len().saturating_mul(MOST_STEPS);
    let mut rows = Vec::new();
    for index in 0..functions.count() {
        rows.clear();
        let Some(function) = functions.get(index) else {
            go.malformed += 1;
            continue;
        };
        if function.heights.is_empty() {
            continue;
        }
        if !steps::read(&function, functions.quantum(), &mut work, &mut rows) {
            go.malformed += 1;
        }
        if work == 0 || go.source.is_full() {
            go.stopped = true;
            break;
        }
        frame::add(&function, &rows, code, &mut go.source);
        go.read += 1;
    }
    Some(go)
}

#[cfg(test)]
mod tests;
