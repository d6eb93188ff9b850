//! Finding the place of an address: by known mappings, and by reading `/proc` if they are unknown.

use super::state::ProcessTable;
use crate::place::{Check, Place, Reason};
use crate::process::Space;
use crate::process::files::payer::Payer;
use crate::process::proc::maps::{self, Origin, Told};
use crate::process::proc::roots::Roots;
use crate::process::proc::source::Source;
use crate::process::proc::task::Task;
use crate::process::space::image::Image;
use crate::process::space::jit::{self, Watch};
use crate::process::space::mappings::{Change, Content, Mapping, Mappings};
use crate::process::space::story::Story;
use crate::runtime::Runtime;
use std::time::Instant;

/// The range of user memory. There is no mapping below it (`vm.mmap_min_addr`), and no user memory above it on any
/// machine.
const USER: std::ops::Range<u64> = 0x1_0000..1 << 56;

impl ProcessTable {
    /// The place of `address` (a user-space address to look up) now. For an address outside of known mappings, the maps are read again
    /// while the process lives. The intervals grow as long as this does not help.
    pub fn locate(&mut self, space: Space, address: u64) -> Place {
        let Some(image) = self.images.get(space.index) else {
            return Place::Unknown { address, reason: Reason::NoMapping };
        };
        let mut found = image.find(address);
        if found.is_none() && self.read_again(space.index, address) {
            found = self.images[space.index].find(address);
        }
        let image = &mut self.images[space.index];
        if image.misses(address) {
            image.miss(address);
        }
        let Some(mapping) = found else {
            let reason = match image.story {
                Story::Unreadable(reason) => reason,
                Story::Known | Story::Doubted { .. } if image.maps.is_full() => Reason::Limit,
                Story::Unread => Reason::ProcessGone,
                Story::Known | Story::Doubted { .. } => Reason::NoMapping,
            };
            return Place::Unknown { address, reason };
        };
        self.place(space.index, &mapping, address)
    }

    /// The place of an interpreter's frame: `object`, `position` and `check` are those of the frame, `runtime` is the
    /// interpreter's number in the registry.
    pub fn interpreted(
        &self,
        space: Space,
        runtime: u8,
        object: u64,
        position: u32,
        check: u32,
    ) -> Place {
        Place::Interpreted { space: space.index, runtime, object, position, check }
    }

    /// Looks again for perf maps that did not exist when their code was first seen (a JVM writes its map on request). Call this when the
    /// recording ends, before names are made.
    pub fn finish(&mut self) {
        let present: Vec<u32> = self.current.values().copied().collect();
        for index in present {
            self.look_for_perf_map_at_last(index);
        }
    }

    fn place(&mut self, index: u32, mapping: &Mapping, address: u64) -> Place {
        let offset = mapping.offset.wrapping_add(address - mapping.start);
        match mapping.content {
            Content::File(file) => match self.files.address(file, offset) {
                Some(address) => Place::File { file, address },
                None => Place::Unknown { address, reason: Reason::FileCorrupt },
            },
            Content::Vdso => Place::Vdso { offset },
            Content::Jit => {
                self.look_for_perf_map(index);
                Place::Jit { space: index, address, check: Check::None }
            }
            Content::Nameless(reason) => Place::Unknown { address, reason },
        }
    }

    /// Adds a mapping.
    pub(crate) fn mapped(&mut self, index: u32, told: &Told<'_>) {
        let mapping = self.mapping(index, told);
        self.images[index].insert(mapping);
        self.recognize(index, told.path);
    }

    /// Reads the maps if they are unknown or in doubt.
    pub(crate) fn ensure_read(&mut self, index: u32) {
        let story = self.images[index].story;
        if !matches!(story, Story::Unread | Story::Doubted { .. }) {
            return;
        }
        let story = match (self.read_maps(index), story) {
            // For a process that has ended, the events are the only source.
            (Ok(()), _) | (Err(_), Story::Doubted { certain: true }) => Story::Known,
            (Err(reason), _) => {
                // After a lost exec, the mappings would be those of another program.
                if story == (Story::Doubted { certain: false }) {
                    self.images[index].replace(Mappings::default());
                }
                Story::Unreadable(reason)
            }
        };
        self.images[index].story = story;
    }

    /// Reads the maps again for an address without a mapping, if it may have one by now.
    fn read_again(&mut self, index: u32, address: u64) -> bool {
        let image = &self.images[index];
        let present = self.current.get(&image.pid) == Some(&index);
        let worth =
            self.live && present && USER.contains(&address) && image.may_read_again(self.now);
        let readable = image.story == Story::Known;
        let read = worth && readable && self.read_maps(index).is_ok();
        if read {
            self.images[index].sampled_now();
        }
        read
    }

    /// Reads `/proc/PID/maps`, unless it is known to show another program by now.
    fn read_maps(&mut self, index: u32) -> Result<(), Reason> {
        let image = &mut self.images[index];
        if !self.live || self.hindsight.shows_another(image.pid) {
            return Err(Reason::ProcessGone);
        }
        let certain = image.reading.is_none();
        image.begin_reading();
        let read = self.take_maps(index);
        let image = &mut self.images[index];
        match read {
            Ok(()) => image.end_reading(),
            Err(_) if certain => image.reading = None,
            Err(_) => {}
        }
        read
    }

    /// Replaces known mappings by those of `/proc/PID/maps`: all of them if events may be missing, else those that overlap.
    fn take_maps(&mut self, index: u32) -> Result<(), Reason> {
        let began = Instant::now();
        let image = &self.images[index];
        let task = Task::open(image.pid)?;
        let ticks = task.start_ticks()?;
        if image.exited || !image.start.allows(ticks) {
            return Err(Reason::ProcessGone);
        }
        let all = matches!(image.story, Story::Doubted { .. });
        let image = &mut self.images[index];
        image.start.ticks = Some(ticks);
        // Where events are missing, so may be the one that gave it another name.
        if image.story != Story::Known || image.comm.is_none() {
            image.comm = task.process_name().ok().map(Into::into).or(image.comm.take());
        }
        let text = task.maps(&self.roots.foreign.patience)?;
        if text.is_empty() {
            // This is a kernel thread, or a process that has just ended.
            return Err(Reason::ProcessGone);
        }
        let told: Vec<_> = maps::executable(&text).collect();
        let mappings = self.mappings(index, &told, task.program().as_deref());
        let image = &mut self.images[index];
        let changed = if all {
            image.replace(mappings.into_iter().collect())
        } else {
            let changes = mappings.into_iter().map(|mapping| image.insert(mapping));
            changes.filter(|change| matches!(change, Change::Added | Change::Replaced)).count() > 0
        };
        image.was_read(self.now, changed, began.elapsed());
        for told in &told {
            self.recognize(index, told.path);
        }
        Ok(())
    }

    /// Mappings as the table keeps them. If there are too many files, the program comes first, and then what is largest.
    fn mappings(&mut self, index: u32, told: &[Told<'_>], program: Option<&[u8]>) -> Vec<Mapping> {
        let mut order: Vec<usize> = (0..told.len()).collect();
        let last =
            |told: &Told<'_>| (Some(told.path) != program, u64::MAX - (told.end - told.start));
        order.sort_by_key(|&at| last(&told[at]));
        let mut all: Vec<_> =
            order.into_iter().map(|at| (at, self.mapping(index, &told[at]))).collect();
        all.sort_unstable_by_key(|(at, _)| *at);
        all.into_iter().map(|(_, mapping)| mapping).collect()
    }

    /// A mapping as the table keeps it. Its file is opened when it is first seen.
    fn mapping(&mut self, index: u32, told: &Told<'_>) -> Mapping {
        let Self { live, images, files, roots, spoilt, .. } = self;
        let image = &mut images[index];
        let pid = image.pid;
        let origin = maps::origin(told.path);
        let opens = matches!(origin, Origin::File | Origin::MemoryFile);
        let mut source = (*live && opens).then(|| Self::source(image, roots));
        let mut payer = Payer { pid, spoilt };
        let content = files.content(told, origin, source.as_mut(), &mut payer);
        let offset = match content {
            Content::File(_) => told.offset,
            Content::Vdso | Content::Jit | Content::Nameless(_) => 0,
        };
        Mapping { start: told.start, end: told.end, offset, content }
    }

    fn source<'a>(image: &'a mut Image, roots: &'a mut Roots) -> Source<'a> {
        let living = (!image.exited).then_some((image.pid, image.start));
        Source::new(living, &mut image.root, roots)
    }

    fn recognize(&mut self, index: u32, path: &[u8]) {
        let image = &mut self.images[index];
        if jit::is_dump(path) && self.live {
            let watch = Watch::new(image.pid, image.runtime);
            image.watch.get_or_insert_with(|| Box::new(watch)).dump = Some(path.into());
        }
        if image.runtime.is_none()
            && let Some(runtime) = Runtime::of_file(maps::undeleted(path).0)
        {
            image.runtime = Some(runtime);
            self.look_for_perf_map(index);
        }
    }

    /// Looks for the perf map of a process that has JIT code or a runtime, now and then until it is there.
    fn look_for_perf_map(&mut self, index: u32) {
        let now = self.now;
        let image = &mut self.images[index];
        let runtime = image.runtime;
        let watch = image.watch.get_or_insert_with(|| Box::new(Watch::new(image.pid, runtime)));
        watch.jit.runtime = runtime;
        if self.live && !image.retired && watch.due(now) {
            self.look(index);
        }
    }

    /// The last look, at the end of the process (it may already be a zombie, but its root is known) or of the recording. Later, the pid and
    /// the map may belong to another process.
    pub(crate) fn look_for_perf_map_at_last(&mut self, index: u32) {
        let image = &self.images[index];
        let missing = image.watch.as_ref().is_some_and(|watch| watch.open());
        if self.live && !image.retired && missing {
            self.look(index);
        }
    }

    fn look(&mut self, index: u32) {
        let Self { now, images, files, roots, spoilt, .. } = self;
        let image = &mut images[index];
        let began = image.began();
        let Some(mut watch) = image.watch.take() else { return };
        if files.descriptors.room(image.pid) {
            watch.look(*now, began, &mut Self::source(image, roots), spoilt);
        } else {
            watch.jit.reason = Some(Reason::Limit);
        }
        if watch.jit.map.is_some() {
            files.descriptors.opened(image.pid);
        }
        image.watch = Some(watch);
    }
}
