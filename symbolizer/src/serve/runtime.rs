//! Names of functions that a runtime interprets or has compiled, from the memory of its process.

use super::loaded_file::LoadedFile;
use crate::name::ask::{Question, Runs};
use crate::name::{Line, Named, Texts};
use crate::reason::Reason;
use crate::runtime::{Found, Function, Kept, Memory, Reader, Running};
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};

/// The most functions that are inlined at a position.
const MOST_INLINED: usize = 128;

/// The names that a question asks for, in its order.
pub(super) fn named(
    reader: Option<&dyn Reader>,
    question: &Question<'_>,
    of: Runs<'_>,
    kept: &Kept,
    texts: &mut Texts,
) -> Vec<Named> {
    let nameless = |reason| vec![Named::nameless(question.module(), reason); question.len()];
    let Some(reader) = reader else { return nameless(Reason::NoReader) };
    let opened = of.memory.map(|file| Opened { file, kept, number: number(file) });
    let ended = of.file.filter(|_| of.memory.is_none());
    let file = ended.and_then(|file| LoadedFile::of(file, of.image));
    let memory: &dyn Memory = match (&opened, &file) {
        (Some(memory), _) => memory,
        (None, Some(file)) => file,
        (None, None) => return nameless(Reason::ProcessGone),
    };
    let process = Running { memory, image: of.image };
    let mut found = match *question {
        _ if of.memory.is_none() => vec![Err(Reason::ProcessGone); question.len()],
        Question::Objects { objects, .. } => reader.functions(&process, objects),
        Question::Code { code, .. } => reader.checked_code(&process, code),
        _ => Vec::new(),
    };
    found.resize(question.len(), Err(Reason::ObjectGone));
    if let Question::Objects { objects, remains, .. } = question {
        for ((found, object), remains) in found.iter_mut().zip(*objects).zip(*remains) {
            let remains = remains.as_ref().filter(|_| found.is_err());
            if let Some(Ok(functions)) = remains.map(|it| reader.gone(&process, object, it)) {
                *found = Ok(functions);
            }
        }
    }
    found.into_iter().map(|found| lines(question.module(), found, texts)).collect()
}

/// An open `/proc/PID/mem`.
struct Opened<'a> {
    file: &'a File,
    kept: &'a Kept,
    number: Option<[u64; 2]>,
}

/// The number of a file, which no other one has.
fn number(file: &File) -> Option<[u64; 2]> {
    file.metadata().ok().map(|meta| [meta.dev(), meta.ino()])
}

impl Memory for Opened<'_> {
    fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
        // The kernel takes an offset as signed.
        let is_user = address >> 63 == 0;
        is_user && self.file.read_exact_at(bytes, address).is_ok()
    }

    fn kept(&self) -> Option<(&Kept, [u64; 2])> {
        Some((self.kept, self.number?))
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
