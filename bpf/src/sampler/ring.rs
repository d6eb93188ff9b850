//! A perf event's ring of side-band records.

use super::memory::{SharedMemory, page_size};
use crate::events::perf::PerfEvent;
use perf_event_open_sys::bindings::{self as perf, perf_event_mmap_page};
use std::io;
use std::mem::offset_of;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::Ordering;

/// A disabled event that counts nothing, but records mappings, names, forks and exits on a CPU. It wakes its waiters after this many
/// bytes of records.
pub(crate) fn side_band(cpu: u32, wake_after: u32) -> io::Result<PerfEvent> {
    let mut attr = perf::perf_event_attr {
        type_: perf::PERF_TYPE_SOFTWARE,
        config: perf::PERF_COUNT_SW_DUMMY.into(),
        sample_type: (perf::PERF_SAMPLE_TID | perf::PERF_SAMPLE_TIME).into(),
        clockid: libc::CLOCK_MONOTONIC,
        ..perf::perf_event_attr::default()
    };
    attr.set_use_clockid(1);
    attr.set_sample_id_all(1);
    attr.set_mmap(1);
    attr.set_mmap2(1);
    attr.set_comm(1);
    attr.set_comm_exec(1);
    attr.set_task(1);
    attr.set_disabled(1);
    attr.set_watermark(1);
    attr.__bindgen_anon_2.wakeup_watermark = wake_after;
    PerfEvent::open(&mut attr, cpu)
}

/// The ring of one CPU.
#[derive(Debug)]
pub(crate) struct Ring {
    memory: SharedMemory,
    event: PerfEvent,
    size: usize,
}

impl Ring {
    /// Gives a CPU's side-band event a ring of `pages` pages (a power of two), and enables the event.
    pub(crate) fn map(event: PerfEvent, pages: usize) -> io::Result<Self> {
        let size = pages * page_size();
        let memory = SharedMemory::map(event.as_fd(), size + page_size())?;
        event.enable()?;
        Ok(Self { memory, event, size })
    }

    /// The descriptor that becomes readable when there are records.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }

    /// The bytes of memory in use.
    pub(crate) fn bytes(&self) -> usize {
        self.size + page_size()
    }

    pub(crate) fn disable(&self) -> io::Result<()> {
        self.event.disable()
    }

    /// Whether the event was enabled since the last look, so that records were written if there were any.
    pub(crate) fn went_on(&mut self) -> bool {
        self.event.went_on()
    }

    /// Appends all records to `into`.
    pub(crate) fn take(&self, into: &mut Vec<u8>) {
        let head_word = self.memory.word(offset_of!(perf_event_mmap_page, data_head));
        let tail_word = self.memory.word(offset_of!(perf_event_mmap_page, data_tail));
        let (head, tail) = (head_word.load(Ordering::Acquire), tail_word.load(Ordering::Relaxed));
        let len = usize::try_from(head.wrapping_sub(tail)).unwrap_or(0).min(self.size);
        let from = tail as usize & (self.size - 1);
        let first = len.min(self.size - from);
        let begin = into.len();
        into.resize(begin + len, 0);
        self.memory.copy(page_size() + from, &mut into[begin..begin + first]);
        self.memory.copy(page_size(), &mut into[begin + first..]);
        tail_word.store(head, Ordering::Release);
    }
}
