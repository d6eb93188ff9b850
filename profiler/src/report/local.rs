//! Names from this machine: the file at the mapping's path if its build ID agrees, debug files, debuginfod.

#[cfg(test)]
pub(super) mod fixture;

use elf::{Bytes, Image};
use output::Mapping;
use std::path::Path;
use symbolizer::name::ask::Answers;
use symbolizer::opening::regular;
use symbolizer::{LocalSymbolizer, NameOptions, Named, Reason};

/// Below this, addresses are virtual ones as the file states them: no position-independent file is mapped there.
const LOWEST_RUN_TIME: u64 = 1 << 32;

/// Knows names by build ID.
#[derive(Debug)]
pub(super) struct Names {
    /// The symbolizer that names them.
    pub symbolizer: LocalSymbolizer,
}

impl Names {
    /// Nothing is read yet. `answers` parses the files.
    pub(super) fn new(options: NameOptions, answers: impl Answers + Send + 'static) -> Self {
        Self { symbolizer: LocalSymbolizer::new(options, answers) }
    }

    /// Names for a mapping's addresses, in their order.
    ///
    /// # Errors
    /// Why they cannot be named.
    pub(super) fn of(
        &mut self,
        mapping: &Mapping,
        addresses: &[u64],
    ) -> Result<Vec<Named>, String> {
        let build_id =
            bytes_of(&mapping.build_id).ok_or("the profile has no build ID for this file")?;
        let addresses = if mapping.start < LOWEST_RUN_TIME {
            addresses.to_vec()
        } else {
            let sections = sections(&mapping.file, &build_id)?;
            addresses
                .iter()
                .map(|&at| virtual_address(mapping, &sections, at).unwrap_or(u64::MAX))
                .collect()
        };
        let names = self.symbolizer.by_build_id(&build_id, mapping.file.as_bytes(), &addresses);
        let mut names = names
            .ok_or("neither the file nor its debug file is on this machine; try --debuginfod")?;
        for (named, &address) in names.iter_mut().zip(&addresses) {
            if address == u64::MAX {
                *named = Named {
                    lines: Vec::new(),
                    module: String::new(),
                    reason: Some(Reason::NoMapping),
                };
            }
        }
        Ok(names)
    }
}

/// A section of code: where it lies in the file and where in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Code {
    address: u64,
    offset: u64,
    size: u64,
}

/// The code sections of the file at `path`, which must have this build ID. Other tools write run-time addresses, and only the file
/// itself maps them to its own addresses.
fn sections(path: &str, build_id: &[u8]) -> Result<Vec<Code>, String> {
    let gone = "its addresses are run-time addresses; naming them needs the file itself, which is not on this machine";
    let file = regular(Path::new(path)).map_err(|_| gone)?;
    let image = Image::parse(Bytes::File(&file)).map_err(elf::Error::phrase)?;
    if image.build_id().as_deref() != Some(build_id) {
        return Err(String::from("the file on this machine has a different build ID"));
    }
    let code = image.sections.iter().filter(|section| section.is_code());
    Ok(code.map(|s| Code { address: s.address, offset: s.offset, size: s.size }).collect())
}

/// From a run-time address over the file offset to the file's own address.
fn virtual_address(mapping: &Mapping, sections: &[Code], address: u64) -> Option<u64> {
    let offset = address.checked_sub(mapping.start)?.checked_add(mapping.offset)?;
    let within = |code: &&Code| offset.checked_sub(code.offset).is_some_and(|at| at < code.size);
    let code = sections.iter().find(within)?;
    code.address.checked_add(offset - code.offset)
}

/// Bytes from an even number of hexadecimal digits; `None` for anything else, and for none at all.
fn bytes_of(hexadecimal: &str) -> Option<Vec<u8>> {
    let digits = hexadecimal.as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) || digits.len() > 128 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    digits
        .chunks_exact(2)
        .map(|pair| Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use symbolizer::serve::Server;

    #[test]
    fn build_ids_are_hexadecimal() {
        assert_eq!(bytes_of("00ffA0"), Some(vec![0, 255, 160]));
        for wrong in ["", "0", "0g", "é0", "go/buildid"] {
            assert_eq!(bytes_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn run_time_addresses_become_the_files_own() {
        let mapping = Mapping { start: 0x7f00_0000_0000, offset: 0x2000, ..Mapping::default() };
        let sections = [Code { address: 0x3000, offset: 0x2000, size: 0x500 }];
        assert_eq!(virtual_address(&mapping, &sections, 0x7f00_0000_0123), Some(0x3123));
        assert_eq!(virtual_address(&mapping, &sections, 0x7f00_0000_0500), None);
        assert_eq!(virtual_address(&mapping, &sections, 0x10), None);
        let huge = Mapping { start: 1, offset: u64::MAX, ..Mapping::default() };
        assert_eq!(virtual_address(&huge, &sections, 0x10), None);
    }

    #[test]
    fn without_a_build_id_nothing_is_guessed() {
        let mut names = Names::new(NameOptions::default(), Server::default());
        let mapping = Mapping { file: String::from("/proc/self/exe"), ..Mapping::default() };
        assert!(names.of(&mapping, &[0x1000]).unwrap_err().contains("no build ID"));
        let other = Mapping { build_id: String::from("abcdef0123456789"), ..mapping };
        assert!(names.of(&other, &[0x1000]).unwrap_err().contains("neither"));
    }
}
