use super::*;
use crate::rule::{Cfa, Restore, ReturnAddress, Rule, Unsupported};
use crate::table::Table;
use gimli::Register;
use gimli::write::{
    Address, CallFrameInstruction as I, CommonInformationEntry, EndianVec, Expression,
    FrameDescriptionEntry, FrameTable,
};

mod hostile;

const START: u64 = 0x1000;
const RBX: Register = Register(3);
const RBP: Register = Register(6);
const RSP: Register = Register(7);
const R10: Register = Register(10);
const RIP: Register = Register(16);

fn code() -> Code {
    Code::new(Some(START..0x10_0000)).unwrap()
}

fn table_of(functions: Vec<(u64, Vec<(u32, I)>)>, signal: bool) -> FrameTable {
    let encoding = gimli::Encoding { format: gimli::Format::Dwarf32, version: 1, address_size: 8 };
    let mut table = FrameTable::default();
    let mut common = CommonInformationEntry::new(encoding, 1, -8, RIP);
    common.signal_trampoline = signal;
    common.add_instruction(I::Cfa(RSP, 8));
    common.add_instruction(I::Offset(RIP, -8));
    let common = table.add_cie(common);
    for (start, instructions) in functions {
        let mut function = FrameDescriptionEntry::new(Address::Constant(start), 0x40);
        for (at, instruction) in instructions {
            function.add_instruction(at, instruction);
        }
        table.add_fde(common, function);
    }
    table
}

/// `.eh_frame` of functions of 0x40 bytes.
fn section(functions: Vec<(u64, Vec<(u32, I)>)>) -> Vec<u8> {
    let mut out = gimli::write::EhFrame(EndianVec::new(LittleEndian));
    table_of(functions, false).write_eh_frame(&mut out).unwrap();
    out.0.into_vec()
}

/// The rules of one function at [`START`], by offset.
fn rules(instructions: Vec<(u32, I)>) -> impl Fn(u64) -> Option<Rule> {
    let bytes = section(vec![(START, instructions)]);
    let read = Frames::eh(&bytes, 0x8000).rules(&code());
    let table = Table::build(&code(), &[&read.source]);
    move |offset| table.look_up(START + offset)
}

fn sp(offset: i32) -> Rule {
    Rule::of(Cfa::Register { register: 7, offset })
}

fn expression(bytes: &[u8]) -> Expression {
    Expression::raw(bytes.to_vec())
}

#[test]
fn prologue_body_and_epilogue() {
    let rule = rules(vec![
        (1, I::CfaOffset(16)),
        (1, I::Offset(RBP, -16)),
        (4, I::CfaRegister(RBP)),
        (0x10, I::RememberState),
        (0x10, I::Cfa(RSP, 8)),
        (0x11, I::RestoreState),
        (0x3f, I::Cfa(RSP, 8)),
        (0x3f, I::Restore(RBP)),
    ]);
    let saved = Restore::AtCfa(-16);
    let framed = Rule { fp: saved, ..Rule::of(Cfa::Register { register: 6, offset: 16 }) };
    assert_eq!(rule(0), Some(sp(8)));
    assert_eq!(rule(1), Some(Rule { fp: saved, ..sp(16) }));
    assert_eq!(rule(4), Some(framed));
    assert_eq!(rule(0x10), Some(Rule { fp: saved, ..sp(8) }));
    assert_eq!(rule(0x11), Some(framed));
    assert_eq!(rule(0x3e), Some(framed));
    assert_eq!(rule(0x3f), Some(sp(8)));
    assert_eq!(rule(0x40), None);
}

#[test]
fn functions_that_align_their_frames() {
    let rule = rules(vec![
        (5, I::Cfa(R10, 0)),
        (0x10, I::Expression(RBP, expression(&[0x76, 0]))),
        (0x14, I::CfaExpression(expression(&[0x76, 0x78, 0x06]))),
        (0x30, I::Cfa(RBP, 16)),
    ]);
    let at_frame_pointer = Restore::AtFramePointer(0);
    let r10 = Rule::of(Cfa::Register { register: 10, offset: 0 });
    assert_eq!(rule(5), Some(r10));
    assert_eq!(rule(0x10), Some(Rule { fp: at_frame_pointer, ..r10 }));
    let deref = Cfa::Deref { register: 6, offset: -8, add: 0 };
    assert_eq!(rule(0x14), Some(Rule { fp: at_frame_pointer, ..Rule::of(deref) }));
    // By the same register, it is at the canonical frame address too.
    let frame = Cfa::Register { register: 6, offset: 16 };
    assert_eq!(rule(0x30), Some(Rule { fp: Restore::AtCfa(-16), ..Rule::of(frame) }));
}

#[test]
fn stubs_ends_and_what_cannot_be_expressed() {
    let stub = [0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22];
    let rule = rules(vec![
        (0, I::CfaExpression(expression(&stub))),
        (0x10, I::CfaExpression(expression(&[0x77, 8, 0x79, 0, 0x22]))),
        (0x18, I::Cfa(RSP, 8)),
        (0x18, I::Register(RIP, Register(2))),
        (0x20, I::Offset(RIP, -8)),
        (0x20, I::Register(RBP, Register(11))),
        (0x28, I::Offset(RBP, -2000)),
        (0x30, I::Offset(RSP, -24)),
        (0x38, I::Undefined(RIP)),
    ]);
    assert_eq!(rule(0), Some(Rule::of(Cfa::Plt { threshold: 11 })));
    assert_eq!(rule(0x10), Some(Rule::unsupported(Unsupported::CfaExpression)));
    assert_eq!(rule(0x18), Some(Rule::unsupported(Unsupported::ReturnAddress)));
    // The step is right without the frame pointer.
    assert_eq!(rule(0x20), Some(Rule { fp: Restore::Unknown, ..sp(8) }));
    assert_eq!(rule(0x28), Some(Rule { fp: Restore::Unknown, ..sp(8) }));
    assert_eq!(rule(0x30), Some(Rule::unsupported(Unsupported::StackPointer)));
    assert_eq!(rule(0x38), Some(Rule::END));
}

#[test]
fn places_of_the_return_address() {
    let rule = rules(vec![(0, I::Offset(RIP, 64)), (8, I::Offset(RIP, 8 * 300))]);
    assert_eq!(rule(0), Some(Rule { ra: ReturnAddress::AtCfa(64), ..sp(8) }));
    assert_eq!(rule(8), Some(Rule::unsupported(Unsupported::Offset)));
}

#[test]
fn signal_frames() {
    let read = |instructions| {
        let mut out = gimli::write::EhFrame(EndianVec::new(LittleEndian));
        table_of(vec![(START, instructions)], true).write_eh_frame(&mut out).unwrap();
        let source = Frames::eh(out.0.slice(), 0x8000).rules(&code()).source;
        Table::build(&code(), &[&source]).look_up(START)
    };
    let saved = |number, low| (0, I::Expression(Register(number), expression(&[0x77, low, 1])));
    let cfa = (0, I::CfaExpression(expression(&[0x77, 0xa0, 1, 0x06])));
    let whole = vec![cfa.clone(), saved(6, 0xf8), saved(16, 0xa8)];
    let low = (0, I::Expression(RBP, expression(&[0x77, 0xf8, 0])));
    assert_eq!(read(vec![cfa, low, whole[2].clone()]), Some(Rule::SIGNAL_FRAME));
    let other = Some(Rule::unsupported(Unsupported::SignalFrame));
    assert_eq!(read(whole), other);
    assert_eq!(read(vec![]), other);
}

#[test]
fn the_spare_register_where_a_rule_builds_on_it() {
    let pushes = |more: Vec<(u32, I)>| {
        let mut instructions = vec![(1, I::CfaOffset(16)), (1, I::Offset(RBX, -16))];
        instructions.extend(more);
        instructions
    };
    let without = rules(pushes(vec![]));
    assert_eq!(without(0), Some(sp(8)));
    assert_eq!(without(1), Some(sp(16)));
    let with = rules(pushes(vec![
        (4, I::CfaRegister(RBX)),
        (8, I::Expression(RBX, expression(&[0x76, 0]))),
    ]));
    let saved = Restore::AtCfa(-16);
    assert_eq!(with(0), Some(Rule { spare: Restore::Same, ..sp(8) }));
    assert_eq!(with(1), Some(Rule { spare: saved, ..sp(16) }));
    let rbx = Rule::of(Cfa::Register { register: 3, offset: 16 });
    assert_eq!(with(4), Some(Rule { spare: saved, ..rbx }));
    // Lost, and not the same: a rule that needs it ends the stack.
    assert_eq!(with(8), Some(rbx));
}

#[test]
fn only_code_is_kept() {
    let bytes =
        section(vec![(0x10, vec![]), (0xfe0, vec![]), (0x2000, vec![]), (0x10_0000, vec![])]);
    let read = Frames::eh(&bytes, 0x8000).rules(&code());
    assert_eq!((read.figures.read, read.figures.elsewhere), (2, 2));
    let covered: Vec<_> = read.source.covered().collect();
    assert_eq!(covered, [0x1000..0x1020, 0x2000..0x2040]);
}

#[test]
fn a_function_that_begins_before_the_code_has_the_rules_of_its_middle() {
    let bytes = section(vec![(0xfe0, vec![(8, I::CfaOffset(16)), (0x28, I::CfaOffset(24))])]);
    let source = Frames::eh(&bytes, 0x8000).rules(&code()).source;
    let table = Table::build(&code(), &[&source]);
    assert_eq!(table.look_up(0xfff), None);
    assert_eq!(table.look_up(0x1000), Some(sp(16)));
    assert_eq!(table.look_up(0x1008), Some(sp(24)));
}

#[test]
fn debug_frame_has_the_same_rules() {
    let functions = || vec![(START, vec![(1, I::CfaOffset(16)), (1, I::Offset(RBP, -16))])];
    let mut out = gimli::write::DebugFrame(EndianVec::new(LittleEndian));
    let encoding = gimli::Encoding { format: gimli::Format::Dwarf32, version: 4, address_size: 8 };
    let mut table = FrameTable::default();
    let mut common = CommonInformationEntry::new(encoding, 1, -8, RIP);
    common.add_instruction(I::Cfa(RSP, 8));
    common.add_instruction(I::Offset(RIP, -8));
    let common = table.add_cie(common);
    for (start, instructions) in functions() {
        let mut function = FrameDescriptionEntry::new(Address::Constant(start), 0x40);
        instructions.into_iter().for_each(|(at, i)| function.add_instruction(at, i));
        table.add_fde(common, function);
    }
    table.write_debug_frame(&mut out).unwrap();
    let debug = Frames::debug(out.0.slice()).rules(&code());
    let eh = section(functions());
    let eh = Frames::eh(&eh, 0x8000).rules(&code());
    assert_eq!(debug.figures, eh.figures);
    assert_eq!(debug.figures.read, 1);
    let built = |source| Table::build(&code(), &[source]);
    assert_eq!(built(&debug.source), built(&eh.source));
}
