//! The symbols of HotSpot's library that lead to its description of itself.

use elf::Image;
use std::collections::HashMap;

/// The most bytes of the symbols' section, and of their names.
const MOST_SYMBOLS: u64 = 16 << 20;
/// The length of the longest name that is compared, in bytes, including its end.
const MOST_NAME: usize = 64;
/// The names of the tables: each is a prefix and one of the endings.
pub(super) const PREFIXES: [&[u8]; 2] = [b"gHotSpotVMStruct", b"gHotSpotVMType"];
pub(super) const NAMES: [&[u8]; 9] = [
    b"s",
    b"EntryAddressOffset",
    b"EntryArrayStride",
    b"EntryFieldNameOffset",
    b"EntryIsStaticOffset",
    b"EntryOffsetOffset",
    b"EntrySizeOffset",
    b"EntryTypeNameOffset",
    b"EntryTypeStringOffset",
];

/// The addresses of the library's tables, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Symbols(pub(super) HashMap<String, u64>);

impl Symbols {
    /// Reads the symbols of a library that is loaded with this bias; `None` if it has none.
    pub(super) fn of(image: &Image<'_>, bias: u64) -> Option<Self> {
        let symbols = image.section(".dynsym")?;
        let names = image.data(image.section(".dynstr")?, MOST_SYMBOLS)?;
        let found = image.symbols(symbols, MOST_SYMBOLS).filter_map(|symbol| {
            let name = used(names.get(symbol.name as usize..)?)?;
            Some((String::from_utf8(name.to_vec()).ok()?, symbol.address.wrapping_add(bias)))
        });
        let found: HashMap<_, _> = found.collect();
        (!found.is_empty()).then_some(Self(found))
    }
}

/// The name at the start of these bytes, if it is the name of a table.
fn used(names: &[u8]) -> Option<&[u8]> {
    let start = &names[..names.len().min(MOST_NAME)];
    let name = &start[..start.iter().position(|byte| *byte == 0)?];
    let rest = PREFIXES.iter().find_map(|prefix| name.strip_prefix(*prefix))?;
    NAMES.contains(&rest).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tables_names_are_kept() {
        assert_eq!(used(b"gHotSpotVMStructs\0other\0"), Some(&b"gHotSpotVMStructs"[..]));
        let stride = b"gHotSpotVMTypeEntryArrayStride\0";
        assert_eq!(used(stride), Some(&stride[..stride.len() - 1]));
        for other in [&b"gHotSpotVMStructs"[..], b"gHotSpotVMLongConstants\0", b"\0", b""] {
            assert_eq!(used(other), None);
        }
        let endless = [b"gHotSpotVMStruct".to_vec(), vec![b's'; 1 << 10]].concat();
        assert_eq!(used(&endless), None);
    }
}
