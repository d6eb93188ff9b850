//! The layout of HotSpot's structures. `libjvm.so` has tables of its own fields for debuggers, by type and name. All
//! versions have the same tables; the fields in them, and their places, differ.

use super::super::loaded::Loaded;
use super::super::reader::Running;
use super::reads::Reads;
use std::collections::HashMap;

/// The most entries of a table that are read.
const MOST_ENTRIES: u64 = 1 << 13;
/// The largest stride of a table.
const MOST_STRIDE: u64 = 1 << 8;

/// A field: its offset in the object, or its address if it is static.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) at: u64,
    size: usize,
    signed: bool,
}

impl Field {
    /// The field's value in the object at an address.
    pub(super) fn read(self, reads: &Reads<'_>, object: u64) -> Option<i64> {
        let word = reads.number(object.checked_add(self.at)?, self.size)?;
        let unused = 64 - 8 * self.size as u32;
        let shifted = (word << unused) as i64;
        Some(if self.signed { shifted >> unused } else { ((shifted as u64) >> unused) as i64 })
    }

    /// The field's value as an address.
    pub(super) fn address(self, reads: &Reads<'_>, object: u64) -> Option<u64> {
        Some(self.read(reads, object)? as u64)
    }

    /// The field's value as a number of bytes or of elements.
    pub(super) fn count(self, reads: &Reads<'_>, object: u64) -> Option<u64> {
        u64::try_from(self.read(reads, object)?).ok()
    }

    /// The value of a static field.
    pub(super) fn value(self, reads: &Reads<'_>) -> Option<u64> {
        self.address(reads, 0)
    }
}

/// The fields of a version, the sizes of its types, and its constants. Only those types that this program needs.
#[derive(Debug, Default)]
pub(super) struct Layout {
    fields: HashMap<(&'static str, String), Field>,
    sizes: HashMap<&'static str, u64>,
    constants: HashMap<&'static str, i64>,
}

/// The types whose fields are kept.
const TYPES: [&str; 22] = [
    "Abstract_VM_Version",
    "Array<u1>",
    "CodeBlob",
    "CodeCache",
    "CodeHeap",
    "CompiledMethod",
    "ConstMethod",
    "ConstantPool",
    "GenericGrowableArray",
    "GrowableArray<int>",
    "GrowableArrayBase",
    "HeapBlock",
    "HeapBlock::Header",
    "InstanceKlass",
    "JDK_Version",
    "Klass",
    "Method",
    "PcDesc",
    "StubRoutines",
    "Symbol",
    "VirtualSpace",
    "nmethod",
];
/// The constants that are kept.
const CONSTANTS: [&str; 2] =
    ["ConstMethod::_has_linenumber_table", "ConstMethodFlags::_misc_has_linenumber_table"];

impl Layout {
    /// Reads the tables of the library; `None`: it has none.
    pub(super) fn read(process: &Running<'_>, reads: &Reads<'_>) -> Option<Self> {
        let library = Loaded::of(process)?;
        let tables = Tables { process, reads, library: &library };
        let mut layout = Self::default();
        layout.read_fields(&tables)?;
        layout.read_types(&tables)?;
        layout.read_constants(&tables)?;
        Some(layout)
    }

    fn read_fields(&mut self, tables: &Tables<'_>) -> Option<()> {
        let table = tables.table("gHotSpotVMStruct")?;
        let [kind, name, text, one, offset, address] =
            ["TypeName", "FieldName", "TypeString", "IsStatic", "Offset", "Address"]
                .map(|field| tables.place("gHotSpotVMStruct", field));
        let (kind, name, text) = (kind?, name?, text?);
        let (one, offset, address) = (one?, offset?, address?);
        let mut wanted = Wanted::new(tables.reads, &TYPES);
        for entry in table {
            let pointer = |at: u64| tables.reads.word(entry.checked_add(at)?);
            let Some(of) = pointer(kind).filter(|of| *of != 0) else { break };
            let Some(of) = wanted.get(of) else { continue };
            let Some(name) = tables.reads.text(pointer(name)?) else { continue };
            let is_static = tables.reads.number(entry.checked_add(one)?, 4)? != 0;
            let (size, signed) = width(&tables.reads.text(pointer(text)?).unwrap_or_default());
            let at = pointer(if is_static { address } else { offset })?;
            self.fields.insert((of, name), Field { at, size, signed });
        }
        Some(())
    }

    fn read_types(&mut self, tables: &Tables<'_>) -> Option<()> {
        let table = tables.table("gHotSpotVMType")?;
        let [name, size] = ["TypeName", "Size"].map(|field| tables.place("gHotSpotVMType", field));
        let (name, size) = (name?, size?);
        let mut wanted = Wanted::new(tables.reads, &TYPES);
        for entry in table {
            let of = tables.reads.word(entry.checked_add(name)?).filter(|of| *of != 0);
            let Some(of) = of else { break };
            let Some(of) = wanted.get(of) else { continue };
            self.sizes.insert(of, tables.reads.word(entry.checked_add(size)?)?);
        }
        Some(())
    }

    fn read_constants(&mut self, tables: &Tables<'_>) -> Option<()> {
        let table = tables.table("gHotSpotVMIntConstant")?;
        let [name, value] =
            ["Name", "Value"].map(|field| tables.place("gHotSpotVMIntConstant", field));
        let (name, value) = (name?, value?);
        let mut wanted = Wanted::new(tables.reads, &CONSTANTS);
        for entry in table {
            let of = tables.reads.word(entry.checked_add(name)?).filter(|of| *of != 0);
            let Some(of) = of else { break };
            let Some(of) = wanted.get(of) else { continue };
            let value = tables.reads.number(entry.checked_add(value)?, 4)?;
            self.constants.insert(of, i64::from(value as u32 as i32));
        }
        Some(())
    }

    /// A field by its type and name, written `Type::_name`.
    pub(super) fn field(&self, path: &'static str) -> Option<Field> {
        let (of, name) = path.rsplit_once("::")?;
        self.fields.get(&(of, name.to_owned())).copied()
    }

    /// The size of a type.
    pub(super) fn size(&self, of: &'static str) -> Option<u64> {
        self.sizes.get(of).copied()
    }

    /// A constant.
    pub(super) fn constant(&self, name: &'static str) -> Option<i64> {
        self.constants.get(name).copied()
    }
}

/// The library's tables.
struct Tables<'a> {
    process: &'a Running<'a>,
    reads: &'a Reads<'a>,
    library: &'a Loaded,
}

impl Tables<'_> {
    /// The word at a symbol.
    fn word(&self, name: &str) -> Option<u64> {
        let symbol = self.library.symbol(self.process, name.as_bytes())?;
        self.reads.word(symbol.address)
    }

    /// The offset of a field of an entry.
    fn place(&self, table: &str, field: &str) -> Option<u64> {
        self.word(&format!("{table}Entry{field}Offset")).filter(|at| *at < MOST_STRIDE)
    }

    /// The addresses of a table's entries.
    fn table(&self, table: &str) -> Option<impl Iterator<Item = u64> + use<>> {
        let first = self.word(&format!("{table}s"))?;
        let stride = self.word(&format!("{table}EntryArrayStride"))?;
        let fits = (8..=MOST_STRIDE).contains(&stride);
        fits.then(|| (0..MOST_ENTRIES).map(move |index| first.wrapping_add(index * stride)))
    }
}

/// Names that are looked for, by the addresses at which the tables have them. Many entries share a name's address.
struct Wanted<'a> {
    reads: &'a Reads<'a>,
    names: &'static [&'static str],
    known: HashMap<u64, Option<&'static str>>,
}

impl<'a> Wanted<'a> {
    fn new(reads: &'a Reads<'a>, names: &'static [&'static str]) -> Self {
        Self { reads, names, known: HashMap::new() }
    }

    fn get(&mut self, at: u64) -> Option<&'static str> {
        let look = || {
            let name = self.reads.text(at)?;
            self.names.iter().find(|wanted| **wanted == name).copied()
        };
        *self.known.entry(at).or_insert_with(look)
    }
}

/// The width of a field of this type in bytes, and whether the type is signed.
fn width(text: &str) -> (usize, bool) {
    match text {
        "int" | "int32_t" | "jint" => (4, true),
        "uint32_t" | "u4" | "juint" | "unsigned int" => (4, false),
        "int16_t" | "s2" | "short" => (2, true),
        "u2" | "uint16_t" | "unsigned short" => (2, false),
        "volatile signed char" | "signed char" => (1, true),
        "bool" | "u1" | "uint8_t" | "unsigned char" | "volatile unsigned char" => (1, false),
        _ => (8, false),
    }
}
