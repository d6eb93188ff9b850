//! Applies events, and finds the address space of an identity.

use super::state::ProcessTable;
use crate::place::Reason;
use crate::process::proc::maps::Told;
use crate::process::proc::task::names_process;
use crate::process::space::image::Image;
use crate::process::space::story::Story;
use crate::process::{Event, EventKind, Identity, Space};
use std::cmp::Ordering;

impl ProcessTable {
    /// Applies an event.
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
            EventKind::Rename { comm } if main_thread && names_process(comm) => {
                let index = self.current_or_unread(event.pid);
                self.images[index].comm = Some(comm.as_slice().into());
            }
            EventKind::Fork { parent } if *parent != event.pid => self.fork(event, *parent),
            EventKind::Exit if main_thread => self.exit(event.pid),
            EventKind::Lost => self.doubt(),
            EventKind::Rename { .. } | EventKind::Fork { .. } | EventKind::Exit => {}
        }
    }

    /// Reads a process's mappings now and opens its files, unless that was done before.
    pub fn read(&mut self, pid: u32) {
        let index = self.current_or_unread(pid);
        self.ensure_read(index);
    }

    /// The address space of an identity seen at `time` (nanoseconds of CLOCK_MONOTONIC). Its maps are read if the table
    /// has none. The same identity always gives the same index, and another identity never does.
    pub fn space(&mut self, identity: Identity, time: u64) -> Space {
        self.now = self.now.max(time);
        let index = match self.identities.get(&identity) {
            Some(&index) => index,
            None => {
                let index = self.claim(identity, time);
                self.identities.insert(identity, index);
                self.images[index].claim(identity);
                index
            }
        };
        self.ensure_read(index);
        let now = self.now;
        let image = &mut self.images[index];
        image.used = self.cut;
        image.loaded(now);
        image.sampled(time);
        Space { index, epoch: image.epoch }
    }

    /// The number of the address space of an identity that has been seen.
    pub fn space_of(&self, identity: Identity) -> Option<u32> {
        self.identities.get(&identity).copied()
    }

    /// Finds the address space that a new identity, seen at `time`, refers to.
    fn claim(&mut self, identity: Identity, time: u64) -> u32 {
        let index = self.current_or_unread(identity.pid);
        let present = &self.images[index];
        match present.compare(identity) {
            Ordering::Equal => index,
            // The pid was reused, or the process called exec, without an event.
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
            Some(&index) => self.images[index].after_exec(comm, event.time),
            None => Image::fresh(event.pid, comm, event.time),
        };
        self.succeed(image);
    }

    /// Applies a fork. A parent that was never read is read now: it most likely lives, and its child may not live long.
    fn fork(&mut self, event: &Event, parent: u32) {
        let parent = self.current_or_unread(parent);
        self.ensure_read(parent);
        let child = self.images[parent].child(event.pid, event.time);
        self.succeed(child);
    }

    fn exit(&mut self, pid: u32) {
        let Some(&index) = self.current.get(&pid) else { return };
        self.look_for_perf_map_at_last(index);
        self.images[index].exited = true;
        self.ended(index);
    }

    /// Marks all address spaces as doubtful. One without an identity may run another program by now.
    fn doubt(&mut self) {
        self.lost = true;
        for &index in self.current.values() {
            let image = &mut self.images[index];
            let certain = image.identity.is_some();
            if !certain {
                image.exec = None;
            }
            if image.story == Story::Known {
                image.story = Story::Doubted { certain };
            }
        }
    }
}
