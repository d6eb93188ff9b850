//! Names in the memory of virtual machines that the tests make.

use super::super::reader::{Check, Code, Found, Function, Memory, Object, Reader, Running};
use super::HotSpot;
use super::machine::Machine;
use super::recorded::{
    ALONE, Builder, COMPILED, FREE, IMAGE, INLINED, INNER, LAYOUTS, MIDDLE, OUTER, STUB, machine,
};
use crate::reason::Reason;
use std::cell::Cell;

fn all() -> impl Iterator<Item = (u32, Builder)> {
    LAYOUTS.into_iter().map(|(version, _)| (version, machine(version)))
}

fn code(builder: &Builder, address: u64) -> Result<Vec<Function>, Reason> {
    checked(&builder.image, address, Check::None)
}

fn checked(memory: &dyn Memory, address: u64, check: Check) -> Result<Vec<Function>, Reason> {
    let process = Running { memory, image: IMAGE };
    HotSpot.checked_code(&process, &[Code { address, check }]).remove(0)
}

const ANY: Code = Code { address: COMPILED, check: Check::None };

fn interpreted(builder: &Builder, object: Object) -> Result<Vec<Function>, Reason> {
    let process = Running { memory: &builder.image, image: IMAGE };
    HotSpot.functions(&process, &[object]).remove(0)
}

fn function(name: &str, start: u32, line: u32, approximate: bool) -> Function {
    let name = format!("some.where.Known.{name}");
    let file = "Known.java".to_owned();
    Function { name, file, start, line, approximate, ..Function::default() }
}

fn inlined(approximate: bool) -> Vec<Function> {
    vec![
        function("inner", 30, 30, approximate),
        function("middle", 20, 1021, approximate),
        function("outer", 10, 11, approximate),
    ]
}

#[test]
fn a_return_address_has_the_methods_that_were_inlined_there() {
    for (version, builder) in all() {
        let at = |offset: u64| code(&builder, COMPILED + offset);
        assert_eq!(at(INLINED - 1), Ok(inlined(false)), "JDK {version}");
        assert_eq!(at(ALONE - 1), Ok(vec![function("outer", 10, 11, false)]), "JDK {version}");
    }
}

#[test]
fn between_two_known_positions_the_next_one_is_near() {
    for (version, builder) in all() {
        for offset in [0, INLINED - 2] {
            assert_eq!(code(&builder, COMPILED + offset), Ok(inlined(true)), "JDK {version}");
        }
        let next = code(&builder, COMPILED + INLINED);
        assert_eq!(next, Ok(vec![function("outer", 10, 11, true)]), "JDK {version}");
        let behind = code(&builder, COMPILED + ALONE);
        assert_eq!(behind, Ok(vec![function("outer", 10, 0, true)]), "JDK {version}");
    }
}

#[test]
fn stubs_have_the_virtual_machines_names_and_free_blocks_none() {
    for (version, builder) in all() {
        let stub = Function { name: "StubRoutines".to_owned(), ..Function::default() };
        assert_eq!(code(&builder, STUB + 0x10), Ok(vec![stub]), "JDK {version}");
        for nowhere in [FREE, STUB - 0x700, STUB + 0x300, 0, u64::MAX, IMAGE] {
            assert_eq!(code(&builder, nowhere), Err(Reason::ObjectGone), "JDK {version}");
        }
    }
}

#[test]
fn a_method_of_the_interpreter_has_its_line() {
    for (version, builder) in all() {
        let head = if matches!(version, 8 | 17) { 48 } else { 56 };
        let check = builder.check(MIDDLE);
        let object = Object { address: MIDDLE, position: head + 41, check };
        let at = |object| interpreted(&builder, object);
        assert_eq!(at(object), Ok(vec![function("middle", 20, 1021, false)]), "JDK {version}");
        let nowhere = Object { position: 0, ..object };
        assert_eq!(at(nowhere), Ok(vec![function("middle", 20, 0, false)]), "JDK {version}");
        let behind = Object { position: head + 100, ..object };
        assert_eq!(at(behind), Ok(vec![function("middle", 20, 0, false)]), "JDK {version}");
        for other in
            [Object { check: check ^ 1 << 16, ..object }, Object { address: INNER, ..object }]
        {
            assert_eq!(at(other), Err(Reason::ObjectGone), "JDK {version}");
        }
    }
}

/// Memory in which everything is replaced after so many reads.
struct Replaced<'a> {
    before: &'a dyn Memory,
    after: &'a dyn Memory,
    reads: Cell<u32>,
}

impl Memory for Replaced<'_> {
    fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
        let left = self.reads.get();
        self.reads.set(left.saturating_sub(1));
        if left > 0 { self.before.fill(address, bytes) } else { self.after.fill(address, bytes) }
    }
}

/// The same memory, with a class of another name in the same place: its methods, and their code.
fn other(version: u32) -> Builder {
    let mut other = machine(version);
    let blob = other.blob(COMPILED);
    other.set(blob, "nmethod::_compile_id", 8);
    let (name, body) = (OUTER + 0x1_0000_0000, other.offset("Symbol::_body").unwrap());
    other.image.put(name + body, b"some/where/Other");
    other.set(name, "Symbol::_length", 16);
    other.set(OUTER + 0x9000, "Klass::_name", name);
    other
}

/// Gives a name of the pool a place of its own.
fn method_name(builder: &mut Builder, index: u64, name: &str) {
    let (at, body) = (OUTER + 0x2_0000_0000, builder.offset("Symbol::_body").unwrap());
    builder.image.put(at + body, name.as_bytes());
    builder.set(at, "Symbol::_length", name.len() as u64);
    builder.image.put_word(OUTER + 0x8000 + builder.size("ConstantPool") + 8 * index, at);
}

fn mark(builder: &Builder) -> Check {
    let process = Running { memory: &builder.image, image: IMAGE };
    Check::of_mark(Machine::of(&process).unwrap().blob(COMPILED).unwrap().1.mark)
}

#[test]
fn code_that_was_replaced_is_gone() {
    let at = COMPILED + INLINED - 1;
    for (version, builder) in all() {
        let (mark, other) = (mark(&builder), other(version));
        assert_eq!(checked(&builder.image, at, mark), Ok(inlined(false)), "JDK {version}");
        assert_eq!(checked(&other.image, at, mark), Err(Reason::ObjectGone), "JDK {version}");
        assert_eq!(code(&other, at).unwrap()[0].name, "some.where.Other.inner", "JDK {version}");
        let lost = Check::Lost(Reason::NoTime);
        assert_eq!(checked(&builder.image, at, lost), Err(Reason::NoTime), "JDK {version}");
    }
}

#[test]
fn what_is_replaced_while_it_is_read_has_no_other_name() {
    for version in [8, 25] {
        let (mut builder, mut other) = (machine(version), other(version));
        for (builder, name) in [(&mut builder, "middle"), (&mut other, "elddim")] {
            method_name(builder, 4, name);
        }
        let code = Code { address: COMPILED + INLINED - 1, check: mark(&builder) };
        let object = Object { address: MIDDLE, position: 0, check: builder.check(MIDDLE) };
        let (mut named, mut gone) = (0, 0);
        for reads in 0..40 {
            let (before, after) = (&builder.image, &other.image);
            let memory = Replaced { before, after, reads: Cell::new(u32::MAX) };
            let of = |machine: fn(&mut Machine<'_>, Code, &Object) -> Found| {
                memory.reads.set(u32::MAX);
                let process = Running { memory: &memory, image: IMAGE };
                let mut of = Machine::of(&process).unwrap();
                memory.reads.set(reads);
                machine(&mut of, code, &object)
            };
            for found in [of(|m, code, _| m.code(code)), of(|m, _, object| m.interpreted(object))] {
                let Ok(functions) = found else {
                    gone += 1;
                    continue;
                };
                let names =
                    ["outer", "middle", "inner"].map(|name| format!("some.where.Known.{name}"));
                let own = |of: &Function| names.contains(&of.name);
                assert!(functions.iter().all(own), "JDK {version}, {reads}: {functions:?}");
                named += 1;
            }
        }
        assert!(named > 0 && gone > 5, "JDK {version}: {named}, {gone}");
    }
}

#[test]
fn of_a_version_that_is_not_known_only_the_method_is_told() {
    let mut builder = machine(25);
    let layout = LAYOUTS[4].1;
    let index = layout.lines().position(|line| line.contains("_vm_major_version")).unwrap();
    builder.image.put_word(IMAGE + 0x8_0000 + 0x100 * index as u64, 99);
    let found = code(&builder, COMPILED + INLINED - 1);
    assert_eq!(found, Ok(vec![function("outer", 0, 0, true)]));
}

#[test]
fn a_scope_that_leads_back_to_itself_is_not_followed() {
    for (version, mut builder) in all() {
        let number = |n: u8| if version < 20 { n } else { n + 1 };
        let scopes = match version {
            25 => find(&builder, 0x100),
            _ => COMPILED - 0x800 + 16 + 0xe00,
        };
        builder.image.put(scopes + 0x20, &[number(0x20)]);
        let found = code(&builder, COMPILED + INLINED - 1);
        assert_eq!(found, Ok(vec![function("outer", 10, 0, true)]), "JDK {version}");
    }
}

/// The address of a place in the memory that JDK 25 has beside its code.
fn find(builder: &Builder, offset: u64) -> u64 {
    let mut word = [0; 8];
    assert!(builder.image.fill(COMPILED - 0x800 + 8 + 96, &mut word));
    u64::from_le_bytes(word) + offset
}

#[test]
fn what_is_no_virtual_machine_has_no_names() {
    let builder = machine(17);
    for image in [0, IMAGE + 0x1000, u64::MAX - 7] {
        let process = Running { memory: &builder.image, image };
        assert_eq!(HotSpot.checked_code(&process, &[ANY]), [Err(Reason::NoReader)]);
        let object = Object { address: OUTER, position: 0, check: 0 };
        assert_eq!(HotSpot.functions(&process, &[object]), [Err(Reason::NoReader)]);
    }
}

/// Words anywhere become addresses of other structures, small numbers, or anything.
#[test]
fn memory_that_lies_is_read_to_an_end() {
    let mut random = fastrand::Rng::with_seed(7);
    let places = [COMPILED, STUB, FREE, OUTER, OUTER + 0x1000, OUTER + 0x8000, INNER, IMAGE];
    let (mut some, mut none) = (0, 0);
    for (_, builder) in all() {
        for _ in 0..20 {
            let mut image = builder.image.clone();
            for _ in 0..random.usize(1..40) {
                let word = match random.u8(0..3) {
                    0 => places[random.usize(0..places.len())] + random.u64(0..64) * 8,
                    1 => random.u64(0..0x1_0000),
                    _ => random.u64(..),
                };
                let place = random.u16(..) & 0xff8;
                let mut change = vec![random.u8(..)];
                change.extend(place.to_le_bytes());
                change.extend(word.to_le_bytes());
                image.change(&change);
            }
            let process = Running { memory: &image, image: IMAGE };
            let check = |address| builder.check(address);
            let object = |address| Object { address, position: 60, check: check(address) };
            let code = places.map(|address| Code { address, check: Check::None });
            let mut found = HotSpot.checked_code(&process, &code);
            found.extend(HotSpot.functions(&process, &places.map(object)));
            assert_eq!(found.len(), 2 * places.len());
            for functions in found {
                let few = functions.as_ref().is_ok_and(|all| (1..=256).contains(&all.len()));
                assert!(few || functions.is_err());
                *(if few { &mut some } else { &mut none }) += 1;
            }
        }
    }
    assert!(some > 50 && none > 50, "{some}, {none}");
}
