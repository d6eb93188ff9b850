use super::*;
use crate::rule::{Cfa, Restore, ReturnAddress, Rule, Unsupported};
use crate::table::Table;

const TEXT: u64 = 0x40_1000;
const GO12: u32 = 0xffff_fffb;
const GO116: u32 = 0xffff_fffa;
const GO118: u32 = 0xffff_fff0;
const GO120: u32 = 0xffff_fff1;
const ALL: [u32; 4] = [GO12, GO116, GO118, GO120];

/// A function of a made-up program, of 0x100 bytes: name, flags, and heights with the bytes of code that they hold for.
type Made<'a> = (&'a str, u8, &'a [(i32, u32)]);

/// The offsets of the parts of a made-up table.
const NAMES: usize = 0x2000;
const HEIGHTS: usize = 0x3000;
const PAIRS: usize = 0x4000;

fn code() -> Code {
    Code::new(Some(TEXT..TEXT + 0x1_0000)).unwrap()
}

fn put(bytes: &mut Vec<u8>, at: usize, more: &[u8]) {
    if bytes.len() < at + more.len() {
        bytes.resize(at + more.len(), 0);
    }
    bytes[at..at + more.len()].copy_from_slice(more);
}

fn varint(bytes: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// A table in one of the formats.
fn table(magic: u32, functions: &[Made<'_>]) -> Vec<u8> {
    let old = magic == GO12;
    let (field, text) = if magic == GO12 || magic == GO116 { (8, TEXT) } else { (4, 0) };
    let mut bytes = magic.to_le_bytes().to_vec();
    bytes.extend([0, 0, 1, 8]);
    let count = functions.len();
    let header: &[usize] = match magic {
        GO12 => &[count],
        GO116 => &[count, 0, NAMES, 0, 0, HEIGHTS, PAIRS],
        _ => &[count, 0, TEXT as usize, NAMES, 0, 0, HEIGHTS, PAIRS],
    };
    header.iter().for_each(|word| bytes.extend(word.to_le_bytes()));
    let (pairs, base) = if old { (16, 0) } else { (PAIRS, PAIRS) };
    let (names, heights) = if old { (0, 0) } else { (NAMES, HEIGHTS) };
    // Offsets of zero mean none.
    let (mut name, mut steps) = (NAMES + 1, HEIGHTS + 1);
    for (index, (called, flags, made)) in functions.iter().enumerate() {
        let start = (text + index as u64 * 0x100).to_le_bytes();
        let record = pairs + (count * 2 + 1) * field + index * 64;
        put(&mut bytes, pairs + index * 2 * field, &start[..field]);
        put(&mut bytes, pairs + (index * 2 + 1) * field, &(record - base).to_le_bytes()[..field]);
        put(&mut bytes, record, &[0; 64]);
        put(&mut bytes, record + field, &((name - names) as u32).to_le_bytes());
        put(&mut bytes, record + field + 12, &((steps - heights) as u32).to_le_bytes());
        put(&mut bytes, record + if magic == GO118 { 37 } else { 41 }, &[*flags]);
        put(&mut bytes, name, called.as_bytes());
        name += called.len() + 1;
        let mut encoded = Vec::new();
        let mut last = -1;
        for (height, len) in *made {
            let difference = height - last;
            varint(&mut encoded, ((difference << 1) ^ (difference >> 31)) as u32);
            varint(&mut encoded, *len);
            last = *height;
        }
        encoded.push(0);
        put(&mut bytes, steps, &encoded);
        steps += encoded.len();
    }
    let end = (text + count as u64 * 0x100).to_le_bytes();
    put(&mut bytes, pairs + count * 2 * field, &end[..field]);
    put(&mut bytes, PAIRS + 0x1000, &[0]);
    bytes
}

fn built(bytes: &[u8]) -> Table {
    let go = rules(bytes, TEXT, &code()).unwrap();
    assert_eq!((go.malformed, go.stopped), (0, false));
    Table::build(&code(), &[&go.source])
}

fn sp(offset: i32) -> Rule {
    Rule::of(Cfa::Register { register: 7, offset })
}

fn saved(rule: Rule) -> Rule {
    Rule { fp: Restore::AtCfa(-16), ..rule }
}

const USUAL: &[(i32, u32)] = &[(0, 1), (8, 7), (40, 0x80), (8, 1), (0, 1)];

#[test]
fn heights_are_rules_in_all_formats() {
    for magic in ALL {
        let table = built(&table(magic, &[("main.a", 0, USUAL), ("main.b", 0, &[(0, 0x20)])]));
        let at = |offset| table.look_up(TEXT + offset);
        assert_eq!(at(0), Some(sp(8)), "{magic:x}");
        assert_eq!(at(1), Some(saved(sp(16))));
        assert_eq!(at(7), Some(saved(sp(16))));
        assert_eq!(at(8), Some(saved(sp(48))));
        assert_eq!(at(0x87), Some(saved(sp(48))));
        assert_eq!(at(0x88), Some(saved(sp(16))));
        assert_eq!(at(0x89), Some(sp(8)));
        assert_eq!(at(0x8a), None);
        assert_eq!(
            (at(0xff), at(0x100), at(0x11f), at(0x120)),
            (None, Some(sp(8)), Some(sp(8)), None)
        );
    }
}

#[test]
fn stacks_end_where_they_began() {
    for magic in ALL {
        let begin = ("runtime.goexit", 0, &[(0, 9)][..]);
        let flagged = ("main.top", 1, USUAL);
        let other = ("runtime.goexit1", 0, USUAL);
        let table = built(&table(magic, &[begin, flagged, other]));
        assert_eq!(table.look_up(TEXT), Some(Rule::END));
        // The oldest format has no flags.
        let top = if magic == GO12 { saved(sp(48)) } else { Rule::END };
        assert_eq!(table.look_up(TEXT + 0x108), Some(top));
        assert_eq!(table.look_up(TEXT + 0x208), Some(saved(sp(48))));
    }
}

#[test]
fn functions_that_switch_stacks() {
    let (fp, ra) = (Restore::AtFramePointer(0), ReturnAddress::AtFramePointer(8));
    let frame = Some(Rule { fp, ra, ..Rule::of(Cfa::Register { register: 6, offset: 16 }) });
    let lost = Some(Rule::unsupported(Unsupported::StackSwitch));
    let functions: [Made<'_>; 5] = [
        ("runtime.systemstack", 0, USUAL),
        ("runtime.systemstack", 0, &[(0, 0x40)]),
        ("runtime.other", 2 | 4, USUAL),
        ("runtime.mcall", 0, &[(0, 1), (8, 0x20), (16, 5), (8, 5)]),
        ("runtime.morestack", 0, &[(0, 0x60)]),
    ];
    let table = built(&table(GO120, &functions));
    let at = |offset| table.look_up(TEXT + offset);
    // The frame pointer is saved, and not yet the function's own.
    assert_eq!((at(0), at(1), at(4)), (Some(sp(8)), Some(saved(sp(16))), Some(saved(sp(16)))));
    assert_eq!((at(11), at(0x20)), (frame, frame));
    assert_eq!((at(0x100), at(0x13f)), (lost, lost));
    assert_eq!(at(0x220), frame);
    assert_eq!((at(0x300), at(0x310), at(0x321)), (Some(sp(8)), frame, Some(Rule::END)));
    assert_eq!(at(0x400), lost);
}

#[test]
fn signal_handlers_and_calls_from_c() {
    let from_c: &[(i32, u32)] = &[(0, 1), (8, 8), (232, 0x40), (256, 0x20), (232, 9), (0, 1)];
    let functions: [Made<'_>; 3] = [
        ("crosscall2", 4, from_c),
        ("runtime.sigtramp", 1 | 4, from_c),
        ("runtime.sigreturn__sigaction", 4, &[(0, 9)]),
    ];
    let table = built(&table(GO120, &functions));
    let at = |offset| table.look_up(TEXT + offset);
    for start in [0, 0x100] {
        assert_eq!(at(start + 2), Some(sp(16)));
        assert_eq!(at(start + 0x20), Some(Rule { fp: Restore::AtCfa(-224), ..sp(240) }));
        assert_eq!(at(start + 0x50), Some(Rule { fp: Restore::AtCfa(-224), ..sp(264) }));
    }
    // The return address is the function's first, and is looked up less one.
    assert_eq!(
        (at(0x1fe), at(0x1ff), at(0x208)),
        (None, Some(Rule::SIGNAL_FRAME), Some(Rule::SIGNAL_FRAME))
    );
}

#[test]
fn a_return_address_taken_off_the_stack_is_counted() {
    let table = built(&table(GO120, &[("syscall.rawVforkSyscall", 4, &[(0, 4), (-8, 4), (0, 4)])]));
    let taken = Some(Rule::unsupported(Unsupported::ReturnAddress));
    assert_eq!((table.look_up(TEXT + 3), table.look_up(TEXT + 4)), (Some(sp(8)), taken));
}

#[test]
fn the_text_start_of_the_header() {
    assert_eq!(stated_text(&table(GO120, &[("a", 0, USUAL)])), TEXT);
    assert_eq!(stated_text(&table(GO116, &[("a", 0, USUAL)])), 0);
    assert_eq!(stated_text(&[]), 0);
}

#[test]
fn work_is_bounded_by_the_tables_size() {
    // Many functions with one long list of heights in common.
    let long: Vec<(i32, u32)> = (0..255).map(|step| (step % 2 * 8, 1)).collect();
    let mut functions: Vec<Made<'_>> = vec![("a", 0, &long)];
    functions.extend((0..60).map(|_| ("b", 0, USUAL)));
    let mut bytes = table(GO120, &functions);
    let records = PAIRS + (functions.len() * 2 + 1) * 4;
    for index in 1..functions.len() {
        let first = bytes[records + 16..records + 20].to_vec();
        put(&mut bytes, records + index * 64 + 16, &first);
    }
    let go = rules(&bytes, TEXT, &code()).unwrap();
    assert_eq!((go.read, go.stopped), (61, false));
    let mut heights = Vec::new();
    let functions = Functions::parse(&bytes, TEXT).unwrap();
    let mut work = 100;
    assert!(!steps::read(&functions.get(0).unwrap(), 1, &mut work, &mut heights));
    assert_eq!((work, heights.len()), (0, 49));
}

#[test]
fn cut_or_flipped_tables_never_panic() {
    for magic in ALL {
        let whole = table(
            magic,
            &[("main.a", 0, USUAL), ("runtime.mcall", 7, USUAL), ("c", 4, &[(0, 200)])],
        );
        let len = whole.iter().rposition(|&byte| byte != 0).unwrap() + 1;
        for len in 0..len {
            let _ = rules(&whole[..len], TEXT, &code());
        }
        for at in (0..len).filter(|&at| whole[at] != 0 || at < 80) {
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << bit;
                let _ = rules(&flipped, TEXT, &code());
                let _ = rules(&flipped, u64::MAX, &code());
            }
        }
    }
}
