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
    let (mut bytes, mut read) = (Vec::new(), Vec::new());
    for address in addresses.iter().take(MOST_READ / length) {
        let start = bytes.len();
        bytes.resize(start + length, 0);
        let got = memory.read_exact_at(&mut bytes[start..], *address).is_ok();
        bytes.truncate(if got { start + length } else { start });
        read.push(got);
    }
    Reply::memory(bytes, read)
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
