//! Names from this machine's files and kernel.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use elf::{Bytes, Image};

use super::build_ids::BuildIds;
use super::cache::{Cache, Source};
use super::file::debugfile;
use super::file::debuginfod::Debuginfod;
use super::file::work::Work;
use super::interpreted;
use super::kernel::names::{self as kernel, AskKernel};
use super::sorted::{Sorted, Wanted};
use super::{NameOptions, Named, Symbolize, Texts, Warning, perfmap, vdso};
use crate::place::{MappedFile, Place, Reason};
use crate::process::ProcessTable;
use crate::runtime::{Reader, Runtime};

/// The most warnings that are kept. Further files have no warning.
const MAX_WARNINGS: usize = 1000;
/// The time limit for the DWARF of all files together.
const MAX_DWARF_TIME: Duration = Duration::from_secs(60);

/// Names from this machine's files and kernel.
#[derive(Debug)]
pub struct LocalSymbolizer {
    options: NameOptions,
    ask_kernel: Option<AskKernel>,
    /// Readers of interpreters' functions that replace or complete those of the registry, by the number of their
    /// runtime.
    readers: Vec<(u8, &'static dyn Reader)>,
    warnings: Vec<Warning>,
    build_ids: BuildIds,
    debuginfod: Debuginfod,
    /// The time that is left for DWARF.
    dwarf_time: Duration,
    /// The bytes of bpflame's own vDSO, read once.
    vdso: Option<Vec<u8>>,
    /// The names of earlier cuts, from the second cut on.
    cache: Option<Cache>,
    texts: Texts,
    /// The names that were cut in earlier cuts.
    shortened: u64,
}

impl Default for LocalSymbolizer {
    fn default() -> Self {
        Self::new(NameOptions::default())
    }
}

impl LocalSymbolizer {
    /// A symbolizer that has read nothing yet.
    pub fn new(options: NameOptions) -> Self {
        let debuginfod = Debuginfod::new(&options.debuginfod);
        Self {
            options,
            ask_kernel: None,
            readers: Vec::new(),
            warnings: Vec::new(),
            build_ids: BuildIds::default(),
            debuginfod,
            dwarf_time: MAX_DWARF_TIME,
            vdso: None,
            cache: None,
            texts: Texts::default(),
            shortened: 0,
        }
    }

    /// Asks the kernel itself for the names of its code, if it shows its addresses. Otherwise, and if it cannot say,
    /// all its names are read.
    #[must_use]
    pub fn ask_kernel(mut self, ask: AskKernel) -> Self {
        self.ask_kernel = Some(ask);
        self
    }

    /// Reads an interpreter's functions by `reader`. It replaces the registry's reader.
    #[must_use]
    pub fn with_reader(mut self, runtime: u8, reader: &'static dyn Reader) -> Self {
        self.readers.push((runtime, reader));
        self
    }

    fn reader(&self, runtime: u8) -> Option<&'static dyn Reader> {
        let own = self.readers.iter().find(|(number, _)| *number == runtime);
        own.map(|(_, reader)| *reader).or_else(|| Runtime::of_number(runtime)?.reader())
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
        let local = debugfile::open(None, Path::new(OsStr::from_bytes(path)));
        let same = |file: &File| {
            let id = Image::parse(Bytes::File(file)).ok().and_then(|image| image.build_id());
            id.as_deref() == Some(build_id)
        };
        let here = local
            .filter(same)
            .or_else(|| debugfile::open(None, &debugfile::build_id_path(build_id)?).filter(same));
        let mut file = MappedFile {
            path: path.to_vec(),
            handle: here,
            reason: None,
            build_id: Some(build_id.to_vec()),
            segments: Vec::new(),
            root: None,
        };
        if file.handle.is_none() {
            match self.debuginfod.fetch(build_id) {
                Ok(fetched) => file.handle = fetched.filter(same),
                Err(what) => self.warn(&file, what),
            }
        }
        file.handle.is_some().then(|| self.file(&file, addresses))
    }

    /// Begins a new cut. DWARF and downloads have their time again. From now on, names are kept within bounds, so that
    /// later cuts need not read or ask again. Without cuts, nothing is kept.
    pub fn begin_cut(&mut self) {
        self.cache.get_or_insert_default().begin_cut();
        self.shortened += self.texts.begin_cut();
        self.dwarf_time = MAX_DWARF_TIME;
        self.debuginfod.begin_cut();
        self.build_ids.begin_cut();
    }

    /// Takes away all time for DWARF until the next cut.
    #[cfg(test)]
    pub(crate) fn spend_all_time(&mut self) {
        self.dwarf_time = Duration::ZERO;
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
        let Some(handle) = &file.handle else {
            let reason = file.reason.unwrap_or(Reason::FileGone);
            return (vec![Named::nameless("", reason); addresses.len()], false);
        };
        let image = match Image::parse(Bytes::File(handle)) {
            Ok(image) => image,
            Err(error) => {
                self.warn(file, error.phrase());
                return (vec![Named::nameless("", Reason::FileCorrupt); addresses.len()], true);
            }
        };
        // If two different files have the same build ID, one of them or its debug file is wrong.
        if file.build_id.as_ref().is_some_and(|id| self.build_ids.is_of_another(id, &image)) {
            self.warn(file, "another file carries the same build ID");
        }
        let mut work = Work::new(file, &image, self.options.no_inline, addresses, &mut self.texts);
        let names = work.run(&mut self.debuginfod, &mut self.dwarf_time);
        let lasting = !work.cut_short;
        for what in std::mem::take(&mut work.warnings) {
            self.warn(file, what);
        }
        (names, lasting)
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
        let mut all: Vec<Option<Named>> = vec![None; places.len()];
        let mut sorted = Sorted::of(places, &mut all);
        // The kernel comes first: what processes make of their names leaves room for its own.
        for (wanted, kernel) in [(&mut sorted.kernel, true), (&mut sorted.vdso, false)] {
            let addresses = wanted.addresses();
            if !addresses.is_empty() {
                let names = if kernel {
                    self.kept_or(Some(Source::Kernel), &addresses, |own, addresses| {
                        (kernel::names(addresses, own.ask_kernel, &mut own.texts), true)
                    })
                } else {
                    let vdso = || vdso::own_vdso().unwrap_or_default();
                    vdso::named(self.vdso.get_or_insert_with(vdso), &addresses, &mut self.texts)
                };
                wanted.give(&addresses, &names, &mut all);
            }
        }
        // Files with the most addresses come first, because time may run out when debug files are downloaded.
        let mut files: Vec<_> = sorted.files.iter_mut().collect();
        files.sort_by_key(|(_, wanted)| std::cmp::Reverse(wanted.len()));
        for (id, wanted) in files {
            self.texts.begin_source();
            let addresses = wanted.addresses();
            let names = match table.file(*id) {
                Some(file) => self.sorted_file(file, &addresses),
                None => vec![Named::nameless("", Reason::FileGone); addresses.len()],
            };
            wanted.give(&addresses, &names, &mut all);
        }
        for (space, wanted) in &mut sorted.jit {
            self.texts.begin_source();
            let addresses = wanted.addresses();
            wanted.give(
                &addresses,
                &perfmap::named(table.jit(*space), &addresses, &mut self.texts),
                &mut all,
            );
        }
        for ((space, runtime), wanted) in &mut sorted.interpreted {
            self.texts.begin_source();
            let reader = self.reader(*runtime);
            interpreted::name(table, *space, *runtime, reader, wanted, &mut all, &mut self.texts);
        }
        all.into_iter()
            .map(|name| name.unwrap_or_else(|| Named::nameless("", Reason::NoSymbol)))
            .collect()
    }

    fn begin_cut(&mut self) {
        Self::begin_cut(self);
    }

    fn warnings(&self) -> Vec<Warning> {
        let count = self.shortened + self.texts.cut();
        let shortened = (count > 0).then(|| Warning {
            file: format!("{count} names"),
            what: "cut, because a name may have 4 KiB, and all of them 64 MiB".to_owned(),
        });
        self.warnings.iter().cloned().chain(shortened).collect()
    }
}
