//! Exported symbols of a loaded file, from the memory of its process.

use super::reader::{Memory, Running};
use elf::word::{u16_at, u32_at, u64_at};

/// A loaded file with a table of exported symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The address in memory minus the virtual address.
    bias: u64,
    symbols: u64,
    names: u64,
    hashes: Hashes,
}

/// The table that leads from a name to its symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hashes {
    /// GNU's table, at this address.
    Gnu(u64),
    /// The table of System V, which old linkers make.
    SystemV(u64),
}

/// An exported symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Its address in memory.
    pub address: u64,
    /// Its size in bytes.
    pub size: u64,
}

/// The most program headers and dynamic entries that are read.
const MOST_HEADERS: u16 = 64;
const MOST_DYNAMIC: u64 = 256;
/// The most symbols in a chain of one hash value.
const MOST_CHAIN: u32 = 1 << 12;
/// The longest name that is looked up.
const MOST_NAME: usize = 256;
const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const DT_HASH: u64 = 4;
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
const DT_GNU_HASH: u64 = 0x6fff_fef5;
const SYMBOL: u64 = 24;

impl Loaded {
    /// The file of a process's runtime. `None`: it is no 64-bit ELF file, or exports nothing by a hash table.
    pub fn of(process: &Running<'_>) -> Option<Self> {
        let (memory, image) = (process.memory, process.image);
        let header: [u8; 64] = read(memory, image)?;
        if header[..5] != *b"\x7fELF\x02" {
            return None;
        }
        let (at, size, count) = (u64_at(&header, 32)?, u16_at(&header, 54)?, u16_at(&header, 56)?);
        let (mut first, mut dynamic) = (None, None);
        for index in 0..u64::from(count.min(MOST_HEADERS)) {
            let at = image.checked_add(at)?.checked_add(index * u64::from(size))?;
            let header: [u8; 56] = read(memory, at)?;
            let (kind, offset, address) =
                (u32_at(&header, 0)?, u64_at(&header, 8)?, u64_at(&header, 16)?);
            if kind == PT_LOAD && first.is_none() {
                first = Some(address.wrapping_sub(offset));
            } else if kind == PT_DYNAMIC {
                dynamic = Some(address);
            }
        }
        let bias = image.wrapping_sub(first?);
        Self::by_dynamic(memory, bias, dynamic?.wrapping_add(bias))
    }

    fn by_dynamic(memory: &dyn Memory, bias: u64, dynamic: u64) -> Option<Self> {
        let (mut names, mut symbols, mut gnu, mut system_v) = (None, None, None, None);
        for index in 0..MOST_DYNAMIC {
            let entry: [u8; 16] = read(memory, dynamic.checked_add(index * 16)?)?;
            let (tag, value) = (u64_at(&entry, 0)?, u64_at(&entry, 8)?);
            // The dynamic linker has added the bias, except in some files of some C libraries.
            let address = if value < bias { value.wrapping_add(bias) } else { value };
            match tag {
                0 => break,
                DT_STRTAB => names = Some(address),
                DT_SYMTAB => symbols = Some(address),
                DT_GNU_HASH => gnu = Some(Hashes::Gnu(address)),
                DT_HASH => system_v = Some(Hashes::SystemV(address)),
                _ => {}
            }
        }
        Some(Self { bias, symbols: symbols?, names: names?, hashes: gnu.or(system_v)? })
    }

    /// The address in memory minus the virtual address.
    pub fn bias(&self) -> u64 {
        self.bias
    }

    /// A defined symbol by its name.
    pub fn symbol(&self, process: &Running<'_>, name: &[u8]) -> Option<Symbol> {
        match self.hashes {
            Hashes::Gnu(table) => self.by_gnu(process.memory, table, name),
            Hashes::SystemV(table) => self.by_system_v(process.memory, table, name),
        }
    }

    fn by_gnu(&self, memory: &dyn Memory, table: u64, name: &[u8]) -> Option<Symbol> {
        let header: [u8; 16] = read(memory, table)?;
        let [buckets, first, blooms] = [0, 4, 8].map(|at| u32_at(&header, at));
        let (buckets, first) = (buckets.filter(|count| *count > 0)?, first?);
        let hash = hash(name);
        let table = table.checked_add(16 + u64::from(blooms?) * 8)?;
        let chains = table.checked_add(u64::from(buckets) * 4)?;
        let start = number(memory, table.checked_add(u64::from(hash % buckets) * 4)?)?;
        for index in (start..=u32::MAX).take(MOST_CHAIN as usize).filter(|_| start >= first) {
            let link = number(memory, chains.checked_add(u64::from(index - first) * 4)?)?;
            if link | 1 == hash | 1
                && let Some(found) = self.is_named(memory, index, name)
            {
                return Some(found);
            }
            if link & 1 == 1 {
                break;
            }
        }
        None
    }

    fn by_system_v(&self, memory: &dyn Memory, table: u64, name: &[u8]) -> Option<Symbol> {
        let buckets = number(memory, table)?;
        let chains = table.checked_add(8 + u64::from(buckets) * 4)?;
        let bucket = u64::from(system_v_hash(name).checked_rem(buckets)?);
        let mut index = number(memory, table.checked_add(8 + bucket * 4)?)?;
        for _ in 0..MOST_CHAIN {
            if index == 0 {
                break;
            }
            if let Some(found) = self.is_named(memory, index, name) {
                return Some(found);
            }
            index = number(memory, chains.checked_add(u64::from(index) * 4)?)?;
        }
        None
    }

    /// The symbol with this index, if it has this name and is defined.
    fn is_named(&self, memory: &dyn Memory, index: u32, name: &[u8]) -> Option<Symbol> {
        let at = self.symbols.checked_add(u64::from(index) * SYMBOL)?;
        let symbol: [u8; SYMBOL as usize] = read(memory, at)?;
        let at = self.names.checked_add(u32_at(&symbol, 0)?.into())?;
        let mut text = [0; MOST_NAME];
        let text = text.get_mut(..name.len() + 1)?;
        let same = memory.fill(at, text) && text.strip_suffix(b"\0") == Some(name);
        let defined = u16_at(&symbol, 6)? != 0;
        (same && defined).then_some(Symbol {
            address: u64_at(&symbol, 8)?.wrapping_add(self.bias),
            size: u64_at(&symbol, 16)?,
        })
    }
}

/// The hash of a name in a hash table of System V.
fn system_v_hash(name: &[u8]) -> u32 {
    name.iter().fold(0, |hash: u32, &byte| {
        let next = (hash << 4).wrapping_add(byte.into());
        (next ^ next >> 24 & 0xf0) & 0x0fff_ffff
    })
}

/// The hash of a name in a GNU hash table.
fn hash(name: &[u8]) -> u32 {
    name.iter().fold(5381, |hash: u32, &byte| hash.wrapping_mul(33).wrapping_add(byte.into()))
}

fn number(memory: &dyn Memory, at: u64) -> Option<u32> {
    read(memory, at).map(u32::from_le_bytes)
}

fn read<const N: usize>(memory: &dyn Memory, at: u64) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    memory.fill(at, &mut bytes).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    impl Memory for File {
        fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
            self.read_exact_at(bytes, address).is_ok()
        }
    }

    /// The C library of this process, and its memory.
    fn c_library() -> (File, u64) {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let line = maps.lines().find(|line| line.contains("libc.so.6")).unwrap();
        let start = u64::from_str_radix(line.split('-').next().unwrap(), 16).unwrap();
        (File::open("/proc/self/mem").unwrap(), start)
    }

    #[test]
    fn symbols_of_a_loaded_library_are_where_the_linker_says() {
        let (memory, image) = c_library();
        let process = Running { memory: &memory, image };
        let library = Loaded::of(&process).unwrap();
        let environ = library.symbol(&process, b"environ").unwrap();
        assert_eq!(environ.size, 8);
        let first = memory.word(memory.word(environ.address).unwrap()).unwrap();
        let mut text = [0; 4];
        assert!(memory.fill(first, &mut text) && text.is_ascii(), "{text:?}");
        assert!(library.symbol(&process, b"qsort").is_some());
        assert_eq!(library.symbol(&process, b"no_such_function"), None);
        assert_eq!(library.symbol(&process, &[b'x'; 300]), None);
    }

    struct Image(Vec<u8>);

    impl Memory for Image {
        fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
            let found = self.0.get(address as usize..address as usize + bytes.len());
            found.map(|found| bytes.copy_from_slice(found)).is_some()
        }
    }

    #[test]
    fn a_table_of_system_v_leads_to_symbols() {
        assert_eq!(system_v_hash(b"printf"), 0x077_905a6);
        let (names, symbols) = (64_u64, 128_u64);
        let mut memory = vec![0; 256];
        // One bucket, three symbols: the second, then the first.
        for (index, word) in [1_u32, 3, 2, 0, 0, 1].into_iter().enumerate() {
            memory[4 * index..4 * index + 4].copy_from_slice(&word.to_le_bytes());
        }
        memory[65..74].copy_from_slice(b"one\0two\0\0");
        for (index, name) in [(1, 1), (2, 5)] {
            let at = (symbols + index * SYMBOL) as usize;
            memory[at] = name;
            memory[at + 6] = 1;
            memory[at + 8] = 16 * name;
        }
        let hashes = Hashes::SystemV(0);
        let library = Loaded { bias: 0x1000, symbols, names, hashes };
        let found = |memory: &Image, name| {
            Some(library.symbol(&Running { memory, image: 0 }, name)?.address)
        };
        let mut image = Image(memory);
        assert_eq!(found(&image, b"one"), Some(0x1010));
        assert_eq!(found(&image, b"two"), Some(0x1050));
        assert_eq!(found(&image, b"three"), None);
        // A chain without an end, and a table without buckets.
        image.0[16] = 1;
        assert_eq!(found(&image, b"three"), None);
        assert_eq!(found(&Image(vec![0; 256]), b"one"), None);
    }

    #[test]
    fn what_is_no_loaded_file_has_no_symbols() {
        let (memory, image) = c_library();
        for at in [0, image + 1, image + 0x1000, u64::MAX - 8] {
            assert_eq!(Loaded::of(&Running { memory: &memory, image: at }), None, "{at:#x}");
        }
    }
}
