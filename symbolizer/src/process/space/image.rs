//! One address space: a program in a process, from exec (or fork) to the next exec or the end.

use super::jit::{Began, Watch};
use super::mappings::{Change, Content, Mapping, Mappings};
use super::reading::Reading;
use super::story::Story;
use crate::place::Reason;
use crate::process::Identity;
use crate::process::proc::roots::Root;
use crate::process::proc::task::Start;
use crate::runtime::Runtime;
use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

/// An address space.
#[derive(Debug)]
pub(crate) struct Image {
    /// Process id.
    pub(crate) pid: u32,
    /// The identity that it is known by.
    pub(crate) identity: Option<Identity>,
    /// The start time of its process.
    pub(crate) start: Start,
    /// The exec counter that its identity will have.
    pub(crate) exec: Option<u64>,
    /// The time of its beginning, from events.
    pub(crate) born: Option<u64>,
    /// The name of the process: that of its main thread, or of its program.
    pub(crate) comm: Option<Arc<[u8]>>,
    /// Its executable memory, shared with its parent until either changes it.
    pub(crate) maps: Arc<Mappings>,
    /// The files of the program before the exec.
    pub(crate) before: Option<Arc<Mappings>>,
    /// The state of knowledge about its mappings.
    pub(crate) story: Story,
    /// Grows when an address changes its place.
    pub(crate) epoch: u32,
    /// The first few addresses without a mapping that were looked up in this epoch.
    missed: Vec<u64>,
    /// The time at which its maps may be read again, and the wait after that.
    again: (u64, u64),
    /// Its root, and whether it was seen since the last exec.
    pub(crate) root: (Option<Root>, bool),
    /// Its runtime.
    pub(crate) runtime: Option<Runtime>,
    /// Its perf map, once it matters.
    pub(crate) watch: Option<Box<Watch>>,
    /// The state before its maps were read, until the reading is confirmed.
    pub(crate) reading: Option<Box<Reading>>,
    /// Whether its main thread has ended.
    pub(crate) exited: bool,
    /// The last cut in which it was sampled, or in which it ended.
    pub(crate) used: u64,
    /// Whether it is in the queue of address spaces that may be forgotten.
    pub(crate) retired: bool,
}

impl Image {
    const FIRST_WAIT: u64 = 100_000_000;
    /// The shortest wait as a multiple of the time that the last reading took. A process may have many thousand mappings.
    const REST: u32 = 50;
    const MOST_MISSED: usize = 16;
    /// The duration of an exec after its record, on a busy machine, in nanoseconds.
    const LOADING: u64 = 20_000_000;
    const LONGEST_WAIT: u64 = 30_000_000_000;

    /// An address space of which nothing is known.
    pub(crate) fn unread(pid: u32) -> Self {
        Self {
            pid,
            identity: None,
            start: Start::default(),
            exec: None,
            born: None,
            comm: None,
            maps: Arc::default(),
            before: None,
            story: Story::Unread,
            epoch: 0,
            missed: Vec::new(),
            again: (0, Self::FIRST_WAIT),
            root: (None, false),
            runtime: None,
            watch: None,
            reading: None,
            exited: false,
            used: 0,
            retired: false,
        }
    }

    /// The address space of a process after an exec.
    pub(crate) fn after_exec(&self, comm: Arc<[u8]>, time: u64) -> Self {
        Self {
            start: self.start,
            before: self.certain_at(time).then(|| self.maps.clone()),
            exec: self.exec.map(|exec| exec.wrapping_add(1)),
            ..Self::fresh(self.pid, comm, time)
        }
        .with_root(self)
    }

    /// A program that began with an exec and is fully described by events.
    pub(crate) fn fresh(pid: u32, comm: Arc<[u8]>, time: u64) -> Self {
        Self { comm: Some(comm), born: Some(time), story: Story::Known, ..Self::unread(pid) }
    }

    /// A child with the same mappings.
    pub(crate) fn child(&self, pid: u32, time: u64) -> Self {
        let story = match self.story {
            Story::Known => Story::Known,
            Story::Unread | Story::Doubted { .. } | Story::Unreadable(_) => Story::Unread,
        };
        Self {
            exec: self.exec,
            born: Some(time),
            comm: self.comm.clone(),
            maps: self.maps.clone(),
            story,
            runtime: self.runtime,
            reading: self.reading.as_ref().filter(|_| story == Story::Known).map(|r| r.inherited()),
            ..Self::unread(pid)
        }
        .with_root(self)
    }

    fn with_root(mut self, other: &Self) -> Self {
        self.root = (other.root.0.clone(), false);
        self
    }

    /// Compares an identity with this address space: the same (`Equal`), a later or an earlier one of the same pid.
    pub(crate) fn compare(&self, identity: Identity) -> Ordering {
        self.start
            .compare(identity.start)
            .then_with(|| self.exec.map_or(Ordering::Equal, |exec| identity.exec.cmp(&exec)))
    }

    /// Whether all its mappings were its own until `time`.
    fn certain_at(&self, time: u64) -> bool {
        self.reading.as_ref().is_none_or(|reading| reading.end <= time)
    }

    /// Gives it an identity.
    pub(crate) fn claim(&mut self, identity: Identity) {
        self.identity = Some(identity);
        self.start.exact = Some(identity.start);
        self.exec = Some(identity.exec);
    }

    /// The mapping that contains `address`. Until the kernel has loaded a new program, the process's user registers are
    /// those of the old one, inside its call of exec.
    pub(crate) fn find(&self, address: u64) -> Option<Mapping> {
        let old = || {
            let old = self.before.as_ref()?.find(address)?;
            matches!(old.content, Content::File(_)).then_some(old)
        };
        self.maps.find(address).or_else(old).copied()
    }

    /// Whether no mapping of its own contains `address`, so that the answer may change.
    pub(crate) fn misses(&self, address: u64) -> bool {
        self.maps.find(address).is_none()
    }

    /// Drops the mappings from before an exec, after the new program is loaded.
    pub(crate) fn loaded(&mut self, now: u64) {
        let loading = self.born.is_some_and(|born| now <= born.saturating_add(Self::LOADING));
        if !loading && self.before.take().is_some() && !self.missed.is_empty() {
            self.next_epoch();
        }
    }

    /// Adds a mapping.
    pub(crate) fn insert(&mut self, mapping: Mapping) -> Change {
        let change = match self.maps.effect(&mapping) {
            change @ (Change::Nothing | Change::Full) => return change,
            Change::Added | Change::Replaced => Arc::make_mut(&mut self.maps).insert(mapping),
        };
        let found = |missed: &u64| (mapping.start..mapping.end).contains(missed);
        if change == Change::Replaced || self.missed.iter().any(found) {
            self.next_epoch();
        }
        change
    }

    /// Replaces all mappings.
    pub(crate) fn replace(&mut self, maps: Mappings) -> bool {
        let changed = *self.maps != maps;
        if changed {
            self.maps = Arc::new(maps);
            self.next_epoch();
        }
        changed
    }

    pub(crate) fn next_epoch(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        self.missed.clear();
    }

    /// Notes that an address has no mapping.
    pub(crate) fn miss(&mut self, address: u64) {
        if self.missed.len() < Self::MOST_MISSED && !self.missed.contains(&address) {
            self.missed.push(address);
        }
    }

    /// Whether its maps may be read again at `now`.
    pub(crate) fn may_read_again(&self, now: u64) -> bool {
        !self.exited && now >= self.again.0
    }

    /// Notes that its maps were read, whether that helped, and how long it took. Reading takes at most one part of the time in
    /// [`Self::REST`].
    pub(crate) fn was_read(&mut self, now: u64, useful: bool, took: Duration) {
        let wait = if useful { Self::FIRST_WAIT } else { self.again.1 };
        let rest = u64::try_from((took * Self::REST).as_nanos()).unwrap_or(u64::MAX);
        self.again = (now.saturating_add(wait.max(rest)), (wait * 2).min(Self::LONGEST_WAIT));
    }

    /// The time of its beginning.
    pub(crate) fn began(&self) -> Began {
        Began { start: self.start.about(), image: self.born }
    }

    /// Its mappings, including those of the program before the exec, and those that may be restored.
    pub(crate) fn all_mappings(&self) -> impl Iterator<Item = &Arc<Mappings>> {
        let before = self.before.iter().chain(self.reading.as_ref().map(|reading| &reading.maps));
        std::iter::once(&self.maps).chain(before)
    }

    /// Drops its mappings, long after its end.
    pub(crate) fn forget(&mut self) {
        if self.maps.len() > 0 {
            self.maps = Arc::default();
            self.story = Story::Unreadable(Reason::Limit);
            self.next_epoch();
        }
        self.root = (None, false);
        self.missed = Vec::new();
        self.before = None;
    }
}
