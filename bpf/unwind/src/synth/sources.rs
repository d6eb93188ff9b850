//! Addresses of possible functions from the bytes of a file's sections. What is cut off is left out.

use super::{Memory, Uncovered};

/// The bytes of one read.
const WINDOW: usize = 1 << 14;
const SYMBOL_SIZE: usize = 24;
const RELOCATION_SIZE: usize = 24;
/// Relocation types of x86-64 whose addend is an address in the file.
const RELATIVE: u32 = 8;
const INDIRECT_RELATIVE: u32 = 37;
/// Symbol types and bindings.
const NO_TYPE: u8 = 0;
const FUNCTION: u8 = 2;
const INDIRECT_FUNCTION: u8 = 10;
const LOCAL: u8 = 0;

/// Addresses of the functions in a symbol table, `.dynsym` or `.symtab`; assembly often gives its names no type.
pub fn function_symbols(table: &[u8]) -> Vec<u64> {
    let symbols = table.chunks_exact(SYMBOL_SIZE).filter_map(|symbol| {
        let (kind, binding) = (symbol[4] & 15, symbol[4] >> 4);
        let section = u16::from_le_bytes([symbol[6], symbol[7]]);
        let function =
            matches!(kind, FUNCTION | INDIRECT_FUNCTION) || kind == NO_TYPE && binding != LOCAL;
        (function && section != 0).then(|| word(symbol, 8)).flatten()
    });
    symbols.collect()
}

/// The targets of the relative relocations of `.rela.dyn`.
pub fn relative_pointers(relocations: &[u8]) -> Vec<u64> {
    let entries = relocations.chunks_exact(RELOCATION_SIZE).filter_map(|entry| {
        let kind = word(entry, 8)? as u32;
        matches!(kind, RELATIVE | INDIRECT_RELATIVE).then(|| word(entry, 16)).flatten()
    });
    entries.collect()
}

/// The targets of the relative relocations of `.relr.dyn`, which contain only the addresses of the pointers.
pub fn packed_pointers(relocations: &[u8], memory: &dyn Memory) -> Vec<u64> {
    let mut window = (0, Vec::new());
    let mut pointer_at = |address: u64| pointer_at(&mut window, address, memory);
    let mut pointers = Vec::new();
    let mut next = 0_u64;
    for entry in relocations.chunks_exact(8).filter_map(|bytes| word(bytes, 0)) {
        if entry & 1 == 0 {
            pointers.extend(pointer_at(entry));
            next = entry.wrapping_add(8);
            continue;
        }
        // A bit for each of the next 63 words.
        let marked = (0..63).filter(|bit| entry >> (bit + 1) & 1 == 1);
        pointers.extend(marked.filter_map(|bit| pointer_at(next.wrapping_add(8 * bit))));
        next = next.wrapping_add(8 * 63);
    }
    pointers
}

/// Words of data that are addresses of uncovered code. Files linked for fixed addresses have no relocations for them.
pub fn fixed_pointers(data: &[u8], uncovered: &Uncovered) -> Vec<u64> {
    let words = data.chunks_exact(8).filter_map(|bytes| word(bytes, 0));
    words.filter(|&address| uncovered.gap(address).is_some()).collect()
}

/// The word at an address, out of a window that is moved when it does not hold it: they come in order.
fn pointer_at(window: &mut (u64, Vec<u8>), address: u64, memory: &dyn Memory) -> Option<u64> {
    let in_window = |(start, bytes): &(u64, Vec<u8>)| {
        word(bytes, usize::try_from(address.checked_sub(*start)?).ok()?)
    };
    in_window(window).or_else(|| {
        *window = (address, memory.read(address, WINDOW));
        in_window(window)
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(8)?)?;
    bytes.try_into().ok().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::Segment;
    use crate::table::Code;

    fn symbol(info: u8, section: u16, value: u64) -> Vec<u8> {
        let mut bytes = vec![0, 0, 0, 0, info, 0];
        bytes.extend(section.to_le_bytes());
        bytes.extend(value.to_le_bytes());
        bytes.extend(0_u64.to_le_bytes());
        bytes
    }

    #[test]
    fn functions_are_told_from_other_symbols() {
        let table = [
            symbol(0x12, 1, 0x1000),
            symbol(0x02, 1, 0x1100),
            symbol(0x1a, 1, 0x1200),
            symbol(0x10, 1, 0x1300),
            // A local label, an object, an import, and half a symbol.
            symbol(0x00, 1, 0x2000),
            symbol(0x11, 1, 0x2100),
            symbol(0x12, 0, 0x2200),
            symbol(0x12, 1, 0x2300)[..20].to_vec(),
        ]
        .concat();
        assert_eq!(function_symbols(&table), [0x1000, 0x1100, 0x1200, 0x1300]);
    }

    #[test]
    fn relocations_point() {
        let relocation =
            |kind: u64, addend: u64| [0x5000, kind, addend].map(u64::to_le_bytes).concat();
        let table = [relocation(8, 0x1000), relocation(6, 0x2000), relocation(37, 0x3000)].concat();
        assert_eq!(relative_pointers(&table), [0x1000, 0x3000]);
        assert_eq!(relative_pointers(&table[..40]), [0x1000]);
    }

    #[test]
    fn words_of_data_point() {
        let bytes = [0x90, 0xc3].repeat(0x20);
        let code = Code::new(Some(0x1000..0x1040)).unwrap();
        let memory = vec![Segment { address: 0x1000, bytes: &bytes }];
        let uncovered = Uncovered::read(&code, &memory, std::slice::from_ref(&(0x1000..0x1010)));
        let data = [0x1000, 0x1010, 0x103f, 0x1040, 7].map(u64::to_le_bytes).concat();
        assert_eq!(fixed_pointers(&data[..39], &uncovered), [0x1010, 0x103f]);
    }

    #[test]
    fn packed_relocations_point() {
        let words: Vec<u8> = (0..70_u64).flat_map(|n| (0x1000 + n).to_le_bytes()).collect();
        let segments = vec![Segment { address: 0x4000, bytes: &words }];
        let table = [0x4000, 0b1011, 0b11, 0x4000 + 8 * 70].map(u64::to_le_bytes).concat();
        // The first word; of the 63 behind it the first and the third; of the next 63 the first.
        assert_eq!(packed_pointers(&table, &segments), [0x1000, 0x1001, 0x1003, 0x1040]);
    }
}
