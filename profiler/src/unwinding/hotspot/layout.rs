//! The layout of HotSpot's structures. `libjvm.so` has tables of its own fields for debuggers, by type and name. All
//! versions have the same tables; the fields in them, and their places, differ.

use super::memory::Reader;
use elf::Image;
use std::collections::HashMap;

/// The most entries of a table that are read.
const MOST_ENTRIES: u64 = 1 << 13;
/// The largest stride of a table.
const MOST_STRIDE: u64 = 1 << 10;
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

    /// The word at a symbol.
    fn word(&self, reader: &Reader<'_>, name: &str) -> Option<u64> {
        reader.word(*self.0.get(name)?)
    }
}

/// The name at the start of these bytes, if it is the name of a table.
fn used(names: &[u8]) -> Option<&[u8]> {
    let start = &names[..names.len().min(MOST_NAME)];
    let name = &start[..start.iter().position(|byte| *byte == 0)?];
    let rest = PREFIXES.iter().find_map(|prefix| name.strip_prefix(*prefix))?;
    NAMES.contains(&rest).then_some(name)
}

/// A field: its offset in the object, or its address if it is static.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) at: u64,
    pub(super) size: usize,
    signed: bool,
}

impl Field {
    /// The field's value in the bytes of an object.
    pub(super) fn of(self, bytes: &[u8]) -> Option<i64> {
        let start = usize::try_from(self.at).ok()?;
        let bytes = bytes.get(start..start.checked_add(self.size)?)?;
        let mut word = [0; 8];
        word[..self.size].copy_from_slice(bytes);
        Some(self.extended(u64::from_le_bytes(word)))
    }

    /// The field's value in the object at an address.
    pub(super) fn read(self, reader: &Reader<'_>, object: u64) -> Option<i64> {
        Some(self.extended(reader.number(object.checked_add(self.at)?, self.size)?))
    }

    /// The field's value as an address or a number of bytes.
    pub(super) fn address(self, reader: &Reader<'_>, object: u64) -> Option<u64> {
        Some(self.read(reader, object)? as u64)
    }

    fn extended(self, word: u64) -> i64 {
        let unused = 64 - 8 * self.size as u32;
        let shifted = (word << unused) as i64;
        if self.signed { shifted >> unused } else { ((shifted as u64) >> unused) as i64 }
    }
}

/// The fields of a version, and the sizes of its types.
#[derive(Debug, Default)]
pub(super) struct Layout {
    fields: HashMap<(String, String), Field>,
    sizes: HashMap<String, u64>,
}

impl Layout {
    /// Reads the tables.
    pub(super) fn read(reader: &Reader<'_>, symbols: &Symbols) -> Option<Self> {
        let mut layout = Self::default();
        layout.read_fields(reader, symbols)?;
        layout.read_types(reader, symbols)?;
        Some(layout)
    }

    fn read_fields(&mut self, reader: &Reader<'_>, symbols: &Symbols) -> Option<()> {
        let word = |name: &str| symbols.word(reader, &format!("gHotSpotVMStruct{name}"));
        let [kind, name, text, one, offset, address] =
            ["TypeName", "FieldName", "TypeString", "IsStatic", "Offset", "Address"]
                .map(|field| word(&format!("Entry{field}Offset")));
        let (kind, name, text) = (kind?, name?, text?);
        let (one, offset, address) = (one?, offset?, address?);
        for entry in entries(word("s")?, word("EntryArrayStride")?)? {
            let pointer = |at: u64| reader.word(entry.checked_add(at)?);
            let Some(of) = pointer(kind).filter(|of| *of != 0) else { break };
            let key = (reader.text(of)?, reader.text(pointer(name)?)?);
            if !WANTED.contains(&key.0.as_str()) {
                continue;
            }
            let is_static = reader.number(entry.checked_add(one)?, 4)? != 0;
            let (size, signed) = width(&pointer(text).and_then(|at| reader.text(at))?);
            let at = pointer(if is_static { address } else { offset })?;
            self.fields.insert(key, Field { at, size, signed });
        }
        Some(())
    }

    fn read_types(&mut self, reader: &Reader<'_>, symbols: &Symbols) -> Option<()> {
        let word = |name: &str| symbols.word(reader, &format!("gHotSpotVMType{name}"));
        let (name, size) = (word("EntryTypeNameOffset")?, word("EntrySizeOffset")?);
        for entry in entries(word("s")?, word("EntryArrayStride")?)? {
            let of = reader.word(entry.checked_add(name)?).filter(|of| *of != 0);
            let Some(of) = of else { break };
            let of = reader.text(of)?;
            if WANTED.contains(&of.as_str()) {
                self.sizes.insert(of, reader.word(entry.checked_add(size)?)?);
            }
        }
        Some(())
    }

    /// A field by its type and name, written `Type::_name`.
    pub(super) fn field(&self, path: &str) -> Option<Field> {
        let (of, name) = path.rsplit_once("::")?;
        self.fields.get(&(of.to_owned(), name.to_owned())).copied()
    }

    /// The size of a type.
    pub(super) fn size(&self, of: &str) -> Option<u64> {
        self.sizes.get(of).copied()
    }
}

/// The types whose fields are kept.
const WANTED: [&str; 15] = [
    "AbstractInterpreter",
    "CodeBlob",
    "CodeCache",
    "CodeHeap",
    "GenericGrowableArray",
    "GrowableArray<int>",
    "GrowableArrayBase",
    "HeapBlock",
    "HeapBlock::Header",
    "InterpreterCodelet",
    "Method",
    "StubQueue",
    "VirtualSpace",
    "nmethod",
    "StubRoutines",
];

/// The addresses of a table's entries.
fn entries(first: u64, stride: u64) -> Option<impl Iterator<Item = u64>> {
    let fits = (8..=MOST_STRIDE).contains(&stride);
    fits.then(|| (0..MOST_ENTRIES).map(move |index| first.wrapping_add(index * stride)))
}

/// The width of a field of this type in bytes, and whether the type is signed.
fn width(text: &str) -> (usize, bool) {
    match text {
        "int" | "int32_t" | "jint" => (4, true),
        "uint32_t" | "u4" => (4, false),
        "int16_t" | "s2" => (2, true),
        "u2" | "uint16_t" => (2, false),
        "volatile signed char" | "signed char" => (1, true),
        "bool" | "u1" | "uint8_t" | "unsigned char" | "volatile unsigned char" => (1, false),
        _ => (8, false),
    }
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
