//! Answers: names from what strangers made. A process without rights runs this; in tests also the process that asks.
//!
//! Modules in reading order: [`Server`], [`process`] (its life), `file` (one file: `work` has the sources in their order), [`perfmap`],
//! [`jitdump`], `runtime`. The parsers are pure functions on bytes.

mod build_ids;
pub(crate) mod file;
pub mod jitdump;
mod loaded_file;
mod overlapping;
pub mod perfmap;
pub mod process;
mod runtime;

pub use file::{gopclntab, ranges, symtab};

use crate::name::ask::{Answer, Answers, Files, Question};
use crate::name::{Named, Texts};
use crate::place::{MappedFile, Reason};
use crate::runtime::{Kept, Reader, Runtime};
use build_ids::BuildIds;
use elf::{Bytes, Image};
use file::work::Work;
use std::time::Duration;

/// Answers questions by reading the files, maps and memory that come with them.
#[derive(Debug, Default)]
pub struct Server {
    build_ids: BuildIds,
    /// What was derived from the memory of processes.
    kept: Kept,
    /// Readers of interpreters' functions that replace or complete those of the registry, by the number of their
    /// runtime.
    readers: Vec<(u8, &'static dyn Reader)>,
}

impl Server {
    /// Reads an interpreter's functions by `reader`. It replaces the registry's reader.
    #[must_use]
    pub fn with_reader(mut self, runtime: u8, reader: &'static dyn Reader) -> Self {
        self.readers.push((runtime, reader));
        self
    }

    /// The reader of a runtime.
    fn reader(&self, runtime: u8) -> Option<&'static dyn Reader> {
        let own = self.readers.iter().find(|(number, _)| *number == runtime);
        let registered = || Runtime::of_number(runtime)?.reader();
        own.map(|(_, reader)| *reader).or_else(registered)
    }

    fn file(
        &mut self,
        file: &MappedFile,
        addresses: &[u64],
        (no_inline, dwarf): (bool, bool),
        files: &mut dyn Files,
        texts: &mut Texts,
        time: Duration,
    ) -> Answer {
        let nameless = |reason| vec![Named::nameless("", reason); addresses.len()];
        let Some(handle) = &file.handle else {
            return Answer { named: nameless(Reason::FileGone), ..Answer::default() };
        };
        let image = match Image::parse(Bytes::File(handle)) {
            Ok(image) => image,
            Err(error) => {
                let warnings = vec![error.phrase().to_owned()];
                return Answer {
                    named: nameless(Reason::FileCorrupt),
                    warnings,
                    ..Answer::default()
                };
            }
        };
        let mut warnings = Vec::new();
        // If two different files have the same build ID, one of them or its debug file is wrong.
        if file.build_id.as_ref().is_some_and(|id| self.build_ids.is_of_another(id, &image)) {
            warnings.push("another file carries the same build ID".to_owned());
        }
        let mut work = Work::new(file, &image, addresses, no_inline, texts);
        let named = work.run(files, if dwarf { time } else { Duration::ZERO });
        warnings.extend(work.warnings.iter().map(|what| (*what).to_owned()));
        Answer { named, warnings, cut_short: work.cut_short, shortened: 0 }
    }
}

impl Answers for Server {
    fn answer(
        &mut self,
        question: &Question<'_>,
        files: &mut dyn Files,
        texts: &mut Texts,
        time: Duration,
    ) -> Answer {
        let named = match *question {
            Question::File { file, addresses, no_inline, dwarf } => {
                return self.file(file, addresses, (no_inline, dwarf), files, texts, time);
            }
            Question::Map { map, addresses } if jitdump::is(map) => {
                jitdump::named(map, addresses, texts)
            }
            Question::Map { map, addresses } => perfmap::named(map, addresses, texts),
            Question::Vdso { bytes, addresses } => symtab::vdso(bytes, addresses, texts),
            Question::Objects { of, .. } | Question::Code { of, .. } => {
                runtime::named(self.reader(of.runtime), question, of, &self.kept, texts)
            }
        };
        Answer { named, ..Answer::default() }
    }

    fn begin_cut(&mut self) {
        self.build_ids.begin_cut();
    }
}
