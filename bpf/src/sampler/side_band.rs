//! Decodes perf's side-band records. Short or unknown records are skipped; no input causes a panic.

use crate::sample::{Comm, SideBand, SideBandKind};
use perf_event_open_sys::bindings as perf;

/// The bytes at the end of every record but `LOST`: pid, tid, time.
const TRAILER: usize = 16;

/// The contents of a ring.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// The records, in the ring's order.
    pub(crate) records: Vec<SideBand>,
    /// The number of records that the kernel dropped.
    pub(crate) lost: u64,
    /// The number of records that could not be read.
    pub(crate) malformed: u64,
}

impl Decoded {
    /// Decodes the bytes of a ring and appends the records.
    pub(crate) fn decode(&mut self, mut bytes: &[u8]) {
        while let Some((kind, misc, body, rest)) = split(bytes) {
            self.one(kind, misc, body);
            bytes = rest;
        }
        self.malformed += u64::from(!bytes.is_empty());
    }

    fn one(&mut self, kind: u32, misc: u16, body: &[u8]) {
        if kind == perf::PERF_RECORD_LOST {
            self.lost += Reader(body).skip(8).and_then(|mut r| r.u64()).unwrap_or(0);
            return;
        }
        let record = match kind {
            perf::PERF_RECORD_MMAP2 => mmap(body),
            perf::PERF_RECORD_COMM => {
                comm(body, u32::from(misc) & perf::PERF_RECORD_MISC_COMM_EXEC != 0)
            }
            perf::PERF_RECORD_FORK => task(body, true),
            perf::PERF_RECORD_EXIT => task(body, false),
            _ => return,
        };
        match record {
            // A task that is not visible in this PID namespace has no id here.
            Some(r) if r.pid == 0 || r.pid == u32::MAX => {}
            Some(r) => self.records.push(r),
            None => self.malformed += 1,
        }
    }
}

/// Splits off the first record: its type, flags and body, and the bytes after it.
fn split(bytes: &[u8]) -> Option<(u32, u16, &[u8], &[u8])> {
    let mut r = Reader(bytes);
    let (kind, both) = (r.u32()?, r.u32()?);
    let size = usize::from((both >> 16) as u16);
    if size < 8 || size > bytes.len() {
        return None;
    }
    Some((kind, both as u16, &bytes[8..size], &bytes[size..]))
}

fn time(body: &[u8]) -> Option<u64> {
    Reader(body.get(body.len().checked_sub(8)?..)?).u64()
}

fn until_zero(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len())]
}

fn mmap(body: &[u8]) -> Option<SideBand> {
    let mut r = Reader(body);
    let (pid, tid) = (r.u32()?, r.u32()?);
    let (start, len, offset) = (r.u64()?, r.u64()?, r.u64()?);
    let device = (r.u32()?, r.u32()?);
    let inode = r.u64()?;
    let r = r.skip(16)?; // inode generation, protection, flags
    let path = until_zero(r.0.get(..r.0.len().checked_sub(TRAILER)?)?).to_vec();
    Some(SideBand {
        time: time(body)?,
        pid,
        tid,
        kind: SideBandKind::Mmap { start, len, offset, device, inode, path },
    })
}

fn comm(body: &[u8], exec: bool) -> Option<SideBand> {
    let mut r = Reader(body);
    let (pid, tid) = (r.u32()?, r.u32()?);
    let comm = Comm::from_bytes(until_zero(r.0.get(..r.0.len().checked_sub(TRAILER)?)?));
    let kind = if exec { SideBandKind::Exec { comm } } else { SideBandKind::Rename { comm } };
    Some(SideBand { time: time(body)?, pid, tid, kind })
}

fn task(body: &[u8], born: bool) -> Option<SideBand> {
    let mut r = Reader(body);
    let (pid, parent_pid, tid, parent_tid) = (r.u32()?, r.u32()?, r.u32()?, r.u32()?);
    let kind =
        if born { SideBandKind::Fork { parent_pid, parent_tid } } else { SideBandKind::Exit };
    Some(SideBand { time: r.u64()?, pid, tid, kind })
}

/// Reads numbers off the front of bytes.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn u32(&mut self) -> Option<u32> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_ne_bytes(*first))
    }

    fn u64(&mut self) -> Option<u64> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_ne_bytes(*first))
    }

    fn skip(self, bytes: usize) -> Option<Self> {
        self.0.get(bytes..).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u32, misc: u16, body: &[u8]) -> Vec<u8> {
        let size = (8 + body.len()) as u16;
        [&kind.to_ne_bytes()[..], &misc.to_ne_bytes(), &size.to_ne_bytes(), body].concat()
    }

    fn trailer(time: u64) -> Vec<u8> {
        [&[0; 8][..], &time.to_ne_bytes()].concat()
    }

    fn mmap_record() -> Vec<u8> {
        let mut body = Vec::new();
        body.extend(9_u32.to_ne_bytes());
        body.extend(10_u32.to_ne_bytes());
        for word in [0x1000_u64, 0x2000, 0x3000] {
            body.extend(word.to_ne_bytes());
        }
        body.extend(8_u32.to_ne_bytes());
        body.extend(1_u32.to_ne_bytes());
        body.extend(77_u64.to_ne_bytes());
        body.extend([0; 16]);
        body.extend(b"/bin/x\0\0");
        body.extend(trailer(5));
        record(perf::PERF_RECORD_MMAP2, 0, &body)
    }

    #[test]
    fn an_mmap_record() {
        let mut decoded = Decoded::default();
        decoded.decode(&mmap_record());
        let kind = SideBandKind::Mmap {
            start: 0x1000,
            len: 0x2000,
            offset: 0x3000,
            device: (8, 1),
            inode: 77,
            path: b"/bin/x".to_vec(),
        };
        assert_eq!(decoded.records, [SideBand { time: 5, pid: 9, tid: 10, kind }]);
        assert_eq!((decoded.lost, decoded.malformed), (0, 0));
    }

    #[test]
    fn exec_fork_exit_and_lost() {
        let mut bytes = Vec::new();
        let name = [&1_u32.to_ne_bytes()[..], &1_u32.to_ne_bytes(), b"sh\0\0\0\0\0\0", &trailer(3)]
            .concat();
        bytes.extend(record(perf::PERF_RECORD_COMM, 1 << 13, &name));
        let task: Vec<u8> = [4_u32, 1, 5, 1].iter().flat_map(|n| n.to_ne_bytes()).collect();
        let task = [&task[..], &6_u64.to_ne_bytes(), &trailer(6)].concat();
        bytes.extend(record(perf::PERF_RECORD_FORK, 0, &task));
        bytes.extend(record(perf::PERF_RECORD_EXIT, 0, &task));
        bytes.extend(record(perf::PERF_RECORD_LOST, 0, &[[0; 8], 12_u64.to_ne_bytes()].concat()));
        let mut decoded = Decoded::default();
        decoded.decode(&bytes);
        let kinds: Vec<_> = decoded.records.iter().map(|r| r.kind.clone()).collect();
        let comm = Comm::from_bytes(b"sh");
        let fork = SideBandKind::Fork { parent_pid: 1, parent_tid: 1 };
        assert_eq!(kinds, [SideBandKind::Exec { comm }, fork, SideBandKind::Exit]);
        assert_eq!(
            (decoded.records[1].pid, decoded.records[1].tid, decoded.records[1].time),
            (4, 5, 6)
        );
        assert_eq!(decoded.lost, 12);
    }

    #[test]
    fn cut_or_flipped_bytes_never_panic() {
        let whole = mmap_record();
        for len in 0..whole.len() {
            let mut decoded = Decoded::default();
            decoded.decode(&whole[..len]);
            assert!(decoded.records.is_empty());
            assert_eq!(decoded.malformed, u64::from(len > 0));
        }
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << bit;
                Decoded::default().decode(&flipped);
            }
        }
    }
}
