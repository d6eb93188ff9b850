use super::*;
use crate::rule::ReturnAddress;
use crate::synth::Segment;
use crate::table::{Code, Table};

const START: u64 = 0x1000;
const LEAVE: u8 = 0xc9;
const RET: u8 = 0xc3;
const POP_RBP: u8 = 0x5d;
const PUSH_RBP: u8 = 0x55;
const POP_R10: [u8; 2] = [0x41, 0x5a];
/// `lea rsp, [r10 - 8]`.
const BACK: [u8; 4] = [0x49, 0x8d, 0x62, 0xf8];
/// `xor ebp, ebp`, `mov rbp, [rbp]`, `mov rbp, rsp`.
const CLEAR: [u8; 2] = [0x31, 0xed];
const LOAD: [u8; 4] = [0x48, 0x8b, 0x6d, 0x00];
const SET: [u8; 3] = [0x48, 0x89, 0xe5];
const CALL: [u8; 5] = [0xe8, 0, 0, 0, 0];
const NOP: u8 = 0x90;

/// The frame address by a word of the frame, in r10, or by the stack pointer; the frame pointer saved where it points.
const IN_FRAME: Cfa = Cfa::Deref { register: 6, offset: -8, add: 0 };
const IN_R10: Cfa = Cfa::Register { register: 10, offset: 0 };
const BARE: Cfa = Cfa::Register { register: 7, offset: 8 };

fn saved(cfa: Cfa) -> Rule {
    Rule { fp: Restore::AtFramePointer(0), ..Rule::of(cfa) }
}

/// Where the frame pointer is said to be the caller's, of pieces of code with a rule each. All of a rule but that stays.
fn same_at(code: &[(&[u8], Cfa)]) -> Vec<u64> {
    let end = START + code.iter().map(|(bytes, _)| bytes.len() as u64).sum::<u64>();
    let all = Code::new(Some(START..end)).unwrap();
    let mut source = Source::new(&all);
    let (mut at, mut bytes) = (START, Vec::new());
    for (piece, cfa) in code {
        source.push(at..at + piece.len() as u64, &saved(*cfa));
        at += piece.len() as u64;
        bytes.extend_from_slice(piece);
    }
    let made = mended(&source, &vec![Segment { address: START, bytes: &bytes }]);
    let (before, after) = (Table::build(&all, &[&source]), Table::build(&all, &[&made, &source]));
    let same = |at: &u64| {
        let (before, after) = (before.look_up(*at).unwrap(), after.look_up(*at).unwrap());
        assert_eq!(Rule { fp: before.fp, ..after }, before, "{at:#x}");
        after.fp == Restore::Same
    };
    (START..end).filter(same).map(|at| at - START).collect()
}

#[test]
fn from_the_pop_to_the_return_the_frame_pointer_is_the_caller_s() {
    // As gcc writes it: `pop r10; pop rbp; lea rsp, [r10 - 8]; ret`.
    let body = [&[NOP; 4][..], &POP_R10].concat();
    let behind = [&[POP_RBP][..], &BACK].concat();
    assert_eq!(same_at(&[(&body, IN_FRAME), (&behind, IN_R10), (&[RET], BARE)]), [7, 8, 9, 10, 11]);
    // Without saved registers: `leave; lea rsp, [r10 - 8]; ret`.
    let behind = [&[LEAVE][..], &BACK].concat();
    assert_eq!(same_at(&[(&[NOP], IN_FRAME), (&behind, IN_R10), (&[RET], BARE)]), [2, 3, 4, 5, 6]);
    // Taken by a load, in one row.
    let all = [&LOAD[..], &[RET]].concat();
    assert_eq!(same_at(&[(&all, IN_R10)]), [4]);
}

#[test]
fn a_function_may_have_several_ends() {
    let end = [&[POP_RBP][..], &BACK].concat();
    let one: [(&[u8], Cfa); 3] = [(&[NOP], IN_FRAME), (&end, IN_R10), (&[RET], BARE)];
    let two = [one, one].concat();
    assert_eq!(same_at(&two), [2, 3, 4, 5, 6, 9, 10, 11, 12, 13]);
}

#[test]
fn a_jump_out_of_what_has_no_frame_any_more_is_an_end() {
    // `jmp` to far behind the function, and by a register.
    for jump in [&[0xe9, 0, 1, 0, 0][..], &[0xff, 0xe0]] {
        let taken = [(&[NOP, POP_RBP][..], IN_R10), (jump, BARE)];
        let expected: Vec<u64> = (2..2 + jump.len() as u64).collect();
        assert_eq!(same_at(&taken), expected, "{jump:x?}");
        // While there is a frame it stays within the function.
        assert_eq!(same_at(&[(&[NOP, POP_RBP], IN_R10), (jump, IN_R10)]), [], "{jump:x?}");
    }
    // Back to the first instruction of these.
    let back = [0xeb, 0xfc_u8];
    assert_eq!(same_at(&[(&[NOP, POP_RBP], IN_R10), (&back, BARE)]), []);
}

#[test]
fn what_is_not_sure_is_left_as_it_is() {
    // Never taken; taken, and written again; taken, and then a call that may not return.
    assert_eq!(same_at(&[(&[NOP, RET], BARE)]), []);
    for then in [&CLEAR[..], &SET, &CALL] {
        let all = [&[POP_RBP][..], then, &[RET]].concat();
        assert_eq!(same_at(&[(&all, BARE)]), [], "{then:x?}");
    }
    // Saved and taken back within the function: the last one counts.
    let all = [PUSH_RBP, NOP, POP_RBP, NOP, POP_RBP, RET];
    assert_eq!(same_at(&[(&all, BARE)]), [5]);
    // No instruction; nothing behind the last one.
    assert_eq!(same_at(&[(&[POP_RBP, 0x06, RET], BARE)]), []);
    assert_eq!(same_at(&[(&[POP_RBP], BARE)]), []);
    // Code that is not there.
    let all = Code::new(Some(START..START + 8)).unwrap();
    let mut source = Source::new(&all);
    source.push(START..START + 8, &saved(BARE));
    assert_eq!(mended(&source, &Vec::<Segment<'_>>::new()).covered().count(), 0);
}

#[test]
fn other_rules_are_not_looked_at() {
    let all = Code::new(Some(START..START + 2)).unwrap();
    for fp in [Restore::Same, Restore::AtCfa(-16), Restore::Unknown] {
        let mut source = Source::new(&all);
        source.push(START..START + 2, &Rule { fp, ..Rule::of(BARE) });
        let memory = vec![Segment { address: START, bytes: &[POP_RBP, RET] }];
        assert_eq!(mended(&source, &memory).covered().count(), 0, "{fp:?}");
    }
    let end = Rule { ra: ReturnAddress::End, ..saved(BARE) };
    let mut source = Source::new(&all);
    source.push(START..START + 2, &end);
    let made = mended(&source, &vec![Segment { address: START, bytes: &[POP_RBP, RET] }]);
    let rule = Table::build(&all, &[&made, &source]).look_up(START + 1).unwrap();
    assert_eq!(rule, Rule { fp: Restore::Same, ..end });
}

#[test]
fn no_more_code_is_read_than_its_bound() {
    #[derive(Debug)]
    struct Endless;
    impl Memory for Endless {
        fn read(&self, _: u64, len: usize) -> Vec<u8> {
            assert!(len <= MOST);
            vec![NOP; len]
        }
    }
    let all = Code::new(Some(0..1 << 31)).unwrap();
    let mut source = Source::new(&all);
    source.push(0..1 << 31, &saved(BARE));
    assert_eq!(mended(&source, &Endless).covered().count(), 0);
}
