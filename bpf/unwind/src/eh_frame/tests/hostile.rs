//! Bytes that no compiler writes.

use super::super::differential::compare;
use super::*;

/// A section of one common entry and one function at [`START`], with these instructions' bytes.
fn raw(common: &[u8], function: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let header = [&[1, 0, 1, 0x78, 16], common].concat();
    entry(&mut bytes, 0, &header);
    let pointer = bytes.len() as u32 + 4;
    let range = [START.to_le_bytes(), 0x1000_u64.to_le_bytes()].concat();
    entry(&mut bytes, pointer, &[&range, function].concat());
    bytes
}

fn entry(bytes: &mut Vec<u8>, pointer: u32, rest: &[u8]) {
    bytes.extend((rest.len() as u32 + 4).to_le_bytes());
    bytes.extend(pointer.to_le_bytes());
    bytes.extend(rest);
}

fn read(bytes: &[u8]) -> (Table, Figures) {
    let read = Frames::eh(bytes, 0x8000).rules(&code());
    (Table::build(&code(), &[&read.source]), read.figures)
}

const COMMON: [u8; 5] = [0x0c, 7, 8, 0x90, 1];

#[test]
fn rules_before_a_malformed_instruction_are_kept() {
    // One location on: 16; four on: an instruction that there is not.
    let (table, figures) = read(&raw(&COMMON, &[0x41, 0x0e, 16, 0x44, 0x3f]));
    assert_eq!(table.look_up(START), Some(sp(8)));
    assert_eq!(table.look_up(START + 4), Some(sp(16)));
    assert_eq!(table.look_up(START + 5), Some(Rule::unsupported(Unsupported::Malformed)));
    assert_eq!(figures.malformed, 1);
    assert!(figures.wrong.is_some());
    assert_eq!(table.tally().unsupported(Unsupported::Malformed), 0x1000 - 5);
}

#[test]
fn a_malformed_entry_costs_no_other() {
    let good = raw(&COMMON, &[]);
    let mut bytes = Vec::new();
    entry(&mut bytes, 0, &[99, 0, 1, 0x78, 16]);
    entry(&mut bytes, 0x7777, &[0; 16]);
    bytes.extend([0; 4]);
    bytes.extend(&good);
    let (table, figures) = read(&bytes);
    assert_eq!(table.look_up(START), Some(sp(8)));
    assert_eq!((figures.read, figures.malformed, figures.stopped), (1, 1, None));
}

#[test]
fn a_length_beyond_the_section_ends_it() {
    let mut bytes = raw(&COMMON, &[]);
    bytes.extend([0xff, 0xff, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
    let (table, figures) = read(&bytes);
    assert_eq!(figures.stopped, Some(Stopped::CutOff));
    assert_eq!(table.look_up(START), Some(sp(8)));
    let wide = [&[0xff; 12][..], &bytes].concat();
    assert_eq!(read(&wide).1.stopped, Some(Stopped::CutOff));
}

#[test]
fn rows_remembered_without_end_are_malformed() {
    let (_, figures) = read(&raw(&COMMON, &[0x0a; 1000]));
    assert_eq!(figures.wrong, Some(gimli::Error::StackFull));
    let (_, figures) = read(&raw(&COMMON, &[0x0b]));
    assert_eq!(figures.wrong, Some(gimli::Error::PopWithEmptyStack));
}

/// Common entries that lie in one another, each as long as all that follow: reading them all would take the square of the
/// section's size.
#[test]
fn entries_within_entries_are_read_only_so_often() {
    const COUNT: u32 = 4096;
    let mut bytes = Vec::new();
    for number in 0..COUNT {
        bytes.extend(((COUNT - number) * 16 - 4).to_le_bytes());
        // An expression that hides the next entry's own bytes from this one's instructions.
        bytes.extend([0, 0, 0, 0, 1, 0, 1, 0x78, 16, 0, 0x0f, 13 - 1]);
    }
    for number in 0..COUNT {
        let pointer = bytes.len() as u32 + 4 - number * 16;
        let range = [START.to_le_bytes(), 8_u64.to_le_bytes()].concat();
        entry(&mut bytes, pointer, &range);
    }
    let (_, figures) = read(&bytes);
    assert_eq!(figures.stopped, Some(Stopped::TooMuchWork));
    assert!(figures.read + figures.malformed < 16, "{figures:?}");
}

#[test]
fn cut_or_flipped_sections_never_panic() {
    let bytes = section(vec![
        (START, vec![(1, I::CfaOffset(16)), (4, I::CfaRegister(RBP)), (9, I::RememberState)]),
        (START + 0x40, vec![(1, I::CfaExpression(expression(&[0x76, 0x78, 0x06])))]),
    ]);
    for len in 0..bytes.len() {
        read(&bytes[..len]);
        let _ = Frames::debug(&bytes[..len]).rules(&code());
    }
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            read(&flipped);
            let _ = Frames::debug(&flipped).rules(&code());
        }
    }
}

/// Random numbers, the same in each run.
struct Random(fastrand::Rng);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0.usize(..bound)
    }

    fn register(&mut self) -> u8 {
        [3, 6, 7, 16, 10][self.below(5)]
    }

    fn small(&mut self) -> u8 {
        self.below(64) as u8
    }

    /// Up to so many instructions, valid ones and others, most of them followed by a step to the next address.
    fn instructions(&mut self, most: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..self.below(most) {
            self.instruction(&mut bytes);
            match self.below(8) {
                0 => bytes.extend([0x10, self.register(), 2, 0x76, self.small()]),
                1 => bytes.extend([0x0f, 3, 0x77, self.small(), 0x06]),
                _ => bytes.push(0x41),
            }
        }
        bytes
    }

    fn instruction(&mut self, bytes: &mut Vec<u8>) {
        let alone = [0x00, 0x0a, 0x0b, 0x41, 0x42, 0xc6, 0xc3];
        let with_number = [0x02, 0x0e, 0x13, 0x2e, 0x86, 0x83, 0x90];
        let with_register = [0x06, 0x07, 0x08, 0x0d];
        let with_both = [0x05, 0x09, 0x0c, 0x11, 0x12, 0x14, 0x15];
        match self.below(4) {
            0 => bytes.push(alone[self.below(7)]),
            1 => bytes.extend([with_number[self.below(7)], self.small()]),
            2 => bytes.extend([with_register[self.below(4)], self.register()]),
            _ => bytes.extend([with_both[self.below(7)], self.register(), self.small()]),
        }
    }
}

#[test]
fn random_instructions_give_gimlis_rows() {
    let mut random = Random(fastrand::Rng::with_seed(7));
    let (mut addresses, mut expressed) = (0, 0);
    for _ in 0..3000 {
        let common = [&COMMON[..], &random.instructions(3)].concat();
        let function = random.instructions(30);
        let bytes = raw(&common, &function);
        let (table, _) = read(&bytes);
        let comparison = compare(&Frames::eh(&bytes, 0x8000), &code(), &table);
        assert_eq!(comparison.described, [""; 0], "{common:x?} {function:x?}");
        addresses += comparison.addresses;
        expressed += comparison.equal;
    }
    assert!(addresses > 20_000 && expressed > 5_000, "{expressed} of {addresses}");
}
