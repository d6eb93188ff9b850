//! The table: the present state of each process, and the address space of each identity.

use super::announced::Hindsight;
use crate::foreign::{self, FarMemory, Foreign, Memories};
use crate::place::{FileId, Jit, MappedFile};
use crate::process::files::kept::Files;
use crate::process::numbered::Numbered;
use crate::process::proc::roots::Roots;
use crate::process::proc::task::Task;
use crate::process::space::image::Image;
use crate::process::{Identity, Space};
use crate::runtime::Runtime;
use crate::warning::Spoilt;
use crate::warning::Warning;
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;

/// Follows processes. It holds the present state, from the events applied so far, and from `/proc` if the events are incomplete.
#[derive(Debug, Default)]
pub struct ProcessTable {
    /// Whether `/proc` and files may be read.
    pub(crate) live: bool,
    /// The latest time seen, nanoseconds of CLOCK_MONOTONIC.
    pub(crate) now: u64,
    /// Address spaces, by index.
    pub(crate) images: Numbered<Image>,
    /// The present address space of each pid.
    pub(crate) current: HashMap<u32, u32>,
    pub(super) identities: HashMap<Identity, u32>,
    /// The address spaces that have ended, oldest first.
    pub(super) retired: VecDeque<u32>,
    /// The number of cuts so far.
    pub(super) cut: u64,
    /// Whether records were lost since the last cut.
    pub(super) lost: bool,
    pub(crate) files: Files,
    pub(crate) roots: Roots,
    /// Who reads memory: for long readings, and for looks that are waited for.
    memories: [Memories; 2],
    pub(crate) spoilt: Spoilt,
    pub(crate) hindsight: Hindsight,
}

impl ProcessTable {
    /// The number of ended address spaces whose mappings are kept for late samples.
    const MOST_RETIRED: usize = 16_384;

    /// An empty table. It reads `/proc` lazily: a process's maps when the process is first seen.
    pub fn new() -> Self {
        Self { live: true, ..Self::default() }
    }

    /// As [`Self::new`], and processes that `start` starts look into the file systems that may not answer.
    pub fn looking_by(start: foreign::Start) -> Self {
        let memories = [(); 2].map(|()| Memories::by(Some(start)));
        let roots = Roots::seen_by(Foreign::by(start));
        Self { live: true, roots, memories, ..Self::default() }
    }

    /// A table that never reads `/proc` and opens no file (for replays). It knows only the events.
    pub fn without_proc() -> Self {
        Self::default()
    }

    /// The process's name (its main thread's), any bytes; empty if it is not known.
    pub fn name(&self, space: Space) -> &[u8] {
        self.image(space.index).and_then(|image| image.comm.as_deref()).unwrap_or_default()
    }

    /// The runtime of the process, if one was recognized by the files that it maps.
    pub fn runtime(&self, space: Space) -> Option<Runtime> {
        self.image(space.index)?.runtime
    }

    /// The runtime of an address space, by the number in a [`Place`](crate::Place).
    pub fn runtime_of(&self, space: u32) -> Option<Runtime> {
        self.image(space)?.runtime
    }

    /// A file, by the id in a [`Place`](crate::Place).
    pub fn file(&self, id: FileId) -> Option<&MappedFile> {
        self.files.get(id)
    }

    /// All files, in the order of their ids.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &MappedFile)> {
        self.files.iter()
    }

    /// The JIT map of an address space, by the number in a [`Place`](crate::Place).
    pub fn jit(&self, space: u32) -> Option<&Jit> {
        self.image(space)?.watch.as_ref().map(|watch| &watch.jit)
    }

    /// Whether the process of an address space has ended, or runs another program.
    pub fn has_ended(&self, space: u32) -> bool {
        self.image(space).is_some_and(|image| {
            image.exited || self.current.get(&image.pid).is_some_and(|now| *now != space)
        })
    }

    /// The memory of an address space, for reads by address; `None` if its process has ended, runs another program, or
    /// may not be read.
    pub fn memory(&self, space: u32) -> Option<File> {
        let image = self.image(space).filter(|image| self.live && !image.exited)?;
        let present = self.current.get(&image.pid) == Some(&space);
        let task = Task::open_started(image.pid, image.start).filter(|_| present)?;
        task.memory(&self.roots.foreign.patience)
    }

    /// The memory of a process, read as this table looks into file systems: for long readings, and for looks that are waited for.
    ///
    /// # Errors
    /// It may not be read, or there are no descriptors left.
    pub fn far_memory(&self, pid: u32) -> io::Result<[FarMemory; 2]> {
        let patience = &self.roots.foreign.patience;
        let memory = Task::open(pid).ok().and_then(|task| task.memory(patience));
        let memory = memory.ok_or(io::ErrorKind::PermissionDenied)?;
        let [readings, looks] = &self.memories;
        Ok([readings.of(memory.try_clone()?), looks.of(memory)])
    }

    /// The memory of an address space, read as this table looks into file systems; `None` as in [`Self::memory`].
    pub fn far_memory_of(&self, space: u32) -> Option<FarMemory> {
        Some(self.memories[1].of(self.memory(space)?))
    }

    /// CPU nanoseconds of the processes that read memory.
    pub fn reading_time(&self) -> u64 {
        self.memories.iter().map(Memories::cpu_time).sum()
    }

    /// Warnings about foreign files that were refused or are malformed, each once (perf maps, ELF headers, build IDs of
    /// two programs), and about [misplaced](Self::misplaced) samples.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = self.spoilt.warnings();
        warnings.extend(self.hindsight.warning());
        warnings
    }

    pub(crate) fn image(&self, index: u32) -> Option<&Image> {
        self.images.get(index)
    }

    /// The present address space of `pid`.
    pub(super) fn current_or_unread(&mut self, pid: u32) -> u32 {
        match self.current.get(&pid) {
            Some(&index) => index,
            None => self.succeed(Image::unread(pid)),
        }
    }

    /// Makes an image the present one of its pid.
    pub(super) fn succeed(&mut self, image: Image) -> u32 {
        let pid = image.pid;
        let index = self.keep(image);
        if let Some(before) = self.current.insert(pid, index) {
            self.ended(before);
        }
        index
    }

    pub(super) fn keep(&mut self, mut image: Image) -> u32 {
        image.used = self.cut;
        self.images.push(image)
    }

    /// If too many address spaces have ended, forgets the mappings of the one that ended first; and the whole of it, if
    /// it has no identity.
    pub(super) fn ended(&mut self, index: u32) {
        let image = &mut self.images[index];
        if image.retired {
            return;
        }
        image.retired = true;
        image.used = self.cut;
        image.before = None;
        image.reading = None;
        self.retired.push_back(index);
        if self.retired.len() <= Self::MOST_RETIRED {
            return;
        }
        let Some(oldest) = self.retired.pop_front() else { return };
        let Some(image) = self.images.get_mut(oldest) else { return };
        image.forget();
        if image.identity.is_none() {
            self.forget(oldest);
        }
    }

    /// Drops an address space.
    pub(super) fn forget(&mut self, index: u32) {
        let Some(image) = self.images.remove(index) else { return };
        if self.current.get(&image.pid) == Some(&index) {
            self.current.remove(&image.pid);
        }
        if let Some(identity) = image.identity
            && self.identities.get(&identity) == Some(&index)
        {
            self.identities.remove(&identity);
        }
        if image.watch.is_some_and(|watch| watch.jit.map.is_some()) {
            self.files.descriptors.closed(image.pid);
        }
    }
}
