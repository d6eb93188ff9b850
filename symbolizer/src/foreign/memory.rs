//! The memory of processes. A page of it may be that of a file on a file system that does not answer, mapped a moment ago. So another process
//! reads it.

use super::message::Asked;
use super::onlooker::{Limits, Onlooker, Start};
use crate::reason::Reason;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most bytes of one question.
const PIECE: usize = 1 << 20;
/// The limits of the process that reads. Those who ask it wait beside everything else. Memory that did not answer once is not asked again.
const LIMITS: Limits = Limits { one: Duration::from_secs(3), all: Duration::MAX, starts: 32 };

/// Who reads memory. Clones share one process.
#[derive(Clone, Debug)]
pub(crate) struct Memories {
    /// Starts the process that reads. Without, this process does so itself.
    start: Option<Start>,
    onlooker: Arc<Mutex<Onlooker>>,
}

/// The memory of a process.
#[derive(Debug)]
pub struct FarMemory {
    /// An open `/proc/PID/mem`.
    file: File,
    reads: Memories,
    /// Whether it did not answer. It is not asked again.
    silent: AtomicBool,
}

impl Default for Memories {
    fn default() -> Self {
        Self::by(None)
    }
}

impl Memories {
    /// Has memory read by processes that `start` starts; `None`: by this process.
    pub(crate) fn by(start: Option<Start>) -> Self {
        Self { start, onlooker: Arc::new(Mutex::new(Onlooker::within(LIMITS))) }
    }

    /// The memory behind an open `/proc/PID/mem`.
    pub(crate) fn of(&self, file: File) -> FarMemory {
        FarMemory { file, reads: self.clone(), silent: AtomicBool::new(false) }
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
    /// Fills `bytes` from this address on. Returns whether all of them could be read.
    pub fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
        let Some(start) = self.reads.start else {
            return self.file.read_exact_at(bytes, address).is_ok();
        };
        let mut at = address;
        bytes.chunks_mut(PIECE).all(|piece| {
            let read = self.ask(start, &[at], piece.len());
            at = at.wrapping_add(piece.len() as u64);
            let read = read.filter(|(bytes, _)| bytes.len() == piece.len());
            read.is_some_and(|(bytes, _)| {
                piece.copy_from_slice(&bytes);
                true
            })
        })
    }

    /// The bytes at these addresses, `length` at each; `None` where they cannot be read.
    pub fn pieces(&self, addresses: &[u64], length: usize) -> Vec<Option<Vec<u8>>> {
        let Some(start) = self.reads.start else {
            let one = |address: &u64| {
                let mut bytes = vec![0; length];
                self.fill(*address, &mut bytes).then_some(bytes)
            };
            return addresses.iter().map(one).collect();
        };
        let mut pieces = Vec::with_capacity(addresses.len());
        for some in addresses.chunks((PIECE / length.max(1)).max(1)) {
            let (bytes, read) = self.ask(start, some, length).unwrap_or_default();
            let mut bytes = bytes.chunks_exact(length.max(1)).map(<[u8]>::to_vec);
            let read = read.into_iter().chain(std::iter::repeat(false)).take(some.len());
            pieces.extend(read.map(|read| if read { bytes.next() } else { None }));
        }
        pieces
    }

    /// The bytes at those of these addresses that could be read, and which these are.
    fn ask(&self, start: Start, addresses: &[u64], length: usize) -> Option<(Vec<u8>, Vec<bool>)> {
        if self.silent.load(Ordering::Relaxed) {
            return None;
        }
        let asked = Asked::memory(addresses, length);
        match lock(&self.reads.onlooker).ask(start, &asked, Some(self.file.as_fd())) {
            Ok((reply, _)) => Some((reply.bytes, reply.read)),
            Err(reason) => {
                self.silent.fetch_or(reason == Reason::FileSystem, Ordering::Relaxed);
                None
            }
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
