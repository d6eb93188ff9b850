//! Names of functions that a runtime interprets or has compiled, from the memory of its process.

use crate::name::ask::{Question, Runs};
use crate::name::{Line, Named, Texts};
use crate::reason::Reason;
use crate::runtime::{Found, Function, Memory, Reader, Running};
use elf::{Bytes, Image, Segment};
use std::fs::File;
use std::os::unix::fs::FileExt;

/// The most functions that are inlined at a position.
const MOST_INLINED: usize = 128;
/// The most segments of a runtime's file.
const MOST_SEGMENTS: usize = 64;

/// The names that a question asks for, in its order.
pub(super) fn named(
    reader: Option<&dyn Reader>,
    question: &Question<'_>,
    of: Runs<'_>,
    texts: &mut Texts,
) -> Vec<Named> {
    let nameless = |reason| vec![Named::nameless(question.module(), reason); question.len()];
    let Some(reader) = reader else { return nameless(Reason::NoReader) };
    let opened = of.memory.map(|memory| Opened { memory, process: of.process });
    let file = of.file.filter(|_| of.memory.is_none()).and_then(|file| LoadedFile::of(file, of));
    let memory: &dyn Memory = match (&opened, &file) {
        (Some(memory), _) => memory,
        (None, Some(file)) => file,
        (None, None) => return nameless(Reason::ProcessGone),
    };
    let process = Running { memory, image: of.image };
    let gone = || vec![Err(Reason::ProcessGone); question.len()];
    let mut found = match *question {
        _ if of.memory.is_none() => gone(),
        Question::Objects { objects, .. } => reader.functions(&process, objects),
        Question::Code { addresses, .. } => reader.code(&process, addresses),
        _ => Vec::new(),
    };
    found.resize(question.len(), Err(Reason::ObjectGone));
    if let Question::Objects { objects, kept, .. } = question {
        for ((found, object), kept) in found.iter_mut().zip(*objects).zip(*kept) {
            let again = kept.as_ref().filter(|_| found.is_err());
            let again = again.and_then(|kept| reader.kept(&process, object, kept).ok());
            *found = again.map_or_else(|| found.clone(), Ok);
        }
    }
    found.into_iter().map(|found| lines(question.module(), found, texts)).collect()
}

/// An open `/proc/PID/mem`.
struct Opened<'a> {
    memory: &'a File,
    process: u32,
}

impl Memory for Opened<'_> {
    fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
        // The kernel takes an offset as signed.
        let is_user = address >> 63 == 0;
        is_user && self.memory.read_exact_at(bytes, address).is_ok()
    }

    fn process(&self) -> u32 {
        self.process
    }
}

/// The runtime's file, as it was loaded in the memory of a process that has ended.
struct LoadedFile<'a> {
    bytes: Bytes<'a>,
    segments: Vec<Segment>,
    /// The address in memory minus the virtual address.
    bias: u64,
    process: u32,
}

impl<'a> LoadedFile<'a> {
    fn of(file: &'a File, of: Runs<'_>) -> Option<Self> {
        let image = Image::parse(Bytes::File(file)).ok()?;
        let loaded = image.segments().ok()?.into_iter().filter(Segment::is_loaded);
        let segments: Vec<Segment> = loaded.take(MOST_SEGMENTS).collect();
        let first = segments.first().map(|first| first.address.wrapping_sub(first.offset))?;
        let bias = of.image.wrapping_sub(first);
        Some(Self { bytes: image.bytes(), segments, bias, process: of.process })
    }
}

impl Memory for LoadedFile<'_> {
    fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
        let address = address.wrapping_sub(self.bias);
        let part = |segment: &Segment| {
            let inside = address.checked_sub(segment.address)?;
            let rest = segment.file_size.checked_sub(inside)?;
            let len = u64::try_from(bytes.len()).ok().filter(|len| *len <= rest)?;
            self.bytes.read(segment.offset.checked_add(inside)?, usize::try_from(len).ok()?)
        };
        let found = self.segments.iter().find_map(part).filter(|found| found.len() == bytes.len());
        found.is_some_and(|found| {
            bytes.copy_from_slice(&found);
            true
        })
    }

    fn process(&self) -> u32 {
        self.process
    }
}

fn lines(module: &str, found: Found, texts: &mut Texts) -> Named {
    let functions = match found {
        Ok(functions) if !functions.is_empty() => functions,
        // A frame that the runtime made for itself.
        Ok(_) => return Named { lines: Vec::new(), module: module.to_owned(), reason: None },
        Err(reason) => return Named::nameless(module, reason),
    };
    let last = functions.len().min(MOST_INLINED) - 1;
    let line = |(index, function): (usize, Function)| {
        let name = texts.keep(&function.name);
        Line {
            system_name: name.clone(),
            name,
            file: texts.keep(&function.file),
            line: function.line,
            start: function.start,
            inlined: index < last,
            approximate: function.approximate,
            compiled: function.compiled,
        }
    };
    let lines = functions.into_iter().take(MOST_INLINED).enumerate().map(line).collect();
    Named { lines, module: module.to_owned(), reason: None }
}
