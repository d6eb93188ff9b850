//! The pieces of the interpreter: their places and their purposes.

use super::memory::Reader;
use std::ops::Range;
use symbolizer::runtime::hotspot::Words;
use symbolizer::runtime::hotspot::layout::{Field, Layout};

/// The most pieces that are read.
const MOST_CODELETS: usize = 1 << 12;
/// A bound of the head's size, and the alignment of code, in bytes.
const MOST_HEAD: u64 = 256;
const ALIGNMENT: u64 = 32;

/// The interpreter's pieces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interpreter {
    queue: Field,
    buffer: Field,
    begin: Field,
    end: Field,
    size: Field,
    description: Field,
    /// The bytes of the head before the code. The code is aligned.
    head: u64,
}

impl Interpreter {
    /// `None` if a version lacks some of the fields.
    pub(super) fn of(layout: &Layout) -> Option<Self> {
        let field = |path| layout.field(path);
        Some(Self {
            queue: field("AbstractInterpreter::_code")?,
            buffer: field("StubQueue::_stub_buffer")?,
            begin: field("StubQueue::_queue_begin")?,
            end: field("StubQueue::_queue_end")?,
            size: field("InterpreterCodelet::_size")?,
            description: field("InterpreterCodelet::_description")?,
            head: layout.size("InterpreterCodelet").filter(|head| *head < MOST_HEAD)?,
        })
    }
}

/// The pieces of the interpreter, sorted: the range of the code, and its purpose.
pub(super) fn codelets(fields: &Interpreter, reader: &Reader<'_>) -> Vec<(Range<u64>, String)> {
    let mut found = Vec::new();
    let bounds = || {
        let queue = reader.word(fields.queue.at)?;
        let buffer = fields.buffer.address(reader, queue)?;
        let place = |field: Field| buffer.checked_add_signed(field.read(reader, queue)?);
        Some(place(fields.begin)?..place(fields.end)?)
    };
    let Some(Range { start: mut at, end }) = bounds() else { return found };
    for _ in 0..MOST_CODELETS {
        if at >= end {
            break;
        }
        let size = fields.size.read(reader, at).and_then(|size| u64::try_from(size).ok());
        let next = size.and_then(|size| at.checked_add(size)).filter(|next| at < *next);
        let Some(next) = next else { break };
        let name = fields.description.address(reader, at).and_then(|name| reader.text(name));
        let code = at.saturating_add(fields.head + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        if code < next {
            found.push((code..next, name.unwrap_or_default()));
        }
        at = next;
    }
    found
}
