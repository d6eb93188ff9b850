//! Decodes the records in a log's words.

use crate::sample::{
    AddressSpace, Comm, Flags, Frame, FrameKind, KeptObject, Sample, Stack, StackId, Trust,
};
use crate::skeleton::sampler::types::{frame_kind, kept, limits, record, trust};
use std::mem::offset_of;

/// The words of a record's head.
const HEAD: usize = limits::RECORD_WORDS.0 as usize;

/// The kind of a frame that has a check.
const CHECKED: u32 = frame_kind::FRAME_IS_CHECKED.0;

/// The words of an object.
const KEPT: usize = limits::KEPT_WORDS.0 as usize;

/// The contents of one record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The sample.
    pub(crate) sample: Sample,
    /// The kernel stack, if the record contains it.
    pub(crate) kernel: Option<Stack>,
    /// The user stack, if the record contains it.
    pub(crate) user: Option<Stack>,
    /// The objects that were kept.
    pub(crate) kept: Vec<KeptObject>,
}

/// Reads the records of a log. A malformed record ends the reading, because the next one cannot be found.
pub(crate) struct Records<'a> {
    words: &'a [u64],
}

impl<'a> Records<'a> {
    /// The records in these words.
    pub(crate) fn new(words: &'a [u64]) -> Self {
        Self { words }
    }

    /// Whether words were left that are no record.
    pub(crate) fn malformed(&self) -> bool {
        !self.words.is_empty()
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let head = head(self.words)?;
        let (kernel, user) = (usize::from(head.kernel_words), usize::from(head.user_words));
        let kept = usize::from(head.kept) * KEPT;
        if usize::from(head.version) != limits::RECORD_VERSION.0 as usize
            || self.words.len() < HEAD + kernel + user + kept
        {
            return None;
        }
        let (kernel, rest) = self.words[HEAD..].split_at(kernel);
        let (user, rest) = rest.split_at(user);
        let (kept, rest) = rest.split_at(kept);
        let (user, checks) = user_frames(user)?;
        self.words = rest;
        let stack = |id, frames: Vec<Frame>, checks| {
            (!frames.is_empty()).then_some(Stack { id: StackId(id), frames, checks })
        };
        let kernel = stack(head.kernel_stack, kernel_frames(kernel), Vec::new());
        let sample = sample(&head);
        let kept = kept.chunks_exact(KEPT).map(|words| kept_object(words, sample.space)).collect();
        Some(Record { sample, kernel, user: stack(head.user_stack, user, checks), kept })
    }
}

fn head(words: &[u64]) -> Option<record> {
    let words: &[u64; HEAD] = words.first_chunk()?;
    // SAFETY: `record` consists of plain numbers in C layout of exactly this size (asserted in C); any bits are valid.
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
        words: head.words,
        kernel: StackId(head.kernel_stack),
        user: StackId(head.user_stack),
        comm: Comm(head.comm.map(|c| c.to_ne_bytes()[0])),
        cgroup: head.cgroup,
        flags: Flags(head.flags),
    }
}

fn kernel_frames(words: &[u64]) -> Vec<Frame> {
    let frame = |(i, &address)| Frame { address, kind: kind(i == 0), trust: Trust::Context };
    words.iter().enumerate().map(frame).collect()
}

/// A look-up address, and the number of the code that was there.
type Check = (u64, u32);

/// The frames, and the checks of some. `None` if the last frame lacks its second word.
fn user_frames(words: &[u64]) -> Option<(Vec<Frame>, Vec<Check>)> {
    let mut frames = Vec::with_capacity(words.len());
    let mut checks = Vec::new();
    let mut words = words.iter();
    while let Some(&word) = words.next() {
        let runtime =
            (word >> frame_kind::FRAME_KIND_SHIFT.0) as u32 & frame_kind::FRAME_KIND_MASK.0;
        let mut check = None;
        let kind = match runtime {
            0 => kind(word >> trust::NEXT_INSTRUCTION_SHIFT.0 != 0),
            CHECKED => {
                check = Some(*words.next()? as u32);
                kind(word >> trust::NEXT_INSTRUCTION_SHIFT.0 != 0)
            }
            runtime => {
                let second = *words.next()?;
                let check = (second >> frame_kind::CHECK_SHIFT.0) as u32;
                FrameKind::Interpreted { runtime: runtime as u8, position: second as u32, check }
            }
        };
        let frame = Frame {
            address: word & ((1 << frame_kind::FRAME_KIND_SHIFT.0) - 1),
            kind,
            trust: found(trust((word >> trust::TRUST_SHIFT.0) as u32 & trust::TRUST_MASK.0)),
        };
        checks.extend(check.map(|check| (frame.lookup(), check)));
        frames.push(frame);
    }
    Some((frames, checks))
}

fn kept_object(words: &[u64], space: AddressSpace) -> KeptObject {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let part = |start: usize, end: usize| bytes[start..end].to_vec();
    let (object, name) = (offset_of!(kept, bytes), offset_of!(kept, name));
    let file = offset_of!(kept, file);
    KeptObject {
        space,
        runtime: (words[0] >> frame_kind::FRAME_KIND_SHIFT.0) as u8
            & frame_kind::FRAME_KIND_MASK.0 as u8,
        address: words[0] & ((1 << frame_kind::FRAME_KIND_SHIFT.0) - 1),
        check: (words[1] >> frame_kind::CHECK_SHIFT.0) as u32,
        parts: [part(object, name), part(name, file), part(file, bytes.len())],
    }
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
            version: limits::RECORD_VERSION.0 as u8,
            event: 3,
            words: [8, 9],
            kernel_words: kernel.len() as u16,
            user_words: user.len() as u16,
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
    fn a_frame_may_bring_the_number_of_its_code() {
        let checked = 7 << 57;
        let words =
            words(&[], &[0x1000 | 1 << 63 | checked, 70, 0x2005 | 2 << 60 | checked, 71, 0x3000]);
        let user = Records::new(&words).next().unwrap().user.unwrap();
        let frame = |address, kind, found| Frame { address, kind, trust: found };
        let expected = [
            frame(0x1000, FrameKind::Instruction, Trust::Context),
            frame(0x2005, FrameKind::Return, Trust::Synthesised),
            frame(0x3000, FrameKind::Return, Trust::Context),
        ];
        assert_eq!(user.frames, expected);
        assert_eq!(user.checks, [(0x1000, 70), (0x2004, 71)]);
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
        assert_eq!((all[0].sample.event, all[0].sample.words), (3, [8, 9]));
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
    fn objects_are_behind_the_stacks() {
        let mut all = words(&[], &[0x1000 | 1 << 63]);
        let mut object = [7; KEPT];
        (object[0], object[1]) = (0x7f00_1234_5678 | 2 << 57, 0xdead_beef << 32);
        all.extend(object);
        all[0] |= 1 << 8;
        let further = all.len();
        all.extend(words(&[], &[0x2000]));
        let found: Vec<Record> = Records::new(&all).collect();
        assert_eq!(found.len(), 2, "a record follows the object");
        let kept = &found[0].kept[0];
        assert_eq!((kept.address, kept.check), (0x7f00_1234_5678, 0xdead_beef));
        assert_eq!((kept.runtime, kept.space.pid), (2, 40));
        assert_eq!(kept.parts.each_ref().map(Vec::len), [160, 192, 256]);
        let mut cut = Records::new(&all[..further - 1]);
        assert!(cut.next().is_none() && cut.malformed());
    }

    /// The frame of an interpreter takes two words, at any place in the stack.
    #[test]
    fn a_frame_of_two_words() {
        let (leaf, caller) = (0x1000 | 1 << 63, 0x3000 | 1 << 60);
        let first = 0x7f00_1234_5678 | 5 << 57 | 1 << 60;
        let second = 0xdead_beef << 32 | 0x2a;
        let frame = |address, kind, trusted| Frame { address, kind, trust: trusted };
        let interpreted = FrameKind::Interpreted { runtime: 5, position: 0x2a, check: 0xdead_beef };
        let expected = [
            frame(0x1000, FrameKind::Instruction, Trust::Context),
            frame(0x7f00_1234_5678, interpreted, Trust::Rule),
            frame(0x7f00_1234_5678, interpreted, Trust::Rule),
            frame(0x3000, FrameKind::Return, Trust::Rule),
        ];
        let words = words(&[], &[leaf, first, second, first, second, caller]);
        let all: Vec<Record> = Records::new(&words).collect();
        assert_eq!(all[0].user.as_ref().unwrap().frames, expected);
    }

    #[test]
    fn half_a_frame_is_malformed() {
        let words = words(&[], &[0x1000, 0x7f00_1234_5678 | 5 << 57]);
        let mut records = Records::new(&words);
        assert!(records.next().is_none());
        assert!(records.malformed());
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
        words[0] = words[0] & !0xffff | 1;
        let mut records = Records::new(&words);
        assert!(records.next().is_none());
        assert!(records.malformed());
    }
}
