//! The table: which process is what now, and which address space an identity means.

use super::announced::Hindsight;
use crate::place::{FileId, Jit, MappedFile};
use crate::process::files::kept::Files;
use crate::process::proc::roots::Roots;
use crate::process::proc::task::Task;
use crate::process::space::image::Image;
use crate::process::{Identity, Space};
use crate::runtime::Runtime;
use crate::warning::Spoilt;
use crate::warning::Warning;
use std::collections::{HashMap, VecDeque};
use std::fs::File;

/// Follows processes. It holds the present state, from the events applied so far, and from `/proc` if the events are incomplete.
#[derive(Debug, Default)]
pub struct ProcessTable {
    /// Whether `/proc` and files may be read.
    pub(crate) live: bool,
    /// The latest time seen, nanoseconds of CLOCK_MONOTONIC.
    pub(crate) now: u64,
    /// Address spaces, by index.
    pub(crate) images: Vec<Image>,
    /// Indexes that were never handed out and are free again.
    free: Vec<u32>,
    /// The present address space of each pid.
    pub(crate) current: HashMap<u32, u32>,
    pub(super) identities: HashMap<Identity, u32>,
    /// Those that ended, oldest first.
    retired: VecDeque<u32>,
    pub(crate) files: Files,
    pub(crate) roots: Roots,
    pub(crate) spoilt: Spoilt,
    pub(crate) hindsight: Hindsight,
}

impl ProcessTable {
    /// The mappings of so many ended address spaces are kept for late samples.
    const MOST_RETIRED: usize = 16_384;

    /// An empty table. It reads `/proc` lazily: a process's maps at first sight of the process.
    pub fn new() -> Self {
        Self { live: true, ..Self::default() }
    }

    /// A table that never reads `/proc` and opens no file (for replays): it knows what the events say.
    pub fn without_proc() -> Self {
        Self::default()
    }

    /// The process's name (its main thread's), any bytes; empty if it is not known.
    pub fn name(&self, space: Space) -> &[u8] {
        self.image(space.index).and_then(|image| image.comm.as_deref()).unwrap_or_default()
    }

    /// The runtime that the process runs, where one was recognized by the files that it maps.
    pub fn runtime(&self, space: Space) -> Option<Runtime> {
        self.image(space.index)?.runtime
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

    /// The memory of an address space, to be read by address; `None` where its process is gone, runs another program, or
    /// may not be read.
    pub fn memory(&self, space: u32) -> Option<File> {
        let image = self.image(space).filter(|image| self.live && !image.exited)?;
        let present = self.current.get(&image.pid) == Some(&space);
        Task::open_started(image.pid, image.start).filter(|_| present)?.memory()
    }

    /// Warnings about foreign files that were refused or are malformed, each once: perf maps, ELF headers, build IDs of two programs; and
    /// about samples that were [misplaced](Self::misplaced).
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = self.spoilt.warnings();
        warnings.extend(self.hindsight.warning());
        warnings
    }

    pub(crate) fn image(&self, index: u32) -> Option<&Image> {
        self.images.get(index as usize)
    }

    /// The present address space of `pid`.
    pub(super) fn current_or_unread(&mut self, pid: u32) -> u32 {
        match self.current.get(&pid) {
            Some(&index) => index,
            None => self.succeed(Image::unread(pid)),
        }
    }

    /// Makes an image what its pid is from now on.
    pub(super) fn succeed(&mut self, image: Image) -> u32 {
        let pid = image.pid;
        let index = self.keep(image);
        if let Some(before) = self.current.insert(pid, index) {
            self.retire(before);
        }
        index
    }

    pub(super) fn keep(&mut self, image: Image) -> u32 {
        if let Some(index) = self.free.pop() {
            self.images[index as usize] = image;
            return index;
        }
        let index = u32::try_from(self.images.len()).expect("2^32 images do not fit into memory");
        self.images.push(image);
        index
    }

    /// If too many have ended, forgets the mappings of the one that ended longest ago. An index that was never handed out is used again.
    pub(super) fn retire(&mut self, index: u32) {
        let image = &mut self.images[index as usize];
        if image.retired {
            return;
        }
        image.retired = true;
        image.before = None;
        image.reading = None;
        self.retired.push_back(index);
        if self.retired.len() <= Self::MOST_RETIRED {
            return;
        }
        let Some(oldest) = self.retired.pop_front() else { return };
        let image = &mut self.images[oldest as usize];
        image.forget();
        if image.identity.is_none() {
            let pid = image.pid;
            if self.current.get(&pid) == Some(&oldest) {
                self.current.remove(&pid);
            }
            self.free.push(oldest);
        }
    }
}
