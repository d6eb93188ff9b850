//! Names of the stubs through which code calls functions of other files (the procedure linkage table).

use elf::word::u32_at;
use elf::{Image, Section, X86_64, relocations};

/// The most relocations that are searched, in bytes.
const MAX_RELOCATIONS: u64 = 64 << 20;

/// The name of a stub's function, by the word that the stub jumps through and the relocation of that word.
pub(crate) fn name(image: &Image<'_>, section: &Section, address: u64) -> Option<Vec<u8>> {
    if image.machine() != X86_64 || !image.wide() {
        return None;
    }
    // The stubs of `.plt.got` have half the size if they do not start with `endbr64`.
    let short = section.name == ".plt.got"
        && image.part(section, 0, 4).is_none_or(|first| first != [0xf3, 0x0f, 0x1e, 0xfa]);
    let entry = if short { 8 } else { 16 };
    let start = address - (address - section.address) % entry;
    let bytes = image.part(section, start - section.address, entry)?;
    let slot = jump_slot(&bytes, start)?;
    [".rela.plt", ".rela.dyn"].iter().find_map(|name| {
        let section = image.section(name)?;
        let data = image.data(section, MAX_RELOCATIONS)?;
        let of_slot = relocations(&data).find(|relocation| relocation.address == slot)?;
        let table = image.sections.get(section.link as usize)?;
        let index = Some(of_slot.symbol).filter(|&index| index != 0)?;
        image.symbol_name(table, &image.symbol(table, index)?)
    })
}

/// The address of the word that a stub jumps through by `jmp *offset(%rip)`, after an optional `endbr64` and an
/// optional prefix. `stub` has the bytes, `address` is the stub's.
fn jump_slot(stub: &[u8], address: u64) -> Option<u64> {
    let jump = stub.windows(2).position(|bytes| bytes == [0xff, 0x25])?;
    let offset = u32_at(stub, jump + 2)? as i32;
    address.checked_add(jump as u64 + 6)?.checked_add_signed(offset.into())
}
