//! The functions in a table.

use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Go12,
    Go116,
    Go118,
    Go120,
}

/// Bits of a function's flags, since Go 1.17.
const TOP_OF_STACK: u8 = 1;
const WRITES_STACK_POINTER: u8 = 2;
const ASSEMBLY: u8 = 4;

/// A function.
#[derive(Clone, Debug)]
pub(super) struct Function<'a> {
    /// Its code.
    pub(super) range: Range<u64>,
    /// Its heights: pairs of differences, of value and of program counter. Empty if it has none.
    pub(super) heights: &'a [u8],
    /// Its name, with what follows that in the bytes.
    name: &'a [u8],
    flags: u8,
}

impl Function<'_> {
    /// Whether this is its name.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&0))
    }

    /// Whether the stack begins with it.
    pub(super) fn begins_stack(&self) -> bool {
        const BEGIN: [&str; 5] = [
            "runtime.goexit",
            "runtime.mstart",
            "runtime.rt0_go",
            "_rt0_amd64",
            "_rt0_amd64_linux",
        ];
        // The caller of a signal handler is the kernel, and what it interrupted.
        let handler = self.is("runtime.sigtramp") || self.is("runtime.cgoSigtramp");
        (self.flags & TOP_OF_STACK != 0 && !handler) || BEGIN.iter().any(|name| self.is(name))
    }

    /// Whether it sets the stack pointer otherwise than by pushing and popping.
    pub(super) fn switches_stack(&self) -> bool {
        const SWITCH: [&str; 5] = [
            "runtime.systemstack",
            "runtime.asmcgocall",
            "runtime.mcall",
            "runtime.morestack",
            "runtime.gogo",
        ];
        self.flags & WRITES_STACK_POINTER != 0 || SWITCH.iter().any(|name| self.is(name))
    }

    /// Whether it is known to be written in assembly.
    pub(super) fn is_assembly(&self) -> bool {
        self.flags & ASSEMBLY != 0
    }
}

/// A parsed header over the table's bytes.
#[derive(Clone, Debug)]
pub(super) struct Functions<'a> {
    version: Version,
    quantum: u8,
    count: usize,
    text: u64,
    names: &'a [u8],
    heights: &'a [u8],
    /// Pairs of address and offset, and the end.
    pairs: &'a [u8],
    /// The base of the offsets.
    records: &'a [u8],
}

/// The text start that the header states (Go 1.18 to 1.25, where it needs no relocation); 0 else.
pub fn stated_text(bytes: &[u8]) -> u64 {
    match (word(bytes, 0, 4), bytes.get(7)) {
        (Some(0xffff_fff0 | 0xffff_fff1), Some(8)) => word(bytes, 24, 8).unwrap_or(0),
        _ => 0,
    }
}

impl<'a> Functions<'a> {
    /// Reads the header.
    pub(super) fn parse(bytes: &'a [u8], text: u64) -> Option<Self> {
        let version = match word(bytes, 0, 4)? {
            0xffff_fffb => Version::Go12,
            0xffff_fffa => Version::Go116,
            0xffff_fff0 => Version::Go118,
            0xffff_fff1 => Version::Go120,
            _ => return None,
        };
        let &[0, 0, quantum @ (1 | 2 | 4), 8] = bytes.get(4..8)? else { return None };
        let part =
            |index: usize| bytes.get(usize::try_from(word(bytes, 8 + index * 8, 8)?).ok()?..);
        let (names, heights, pairs, records) = match version {
            Version::Go12 => (bytes, bytes, bytes.get(16..)?, bytes),
            Version::Go116 => (part(2)?, part(5)?, part(6)?, part(6)?),
            Version::Go118 | Version::Go120 => (part(3)?, part(6)?, part(7)?, part(7)?),
        };
        let count = usize::try_from(word(bytes, 8, 8)?).ok()?;
        let functions = Self { version, quantum, count, text, names, heights, pairs, records };
        let len = count.checked_mul(2)?.checked_add(1)?.checked_mul(functions.field())?;
        (count > 0 && len <= pairs.len()).then_some(functions)
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Bytes of the smallest instruction.
    pub(super) fn quantum(&self) -> u64 {
        self.quantum.into()
    }

    /// A function by its index; `None` where its record is malformed or its range is out of order.
    pub(super) fn get(&self, index: usize) -> Option<Function<'a>> {
        let field = self.field();
        let range = self.address(index)?..self.address(index + 1)?;
        let record = word(self.pairs, (index * 2 + 1) * field, field)?;
        let record = self.records.get(usize::try_from(record).ok()?..)?;
        // The record's first field is the function's address; 32-bit fields follow: name, arguments, deferred, heights.
        let fields = match self.version {
            Version::Go12 | Version::Go116 => 8,
            Version::Go118 | Version::Go120 => 4,
        };
        let offset = |number: usize| usize::try_from(word(record, fields + number * 4, 4)?).ok();
        let heights = match offset(3)? {
            0 => &[],
            heights => self.heights.get(heights..)?,
        };
        let flags = match self.version {
            Version::Go12 => 0,
            Version::Go118 => *record.get(37)?,
            Version::Go116 | Version::Go120 => *record.get(41)?,
        };
        let name = self.names.get(offset(0)?..).unwrap_or_default();
        (range.start < range.end).then_some(Function { range, heights, name, flags })
    }

    fn address(&self, index: usize) -> Option<u64> {
        let value = word(self.pairs, index * 2 * self.field(), self.field())?;
        match self.version {
            Version::Go12 | Version::Go116 => Some(value),
            Version::Go118 | Version::Go120 => self.text.checked_add(value),
        }
    }

    fn field(&self) -> usize {
        match self.version {
            Version::Go12 | Version::Go116 => 8,
            Version::Go118 | Version::Go120 => 4,
        }
    }
}

fn word(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let mut word = [0; 8];
    word[..size].copy_from_slice(bytes.get(at..at.checked_add(size)?)?);
    Some(u64::from_le_bytes(word))
}
