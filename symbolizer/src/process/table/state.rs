//! The table: which process is what now, and which address space an identity means.

use crate::place::{FileId, Jit, MappedFile, Reason, Runtime};
use crate::process::files::kept::Files;
use crate::process::proc::maps::Told;
use crate::process::proc::roots::Roots;
use crate::process::space::hindsight::Hindsight;
use crate::process::space::image::{Image, Story};
use crate::process::{Event, EventKind, Identity, Space};
use crate::warning::Spoilt;
use crate::warning::Warning;
use std::cmp::Ordering;
use std::collections::{HashMap, VecDeque};

/// Follows processes. It holds the present: what the events that were applied so far, and `/proc` where
/// they do not tell the whole, say.
#[derive(Debug, Default)]
pub struct ProcessTable {
    /// Whether `/proc` and files may be read.
    pub(crate) live: bool,
    /// The latest time seen, nanoseconds of CLOCK_MONOTONIC.
    pub(crate) now: u64,
    /// Address spaces, by index.
    pub(crate) images: Vec<Image>,
    /// Indexes that nobody was told of and that are free again.
    free: Vec<u32>,
    /// What each pid is now.
    pub(crate) current: HashMap<u32, u32>,
    identities: HashMap<Identity, u32>,
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

    /// Applies what happened.
    pub fn apply(&mut self, event: &Event) {
        self.now = self.now.max(event.time);
        let main_thread = event.pid == event.tid;
        match &event.kind {
            EventKind::Mmap { start, len, offset, device, inode, path } => {
                let end = start.saturating_add(*len);
                let told = Told {
                    start: *start,
                    end,
                    offset: *offset,
                    device: *device,
                    inode: *inode,
                    path,
                };
                let index = self.current_or_unread(event.pid);
                self.mapped(index, &told);
            }
            EventKind::Exec { comm } => self.exec(event, comm),
            EventKind::Rename { comm } if main_thread => {
                let index = self.current_or_unread(event.pid);
                self.images[index as usize].comm = Some(comm.as_slice().into());
            }
            EventKind::Fork { parent } if *parent != event.pid => self.fork(event, *parent),
            EventKind::Exit if main_thread => self.exit(event.pid),
            EventKind::Lost => self.doubt(),
            EventKind::Rename { .. } | EventKind::Fork { .. } | EventKind::Exit => {}
        }
    }

    /// Reads a process's mappings now, and opens its files, if that was not done yet.
    pub fn read(&mut self, pid: u32) {
        let index = self.current_or_unread(pid);
        self.ensure_read(index);
    }

    /// The address space of an identity seen at `time` (nanoseconds of CLOCK_MONOTONIC); its maps are read
    /// if the table has none. The same identity always gives the same index, another one never.
    pub fn space(&mut self, identity: Identity, time: u64) -> Space {
        self.now = self.now.max(time);
        let index = match self.identities.get(&identity) {
            Some(&index) => index,
            None => {
                let index = self.claim(identity, time);
                self.identities.insert(identity, index);
                self.images[index as usize].claim(identity);
                index
            }
        };
        self.ensure_read(index);
        let image = &mut self.images[index as usize];
        image.sampled(time);
        Space { index, epoch: image.epoch }
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

    /// Foreign files that were refused or are malformed, each said once: perf maps, ELF headers, build IDs
    /// that two programs carry; and samples that were [misplaced](Self::misplaced).
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = self.spoilt.warnings();
        warnings.extend(self.hindsight.warning());
        warnings
    }

    pub(crate) fn image(&self, index: u32) -> Option<&Image> {
        self.images.get(index as usize)
    }

    /// The address space that a new identity, seen at `time`, means.
    fn claim(&mut self, identity: Identity, time: u64) -> u32 {
        let index = self.current_or_unread(identity.pid);
        let present = &self.images[index as usize];
        match present.compare(identity) {
            Ordering::Equal => index,
            // The pid was reused, or it ran another program, without an event.
            Ordering::Greater => {
                self.take_back(identity.pid, time);
                self.succeed(Image::unread(identity.pid))
            }
            Ordering::Less => {
                let mut earlier = Image::unread(identity.pid);
                earlier.story = Story::Unreadable(Reason::ProcessGone);
                earlier.comm =
                    present.comm.clone().filter(|_| present.start.exact == Some(identity.start));
                earlier.exited = true;
                self.keep(earlier)
            }
        }
    }

    fn exec(&mut self, event: &Event, comm: &[u8]) {
        self.take_back(event.pid, event.time);
        let comm = comm.into();
        let image = match self.current.get(&event.pid) {
            Some(&index) => self.images[index as usize].after_exec(comm, event.time),
            None => Image::fresh(event.pid, comm, event.time),
        };
        self.succeed(image);
    }

    /// A parent that was never read is read now: it most likely lives, its child may not live long.
    fn fork(&mut self, event: &Event, parent: u32) {
        let parent = self.current_or_unread(parent);
        self.ensure_read(parent);
        let child = self.images[parent as usize].child(event.pid, event.time);
        self.succeed(child);
    }

    fn exit(&mut self, pid: u32) {
        let Some(&index) = self.current.get(&pid) else { return };
        self.look_for_perf_map_at_last(index);
        self.images[index as usize].exited = true;
        self.retire(index);
    }

    /// What is not known by an identity may have changed its program unseen.
    fn doubt(&mut self) {
        for &index in self.current.values() {
            let image = &mut self.images[index as usize];
            let certain = image.identity.is_some();
            if !certain {
                image.exec = None;
            }
            if image.story == Story::Known {
                image.story = Story::Doubted { certain };
            }
        }
    }

    /// What `pid` is now.
    pub(crate) fn current_or_unread(&mut self, pid: u32) -> u32 {
        match self.current.get(&pid) {
            Some(&index) => index,
            None => self.succeed(Image::unread(pid)),
        }
    }

    /// Makes an image what its pid is from now on.
    fn succeed(&mut self, image: Image) -> u32 {
        let pid = image.pid;
        let index = self.keep(image);
        if let Some(before) = self.current.insert(pid, index) {
            self.retire(before);
        }
        index
    }

    fn keep(&mut self, image: Image) -> u32 {
        if let Some(index) = self.free.pop() {
            self.images[index as usize] = image;
            return index;
        }
        let index = u32::try_from(self.images.len()).expect("2^32 images do not fit into memory");
        self.images.push(image);
        index
    }

    /// Forgets the mappings of the one that ended longest ago, when too many have. An index that nobody was
    /// told of is used again.
    fn retire(&mut self, index: u32) {
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
