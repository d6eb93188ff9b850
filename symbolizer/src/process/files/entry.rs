//! One file, and the check that it is still the one that was opened.

use super::descriptors::Descriptors;
use super::loaded::Loaded;
use crate::place::{MappedFile, Reason, Segment};
use crate::process::proc::maps::{Told, undeleted};
use crate::process::proc::open::{self, Opened, Stamp};
use crate::process::proc::roots::{Root, RootId};
use elf::Bytes;
use std::sync::Arc;

/// Device and inode as the kernel's records state them.
pub(super) type Inode = ((u32, u32), u64);

/// The number of attempts to open a file before it is tried only occasionally.
const MOST_TRIES: u32 = 8;

/// A file with the facts that names do not need.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) mapped: MappedFile,
    /// All its loaded segments.
    pub(super) loads: Vec<Segment>,
    /// Its state when it was opened.
    stamp: Option<Stamp>,
    /// The root in which it was seen; kept only if the inode number is ambiguous.
    pub(super) root: Option<RootId>,
    /// The number of times that it was seen without being opened.
    sightings: u32,
    /// The number of cuts since it was needed.
    pub(super) idle: u32,
    /// Its key in `by_inode`.
    pub(super) inode: Inode,
    /// The process that it counts for: the first that mapped it.
    pub(super) payer: u32,
}

impl Entry {
    /// Makes an entry from a mapping and the result of opening its file. `loose`: the inode number is ambiguous on its device.
    pub(super) fn new(
        payer: u32,
        told: &Told<'_>,
        found: Result<(Opened, Loaded), Reason>,
        root: Option<Root>,
        loose: bool,
    ) -> Self {
        let (opened, loaded, reason) = match found {
            Ok((opened, loaded)) => (Some(opened), loaded, None),
            Err(reason) => (None, Loaded::default(), Some(reason)),
        };
        let (handle, stamp) = opened.map(|opened| (opened.file, opened.stamp)).unzip();
        Self {
            mapped: MappedFile {
                path: undeleted(told.path).0.to_vec(),
                handle: handle.map(Arc::new),
                reason,
                build_id: loaded.build_id,
                segments: loaded.executable,
                root: root.as_ref().filter(|root| !root.own).map(|root| root.directory.clone()),
            },
            loads: loaded.segments,
            stamp,
            root: root.filter(|_| loose).map(|root| root.id),
            sightings: 1,
            idle: 0,
            inode: (told.device, told.inode),
            payer,
        }
    }

    /// Whether opening a file again would gain nothing. A file that could not be opened is tried again a few times, and then occasionally,
    /// because its inode number may now belong to another file. What had no room is opened as soon as there is room for `pid`.
    pub(super) fn is_settled(&mut self, pid: u32, descriptors: &mut Descriptors) -> bool {
        if self.mapped.handle.is_some() {
            return self.is_intact(descriptors);
        }
        if self.mapped.reason == Some(Reason::Limit) {
            return !descriptors.room(pid);
        }
        self.sightings = self.sightings.wrapping_add(1);
        self.sightings > MOST_TRIES && !self.sightings.is_multiple_of(MOST_TRIES * 8)
    }

    /// Whether an open file is as it was when it was opened. Otherwise it is closed, because the addresses located in
    /// it before cannot be named any more. (While it is open, its inode number is not reused.)
    pub(super) fn is_intact(&mut self, descriptors: &mut Descriptors) -> bool {
        let Some(file) = &self.mapped.handle else { return false };
        let now = open::stamp(file);
        if now.is_some() && now == self.stamp {
            return true;
        }
        // A new link or a change of the mode changes only the inode.
        if let (Some(now), Some(then)) = (now, self.stamp)
            && (now.size, now.modified) == (then.size, then.modified)
            && Loaded::read(Bytes::File(file)).is_ok_and(|now| now.segments == self.loads)
        {
            self.stamp = Some(now);
            return true;
        }
        self.mapped.handle = None;
        self.mapped.reason = Some(Reason::FileChanged);
        self.sightings = 0;
        descriptors.closed(self.payer);
        false
    }
}
