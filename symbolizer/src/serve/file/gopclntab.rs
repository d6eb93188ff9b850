//! Go's own table of functions, files and lines (`.gopclntab`), which stripped Go programs keep.
//!
//! It reads the formats of Go 1.2, 1.16, 1.18 and 1.20 (which 1.26 still writes), little-endian. Every offset is
//! checked. A malformed table gives no name, never a panic.

use std::cell::Cell;

use crate::name::text;
use elf::word::{c_string, u32_at, u64_at};

/// The most steps through program-counter tables, of all look-ups together. After them, nothing more is looked up.
const MAX_STEPS: u32 = 1 << 28;
/// The most inlined calls at one address; further ones are left out.
const MAX_DEPTH: usize = 128;

/// The index of the inlining table among a function's program-counter tables, and among its data.
const INLINE_INDEX: usize = 2;
const INLINE_TREE: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Go12,
    Go116,
    Go118,
    Go120,
}

/// A function at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoFrame {
    /// Its name, as in `main.(*T).Method`.
    pub name: String,
    /// The source file; empty if unknown.
    pub file: String,
    /// The line from 1; 0 if unknown.
    pub line: u32,
}

/// A parsed header over the table's bytes.
#[derive(Clone, Debug)]
pub struct GoTable<'a> {
    data: &'a [u8],
    version: Version,
    quantum: u64,
    pointer: usize,
    functions: usize,
    text: u64,
    names: &'a [u8],
    units: &'a [u8],
    files: &'a [u8],
    counters: &'a [u8],
    table: &'a [u8],
    steps: Cell<u32>,
}

/// Returns bytes of the `go:func.*` area from an offset. The inlining tables are there.
pub type FunctionData<'a> = &'a dyn Fn(u64, u64) -> Option<Vec<u8>>;

#[derive(Clone, Copy, Debug)]
struct Function<'a> {
    entry: u64,
    raw: &'a [u8],
}

impl<'a> GoTable<'a> {
    /// Reads the header. `text` is the address of `runtime.text`, which tables since Go 1.18 count from.
    pub fn parse(data: &'a [u8], text: u64) -> Option<Self> {
        let version = match u32_at(data, 0)? {
            0xffff_fffb => Version::Go12,
            0xffff_fffa => Version::Go116,
            0xffff_fff0 => Version::Go118,
            0xffff_fff1 => Version::Go120,
            _ => return None,
        };
        let (quantum, pointer) = (*data.get(6)?, usize::from(*data.get(7)?));
        if data.get(4..6)? != [0, 0] || !matches!(quantum, 1 | 2 | 4) || !matches!(pointer, 4 | 8) {
            return None;
        }
        let word = |index: usize| word_at(data, 8 + index * pointer, pointer);
        let part = |index: usize| data.get(usize::try_from(word(index)?).ok()?..);
        let mut table = Self {
            data,
            version,
            quantum: quantum.into(),
            pointer,
            functions: usize::try_from(word(0)?).ok()?,
            text,
            names: data,
            units: &[],
            files: data,
            counters: data,
            table: data.get(8 + pointer..)?,
            steps: Cell::new(0),
        };
        let first = match version {
            Version::Go12 => None,
            Version::Go116 => Some(2),
            Version::Go118 | Version::Go120 => Some(3),
        };
        if let Some(first) = first {
            (table.names, table.units) = (part(first)?, part(first + 1)?);
            (table.files, table.counters) = (part(first + 2)?, part(first + 3)?);
            table.table = part(first + 4)?;
        }
        // The table of functions has pairs and one closing entry. It must be inside the bytes.
        let len = table.functions.checked_mul(2)?.checked_add(1)?.checked_mul(table.field())?;
        (table.functions > 0 && len <= table.table.len()).then_some(table)
    }

    /// The index of a word in the runtime's description of the module: the one with the address of the inlining tables.
    /// `None` for tables whose inlined calls are not read.
    pub fn function_data_word(&self) -> Option<usize> {
        match self.version {
            Version::Go12 | Version::Go116 => None,
            Version::Go118 => Some(38),
            Version::Go120 => Some(40),
        }
    }

    /// The functions at an address, innermost first; empty if the table has none.
    pub fn frames(&self, address: u64, inlined: Option<FunctionData<'_>>) -> Vec<GoFrame> {
        let Some(function) = self.function(address) else { return Vec::new() };
        let mut frames = Vec::new();
        let mut at = address;
        if let Some(data) = inlined {
            while frames.len() < MAX_DEPTH {
                let Some((name, parent)) = self.inlined(function, at, data) else { break };
                let (file, line) = self.position(function, at);
                frames.push(GoFrame { name, file, line });
                at = parent;
            }
        }
        let (file, line) = self.position(function, at);
        let name = self.offset(function, 0).and_then(|offset| self.name(offset));
        match name {
            Some(name) => frames.push(GoFrame { name, file, line }),
            None => frames.clear(),
        }
        frames
    }

    fn field(&self) -> usize {
        if matches!(self.version, Version::Go118 | Version::Go120) { 4 } else { self.pointer }
    }

    fn entry(&self, index: usize) -> Option<u64> {
        let field = self.field();
        let value = word_at(self.table, index.checked_mul(2 * field)?, field)?;
        let base =
            if matches!(self.version, Version::Go118 | Version::Go120) { self.text } else { 0 };
        base.checked_add(value)
    }

    fn function(&self, address: u64) -> Option<Function<'a>> {
        let (mut low, mut high) = (0, self.functions);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.entry(middle)? <= address {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let index = low.checked_sub(1)?;
        if address >= self.entry(index + 1)? {
            return None;
        }
        let field = self.field();
        let offset = word_at(self.table, index * 2 * field + field, field)?;
        let base = if self.version == Version::Go12 { self.data } else { self.table };
        Some(Function {
            entry: self.entry(index)?,
            raw: base.get(usize::try_from(offset).ok()?..)?,
        })
    }

    /// The `index`th 32-bit field after the function's entry: 0 is the name, 4 the files, 5 the lines, 6 the number of
    /// further tables, 7 the unit.
    fn offset(&self, function: Function<'_>, index: usize) -> Option<u32> {
        let first = match self.version {
            Version::Go12 | Version::Go116 => self.pointer,
            Version::Go118 | Version::Go120 => 4,
        };
        u32_at(function.raw, first + index * 4)
    }

    fn name(&self, offset: u32) -> Option<String> {
        let name = c_string(self.names, usize::try_from(offset).ok()?);
        (!name.is_empty()).then(|| text(name))
    }

    /// The file and the line of an address in a function.
    fn position(&self, function: Function<'_>, address: u64) -> (String, u32) {
        let file = self
            .offset(function, 4)
            .and_then(|table| self.value(table, function.entry, address))
            .and_then(|number| self.file(function, number));
        let line =
            self.offset(function, 5).and_then(|table| self.value(table, function.entry, address));
        (file.unwrap_or_default(), line.and_then(|line| u32::try_from(line).ok()).unwrap_or(0))
    }

    fn file(&self, function: Function<'_>, number: i32) -> Option<String> {
        let number = u32::try_from(number).ok()?;
        let offset = if self.version == Version::Go12 {
            // The table of files follows the table of functions.
            let end = (self.functions * 2 + 1) * self.pointer;
            let files = usize::try_from(u32_at(self.table, end)?).ok()?;
            u32_at(self.data, files.checked_add(usize::try_from(number).ok()?.checked_mul(4)?)?)?
        } else {
            let unit = self.offset(function, 7)?;
            let at = usize::try_from(unit.checked_add(number)?).ok()?.checked_mul(4)?;
            u32_at(self.units, at).filter(|&offset| offset != u32::MAX)?
        };
        let name = c_string(self.files, usize::try_from(offset).ok()?);
        (!name.is_empty()).then(|| text(name))
    }

    /// The value of a program-counter table at an address.
    fn value(&self, table: u32, entry: u64, address: u64) -> Option<i32> {
        if table == 0 {
            return None;
        }
        let mut bytes = self.counters.get(usize::try_from(table).ok()?..)?;
        let (mut value, mut counter) = (-1i32, entry);
        let mut first = true;
        while self.steps.get() < MAX_STEPS {
            self.steps.set(self.steps.get() + 1);
            let delta = varint(&mut bytes)?;
            if delta == 0 && !first {
                return None;
            }
            first = false;
            let signed = if delta & 1 == 1 { !(delta >> 1) } else { delta >> 1 };
            value = value.wrapping_add(signed as i32);
            counter = counter.checked_add(u64::from(varint(&mut bytes)?) * self.quantum)?;
            if address < counter {
                return Some(value);
            }
        }
        None
    }

    /// The innermost function that was inlined at `address`, and an address at the place of its call.
    fn inlined(
        &self,
        function: Function<'_>,
        address: u64,
        data: FunctionData<'_>,
    ) -> Option<(String, u64)> {
        // The function's fixed fields end with a byte that counts its data. Two lists follow. An entry for a call has
        // the offset of the name, and the place of the call in the calling function.
        let (fixed, size, at_name) = match self.version {
            Version::Go12 | Version::Go116 => return None,
            Version::Go118 => (40, 20, 12),
            Version::Go120 => (44, 16, 4),
        };
        let tables = usize::try_from(self.offset(function, 6)?).ok()?;
        let further = usize::from(*function.raw.get(fixed - 1)?);
        if tables <= INLINE_INDEX || further <= INLINE_TREE {
            return None;
        }
        let table = u32_at(function.raw, fixed + INLINE_INDEX * 4)?;
        let index = u64::try_from(self.value(table, function.entry, address)?).ok()?;
        let at = tables.checked_add(INLINE_TREE)?.checked_mul(4)?.checked_add(fixed)?;
        let tree = u32_at(function.raw, at).filter(|&tree| tree != u32::MAX)?;
        let call = data(u64::from(tree) + index * size, size)?;
        let name = self.name(u32_at(&call, at_name)?)?;
        let parent = function.entry.checked_add(u32_at(&call, at_name + 4)?.into())?;
        Some((name, parent))
    }
}

fn word_at(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    if size == 8 { u64_at(bytes, at) } else { u32_at(bytes, at).map(u64::from) }
}

fn varint(bytes: &mut &[u8]) -> Option<u32> {
    let mut value = 0u32;
    for shift in (0..35).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u32::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
