//! The layout of HotSpot's structures. `libjvm.so` has tables of its own fields for debuggers, by type and name. All
//! versions have the same tables; the fields in them, and their places, differ.

use super::words::Words;
use std::collections::HashMap;

/// The most entries of a table that are read.
const MOST_ENTRIES: u64 = 1 << 13;
/// The largest stride of a table.
const MOST_STRIDE: u64 = 1 << 8;

/// A field: its offset in the object, or its address if it is static.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The offset or the address.
    pub at: u64,
    size: usize,
    signed: bool,
}

impl Field {
    /// The field's offset or address, and its bytes.
    pub fn place(self) -> (u64, usize) {
        (self.at, self.size)
    }

    /// The field's value in the object at an address.
    pub fn read(self, words: &dyn Words, object: u64) -> Option<i64> {
        Some(self.value_of(words.number(object.checked_add(self.at)?, self.size)?))
    }

    /// The field's value in the bytes of an object.
    pub fn of(self, object: &[u8]) -> Option<i64> {
        let mut word = [0; 8];
        let at = usize::try_from(self.at).ok()?;
        let bytes = object.get(at..at.checked_add(self.size)?)?;
        word.get_mut(..self.size)?.copy_from_slice(bytes);
        Some(self.value_of(u64::from_le_bytes(word)))
    }

    fn value_of(self, word: u64) -> i64 {
        let unused = 64 - 8 * self.size as u32;
        let shifted = (word << unused) as i64;
        if self.signed { shifted >> unused } else { ((shifted as u64) >> unused) as i64 }
    }

    /// The field's value as an address.
    pub fn address(self, words: &dyn Words, object: u64) -> Option<u64> {
        Some(self.read(words, object)? as u64)
    }

    /// The field's value as a number of bytes or of elements.
    pub fn count(self, words: &dyn Words, object: u64) -> Option<u64> {
        u64::try_from(self.read(words, object)?).ok()
    }

    /// The value of a static field.
    pub fn value(self, words: &dyn Words) -> Option<u64> {
        self.address(words, 0)
    }
}

/// The fields of a version, the sizes of its types, and its constants. Only those types that this program needs.
#[derive(Debug, Default)]
pub struct Layout {
    fields: HashMap<(&'static str, String), Field>,
    sizes: HashMap<&'static str, u64>,
    constants: HashMap<&'static str, i64>,
}

/// The types whose fields are kept.
const TYPES: [&str; 25] = [
    "AbstractInterpreter",
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
    "InterpreterCodelet",
    "JDK_Version",
    "Klass",
    "Method",
    "PcDesc",
    "StubQueue",
    "StubRoutines",
    "Symbol",
    "VirtualSpace",
    "nmethod",
];
/// The constants that are kept.
const CONSTANTS: [&str; 2] =
    ["ConstMethod::_has_linenumber_table", "ConstMethodFlags::_misc_has_linenumber_table"];

impl Layout {
    /// Reads the tables of a library that exports these symbols; `None`: it has none. Who asks for no constants need not know their symbols.
    pub fn read(words: &dyn Words, symbol: &dyn Fn(&str) -> Option<u64>) -> Option<Self> {
        let tables = Tables { words, symbol };
        let mut layout = Self::default();
        layout.read_fields(&tables)?;
        layout.read_types(&tables)?;
        let _ = layout.read_constants(&tables);
        Some(layout)
    }

    fn read_fields(&mut self, tables: &Tables<'_>) -> Option<()> {
        let table = tables.table("gHotSpotVMStruct")?;
        let [kind, name, text, one, offset, address] =
            ["TypeName", "FieldName", "TypeString", "IsStatic", "Offset", "Address"]
                .map(|field| tables.place("gHotSpotVMStruct", field));
        let (kind, name, text) = (kind?, name?, text?);
        let (one, offset, address) = (one?, offset?, address?);
        let mut wanted = Wanted::new(tables.words, &TYPES);
        for entry in table {
            let pointer = |at: u64| tables.words.word(entry.checked_add(at)?);
            let Some(of) = pointer(kind).filter(|of| *of != 0) else { break };
            let Some(of) = wanted.get(of) else { continue };
            let Some(name) = tables.words.text(pointer(name)?) else { continue };
            let is_static = tables.words.number(entry.checked_add(one)?, 4)? != 0;
            let (size, signed) = width(&tables.words.text(pointer(text)?).unwrap_or_default());
            let at = pointer(if is_static { address } else { offset })?;
            self.fields.insert((of, name), Field { at, size, signed });
        }
        Some(())
    }

    fn read_types(&mut self, tables: &Tables<'_>) -> Option<()> {
        let table = tables.table("gHotSpotVMType")?;
        let [name, size] = ["TypeName", "Size"].map(|field| tables.place("gHotSpotVMType", field));
        let (name, size) = (name?, size?);
        let mut wanted = Wanted::new(tables.words, &TYPES);
        for entry in table {
            let of = tables.words.word(entry.checked_add(name)?).filter(|of| *of != 0);
            let Some(of) = of else { break };
            let Some(of) = wanted.get(of) else { continue };
            self.sizes.insert(of, tables.words.word(entry.checked_add(size)?)?);
        }
        Some(())
    }

    fn read_constants(&mut self, tables: &Tables<'_>) -> Option<()> {
        let table = tables.table("gHotSpotVMIntConstant")?;
        let [name, value] =
            ["Name", "Value"].map(|field| tables.place("gHotSpotVMIntConstant", field));
        let (name, value) = (name?, value?);
        let mut wanted = Wanted::new(tables.words, &CONSTANTS);
        for entry in table {
            let of = tables.words.word(entry.checked_add(name)?).filter(|of| *of != 0);
            let Some(of) = of else { break };
            let Some(of) = wanted.get(of) else { continue };
            let value = tables.words.number(entry.checked_add(value)?, 4)?;
            self.constants.insert(of, i64::from(value as u32 as i32));
        }
        Some(())
    }

    /// A field by its type and name, written `Type::_name`.
    pub fn field(&self, path: &'static str) -> Option<Field> {
        let (of, name) = path.rsplit_once("::")?;
        self.fields.get(&(of, name.to_owned())).copied()
    }

    /// The size of a type.
    pub fn size(&self, of: &'static str) -> Option<u64> {
        self.sizes.get(of).copied()
    }

    /// A constant.
    pub fn constant(&self, name: &'static str) -> Option<i64> {
        self.constants.get(name).copied()
    }
}

/// The library's tables.
struct Tables<'a> {
    words: &'a dyn Words,
    symbol: &'a dyn Fn(&str) -> Option<u64>,
}

impl Tables<'_> {
    /// The word at a symbol.
    fn word(&self, name: &str) -> Option<u64> {
        self.words.word((self.symbol)(name)?)
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
    words: &'a dyn Words,
    names: &'static [&'static str],
    known: HashMap<u64, Option<&'static str>>,
}

impl<'a> Wanted<'a> {
    fn new(words: &'a dyn Words, names: &'static [&'static str]) -> Self {
        Self { words, names, known: HashMap::new() }
    }

    fn get(&mut self, at: u64) -> Option<&'static str> {
        let look = || {
            let name = self.words.text(at)?;
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
