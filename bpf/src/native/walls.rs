//! Memory that stands in for a map's, between walls. A read or write beyond it ends the process.

use crate::sampler::{SharedMemory, page_size};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;

/// The size of the wall behind the memory: as far as a 32-bit index of four-byte words reaches.
const WALL: usize = 1 << 34;

/// The values of a map. Their last byte is right before the wall behind them.
#[derive(Debug)]
pub(super) struct Walled {
    file: OwnedFd,
    region: NonNull<u8>,
    region_len: usize,
    at: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to the process, not to a thread. Its last owner unmaps it once.
unsafe impl Send for Walled {}

impl Walled {
    /// This many zero bytes.
    pub(super) fn new(len: usize) -> io::Result<Self> {
        let page = page_size();
        let whole = len.next_multiple_of(page);
        // SAFETY: the name is a string that ends; the descriptor is new and has no other owner.
        let file =
            unsafe { OwnedFd::from_raw_fd(libc::memfd_create(c"map".as_ptr(), libc::MFD_CLOEXEC)) };
        File::from(file.try_clone()?).set_len(whole as u64)?;
        let region_len = page + whole + WALL;
        let region = map(std::ptr::null_mut(), region_len, libc::PROT_NONE, None)?;
        // SAFETY: inside the region, which is longer than a page.
        let inside = unsafe { region.add(page) };
        // From here on the region is unmapped when this is dropped.
        // SAFETY: inside the region too, as `len` is at most `whole`.
        let at = unsafe { inside.add(whole - len) };
        let walled = Self { file, region, region_len, at, len };
        let access = libc::PROT_READ | libc::PROT_WRITE;
        map(inside.as_ptr(), whole, access, Some(&walled.file))?;
        Ok(walled)
    }

    /// The same memory as user space sees it. Its length is a multiple of a page.
    pub(super) fn shared(&self) -> io::Result<SharedMemory> {
        assert!(self.len.is_multiple_of(page_size()), "it begins where a page does");
        SharedMemory::map(self.file.as_fd(), self.len)
    }

    /// The address of the first byte.
    pub(super) fn start(&self) -> *mut u8 {
        self.at.as_ptr()
    }

    /// The number of bytes.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Sets all bytes to zero.
    pub(super) fn clear(&mut self) {
        // SAFETY: these bytes belong to `self`, and nobody else reads them while it is borrowed.
        unsafe { std::ptr::write_bytes(self.at.as_ptr(), 0, self.len) }
    }

    /// Writes bytes at an offset. Bytes beyond the end are left out.
    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        let count = bytes.len().min(self.len.saturating_sub(offset));
        let offset = offset.min(self.len);
        // SAFETY: `count` bytes from `offset` are inside the memory. `bytes` is a separate slice, so they do not
        // overlap.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.at.as_ptr().add(offset), count)
        }
    }

    /// The word at a byte offset.
    pub(super) fn word(&self, offset: usize) -> u64 {
        assert!(offset + 8 <= self.len, "inside");
        // SAFETY: eight bytes from there are inside; any bits are valid.
        unsafe { self.at.as_ptr().add(offset).cast::<u64>().read_unaligned() }
    }
}

/// Makes a new mapping. With an address, it replaces the mapping there.
fn map(
    at: *mut u8,
    len: usize,
    access: libc::c_int,
    file: Option<&OwnedFd>,
) -> io::Result<NonNull<u8>> {
    let fixed = if at.is_null() { 0 } else { libc::MAP_FIXED };
    let kind = match file {
        Some(_) => libc::MAP_SHARED,
        None => libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
    };
    let file = file.map_or(-1, |file| file.as_raw_fd());
    // SAFETY: with an address, it replaces a part of a mapping that the caller has made and nobody uses yet.
    let made = unsafe { libc::mmap(at.cast(), len, access, kind | fixed, file, 0) };
    if made == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(made.cast()).ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))
}

impl Drop for Walled {
    fn drop(&mut self) {
        // SAFETY: the region was mapped by `new` with this length; no reference into it outlives `self`.
        unsafe { libc::munmap(self.region.as_ptr().cast(), self.region_len) };
    }
}
