//! A log's words, and the records in them.

use crate::sample::{AddressSpace, Comm, Flags, Frame, FrameKind, Sample, Stack, StackId, Trust};
use crate::skeleton::sampler::types::{limits, record, trust};

/// Words of a record's head.
const HEAD: usize = limits::RECORD_WORDS.0 as usize;

/// What one record gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The sample.
    pub(crate) sample: Sample,
    /// Its kernel stack, where the record brought it along.
    pub(crate) kernel: Option<Stack>,
    /// Its user stack, likewise.
    pub(crate) user: Option<Stack>,
}

/// Reads the records of a log. A malformed one ends the reading, as no later one can be found.
pub(crate) struct Records<'a> {
    words: &'a [u64],
}

impl<'a> Records<'a> {
    /// From the words that were in use.
    pub(crate) fn new(words: &'a [u64]) -> Self {
        Self { words }
    }

    /// Whether words were left that are no record.
    pub(crate) fn malformed(&self) -> bool {
        !self.words.is_empty()
    }

    fn frames(&mut self, count: usize) -> &'a [u64] {
        let (frames, rest) = self.words.split_at(count);
        self.words = rest;
        frames
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let head = head(self.words)?;
        let (kernel, user) = (usize::from(head.kernel_frames), usize::from(head.user_frames));
        if usize::from(head.version) != limits::RECORD_VERSION.0 as usize
            || self.words.len() < HEAD + kernel + user
        {
            return None;
        }
        self.words = &self.words[HEAD..];
        let kernel = kernel_stack(head.kernel_stack, self.frames(kernel));
        let user = user_stack(head.user_stack, self.frames(user));
        Some(Record { sample: sample(&head), kernel, user })
    }
}

fn head(words: &[u64]) -> Option<record> {
    let words: &[u64; HEAD] = words.first_chunk()?;
    // SAFETY: `record` is plain numbers in C layout of exactly this size (asserted in C), any bits are valid.
    Some(unsafe { std::ptr::read_unaligned(words.as_ptr().cast::<record>()) })
}

fn sample(head: &record) -> Sample {
    Sample {
        time: head.time,
        cpu: head.cpu,
        event: head.event,
        space: AddressSpace { pid: head.pid, start: head.start_boottime, exec: head.exec_id },
        tid: head.tid,
        weight: head.weight,
        words: head.reserved,
        kernel: StackId(head.kernel_stack),
        user: StackId(head.user_stack),
        comm: Comm(head.comm.map(|c| c.to_ne_bytes()[0])),
        cgroup: head.cgroup,
        flags: Flags(head.flags),
    }
}

fn kernel_stack(id: u64, words: &[u64]) -> Option<Stack> {
    let frame = |(i, &address)| Frame { address, kind: kind(i == 0), trust: Trust::Context };
    (!words.is_empty())
        .then(|| Stack { id: StackId(id), frames: words.iter().enumerate().map(frame).collect() })
}

fn user_stack(id: u64, words: &[u64]) -> Option<Stack> {
    let frame = |&word: &u64| Frame {
        address: word & ((1 << trust::TRUST_SHIFT.0) - 1),
        kind: kind(word >> trust::NEXT_INSTRUCTION_SHIFT.0 != 0),
        trust: found(trust((word >> trust::TRUST_SHIFT.0) as u32 & trust::TRUST_MASK.0)),
    };
    (!words.is_empty())
        .then(|| Stack { id: StackId(id), frames: words.iter().map(frame).collect() })
}

fn kind(next_instruction: bool) -> FrameKind {
    if next_instruction { FrameKind::Instruction } else { FrameKind::Return }
}

fn found(word: trust) -> Trust {
    match word {
        trust::TRUST_CONTEXT => Trust::Context,
        trust::TRUST_RULE => Trust::Rule,
        trust::TRUST_SYNTHESISED => Trust::Synthesised,
        trust::TRUST_FRAME_POINTER => Trust::FramePointer,
        _ => Trust::Guessed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(kernel: &[u64], user: &[u64]) -> Vec<u64> {
        let head = record {
            version: 1,
            kernel_frames: kernel.len() as u16,
            user_frames: user.len() as u16,
            time: 7,
            pid: 40,
            tid: 41,
            kernel_stack: 5,
            user_stack: 6,
            comm: [b'a' as i8; 16],
            ..record::default()
        };
        // SAFETY: `record` is as large as HEAD words, and every word of it is initialized (no padding).
        let head: [u64; HEAD] = unsafe { std::mem::transmute(head) };
        [&head[..], kernel, user].concat()
    }

    #[test]
    fn a_record_brings_its_stacks_leaf_first() {
        let words = words(
            &[0xffff_ffff_8100_0000],
            &[0x1000 | 1 << 63, 0x2005 | 3 << 60, 0x3000 | 9 << 60],
        );
        let all: Vec<Record> = Records::new(&words).collect();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].sample.space.pid, all[0].sample.tid, all[0].sample.time), (40, 41, 7));
        let user = all[0].user.as_ref().unwrap();
        assert_eq!(user.id, StackId(6));
        assert_eq!(
            user.frames[0],
            Frame { address: 0x1000, kind: FrameKind::Instruction, trust: Trust::Context }
        );
        assert_eq!(
            user.frames[1],
            Frame { address: 0x2005, kind: FrameKind::Return, trust: Trust::FramePointer }
        );
        assert_eq!(user.frames[1].lookup(), 0x2004);
        assert_eq!(
            user.frames[2],
            Frame { address: 0x3000, kind: FrameKind::Instruction, trust: Trust::Rule }
        );
        assert_eq!(all[0].kernel.as_ref().unwrap().frames[0].address, 0xffff_ffff_8100_0000);
    }

    #[test]
    fn cut_records_end_the_reading_and_say_so() {
        let whole = words(&[1], &[2, 3]);
        for len in 0..whole.len() {
            let mut records = Records::new(&whole[..len]);
            assert_eq!(records.by_ref().count(), 0);
            assert_eq!(records.malformed(), len > 0);
        }
        let mut records = Records::new(&whole);
        assert_eq!(records.by_ref().count(), 1);
        assert!(!records.malformed());
    }

    #[test]
    fn another_version_is_malformed() {
        let mut words = words(&[], &[]);
        words[0] = words[0] & !0xffff | 2;
        let mut records = Records::new(&words);
        assert!(records.next().is_none());
        assert!(records.malformed());
    }
}
