//! The memory of processes. A page of it may be that of a file on a file system that does not answer. While a process maps such a file, another
//! process reads its memory.

use super::local::Local;
use super::message::Asked;
use super::onlooker::{Onlooker, Start};
use super::patience::{Patience, Who};
use crate::reason::Reason;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most bytes of one question.
const PIECE: usize = 1 << 20;
/// The most bytes of a list of mappings that are read. Of a longer one, nothing is believed.
const MOST_MAPS: usize = 4 << 20;

/// Who reads memory. Clones share one process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memories {
    /// Starts the process that reads. Without, this process does so itself.
    start: Option<Start>,
    onlooker: Arc<Mutex<Onlooker>>,
    local: Arc<Mutex<Local>>,
}

/// The address space of a process.
#[derive(Debug)]
pub(crate) struct Space {
    /// The process.
    pub(crate) who: Who,
    /// An open `/proc/PID/mem`.
    pub(crate) memory: File,
    /// An open `/proc/PID/maps`.
    pub(crate) maps: Arc<File>,
    /// Who looks at it while it may be locked.
    pub(crate) patience: Patience,
}

impl Space {
    /// Another handle of it.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        let (maps, patience) = (Arc::clone(&self.maps), self.patience.clone());
        Ok(Self { who: self.who, memory: self.memory.try_clone()?, maps, patience })
    }

    /// The list of its mappings; `None` if it is locked, or too long.
    fn mappings(&self) -> Option<Vec<u8>> {
        let maps = Arc::clone(&self.maps);
        self.patience.look(self.who, move || list(&maps)).ok()?
    }
}

/// The list of mappings; `None` if it is too long.
fn list(maps: &File) -> Option<Vec<u8>> {
    let mut text = vec![0; 64 << 10];
    let mut length = 0;
    loop {
        match maps.read_at(&mut text[length..], length as u64).ok()? {
            0 => break,
            got => length += got,
        }
        if length >= MOST_MAPS {
            return None;
        }
        text.resize(text.len().max(length + (64 << 10)), 0);
    }
    text.truncate(length);
    Some(text)
}

/// The memory of a process.
#[derive(Debug)]
pub struct FarMemory {
    space: Space,
    reads: Memories,
    /// Whether all files that it maps are local, as far as is known.
    local: AtomicBool,
    /// Whether it did not answer. It is not asked again.
    silent: AtomicBool,
}

impl Memories {
    /// Reads memory with processes that `start` starts.
    pub(crate) fn by(start: Start) -> Self {
        Self { start: Some(start), ..Self::default() }
    }

    /// The memory of this address space.
    pub(crate) fn of(&self, space: Space) -> FarMemory {
        let (local, silent) = (AtomicBool::new(false), AtomicBool::new(false));
        FarMemory { space, reads: self.clone(), local, silent }
    }

    /// The processes that were started.
    #[cfg(test)]
    pub(crate) fn started(&self) -> u32 {
        lock(&self.onlooker).started
    }

    /// CPU nanoseconds of the process that reads.
    pub(crate) fn cpu_time(&self) -> u64 {
        lock(&self.onlooker).cpu_time()
    }
}

impl FarMemory {
    /// Looks again which files the process maps. Call this before the first read, and before each one that may be long.
    pub fn look_at_maps(&self) {
        let local = self.reads.start.is_none() || self.is_local().unwrap_or(false);
        self.local.store(local, Ordering::Relaxed);
    }

    fn is_local(&self) -> Option<bool> {
        let text = self.space.mappings()?;
        let mut local = lock(&self.reads.local);
        let mut lines = text.split(|byte| *byte == b'\n');
        Some(lines.all(|line| line.is_empty() || is_local(line, &mut local).unwrap_or(false)))
    }

    /// Fills `bytes` from this address on. Returns whether all of them could be read.
    pub fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
        let start = self.reads.start.filter(|_| !self.local.load(Ordering::Relaxed));
        let Some(start) = start else {
            return self.space.memory.read_exact_at(bytes, address).is_ok();
        };
        let mut at = address;
        bytes.chunks_mut(PIECE).all(|piece| {
            let read = self.ask(start, at, piece);
            at = at.wrapping_add(piece.len() as u64);
            read
        })
    }

    fn ask(&self, start: Start, address: u64, bytes: &mut [u8]) -> bool {
        if self.silent.load(Ordering::Relaxed) {
            return false;
        }
        let asked = Asked::memory(address, bytes.len());
        match lock(&self.reads.onlooker).ask(start, &asked, Some(self.space.memory.as_fd())) {
            Ok((reply, _)) if reply.bytes.len() == bytes.len() => {
                bytes.copy_from_slice(&reply.bytes);
                true
            }
            Ok(_) => false,
            Err(reason) => {
                self.silent.fetch_or(reason == Reason::FileSystem, Ordering::Relaxed);
                false
            }
        }
    }
}

/// Whether the mapping of a line is of no file, or of a local one.
fn is_local(line: &[u8], local: &mut Local) -> Option<bool> {
    let mut fields = std::str::from_utf8(line.get(..line.len().min(128))?).ok()?.split(' ');
    let (major, minor) = fields.nth(3)?.split_once(':')?;
    let device = (u32::from_str_radix(major, 16).ok()?, u32::from_str_radix(minor, 16).ok()?);
    let inode: u64 = fields.next()?.parse().ok()?;
    Some(inode == 0 && device == (0, 0) || local.has(device))
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
