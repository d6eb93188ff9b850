//! Memory shared with the kernel: maps and perf rings.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// A shared mapping of a map or of a perf event's ring; unmapped when dropped.
#[derive(Debug)]
pub(crate) struct SharedMemory {
    at: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to the process, not to a thread. Its last owner unmaps it once.
unsafe impl Send for SharedMemory {}

impl SharedMemory {
    /// Maps the first `len` bytes of a descriptor for reading and writing.
    pub(crate) fn map(fd: BorrowedFd<'_>, len: usize) -> io::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address that the kernel chooses touches no existing memory.
        let at = unsafe {
            libc::mmap(std::ptr::null_mut(), len, protection, libc::MAP_SHARED, fd.as_raw_fd(), 0)
        };
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let at =
            NonNull::new(at.cast()).ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        Ok(Self { at, len })
    }

    /// The word at a byte offset that is a multiple of 8. Both sides may write it at any time.
    pub(crate) fn word(&self, offset: usize) -> &AtomicU64 {
        assert!(
            offset.is_multiple_of(8) && offset + 8 <= self.len,
            "a whole word inside the mapping"
        );
        // SAFETY: aligned (mappings begin at a page) and inside the mapping, which lives as long as `self`;
        // an atomic may be written by others.
        unsafe { &*self.at.as_ptr().add(offset).cast::<AtomicU64>() }
    }

    /// The byte at an offset. Both sides may write it at any time.
    pub(crate) fn byte(&self, offset: usize) -> &AtomicU8 {
        assert!(offset < self.len, "inside the mapping");
        // SAFETY: inside the mapping, which lives as long as `self`; an atomic may be written by others.
        unsafe { &*self.at.as_ptr().add(offset).cast::<AtomicU8>() }
    }

    /// Copies `into.len()` bytes from an offset. Bytes that the kernel writes meanwhile may be torn, so callers ask
    /// only for bytes that nobody writes any more.
    pub(crate) fn copy(&self, offset: usize, into: &mut [u8]) {
        assert!(offset <= self.len && into.len() <= self.len - offset, "inside the mapping");
        // SAFETY: the source is inside the mapping, the destination is a slice of ours: they do not overlap.
        unsafe {
            std::ptr::copy_nonoverlapping(
                self.at.as_ptr().add(offset),
                into.as_mut_ptr(),
                into.len(),
            )
        }
    }

    /// Writes words of four bytes at an offset that is a multiple of 4. Nobody may read them yet.
    pub(crate) fn write_words(&self, offset: usize, words: &[u32]) {
        let len = size_of_val(words);
        assert!(
            offset.is_multiple_of(4) && offset <= self.len && len <= self.len - offset,
            "whole words inside the mapping"
        );
        // SAFETY: the destination is inside the mapping, the source is a slice of ours: they do not overlap.
        unsafe {
            let to = self.at.as_ptr().add(offset).cast::<u32>();
            std::ptr::copy_nonoverlapping(words.as_ptr(), to, words.len());
        }
    }

    /// Appends `count` words from an offset that is a multiple of 8.
    pub(crate) fn copy_words(&self, offset: usize, count: usize, into: &mut Vec<u64>) {
        into.extend((0..count).map(|i| self.word(offset + i * 8).load(Ordering::Relaxed)));
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `map` with this length, and no reference into it outlives `self`.
        unsafe { libc::munmap(self.at.as_ptr().cast(), self.len) };
    }
}

/// The size of a page, in bytes.
pub(crate) fn page_size() -> usize {
    // SAFETY: asks for a constant.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// CLOCK_MONOTONIC and CLOCK_REALTIME in nanoseconds, read one right after the other.
pub(crate) fn clocks() -> (u64, u64) {
    let read = |clock| {
        let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `t` is valid for writing the answer.
        unsafe { libc::clock_gettime(clock, &mut t) };
        u64::try_from(t.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(t.tv_nsec).unwrap_or(0)
    };
    (read(libc::CLOCK_MONOTONIC), read(libc::CLOCK_REALTIME))
}
