//! Names of the stubs through which code calls other files (the procedure linkage table).

use super::elf::{Image, Section, u32_at, u64_at};
use super::symtab;

/// Bound of the relocations that are searched, in bytes.
const MAX_RELOCATIONS: u64 = 64 << 20;

/// The name behind a stub, by the word that it jumps through and that word's relocation.
pub(super) fn name(image: &Image<'_>, section: &Section, address: u64) -> Option<Vec<u8>> {
    if image.machine != 62 || !image.wide {
        return None;
    }
    // Stubs of `.plt.got` have half the size where they do not start with `endbr64`.
    let short = section.name == ".plt.got"
        && image.part(section, 0, 4).is_none_or(|first| first != [0xf3, 0x0f, 0x1e, 0xfa]);
    let entry = if short { 8 } else { 16 };
    let start = address - (address - section.address) % entry;
    let bytes = image.part(section, start - section.address, entry)?;
    let slot = jump_slot(&bytes, start)?;
    [".rela.plt", ".rela.dyn"].iter().find_map(|name| {
        let relocations = image.section(name)?;
        let symbol = relocated_symbol(&image.data(relocations, MAX_RELOCATIONS)?, slot)?;
        symtab::name_of(image, image.sections.get(relocations.link as usize)?, symbol)
    })
}

/// The address of the word that a stub jumps through by `jmp *offset(%rip)`, after an optional `endbr64` and
/// prefix; from the stub's bytes and address.
fn jump_slot(stub: &[u8], address: u64) -> Option<u64> {
    let jump = stub.windows(2).position(|bytes| bytes == [0xff, 0x25])?;
    let offset = u32_at(stub, jump + 2)? as i32;
    address.checked_add(jump as u64 + 6)?.checked_add_signed(offset.into())
}

/// The symbol index of the relocation of a word, from the bytes of a 64-bit `.rela` section.
fn relocated_symbol(relocations: &[u8], slot: u64) -> Option<u32> {
    let entry = relocations.chunks_exact(24).find(|raw| u64_at(raw, 0) == Some(slot))?;
    u32_at(entry, 12).filter(|&symbol| symbol != 0)
}
