//! Names from this machine's files and kernel.

use super::ask::files::{DebugFiles, NoFiles, build_id_path};
use super::ask::{Answer, Answers, Debuginfod, Files, Question};
use super::cache::{Cache, Source};
use super::early::Early;
use super::kernel::names::{self as kernel, AskKernel};
use super::run_time;
use super::sorted::{Sorted, Wanted};
use super::vdso::own_vdso;
use super::{NameOptions, Named, Symbolize, Texts, Usage, Warning};
use crate::foreign::{self, Foreign};
use crate::opening::regular;
use crate::place::{MappedFile, Place, Reason};
use crate::process::ProcessTable;
use crate::runtime::Remains;
use elf::{Bytes, Image};
use std::cmp::Reverse;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most warnings that are kept. Further files have no warning.
const MAX_WARNINGS: usize = 1000;

/// Names from this machine's files and kernel.
#[derive(Debug)]
pub struct LocalSymbolizer {
    options: NameOptions,
    /// Who names what strangers made; `None`: it is on loan for names during the recording, or has fallen silent.
    answers: Option<Box<dyn Answers + Send>>,
    ask_kernel: Option<AskKernel>,
    warnings: Vec<Warning>,
    debuginfod: Debuginfod,
    foreign: Foreign,
    /// The time that is left for names.
    time: Duration,
    /// The addresses and objects for which no time was left.
    late: u64,
    /// The names of earlier cuts, from the second cut on.
    cache: Option<Cache>,
    texts: Texts,
    /// The names that were cut in earlier cuts.
    shortened: u64,
    /// The names that were made during this cut.
    early: Early,
}

impl LocalSymbolizer {
    /// A symbolizer that has read nothing yet. `answers` names what strangers made.
    pub fn new(options: NameOptions, answers: impl Answers + Send + 'static) -> Self {
        let debuginfod = Debuginfod::new(&options.debuginfod);
        Self {
            answers: Some(Box::new(answers)),
            time: options.time,
            options,
            ask_kernel: None,
            warnings: Vec::new(),
            debuginfod,
            foreign: Foreign::default(),
            late: 0,
            cache: None,
            texts: Texts::default(),
            shortened: 0,
            early: Early::default(),
        }
    }

    /// Asks the kernel itself for the names of its code, if it shows its addresses. Otherwise, and if it cannot say,
    /// all its names are read.
    #[must_use]
    pub fn ask_kernel(mut self, ask: AskKernel) -> Self {
        self.ask_kernel = Some(ask);
        self
    }

    /// Lets processes that `start` starts look into the file systems that may not answer.
    #[must_use]
    pub fn looking_by(mut self, start: foreign::Start) -> Self {
        self.foreign = Foreign::by(start);
        self
    }

    /// The names of virtual addresses of one file, in the order of the addresses, which need not be sorted. `report`
    /// also uses it.
    pub fn file(&mut self, file: &MappedFile, addresses: &[u64]) -> Vec<Named> {
        let mut wanted = Wanted::of(addresses);
        let sorted = wanted.addresses();
        let names = self.sorted_file(file, &sorted);
        let mut all = vec![None; addresses.len()];
        wanted.give(&sorted, &names, &mut all);
        all.into_iter()
            .map(|name| name.unwrap_or_else(|| Named::nameless("", Reason::NoSymbol)))
            .collect()
    }

    /// The names of virtual addresses of a file that is known only by its build ID. They come from the file at `path`
    /// if it has that build ID, else from a debug file of this machine, else from a debuginfod server. `None`: none of
    /// them has it.
    pub fn by_build_id(
        &mut self,
        build_id: &[u8],
        path: &[u8],
        addresses: &[u64],
    ) -> Option<Vec<Named>> {
        let local = regular(Path::new(OsStr::from_bytes(path))).ok();
        let same = |file: &File| {
            let id = Image::parse(Bytes::File(file)).ok().and_then(|image| image.build_id());
            id.as_deref() == Some(build_id)
        };
        let here =
            local.filter(same).or_else(|| regular(&build_id_path(build_id)?).ok().filter(same));
        let mut file = MappedFile {
            path: path.to_vec(),
            handle: here.map(Arc::new),
            reason: None,
            build_id: Some(build_id.to_vec()),
            segments: Vec::new(),
            root: None,
        };
        if file.handle.is_none() {
            match self.debuginfod.fetch(build_id) {
                Ok(fetched) => file.handle = fetched.filter(same).map(Arc::new),
                Err(what) => self.warn(&file, what),
            }
        }
        file.handle.is_some().then(|| self.file(&file, addresses))
    }

    /// Begins a new cut. Time begins again. From now on, names are kept within bounds, so that
    /// later cuts need not read or ask again. Without cuts, nothing is kept.
    pub fn begin_cut(&mut self) {
        self.cache.get_or_insert_default().begin_cut();
        self.shortened += self.texts.begin_cut();
        (self.time, self.late) = (self.options.time, 0);
        self.debuginfod.begin_cut();
        self.early.begin_cut();
        self.answers.iter_mut().for_each(|answers| answers.begin_cut());
    }

    /// Downloads debug files from `servers`.
    #[cfg(all(test, feature = "debuginfod"))]
    pub(crate) fn with_servers(mut self, servers: Debuginfod) -> Self {
        self.debuginfod = servers;
        self
    }

    /// The servers, when nothing more is asked.
    #[cfg(all(test, feature = "debuginfod"))]
    pub(crate) fn servers(self) -> Debuginfod {
        self.debuginfod
    }

    /// Takes away all time until the next cut.
    #[cfg(test)]
    pub(crate) fn spend_all_time(&mut self) {
        self.time = Duration::ZERO;
    }

    /// The bytes of memory that names of earlier cuts use, approximately.
    pub fn kept_bytes(&self) -> usize {
        self.cache.as_ref().map_or(0, Cache::bytes)
    }

    /// The names that were made before, and those that `make` makes for the rest. `make` also returns whether its names
    /// may be kept.
    fn kept_or(
        &mut self,
        source: Option<Source>,
        addresses: &[u64],
        make: impl FnOnce(&mut Self, &[u64]) -> (Vec<Named>, bool),
    ) -> Vec<Named> {
        let (Some(cache), Some(source)) = (&mut self.cache, source) else {
            return make(self, addresses).0;
        };
        let mut names: Vec<_> =
            addresses.iter().map(|&address| cache.get(source, address)).collect();
        let missing: Vec<u64> = addresses
            .iter()
            .zip(&names)
            .filter_map(|(&address, name)| name.is_none().then_some(address))
            .collect();
        if missing.is_empty() {
            return names.into_iter().flatten().collect();
        }
        let (made, lasting) = make(self, &missing);
        if let Some(cache) = self.cache.as_mut().filter(|_| lasting) {
            let all = missing.iter().zip(&made);
            all.for_each(|(&address, named)| cache.put(source, address, named));
        }
        let open = names.iter_mut().filter(|name| name.is_none());
        open.zip(made).for_each(|(name, made)| *name = Some(made));
        names.into_iter().flatten().collect()
    }

    fn sorted_file(&mut self, file: &MappedFile, addresses: &[u64]) -> Vec<Named> {
        let source = self.cache.as_ref().and_then(|_| Source::of(file));
        self.kept_or(source, addresses, |own, addresses| own.read_file(file, addresses))
    }

    /// The names from the file itself, and whether another attempt would give the same.
    fn read_file(&mut self, file: &MappedFile, addresses: &[u64]) -> (Vec<Named>, bool) {
        if file.handle.is_none() {
            let reason = file.reason.unwrap_or(Reason::FileGone);
            return (vec![Named::nameless("", reason); addresses.len()], false);
        }
        let no_inline = self.options.no_inline;
        let question = Question::File { file, addresses, no_inline, dwarf: true };
        let mut servers = std::mem::take(&mut self.debuginfod);
        let mut foreign = std::mem::take(&mut self.foreign);
        let mut files = DebugFiles::of(file, &mut servers, &mut foreign);
        // Other kinds of names have the last quarter of the time to themselves.
        let answer =
            self.ask(&question, &mut files, self.time.saturating_sub(self.options.time / 4));
        let failed = files.failed;
        (self.debuginfod, self.foreign) = (servers, foreign);
        for what in answer.warnings.iter().map(String::as_str).chain(failed) {
            self.warn(file, what);
        }
        (answer.named, !answer.cut_short)
    }

    /// Names the places in files. Time may run out, so this machine's own files come before those that other users can change,
    /// and files with more addresses before others.
    fn files(&mut self, table: &ProcessTable, sorted: &mut Sorted, all: &mut [Option<Named>]) {
        let mut files: Vec<_> =
            sorted.files.iter_mut().map(|(id, wanted)| (table.file(*id), wanted)).collect();
        // Each file is looked at once.
        files.sort_by_cached_key(|(file, wanted)| {
            (!file.is_some_and(is_ours), Reverse(wanted.len()))
        });
        for (file, wanted) in files {
            let addresses = wanted.addresses();
            let names = match file {
                Some(file) => self.sorted_file(file, &addresses),
                None => vec![Named::nameless("", Reason::FileGone); addresses.len()],
            };
            wanted.give(&addresses, &names, all);
        }
    }

    /// Asks a question, within the time that is left.
    fn ask(&mut self, question: &Question<'_>, files: &mut dyn Files, time: Duration) -> Answer {
        if time.is_zero() {
            self.late += question.len() as u64;
            return Answer { cut_short: true, ..Answer::nameless(question, Reason::NoTime) };
        }
        self.texts.begin_source();
        let begun = Instant::now();
        let Some(answers) = &mut self.answers else {
            return Answer::nameless(question, Reason::NamingFailed);
        };
        let answer = answers.answer(question, files, &mut self.texts, time);
        self.time = self.time.saturating_sub(begun.elapsed());
        self.shortened += answer.shortened;
        answer
    }

    fn warn(&mut self, file: &MappedFile, what: &str) {
        let warning = Warning { file: super::text(&file.path), what: what.to_owned() };
        if self.warnings.len() < MAX_WARNINGS && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

impl Symbolize for LocalSymbolizer {
    fn names(&mut self, table: &ProcessTable, places: &[Place]) -> Vec<Named> {
        if let Some(mut answers) = self.early.finish() {
            // What failed during the recording costs its own names alone.
            answers.begin_cut();
            self.answers = Some(answers);
        }
        let mut all = self.early.of(places);
        let mut sorted = Sorted::of(places, &mut all);
        // The kernel comes first: what processes make of their names leaves room for its own.
        let addresses = sorted.kernel.addresses();
        if !addresses.is_empty() {
            let names = self.kept_or(Some(Source::Kernel), &addresses, |own, addresses| {
                (kernel::names(addresses, own.ask_kernel, &mut own.texts), true)
            });
            sorted.kernel.give(&addresses, &names, &mut all);
        }
        let addresses = sorted.vdso.addresses();
        if !addresses.is_empty() {
            let bytes = own_vdso().unwrap_or_default();
            let question = Question::Vdso { bytes: &bytes, addresses: &addresses };
            let names = self.ask(&question, &mut NoFiles, self.time).named;
            sorted.vdso.give(&addresses, &names, &mut all);
        }
        self.files(table, &mut sorted, &mut all);
        let early = std::mem::take(&mut self.early);
        let mut ask = |question: &Question<'_>| self.ask(question, &mut NoFiles, self.time).named;
        run_time::names(&mut ask, table, &early, &mut sorted, &mut all);
        self.early = early;
        let unnamed = || Named::nameless("", Reason::NoSymbol);
        let mut all: Vec<Named> =
            all.into_iter().map(|name| name.unwrap_or_else(unnamed)).collect();
        run_time::elsewhere(&self.early, places, &mut all);
        all
    }

    fn begin_cut(&mut self) {
        Self::begin_cut(self);
    }

    fn warnings(&self) -> Vec<Warning> {
        let count = self.shortened + self.texts.cut() + self.early.shortened;
        let shortened = (count > 0).then(|| Warning {
            file: format!("{count} names"),
            what: "cut, because a name may have 4 KiB, and all of them 64 MiB".to_owned(),
        });
        let late = (self.late > 0).then(|| Warning {
            file: format!("{} addresses", self.late),
            what: "not named, because the time for names was over (--symbol-time)".to_owned(),
        });
        self.warnings.iter().cloned().chain(shortened).chain(late).collect()
    }

    fn usage(&self) -> Usage {
        self.answers.as_ref().map(|answers| answers.usage()).unwrap_or_default()
    }

    fn name_early(
        &mut self,
        table: &ProcessTable,
        places: &[Place],
        remains: Vec<(Place, Remains)>,
    ) -> bool {
        self.early.keep(remains);
        self.early.name(table, places, &mut self.answers)
    }
}

/// Whether only root can change a file.
fn is_ours(file: &MappedFile) -> bool {
    let meta = file.handle.as_ref().and_then(|handle| handle.metadata().ok());
    file.root.is_none() && meta.is_some_and(|meta| meta.uid() == 0 && meta.mode() & 0o022 == 0)
}
