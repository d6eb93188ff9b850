//! The messages between this process and the one that looks, as protocol buffers. A reply is foreign input: it is judged like the file
//! itself.

use super::look::{Links, Looked};
use crate::reason::Reason;
use prost::Message;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A question. The root, what was found, the memory, or the file comes beside it.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Asked {
    /// The path to find. Empty: the facts about what was found.
    #[prost(bytes = "vec", tag = "1")]
    path: Vec<u8>,
    #[prost(uint32, tag = "2")]
    links: u32,
    /// The addresses of pieces of memory to read, and the length of each; no length: no memory.
    #[prost(uint64, repeated, tag = "3")]
    addresses: Vec<u64>,
    #[prost(uint64, tag = "4")]
    length: u64,
    /// The most bytes of a file's start; 0: no file.
    #[prost(uint64, tag = "5")]
    most: u64,
}

/// The three ways, by number.
const LINKS: [Links; 3] = [Links::Refused, Links::OnTheWay, Links::Followed];

impl Asked {
    pub(super) fn find(path: &Path, links: Links) -> Self {
        Self { path: path.as_os_str().as_bytes().to_vec(), links: links as u32, ..Self::default() }
    }

    pub(super) fn look() -> Self {
        Self::default()
    }

    pub(super) fn memory(addresses: &[u64], length: usize) -> Self {
        Self { addresses: addresses.to_vec(), length: length as u64, ..Self::default() }
    }

    pub(super) fn text(most: usize) -> Self {
        Self { most: most as u64, ..Self::default() }
    }

    /// The most bytes of a file's start, if this is what is asked.
    pub(super) fn most(&self) -> Option<u64> {
        (self.most > 0).then_some(self.most)
    }

    /// The addresses of pieces of memory and the length of each, if this is what is asked.
    pub(super) fn pieces(&self) -> Option<(&[u64], usize)> {
        let length = usize::try_from(self.length).ok().filter(|length| *length > 0)?;
        Some((&self.addresses, length))
    }

    /// The path to find, if this is what is asked.
    pub(super) fn path(&self) -> Option<(&Path, Links)> {
        let links = LINKS.get(self.links as usize).copied().unwrap_or(Links::Refused);
        (!self.path.is_empty()).then(|| (Path::new(OsStr::from_bytes(&self.path)), links))
    }
}

/// A reply. What was found, or the copy of the file, comes beside it.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Reply {
    /// The number of the reason for which there is nothing, plus one; 0: there is something.
    #[prost(uint32, tag = "1")]
    reason: u32,
    #[prost(uint32, repeated, tag = "2")]
    device: Vec<u32>,
    #[prost(uint64, tag = "3")]
    inode: u64,
    #[prost(uint64, tag = "4")]
    magic: u64,
    #[prost(uint32, tag = "5")]
    user: u32,
    #[prost(int64, tag = "6")]
    size: i64,
    /// Seconds and nanoseconds of the two times.
    #[prost(int64, repeated, tag = "7")]
    times: Vec<i64>,
    /// The bytes of memory, or of a file.
    #[prost(bytes = "vec", tag = "8")]
    pub(super) bytes: Vec<u8>,
    /// Which pieces of memory these are.
    #[prost(bool, repeated, tag = "10")]
    pub(super) read: Vec<bool>,
    /// CPU nanoseconds of the process so far.
    #[prost(uint64, tag = "9")]
    pub(super) cpu_time: u64,
}

impl Reply {
    /// There is nothing, for this reason.
    pub(super) fn failed(reason: Reason) -> Self {
        Self { reason: reason.number() + 1, ..Self::default() }
    }

    /// Bytes of a file.
    pub(super) fn text(bytes: Vec<u8>) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// Bytes of those pieces of memory that could be read.
    pub(super) fn memory(bytes: Vec<u8>, read: Vec<bool>) -> Self {
        Self { bytes, read, ..Self::default() }
    }

    /// The facts.
    pub(super) fn of(looked: &Looked) -> Self {
        let nanoseconds = |time: u64| i64::try_from(time).unwrap_or(0);
        let (modified, changed) = (looked.modified, looked.changed);
        Self {
            reason: 0,
            device: vec![looked.device.0, looked.device.1],
            inode: looked.inode,
            magic: looked.magic,
            user: looked.user,
            size: looked.size,
            times: vec![modified.0, nanoseconds(modified.1), changed.0, nanoseconds(changed.1)],
            ..Self::default()
        }
    }

    /// The reason for which there is nothing.
    pub(super) fn reason(&self) -> Option<Reason> {
        let number = self.reason.checked_sub(1)?;
        Some(Reason::of_number(number).unwrap_or(Reason::FileGone))
    }

    /// The facts, with the file.
    pub(super) fn looked(&self, file: Option<File>) -> Looked {
        let device = |at: usize| self.device.get(at).copied().unwrap_or(0);
        let time = |at: usize| self.times.get(at).copied().unwrap_or(0);
        Looked {
            device: (device(0), device(1)),
            inode: self.inode,
            magic: self.magic,
            user: self.user,
            size: self.size,
            modified: (time(0), u64::try_from(time(1)).unwrap_or(0)),
            changed: (time(2), u64::try_from(time(3)).unwrap_or(0)),
            file,
        }
    }
}
