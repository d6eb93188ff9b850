//! CPython.
//!
//! Modules in reading order: [`layout`] (its structures), `reader` (code objects), `lines` (their lines).

pub mod layout;
mod lines;
pub(crate) mod reader;
#[cfg(test)]
mod tests;

use super::entry::{Entry, Unnamed, is_program, starts};

pub(super) const ENTRY: Entry = Entry {
    name: "CPython",
    module: "[python]",
    is_file: |name| starts(name, "libpython") || is_program(name, "python"),
    version,
    hint: None,
    unnamed: Unnamed {
        fact: "functions are read of CPython 3.8 to 3.15, and this is none of them",
        cure: None,
        since: None,
    },
    frame_pointers: None,
    reader: Some(&reader::CodeObjects),
};

/// From `python3.13`, `libpython3.12.so.1.0`.
fn version(name: &str) -> Option<(u32, u32)> {
    let rest = name.strip_prefix("lib").unwrap_or(name).strip_prefix("python")?;
    let (major, rest) = rest.split_once('.')?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((major.parse().ok()?, rest[..end].parse().ok()?))
}
