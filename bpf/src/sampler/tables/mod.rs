//! Unwind tables in the memory of the programs.
//!
//! In reading order: `arena` (memory), then [`Tables`], which installs tables and assigns them to the mappings of address spaces. The
//! programs look up a process in `spaces`. `same_bits` compares the numbers that Rust and C both define.

mod arena;
mod facts;
mod same_bits;
mod spaces;

pub use facts::{
    HotSpotBegin, HotSpotBlock, HotSpotHeap, HotSpotLayout, PythonLayout, PythonWay, RuntimeFacts,
    V8Layout,
};
pub use spaces::SpaceName;

use super::memory::SharedMemory;
use crate::skeleton::sampler::types::{frame_kind, mapping, mapping_kind, rules, unwind_limits};
use crate::unwind::rule::{Compact, Unsupported};
use crate::unwind::table::Table;
use arena::{Arena, Piece, Position};
use facts::all_words;
use spaces::Spaces;
use std::collections::HashMap;
use std::io;

const RULES: usize = unwind_limits::RULES.0 as usize;
/// The rule of rows whose own rule got no number, because there are too many rules.
const TOO_MANY: u16 = 1;
/// The most rows that several pages share in one piece.
const TOGETHER: usize = 1 << 15;
/// The most mappings of an address space. Further ones are left out.
const MOST_MAPPINGS: usize = 1 << 14;
const MAPPING_WORDS: usize = size_of::<mapping>() / 4;
const KIND_SHIFT: u32 = 28;

/// A table that the programs can search. Give it back with [`Tables::uninstall`].
#[derive(Debug, PartialEq, Eq)]
pub struct Installed {
    base: u64,
    pages: u32,
    directory: Piece,
    rows: Vec<Piece>,
    new_rules: usize,
}

impl Installed {
    /// Its size in bytes.
    pub fn bytes(&self) -> usize {
        let words: u32 = self.rows.iter().chain([&self.directory]).map(|piece| piece.words).sum();
        words as usize * 4
    }

    /// The number of rules that no table had before.
    pub fn new_rules(&self) -> usize {
        self.new_rules
    }
}

/// The way in which code is walked.
#[derive(Clone, Copy, Debug)]
pub enum Way<'a> {
    /// By the rules of a table.
    Rules {
        /// The table of the file.
        table: &'a Installed,
        /// The address in memory minus the virtual address.
        bias: u64,
    },
    /// By the rules of a table, in the range of an interpreter's loop. Its walker adds the frames that the loop runs.
    Interpreter {
        /// The table of the file.
        table: &'a Installed,
        /// The address in memory minus the virtual address.
        bias: u64,
        /// The number of the interpreter, 1 to 7.
        runtime: u8,
    },
    /// By frame pointer: files without rules.
    FramePointers,
    /// By frame pointer if it is one: run-time code.
    RunTime,
    /// By frame pointer, in code that a runtime has made. Its walker adds the functions of its frames.
    Compiled {
        /// The number of the runtime, 1 to 7.
        runtime: u8,
    },
    /// By frame pointer, with a mark: the table is not ready yet.
    Unknown,
}

/// Executable memory of an address space.
#[derive(Clone, Copy, Debug)]
pub struct CodeMapping<'a> {
    /// First address.
    pub start: u64,
    /// End, exclusive.
    pub end: u64,
    /// The way in which the code is walked.
    pub way: Way<'a>,
}

/// The installed tables, and the address spaces that use them.
#[derive(Debug)]
pub struct Tables {
    arena: Arena,
    rules: SharedMemory,
    numbers: HashMap<Compact, u16>,
    spaces: Spaces,
}

impl Tables {
    /// The most different rules of all tables.
    pub const RULES: usize = RULES;
    /// The most mappings of an address space.
    pub const MOST_MAPPINGS: usize = MOST_MAPPINGS;
    /// The bytes that a mapping takes in the list of an address space.
    pub const MAPPING_BYTES: usize = size_of::<mapping>();

    /// Empty tables with at most this many chunks. `chunk` creates a chunk by its number; `rules` and `spaces` are
    /// mapped maps.
    pub(crate) fn new(
        most_chunks: u32,
        chunk: impl FnMut(u32) -> io::Result<SharedMemory> + Send + 'static,
        rules: SharedMemory,
        spaces: SharedMemory,
    ) -> Self {
        let none =
            [(Compact::NONE, 0), (Compact::unsupported(Unsupported::TooManyRules), TOO_MANY)];
        let tables = Self {
            arena: Arena::new(most_chunks, chunk),
            rules,
            numbers: none.into_iter().collect(),
            spaces: Spaces::new(spaces),
        };
        none.iter().for_each(|(rule, number)| tables.write_rule(*number, *rule));
        tables
    }

    /// The bytes of the arena, the rules and the address spaces.
    pub fn bytes(&self) -> usize {
        self.arena.bytes() + size_of::<rules>() + spaces::BYTES
    }

    /// The most bytes of the arena.
    pub fn memory(&self) -> usize {
        self.arena.most_bytes()
    }

    /// Installs a table for the programs; `None` if there is no room.
    ///
    /// # Errors
    /// When the kernel has no memory.
    pub fn install(&mut self, table: &Table) -> io::Result<Option<Installed>> {
        self.install_with(table, RULES)
    }

    /// Installs a table as [`Tables::install`] does, with at most this many rules that no table had before. Rows with further ones end a
    /// walk. Rules stay for the whole recording.
    ///
    /// # Errors
    /// When the kernel has no memory.
    pub fn install_with(&mut self, table: &Table, new: usize) -> io::Result<Option<Installed>> {
        let before = self.numbers.len();
        let most = before.saturating_add(new);
        let numbers: Vec<u16> = table.rules().iter().map(|rule| self.number(*rule, most)).collect();
        let new_rules = self.numbers.len() - before;
        let pages = table.directory().len().saturating_sub(1);
        let Some(directory) = self.arena.take(2 * pages as u32)? else { return Ok(None) };
        let mut installed = Installed {
            base: table.base(),
            pages: pages as u32,
            directory,
            rows: Vec::new(),
            new_rules,
        };
        if self.fill(table, &numbers, &mut installed)? {
            return Ok(Some(installed));
        }
        self.uninstall(installed);
        Ok(None)
    }

    /// Writes the rows and their directory. Returns whether there was room.
    fn fill(&mut self, table: &Table, numbers: &[u16], to: &mut Installed) -> io::Result<bool> {
        let ends = table.directory();
        let mut directory = Vec::with_capacity(2 * to.pages as usize);
        let mut page = 0;
        while page < to.pages as usize {
            let first = ends[page] as usize;
            let together =
                ends[page + 1..].iter().take_while(|end| **end as usize - first <= TOGETHER);
            let next = page + together.count().max(1);
            let rows = &table.rows()[first..ends[next] as usize];
            let Some(piece) = self.arena.take(rows.len() as u32)? else { return Ok(false) };
            to.rows.push(piece);
            let numbered: Vec<u32> = rows
                .iter()
                .map(|row| row & 0xffff | u32::from(numbers[(row >> 16) as usize]) << 16)
                .collect();
            self.arena.write(piece, 0, &numbered);
            for page in page..next {
                let offset = ends[page] - first as u32;
                directory.extend([piece.at.0 + offset, ends[page + 1] - ends[page]]);
            }
            page = next;
        }
        self.arena.write(to.directory, 0, &directory);
        Ok(true)
    }

    /// Removes a table. No address space may use it any more.
    pub fn uninstall(&mut self, table: Installed) {
        table.rows.into_iter().chain([table.directory]).for_each(|piece| self.arena.retire(piece));
    }

    /// Sets the ways in which an address space's code is walked, and what the interpreters' walkers know of it. Returns
    /// whether there was room. Mappings beyond the 16,384th are left out.
    ///
    /// # Errors
    /// When the kernel has no memory.
    pub fn set_space(
        &mut self,
        name: SpaceName,
        mappings: &[CodeMapping<'_>],
        facts: &[RuntimeFacts],
    ) -> io::Result<bool> {
        let mut sorted: Vec<&CodeMapping<'_>> = mappings.iter().take(MOST_MAPPINGS).collect();
        sorted.sort_by_key(|mapping| mapping.start);
        let words: Vec<u32> = sorted.iter().flat_map(|mapping| words(mapping)).collect();
        let room = words.len() + all_words(facts, 0).len();
        let Some(list) = self.arena.take(room as u32)? else { return Ok(false) };
        self.arena.write(list, 0, &words);
        let behind = list.at.0 + words.len() as u32;
        self.arena.write(list, words.len() as u32, &all_words(facts, behind));
        let runtimes = if facts.is_empty() { 0 } else { behind };
        let counts = (sorted.len() as u32, runtimes);
        match self.spaces.set(name, list, counts, super::settings::random()) {
            Ok(before) => {
                before.into_iter().for_each(|piece| self.arena.retire(piece));
                Ok(true)
            }
            Err(()) => {
                self.arena.retire(list);
                Ok(false)
            }
        }
    }

    /// Removes an address space.
    pub fn remove_space(&mut self, name: SpaceName) {
        if let Some(list) = self.spaces.remove(name) {
            self.arena.retire(list);
        }
    }

    /// Call this after each wait for the end of all running programs.
    pub(crate) fn waited(&mut self) {
        self.arena.waited();
    }

    /// The number of a rule for all tables, if there are fewer than `most` so far.
    fn number(&mut self, rule: Compact, most: usize) -> u16 {
        if let Some(number) = self.numbers.get(&rule) {
            return *number;
        }
        let most = most.min(RULES);
        let Some(number) =
            u16::try_from(self.numbers.len()).ok().filter(|n| usize::from(*n) < most)
        else {
            return TOO_MANY;
        };
        self.write_rule(number, rule);
        self.numbers.insert(rule, number);
        number
    }

    fn write_rule(&self, number: u16, rule: Compact) {
        let word = self.rules.word(usize::from(number) * 8);
        word.store(rule.0, std::sync::atomic::Ordering::SeqCst);
    }
}

/// The words of a mapping as the programs read them.
fn words(of: &CodeMapping<'_>) -> [u32; MAPPING_WORDS] {
    let by_table = |table: &Installed, bias, kind| {
        (table.base.wrapping_add(bias), table.directory.at, table.pages, kind)
    };
    let of_runtime = |runtime: u8| {
        mapping_kind::MAPPING_INTERPRETERS.0 + (u32::from(runtime) & frame_kind::FRAME_KIND_MASK.0)
    };
    let (origin, directory, pages, kind) = match of.way {
        Way::Rules { table, bias } => by_table(table, bias, mapping_kind::MAPPING_RULES.0),
        Way::Interpreter { table, bias, runtime } => by_table(table, bias, of_runtime(runtime)),
        Way::Compiled { runtime } => (0, Position(0), 0, of_runtime(runtime)),
        Way::FramePointers => (0, Position(0), 0, mapping_kind::MAPPING_FRAME_POINTERS.0),
        Way::RunTime => (0, Position(0), 0, mapping_kind::MAPPING_RUN_TIME.0),
        Way::Unknown => (0, Position(0), 0, mapping_kind::MAPPING_UNKNOWN.0),
    };
    let halves = |word: u64| [word as u32, (word >> 32) as u32];
    let [start, end, origin] = [of.start, of.end, origin].map(halves);
    let pages = pages & ((1 << KIND_SHIFT) - 1) | kind << KIND_SHIFT;
    [start[0], start[1], end[0], end[1], origin[0], origin[1], directory.0, pages]
}

#[cfg(test)]
mod tests;
