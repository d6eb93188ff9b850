//! Names from this machine's files and kernel.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use elf::{Bytes, Image};

use super::cache::{Cache, Source};
use super::file::debugfile;
use super::file::debuginfod::Debuginfod;
use super::file::work::Work;
use super::interpreted;
use super::kernel::names::{self as kernel, AskKernel};
use super::{Line, NameOptions, Named, Symbolize, Warning, perfmap, vdso};
use crate::place::{FileId, Jit, MappedFile, Place, Reason};
use crate::process::ProcessTable;
use crate::runtime::{Object, Reader, Runtime};

/// The most warnings that are kept. Further files only lack their warning.
const MAX_WARNINGS: usize = 1000;
/// The time limit for the DWARF of all files together.
const MAX_DWARF_TIME: Duration = Duration::from_secs(60);
/// The most build IDs that are remembered.
const MAX_BUILD_IDS: usize = 65_536;

/// Names from this machine's files and kernel.
#[derive(Debug)]
pub struct LocalSymbolizer {
    options: NameOptions,
    ask_kernel: Option<AskKernel>,
    /// Readers of interpreters' functions besides the registry's, by the number of their runtime.
    readers: Vec<(u8, &'static dyn Reader)>,
    warnings: Vec<Warning>,
    /// The first file with each build ID: a copy of a file is not another file.
    build_ids: HashMap<Vec<u8>, u64>,
    debuginfod: Debuginfod,
    /// The time that is left for DWARF.
    dwarf_time: Duration,
    /// Our own vDSO, read once.
    vdso: Option<Vec<u8>>,
    /// Names of earlier cuts, from the second one on.
    cache: Option<Cache>,
}

/// The places of one call by kind, with the index that each had.
#[derive(Debug, Default)]
struct Sorted {
    files: BTreeMap<FileId, Wanted>,
    jit: BTreeMap<u32, Wanted>,
    /// By address space and runtime.
    interpreted: BTreeMap<(u32, u8), Vec<(Object, usize)>>,
    kernel: Wanted,
    vdso: Wanted,
}

/// Addresses of one kind and the index of the place of each.
#[derive(Debug, Default)]
struct Wanted(Vec<(u64, usize)>);

impl Wanted {
    /// The addresses sorted, each once.
    fn addresses(&mut self) -> Vec<u64> {
        self.0.sort_unstable();
        let mut addresses: Vec<u64> = self.0.iter().map(|&(address, _)| address).collect();
        addresses.dedup();
        addresses
    }

    /// Gives each place the name of its address.
    fn give(&self, addresses: &[u64], names: &[Named], all: &mut [Option<Named>]) {
        for &(address, index) in &self.0 {
            let name = addresses.binary_search(&address).ok().and_then(|at| names.get(at));
            all[index] = name.cloned();
        }
    }
}

impl Default for LocalSymbolizer {
    fn default() -> Self {
        Self::new(NameOptions::default())
    }
}

impl LocalSymbolizer {
    /// Reads nothing yet.
    pub fn new(options: NameOptions) -> Self {
        let debuginfod = Debuginfod::new(&options.debuginfod);
        Self {
            options,
            ask_kernel: None,
            readers: Vec::new(),
            warnings: Vec::new(),
            build_ids: HashMap::new(),
            debuginfod,
            dwarf_time: MAX_DWARF_TIME,
            vdso: None,
            cache: None,
        }
    }

    /// Asks the kernel itself for the names of its code, where it shows its addresses; else, and where it cannot say,
    /// all its names are read.
    #[must_use]
    pub fn ask_kernel(mut self, ask: AskKernel) -> Self {
        self.ask_kernel = Some(ask);
        self
    }

    /// Reads an interpreter's functions by `reader` instead of the registry's, if that has one.
    #[must_use]
    pub fn with_reader(mut self, runtime: u8, reader: &'static dyn Reader) -> Self {
        self.readers.push((runtime, reader));
        self
    }

    fn reader(&self, runtime: u8) -> Option<&'static dyn Reader> {
        let own = self.readers.iter().find(|(number, _)| *number == runtime);
        own.map(|(_, reader)| *reader).or_else(|| Runtime::of_number(runtime)?.reader())
    }

    /// Names for virtual addresses of one file, for `report` too. In the order of the addresses, which need
    /// not be sorted.
    pub fn file(&mut self, file: &MappedFile, addresses: &[u64]) -> Vec<Named> {
        let mut wanted = Wanted(addresses.iter().copied().zip(0..).collect());
        let sorted = wanted.addresses();
        let names = self.sorted_file(file, &sorted);
        let mut all = vec![None; addresses.len()];
        wanted.give(&sorted, &names, &mut all);
        all.into_iter().map(|name| name.unwrap_or_else(|| unnamed("", Reason::NoSymbol))).collect()
    }

    /// Names for virtual addresses of a file that is known by its build ID alone: from the file at `path`, if
    /// it carries that build ID, else from a debug file of this machine, else of a debuginfod server. `None`:
    /// none has it.
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

    /// A new cut begins: DWARF and downloads may take their time again, and from now on names are kept, within bounds, so that
    /// what was named before is not read or asked for again. Without cuts nothing is kept.
    pub fn begin_cut(&mut self) {
        self.cache.get_or_insert_default().begin_cut();
        self.dwarf_time = MAX_DWARF_TIME;
        self.debuginfod.begin_cut();
        if self.build_ids.len() >= MAX_BUILD_IDS {
            self.build_ids.clear();
        }
    }

    /// Leaves DWARF no time until the next cut.
    #[cfg(test)]
    pub(crate) fn spend_all_time(&mut self) {
        self.dwarf_time = Duration::ZERO;
    }

    /// Bytes of memory that names of earlier cuts take, about.
    pub fn kept_bytes(&self) -> usize {
        self.cache.as_ref().map_or(0, Cache::bytes)
    }

    /// Names that were made before, and those that `make` makes of the rest; it says whether they may be kept.
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

    /// Names from the file itself, and whether another attempt would give the same.
    fn read_file(&mut self, file: &MappedFile, addresses: &[u64]) -> (Vec<Named>, bool) {
        let Some(handle) = &file.handle else {
            let reason = file.reason.unwrap_or(Reason::FileGone);
            return (vec![unnamed("", reason); addresses.len()], false);
        };
        let image = match Image::parse(Bytes::File(handle)) {
            Ok(image) => image,
            Err(error) => {
                self.warn(file, error.phrase());
                return (vec![unnamed("", Reason::FileCorrupt); addresses.len()], true);
            }
        };
        self.check_build_id(file, &image);
        let mut work = Work::new(file, &image, self.options.no_inline, addresses);
        let names = work.run(&mut self.debuginfod, &mut self.dwarf_time);
        let lasting = !work.cut_short;
        for what in std::mem::take(&mut work.warnings) {
            self.warn(file, what);
        }
        (names, lasting)
    }

    /// Two different files with one build ID: one of them, or its debug file, lies.
    fn check_build_id(&mut self, file: &MappedFile, image: &Image<'_>) {
        let Some(id) = &file.build_id else { return };
        let print = fingerprint(image);
        match self.build_ids.get(id) {
            Some(&other) if other != print => {
                self.warn(file, "another file carries the same build ID");
            }
            Some(_) => {}
            None if self.build_ids.len() < MAX_BUILD_IDS => {
                self.build_ids.insert(id.clone(), print);
            }
            None => {}
        }
    }

    fn warn(&mut self, file: &MappedFile, what: &str) {
        let warning = Warning { file: super::text(&file.path), what: what.to_owned() };
        if self.warnings.len() < MAX_WARNINGS && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    fn vdso(&mut self, offsets: &[u64]) -> Vec<Named> {
        let vdso = self.vdso.get_or_insert_with(|| vdso::own_vdso().unwrap_or_default());
        let name = |name: Option<String>| match name {
            Some(name) => named("[vdso]", name),
            None => unnamed("[vdso]", Reason::NoSymbol),
        };
        vdso::names(vdso, offsets).into_iter().map(name).collect()
    }
}

impl Symbolize for LocalSymbolizer {
    fn names(&mut self, table: &ProcessTable, places: &[Place]) -> Vec<Named> {
        let mut all: Vec<Option<Named>> = vec![None; places.len()];
        let mut sorted = Sorted::default();
        for (index, place) in places.iter().enumerate() {
            match *place {
                Place::File { file, address } => {
                    sorted.files.entry(file).or_default().0.push((address, index));
                }
                Place::Jit { space, address } => {
                    sorted.jit.entry(space).or_default().0.push((address, index));
                }
                Place::Interpreted { space, runtime, object, position, check } => {
                    let object = Object { address: object, position, check };
                    sorted.interpreted.entry((space, runtime)).or_default().push((object, index));
                }
                Place::Kernel { address } => sorted.kernel.0.push((address, index)),
                Place::Vdso { offset } => sorted.vdso.0.push((offset, index)),
                Place::Unknown { reason, .. } => all[index] = Some(unnamed("", reason)),
            }
        }
        // The files with the most addresses first, because downloading debug files may run out of time.
        let mut files: Vec<_> = sorted.files.iter_mut().collect();
        files.sort_by_key(|(_, wanted)| std::cmp::Reverse(wanted.0.len()));
        for (id, wanted) in files {
            let addresses = wanted.addresses();
            let names = match table.file(*id) {
                Some(file) => self.sorted_file(file, &addresses),
                None => vec![unnamed("", Reason::FileGone); addresses.len()],
            };
            wanted.give(&addresses, &names, &mut all);
        }
        for (space, wanted) in &mut sorted.jit {
            let addresses = wanted.addresses();
            wanted.give(&addresses, &jit(table.jit(*space), &addresses), &mut all);
        }
        for ((space, runtime), wanted) in &mut sorted.interpreted {
            interpreted::name(table, *space, *runtime, self.reader(*runtime), wanted, &mut all);
        }
        for (wanted, kernel) in [(&mut sorted.kernel, true), (&mut sorted.vdso, false)] {
            let addresses = wanted.addresses();
            if !addresses.is_empty() {
                let names = if kernel {
                    self.kept_or(Some(Source::Kernel), &addresses, |own, addresses| {
                        (kernel::names(addresses, own.ask_kernel), true)
                    })
                } else {
                    self.vdso(&addresses)
                };
                wanted.give(&addresses, &names, &mut all);
            }
        }
        all.into_iter().map(|name| name.unwrap_or_else(|| unnamed("", Reason::NoSymbol))).collect()
    }

    fn begin_cut(&mut self) {
        Self::begin_cut(self);
    }

    fn warnings(&self) -> Vec<Warning> {
        self.warnings.clone()
    }
}

/// Names of JIT code.
fn jit(jit: Option<&Jit>, addresses: &[u64]) -> Vec<Named> {
    let Some(map) = jit.and_then(|jit| jit.map.as_ref()) else {
        let reason = jit.and_then(|jit| jit.reason).unwrap_or(Reason::NoJitMap);
        return vec![unnamed("[jit]", reason); addresses.len()];
    };
    let name = |name: Option<String>| match name {
        Some(name) => named("[jit]", name),
        None => unnamed("[jit]", Reason::NoJitEntry),
    };
    perfmap::names_of(map, addresses).into_iter().map(name).collect()
}

fn named(module: &str, name: String) -> Named {
    let line =
        Line { system_name: name.clone(), name, file: String::new(), line: 0, inlined: false };
    Named { lines: vec![line], module: module.to_owned(), reason: None }
}

fn unnamed(module: &str, reason: Reason) -> Named {
    Named { lines: Vec::new(), module: module.to_owned(), reason: Some(reason) }
}

/// A number that two copies of a file share and two files hardly ever do: of its sections and some code.
fn fingerprint(image: &Image<'_>) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    for section in &image.sections {
        (&section.name, section.address, section.offset, section.size).hash(&mut hasher);
    }
    for section in image.sections.iter().filter(|section| section.is_code()) {
        image.part(section, 0, 4096).hash(&mut hasher);
    }
    hasher.finish()
}
