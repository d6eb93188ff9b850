//! Names of CPython's code objects.

use super::layout::{Layout, Texts};
use super::lines::line;
use crate::reason::Reason;
use crate::runtime::{Found, Function, Memory, Object, Reader, Remains, Running};
use elf::word::u64_at;
use std::sync::Arc;

/// Reads code objects.
#[derive(Debug)]
pub(super) struct CodeObjects;

/// The longest name that is read, in characters.
const MOST_NAME: u64 = 1024;
/// The largest table of lines that is read, in bytes.
const MOST_TABLE: u64 = 256 << 10;
/// The bytes of the tables that are read for one question.
const MOST_TABLES: u64 = 16 << 20;

impl Reader for CodeObjects {
    fn functions(&self, process: &Running<'_>, objects: &[Object]) -> Vec<Found> {
        match layout(process) {
            Some(layout) => functions(&layout, process.memory, objects),
            None => vec![Err(Reason::NoReader); objects.len()],
        }
    }

    fn gone(&self, process: &Running<'_>, object: &Object, remains: &Remains) -> Found {
        by_remains(&*layout(process).ok_or(Reason::NoReader)?, object, remains)
    }
}

/// The layout of a process, read once.
fn layout(process: &Running<'_>) -> Option<Arc<Layout>> {
    let Some((kept, number)) = process.memory.kept() else {
        return Layout::of(process).map(Arc::new);
    };
    let words = number.into_iter().chain([process.image]);
    let key = b"CPython".iter().copied().chain(words.flat_map(u64::to_le_bytes));
    kept.get(key.collect(), || Layout::of(process))
}

/// The functions of an object by what remains of it. Its table of lines does not.
pub(crate) fn by_remains(layout: &Layout, object: &Object, remains: &Remains) -> Found {
    let parts = Parts::of(layout, object, remains).ok_or(Reason::ObjectGone)?;
    functions(layout, &parts, &[*object]).pop().unwrap_or(Err(Reason::ObjectGone))
}

/// Memory that has what remains of a code object, and nothing else.
struct Parts<'a>([(u64, &'a [u8]); 3]);

impl<'a> Parts<'a> {
    fn of(layout: &Layout, object: &Object, remains: &'a Remains) -> Option<Self> {
        let [code, name, file] = remains.0.each_ref().map(Vec::as_slice);
        let word = |at: u64| u64_at(code, usize::try_from(at).ok()?);
        let shown = word(layout.code.qualified.unwrap_or(layout.code.name))?;
        Some(Self([(object.address, code), (shown, name), (word(layout.code.file)?, file)]))
    }
}

impl Memory for Parts<'_> {
    fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
        let part = |(start, part): &(u64, &'_ [u8])| {
            let at = usize::try_from(address.checked_sub(*start)?).ok()?;
            let found = part.get(at..at.checked_add(bytes.len())?)?;
            bytes.copy_from_slice(found);
            Some(())
        };
        self.0.iter().find_map(part).is_some()
    }
}

/// The functions of sorted objects, in their order.
pub(crate) fn functions(layout: &Layout, memory: &dyn Memory, objects: &[Object]) -> Vec<Found> {
    let (mut left, mut last) = (MOST_TABLES, None::<(u64, u32, Result<Code, Reason>)>);
    let mut named = Vec::with_capacity(objects.len());
    for object in objects {
        // Positions in the same code follow each other.
        let known = last
            .take()
            .filter(|(address, check, _)| (*address, *check) == (object.address, object.check));
        let (_, _, code) = last.insert(known.unwrap_or_else(|| {
            let code = Code::read(memory, layout, object, &mut left);
            (object.address, object.check, code)
        }));
        named.push(match code {
            Ok(code) if code.is_shim() => Ok(Vec::new()),
            Ok(code) => Ok(vec![code.at(layout, object.position)]),
            Err(reason) => Err(*reason),
        });
    }
    named
}

/// A code object.
#[derive(Debug)]
struct Code {
    name: String,
    file: String,
    first: u32,
    table: Vec<u8>,
}

impl Code {
    fn read(
        memory: &dyn Memory,
        layout: &Layout,
        object: &Object,
        left: &mut u64,
    ) -> Result<Self, Reason> {
        let mut read = || -> Option<Self> {
            let word = |at: u64| memory.word(object.address.checked_add(at)?);
            let of = &layout.code;
            let (name, table, first) = (word(of.name)?, word(of.table)?, word(of.line)? as u32);
            let same =
                word(of.of_type)? == layout.code_type && check(name, table, first) == object.check;
            if !same {
                return None;
            }
            let shown = of.qualified.and_then(word).unwrap_or(name);
            let code = Self {
                name: text(memory, &layout.texts, shown)?,
                file: text(memory, &layout.texts, word(of.file)?)?,
                first,
                table: bytes(memory, &layout.texts, table, left).unwrap_or_default(),
            };
            // It may have been freed meanwhile.
            let still = (word(of.name)?, word(of.table)?, word(of.line)? as u32);
            (still == (name, table, first)).then_some(code)
        };
        read().ok_or(Reason::ObjectGone)
    }

    /// Whether it is the code of a frame that the interpreter makes for itself around a class's `__init__`.
    fn is_shim(&self) -> bool {
        self.name == "__init__" && self.file == "__init__"
    }

    fn at(&self, layout: &Layout, position: u32) -> Function {
        let position = i64::from(position as i32);
        // 3.10 counts instructions of two bytes.
        let bytes = if layout.version == (3, 10) { 2 * position } else { position };
        let line = line(layout.version, &self.table, self.first, bytes);
        Function {
            name: self.name.clone(),
            file: self.file.clone(),
            start: self.first,
            line: line.unwrap_or(0),
            ..Function::default()
        }
    }
}

/// The check of a code object, as the kernel program computes it.
pub(crate) fn check(name: u64, table: u64, first: u32) -> u32 {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let lines = table.wrapping_add(first.into()).wrapping_mul(MIX);
    ((name ^ lines).wrapping_mul(MIX) >> 32) as u32
}

/// A text, cut at [`MOST_NAME`] characters. `None`: it is none.
fn text(memory: &dyn Memory, layout: &Texts, address: u64) -> Option<String> {
    let length = memory.word(address.checked_add(layout.length)?)?.min(MOST_NAME);
    let state = (memory.word(address.checked_add(layout.state)?)? as u32) >> layout.shift;
    let (kind, compact, ascii) = (state >> 2 & 7, state >> 5 & 1, state >> 6 & 1);
    if compact == 0 || !matches!(kind, 1 | 2 | 4) {
        return None;
    }
    let begin = if ascii == 1 { layout.ascii } else { layout.compact };
    let mut characters = vec![0; (length * u64::from(kind)) as usize];
    if !memory.fill(address.checked_add(begin)?, &mut characters) {
        return None;
    }
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
    let all = characters.chunks_exact(kind as usize).map(number);
    Some(all.map(|one| char::from_u32(one).unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

/// Bytes, if they are not too many. What is read is taken from `left`.
fn bytes(memory: &dyn Memory, layout: &Texts, address: u64, left: &mut u64) -> Option<Vec<u8>> {
    let length = memory.word(address.checked_add(layout.bytes_length)?)?;
    if length > MOST_TABLE || length > *left {
        return None;
    }
    *left -= length;
    let mut bytes = vec![0; length as usize];
    memory.fill(address.checked_add(layout.bytes)?, &mut bytes).then_some(bytes)
}
