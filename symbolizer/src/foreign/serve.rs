//! The life of the process that looks into foreign file systems.

use super::look::{self, Looked};
use super::message::{Asked, Reply};
use crate::reason::Reason;
use crate::stream::Stream;
use prost::Message;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::time::{ClockId, clock_gettime};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;

/// The largest file that is copied, in bytes.
const MOST_COPIED: i64 = 128 << 20;
/// The most bytes of memory, or of a file's start, that are read at once.
const MOST_READ: usize = 1 << 20;
/// The bytes from whose end on a piece of memory is read for itself, and the size of a page.
const MOST_RUN: usize = 64 << 10;
const PAGE: usize = 4096;

/// Looks where it is asked to, until nobody asks any more.
///
/// # Errors
/// The connection fails, or a question is none.
pub fn run(socket: UnixStream) -> io::Result<()> {
    let mut stream = Stream::new(socket);
    while let Some((message, beside)) = stream.receive()? {
        let asked = Asked::decode(&message[..]).map_err(io::Error::other)?;
        let (mut reply, found) = match answer(&asked, beside) {
            Ok((reply, found)) => (reply, found),
            Err(reason) => (Reply::failed(reason), None),
        };
        let spent = clock_gettime(ClockId::ProcessCPUTime);
        reply.cpu_time = spent.tv_sec.unsigned_abs() * 1_000_000_000 + spent.tv_nsec.unsigned_abs();
        stream.send(&reply.encode_to_vec(), found.as_ref().map(AsFd::as_fd))?;
    }
    Ok(())
}

fn answer(asked: &Asked, beside: Option<OwnedFd>) -> Result<(Reply, Option<OwnedFd>), Reason> {
    if let Some((path, links)) = asked.path() {
        let root = beside.map(File::from);
        return Ok((Reply::default(), Some(look::find(root.as_ref(), path, links)?)));
    }
    if let Some((addresses, length)) = asked.pieces() {
        let memory = beside.map(File::from).ok_or(Reason::FileGone)?;
        return Ok((read(&memory, addresses, length), None));
    }
    if let Some(most) = asked.most() {
        let file = beside.map(File::from).ok_or(Reason::FileGone)?;
        let mut bytes = Vec::new();
        file.take(most.min(MOST_READ as u64))
            .read_to_end(&mut bytes)
            .map_err(|_| Reason::FileGone)?;
        return Ok((Reply::text(bytes), None));
    }
    let mut looked = look::look(&beside.ok_or(Reason::FileGone)?)?;
    let file = looked.file.take();
    let copied = file.map(|file| copy(file, &looked)).transpose()?;
    Ok((Reply::of(&looked), copied))
}

/// Pieces of a process's memory, as many as may be read at once.
fn read(memory: &File, addresses: &[u64], length: usize) -> Reply {
    let addresses = &addresses[..addresses.len().min(MOST_READ / length)];
    let (mut bytes, mut read, mut run) = (Vec::new(), Vec::new(), Run::default());
    for (at, address) in addresses.iter().enumerate() {
        if !run.holds(*address, length) {
            run = Run::from(memory, &addresses[at..], length);
        }
        let piece = run.piece(*address, length);
        read.push(piece.is_some());
        bytes.extend(piece.unwrap_or_default());
    }
    Reply::memory(bytes, read)
}

/// Memory that is read at once, because it has several pieces without a whole page between two of them.
#[derive(Default)]
struct Run {
    start: u64,
    bytes: Vec<u8>,
}

impl Run {
    /// Reads the first of these pieces, and those that follow it closely. If not all of them can be read, it is the first alone, if that can
    /// be read.
    fn from(memory: &File, addresses: &[u64], length: usize) -> Self {
        let start = addresses[0];
        let mut len = length;
        for address in &addresses[1..] {
            let offset = address.checked_sub(start).and_then(|offset| usize::try_from(offset).ok());
            let Some(offset) = offset.filter(|at| *at < len + PAGE && *at < MOST_RUN) else {
                break;
            };
            len = len.max(offset + length);
        }
        let bytes = |len| {
            let mut bytes = vec![0; len];
            memory.read_exact_at(&mut bytes, start).ok().map(|()| bytes)
        };
        let bytes = bytes(len).or_else(|| bytes(length).filter(|_| len > length));
        Self { start, bytes: bytes.unwrap_or_default() }
    }

    fn holds(&self, address: u64, length: usize) -> bool {
        self.piece(address, length).is_some()
    }

    fn piece(&self, address: u64, length: usize) -> Option<&[u8]> {
        let at = usize::try_from(address.checked_sub(self.start)?).ok()?;
        self.bytes.get(at..at.checked_add(length)?)
    }
}

/// A copy of a file in memory, which nobody can change. A file that is too large to be copied is refused.
fn copy(file: File, looked: &Looked) -> Result<OwnedFd, Reason> {
    if looked.size > MOST_COPIED {
        return Err(Reason::FileRefused);
    }
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let made = memfd_create("copy", flags).map_err(look::reason)?;
    let mut copy = File::from(made);
    io::copy(&mut file.take(MOST_COPIED.unsigned_abs()), &mut copy)
        .map_err(|_| Reason::FileGone)?;
    copy.rewind().map_err(|_| Reason::FileGone)?;
    let seals = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    fcntl_add_seals(&copy, seals).map_err(look::reason)?;
    Ok(copy.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory of 3 pages: each of its words is its address.
    fn memory() -> File {
        let file = File::from(memfd_create("memory", MemfdFlags::CLOEXEC).unwrap());
        let words: Vec<u8> = (0..0x3000_u64).step_by(8).flat_map(u64::to_le_bytes).collect();
        file.write_all_at(&words, 0).unwrap();
        file
    }

    #[test]
    fn pieces_are_those_at_their_addresses_whether_or_not_they_are_near_to_others() {
        let places = [0, 8, 0x100, 0x80, 0x2ff0, 0x2ff8, 0x1000, 0x5000, 0x2ff0, u64::MAX, 16];
        let reply = read(&memory(), &places, 16);
        let there = places.map(|at| at <= 0x2ff0);
        assert_eq!(reply.read, there);
        let first: Vec<u64> = reply
            .bytes
            .chunks(16)
            .map(|piece| u64::from_le_bytes(piece[..8].try_into().unwrap()))
            .collect();
        let expected: Vec<u64> = places.into_iter().filter(|at| *at <= 0x2ff0).collect();
        assert_eq!(first, expected);
        assert_eq!(reply.bytes.len(), 16 * expected.len());
    }

    #[test]
    fn no_page_is_read_for_the_pieces_around_it_and_no_run_is_long() {
        let run = |places: &[u64]| Run::from(&memory(), places, 8).bytes.len();
        assert_eq!(run(&[0, 0x1000, 0x2000]), 0x2008);
        assert_eq!(run(&[0, 0x1008, 0x1010]), 8, "a page is between them");
        assert_eq!(run(&[0x2800, 0x3000]), 8, "not all can be read");
        assert_eq!(run(&[8, 0]), 8, "they are read in their order");
    }
}
