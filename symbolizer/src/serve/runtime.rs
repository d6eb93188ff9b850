//! Names of functions that a runtime interprets or has compiled, from the memory of its process.

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
    let (Some(reader), Some(file)) = (reader, of.memory) else {
        return nameless(if reader.is_none() { Reason::NoReader } else { Reason::ProcessGone });
    };
    let memory = Opened { file, kept, number: number(file) };
    let process = Running { memory: &memory, image: of.image };
    let mut found = match *question {
        Question::Objects { objects, .. } => reader.functions(&process, objects),
        Question::Code { code, .. } => reader.checked_code(&process, code),
        _ => Vec::new(),
    };
    found.resize(question.len(), Err(Reason::ObjectGone));
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
        }
    };
    let lines = functions.into_iter().take(MOST_INLINED).enumerate().map(line).collect();
    Named { lines, module: module.to_owned(), reason: None }
}
