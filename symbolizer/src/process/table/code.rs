//! The executable memory of living processes, for stack walking.

use super::state::ProcessTable;
use crate::place::FileId;
use crate::process::space::mappings::{Content, Mappings};
use crate::process::space::story::Story;
use crate::runtime::Runtime;
use std::sync::Arc;

/// The executable memory of a process at one time.
#[derive(Clone, Debug)]
pub struct CodeMemory {
    /// Process id.
    pub pid: u32,
    /// Its start time, in nanoseconds since boot; if only `/proc` has it, rounded down to hundredths of a second; `None` if it is not known
    /// yet.
    pub start: Option<u64>,
    image: u32,
    maps: Arc<Mappings>,
}

impl CodeMemory {
    /// Whether the process still runs the program that it ran.
    pub fn is_same_program(&self, earlier: &Self) -> bool {
        self.image == earlier.image
    }

    /// Whether the memory is unchanged.
    pub fn is_same(&self, earlier: &Self) -> bool {
        self.image == earlier.image && Arc::ptr_eq(&self.maps, &earlier.maps)
    }
}

/// A range of executable memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeRange {
    /// First address.
    pub start: u64,
    /// End, exclusive.
    pub end: u64,
    /// Its content.
    pub holds: CodeOf,
}

/// The content of executable memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeOf {
    /// A file's code.
    File {
        /// The file.
        file: FileId,
        /// The address in memory minus the virtual address.
        bias: u64,
    },
    /// The vDSO; it begins at this address.
    Vdso {
        /// The address in memory of its first byte.
        base: u64,
    },
    /// Code made at run time.
    Jit,
    /// A file that could not be opened.
    Unknown,
}

/// A hundredth of a second, in nanoseconds.
const TICK: u64 = 10_000_000;

impl ProcessTable {
    /// The known executable memory of all living processes.
    pub fn code(&self) -> impl Iterator<Item = CodeMemory> {
        self.current.values().filter_map(|&index| self.code_of(index))
    }

    fn code_of(&self, index: u32) -> Option<CodeMemory> {
        let image = self.image(index)?;
        let known = matches!(image.story, Story::Known | Story::Doubted { .. });
        let start = image.start.exact.or(image.start.ticks.map(|ticks| ticks * TICK));
        let code = CodeMemory { pid: image.pid, start, image: index, maps: image.maps.clone() };
        (known && !image.exited && code.maps.len() > 0).then_some(code)
    }

    /// The address in memory of the ELF header of the file that contains a runtime: of the largest file that is named so, because a program
    /// may have its runtime in a library; else of the largest of all, which may have it built in.
    pub fn runtime_image(&self, space: u32, runtime: u8) -> Option<u64> {
        Some(self.runtime_file(space, runtime)?.0)
    }

    /// This address, and the file.
    pub fn runtime_file(&self, space: u32, runtime: u8) -> Option<(u64, FileId)> {
        let maps = self.image(space)?.maps.iter();
        let files = maps.filter_map(|mapping| match mapping.content {
            Content::File(file) => Some((mapping, file)),
            _ => None,
        });
        let named = |file: FileId| {
            let of = self.file(file).and_then(|file| Runtime::of_file(&file.path));
            of.is_some_and(|of| of.number() == runtime)
        };
        let (mapping, file) =
            files.max_by_key(|(mapping, file)| (named(*file), mapping.end - mapping.start))?;
        let address = self.files.address(file, mapping.offset)?;
        let bias = mapping.start.wrapping_sub(address);
        Some((bias.wrapping_add(self.files.base(file)?), file))
    }

    /// The ranges of a process's code, by address.
    pub fn ranges(&self, code: &CodeMemory) -> Vec<CodeRange> {
        code.maps
            .iter()
            .map(|mapping| {
                let holds = match mapping.content {
                    Content::File(file) => self
                        .files
                        .address(file, mapping.offset)
                        .filter(|_| self.file(file).is_some_and(|file| file.handle.is_some()))
                        .map_or(CodeOf::Unknown, |address| CodeOf::File {
                            file,
                            bias: mapping.start.wrapping_sub(address),
                        }),
                    Content::Vdso => {
                        CodeOf::Vdso { base: mapping.start.wrapping_sub(mapping.offset) }
                    }
                    Content::Jit => CodeOf::Jit,
                    Content::Nameless(_) => CodeOf::Unknown,
                };
                CodeRange { start: mapping.start, end: mapping.end, holds }
            })
            .collect()
    }
}
