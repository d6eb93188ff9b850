//! The table of safepoints behind Maglev's code: which call returns where, and by which exit V8 goes back to the bytecode there.

use super::code::Code;
use super::heap::Heap;
use elf::word::u32_at;

/// The bytes before the first entry, and the most entries.
const HEAD: u64 = 16;
const MOST: u64 = 1 << 16;

/// The return addresses of a code, as offsets, and their exits. Calls that V8 does not leave by an exit are left out. `at`: where the
/// head has the number of entries and, four bytes further, the sizes of their fields.
pub(super) fn of(heap: &Heap<'_>, code: &Code, at: usize) -> Option<Vec<(u64, u64)>> {
    let begin = code.start.checked_add(code.size)?;
    let head = heap.read(begin, HEAD)?;
    let number = u64::from(u32_at(&head, at)?);
    let sizes = Sizes::of(u32_at(&head, at + 4)?);
    if number == 0 || !sizes.has_exits {
        return Some(Vec::new());
    }
    let size = sizes.entry();
    let table = heap.read(begin.checked_add(HEAD)?, number.min(MOST) * size as u64)?;
    Some(table.chunks_exact(size).filter_map(|entry| sizes.point(entry)).collect())
}

/// The sizes of an entry's fields, in bytes.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    has_exits: bool,
    registers: usize,
    address: usize,
    exit: usize,
}

impl Sizes {
    fn of(bits: u32) -> Self {
        let field = |shift: u32| (bits >> shift & 7) as usize;
        Self { has_exits: bits & 1 == 1, registers: field(1), address: field(4), exit: field(7) }
    }

    /// The return address, the number of the exit, its address, a byte, and registers.
    fn entry(self) -> usize {
        2 * self.address + self.exit + 1 + self.registers
    }

    /// The return address and the exit of an entry. The exit's number is one higher, so that it can be none.
    fn point(self, entry: &[u8]) -> Option<(u64, u64)> {
        let number =
            |bytes: &[u8]| bytes.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte));
        let (address, rest) = entry.split_at_checked(self.address)?;
        Some((number(address), number(rest.get(..self.exit)?).checked_sub(1)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_return_address_and_an_exit() {
        // Two bytes of address, one of the exit, none of registers.
        let sizes = Sizes::of(1 | 2 << 4 | 1 << 7);
        assert_eq!(sizes.entry(), 6);
        assert_eq!(sizes.point(&[0x68, 0x01, 9, 0x05, 0x02, 3]), Some((0x168, 8)));
        assert_eq!(sizes.point(&[0x68, 0x01, 0, 0, 0, 3]), None);
        assert_eq!(sizes.point(&[0x68]), None);
    }
}
