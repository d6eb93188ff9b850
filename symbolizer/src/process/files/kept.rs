//! The files that are mapped as code. Each is opened once, when it is first seen, and kept.

use super::descriptors::Descriptors;
use super::entry::{Entry, Inode};
use super::loaded::{Loaded, Problem, address};
use super::payer::Payer;
use crate::place::{FileId, MappedFile, Reason, Segment};
use crate::process::numbered::Numbered;
use crate::process::proc::maps::{Origin, Told, undeleted};
use crate::process::proc::open::Opened;
use crate::process::proc::roots::{Root, RootId};
use crate::process::proc::source::Source;
use crate::process::space::mappings::Content;
use crate::shares::Shares;
use elf::Bytes;
use std::collections::{HashMap, HashSet};

/// The files.
#[derive(Debug, Default)]
pub(crate) struct Files {
    entries: Numbered<Entry>,
    by_inode: HashMap<Inode, Vec<FileId>>,
    by_build_id: HashMap<Vec<u8>, FileId>,
    /// Devices on which device and inode do not identify a file.
    loose: HashSet<(u32, u32)>,
    /// Memory files that hold no program.
    code_memory: HashSet<Inode>,
    /// The entries of each process, the bytes of their paths, and the memory files among `code_memory`.
    kept: Shares,
    paths: Shares,
    memory: Shares,
    pub(crate) descriptors: Descriptors,
}

impl Files {
    const MOST: usize = 65_536;
    /// The most files of one process, as many as it may have mappings in the kernel's tables.
    const MOST_OF_ONE: usize = 16_384;
    const MOST_PATH_BYTES: usize = 16 << 20;
    const MOST_NAMES: usize = 64;
    const MOST_MEMORY: usize = 4096;
    /// The number of cuts for which an unneeded file stays; 0 if there are many files.
    const PATIENCE: u32 = 3;
    const MANY: usize = 4096;

    /// A file by its id.
    pub(crate) fn get(&self, id: FileId) -> Option<&MappedFile> {
        self.entries.get(id.0).map(|entry| &entry.mapped)
    }

    /// All files, in the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (FileId, &MappedFile)> {
        self.entries.iter().map(|(number, entry)| (FileId(number), &entry.mapped))
    }

    /// The virtual address of a file offset; the offset itself for a file that was never opened; `None` if the file loads nothing from
    /// there.
    pub(crate) fn address(&self, id: FileId, offset: u64) -> Option<u64> {
        let entry = self.entries.get(id.0)?;
        if entry.loads.is_empty() {
            return Some(offset);
        }
        address(&entry.mapped.segments, offset).or_else(|| address(&entry.loads, offset))
    }

    /// The virtual address of the file's first byte; `None` if the file was never opened.
    pub(crate) fn base(&self, id: FileId) -> Option<u64> {
        let first = self.entries.get(id.0)?.loads.first()?;
        Some(first.start.wrapping_sub(first.offset))
    }

    /// The content of a mapping. Its file is opened when it is first seen. `source` is `None` if nothing may be opened.
    pub(crate) fn content(
        &mut self,
        told: &Told<'_>,
        origin: Origin,
        source: Option<&mut Source<'_>>,
        payer: &mut Payer<'_>,
    ) -> Content {
        match origin {
            // The vDSO of a 32-bit task differs from bpflame's own.
            Origin::Vdso if told.start >> 32 == 0 => Content::Nameless(Reason::NoSymbol),
            Origin::Vdso => Content::Vdso,
            Origin::Anonymous => Content::Jit,
            Origin::Nameless => Content::Nameless(Reason::NoSymbol),
            Origin::MemoryFile => self.memory(told, source, payer),
            Origin::File => self
                .file(told, source, payer)
                .map_or(Content::Nameless(Reason::Limit), Content::File),
        }
    }

    /// A memory file holds a program if it is an ELF file that loads something from this offset.
    fn memory(
        &mut self,
        told: &Told<'_>,
        source: Option<&mut Source<'_>>,
        payer: &mut Payer<'_>,
    ) -> Content {
        let inode = (told.device, told.inode);
        if self.code_memory.contains(&inode) {
            return Content::Jit;
        }
        if let Some(id) =
            self.known(told, None).filter(|&id| self.entries[id.0].is_intact(&mut self.descriptors))
        {
            return Content::File(id);
        }
        let Some(source) = source.filter(|_| self.descriptors.room(payer.pid)) else {
            return Content::Jit;
        };
        let Some(opened) = source.open_memory(told) else { return Content::Jit };
        let Ok(loaded) = read(&opened) else {
            if self.memory.try_take(payer.pid, 1, Self::MOST_MEMORY) {
                self.code_memory.insert(inode);
            }
            return Content::Jit;
        };
        let root = source.root();
        self.push(told, Ok((opened, loaded)), root, payer)
            .map_or(Content::Nameless(Reason::Limit), Content::File)
    }

    fn file(
        &mut self,
        told: &Told<'_>,
        mut source: Option<&mut Source<'_>>,
        payer: &mut Payer<'_>,
    ) -> Option<FileId> {
        let mut root = None;
        if self.loose.contains(&told.device) {
            root = source.as_deref_mut().and_then(Source::root).map(|root| root.id);
        }
        let known = self.known(told, root);
        if let Some(id) = known
            && self.entries[id.0].is_settled(payer.pid, &mut self.descriptors)
        {
            return Some(id);
        }
        if !self.admits(told, payer) {
            return known;
        }
        let Some(source) = source else {
            return known.or_else(|| self.push(told, Err(Reason::FileGone), None, payer));
        };
        let found = self.open(told, source, payer);
        if found.is_err() && known.is_some() {
            return known;
        }
        let root = source.root();
        self.push(told, found, root, payer)
    }

    fn open(
        &mut self,
        told: &Told<'_>,
        source: &mut Source<'_>,
        payer: &mut Payer<'_>,
    ) -> Result<(Opened, Loaded), Reason> {
        if !self.descriptors.room(payer.pid) {
            payer.tell_limit("more open files than its share (ulimit -n); the rest have no names");
            return Err(Reason::Limit);
        }
        let path = undeleted(told.path).0;
        let opened = source.open(told).inspect_err(|reason| {
            if *reason == Reason::FileRefused {
                payer.tell(path, "not a regular file, or too large");
            }
        })?;
        match read(&opened) {
            Ok(loaded) => Ok((opened, loaded)),
            Err(problem) => {
                if problem == Problem::Malformed {
                    payer.tell(path, "ELF headers are malformed");
                }
                Err(Reason::FileCorrupt)
            }
        }
    }

    /// The newest file with the inode and path.
    fn known(&self, told: &Told<'_>, root: Option<RootId>) -> Option<FileId> {
        let path = undeleted(told.path).0;
        let same = |id: &&FileId| {
            let entry = &self.entries[id.0];
            entry.mapped.path == path && (root.is_none() || entry.root == root)
        };
        self.by_inode.get(&(told.device, told.inode))?.iter().rev().find(same).copied()
    }

    /// Whether the process may have one more file, with this path.
    fn admits(&self, told: &Told<'_>, payer: &mut Payer<'_>) -> bool {
        let path = undeleted(told.path).0.len();
        let admitted = self.kept.of(payer.pid) < Self::MOST_OF_ONE
            && self.kept.room(payer.pid, Self::MOST) > 0
            && self.paths.room(payer.pid, Self::MOST_PATH_BYTES) >= path;
        if !admitted {
            payer.tell_limit("more files than its share; the rest have no names");
        }
        admitted
    }

    fn push(
        &mut self,
        told: &Told<'_>,
        found: Result<(Opened, Loaded), Reason>,
        root: Option<Root>,
        payer: &mut Payer<'_>,
    ) -> Option<FileId> {
        if !self.admits(told, payer) {
            return None;
        }
        self.kept.take(payer.pid, 1);
        self.paths.take(payer.pid, undeleted(told.path).0.len());
        if let Ok((opened, _)) = &found {
            self.descriptors.opened(payer.pid);
            if opened.loose {
                self.loose.insert(told.device);
            }
        }
        let loose = self.loose.contains(&told.device);
        let id = FileId(self.entries.push(Entry::new(payer.pid, told, found, root, loose)));
        let same_inode = self.by_inode.entry((told.device, told.inode)).or_default();
        if same_inode.len() >= Self::MOST_NAMES {
            same_inode.remove(0);
        }
        same_inode.push(id);
        self.note_build_id(id, payer);
        Some(id)
    }

    /// Warns if two different programs have one build ID. Copies of one program may share it.
    fn note_build_id(&mut self, id: FileId, payer: &mut Payer<'_>) {
        let Some(file) = self.get(id) else { return };
        let Some(build_id) = &file.build_id else { return };
        match self.by_build_id.get(build_id).and_then(|&first| self.get(first)) {
            None => {
                let build_id = build_id.clone();
                self.by_build_id.insert(build_id, id);
            }
            Some(first) if first.segments != file.segments => {
                let what =
                    format!("carries the build ID of {}", String::from_utf8_lossy(&first.path));
                payer.tell(&file.path, what);
            }
            Some(_) => {}
        }
    }

    /// Drops the files that were not needed for a while; sooner if there are many.
    pub(crate) fn retire(&mut self, needed: impl Fn(FileId) -> bool) {
        let patience = if self.entries.len() > Self::MANY { 0 } else { Self::PATIENCE };
        let mut gone = Vec::new();
        for (number, entry) in self.entries.iter_mut() {
            entry.idle = if needed(FileId(number)) { 0 } else { entry.idle + 1 };
            if entry.idle > patience {
                gone.push(number);
            }
        }
        for number in &gone {
            self.forget(FileId(*number));
        }
        if !gone.is_empty() {
            let Self { entries, by_build_id, .. } = self;
            by_build_id.retain(|_, id| entries.get(id.0).is_some());
        }
        if self.code_memory.len() >= Self::MOST_MEMORY / 4 {
            self.code_memory.clear();
            self.memory = Shares::default();
        }
    }

    fn forget(&mut self, id: FileId) {
        let Some(entry) = self.entries.remove(id.0) else { return };
        self.kept.give(entry.payer, 1);
        self.paths.give(entry.payer, entry.mapped.path.len());
        if entry.mapped.handle.is_some() {
            self.descriptors.closed(entry.payer);
        }
        if let Some(same_inode) = self.by_inode.get_mut(&entry.inode) {
            same_inode.retain(|other| *other != id);
            if same_inode.is_empty() {
                self.by_inode.remove(&entry.inode);
            }
        }
    }

    /// The bytes of memory that they use, approximately.
    pub(crate) fn bytes(&self) -> usize {
        let segments = |entry: &Entry| entry.loads.len() + entry.mapped.segments.len();
        let segments: usize = self.entries.iter().map(|(_, entry)| segments(entry)).sum();
        let indexes = self.by_inode.len() + self.by_build_id.len() + self.code_memory.len();
        self.entries.len() * size_of::<Entry>()
            + segments * size_of::<Segment>()
            + self.paths.all()
            + indexes * 64
    }
}

fn read(opened: &Opened) -> Result<Loaded, Problem> {
    Loaded::read(Bytes::File(&opened.file))
}
