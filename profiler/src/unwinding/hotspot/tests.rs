//! A virtual machine of a few words. It describes itself as HotSpot does.

use super::heaps::{self, Names};
use super::machine::Machine;
use super::memory::tests::Pieces;
use super::memory::{Memory, Reader};
use super::reading::Reading;
use super::symbols::Symbols;
use bpf::unwind::rule::{Cfa, Restore};
use std::collections::HashMap;
use symbolizer::runtime::hotspot::cache::Cache;
use symbolizer::runtime::hotspot::layout::{Field, Layout};

/// The library's data, its texts, the objects, and the heap of code.
const DATA: u64 = 0x1_0000;
const TEXT: u64 = 0x2_0000;
pub(super) const OBJECTS: u64 = 0x3_0000;
pub(super) const HEAP: u64 = 0x7f00_0000_0000;
const HEAP_END: u64 = HEAP + 0x2000;
/// The map of the heap's segments, of 16 bytes each.
const MAP: u64 = OBJECTS + 0x1000;
const STRIDE: u64 = 48;
/// A method: `push rbp; sub rsp, 0x10; nop; add rsp, 0x10; pop rbp; ret`.
pub(super) const METHOD: &[u8] = b"\x55\x48\x83\xec\x10\x90\x48\x83\xc4\x10\x5d\xc3";
const BLOCK: u64 = 0x100;

/// Memory that is written word by word.
#[derive(Debug, Default)]
pub(super) struct Machinery {
    words: HashMap<u64, u64>,
    text: Vec<u8>,
    symbols: Vec<(&'static str, u64)>,
    next: u64,
}

impl Machinery {
    fn text(&mut self, text: &str) -> u64 {
        let at = TEXT + self.text.len() as u64;
        self.text.extend(text.bytes().chain([0]));
        at
    }

    fn symbol(&mut self, name: &'static str, value: u64) {
        let at = DATA + 8 * self.next;
        self.next += 1;
        self.words.insert(at, value);
        self.symbols.push((name, at));
    }

    /// A table of fields: type, name, kind, and the offset; for a static field, the address.
    fn fields(&mut self, fields: &[(&str, &str, &str, bool, u64)]) {
        let table = DATA + 0x1000;
        for (index, (of, name, kind, is_static, at)) in fields.iter().enumerate() {
            let entry = table + index as u64 * STRIDE;
            let words = [self.text(of), self.text(name), self.text(kind), u64::from(*is_static)];
            for (word, value) in (0..).zip(words.into_iter().chain([*at, *at])) {
                self.words.insert(entry + 8 * word, value);
            }
        }
        self.words.insert(table + fields.len() as u64 * STRIDE, 0);
        let places = [
            "gHotSpotVMStructEntryTypeNameOffset",
            "gHotSpotVMStructEntryFieldNameOffset",
            "gHotSpotVMStructEntryTypeStringOffset",
            "gHotSpotVMStructEntryIsStaticOffset",
            "gHotSpotVMStructEntryOffsetOffset",
            "gHotSpotVMStructEntryAddressOffset",
        ];
        (0..).zip(places).for_each(|(word, name)| self.symbol(name, 8 * word));
        self.symbol("gHotSpotVMStructs", table);
        self.symbol("gHotSpotVMStructEntryArrayStride", STRIDE);
    }

    fn types(&mut self, types: &[(&str, u64)]) {
        let table = DATA + 0x8000;
        for (index, (name, size)) in types.iter().enumerate() {
            let name = self.text(name);
            self.words.insert(table + 16 * index as u64, name);
            self.words.insert(table + 16 * index as u64 + 8, *size);
        }
        self.words.insert(table + 16 * types.len() as u64, 0);
        self.symbol("gHotSpotVMTypes", table);
        self.symbol("gHotSpotVMTypeEntryTypeNameOffset", 0);
        self.symbol("gHotSpotVMTypeEntrySizeOffset", 8);
        self.symbol("gHotSpotVMTypeEntryArrayStride", 16);
    }

    /// A block of code in the heap: its head, a blob of a method, and the code.
    pub(super) fn block(&mut self, number: u64, id: u64, code: &[u8]) {
        let block = HEAP + BLOCK * number;
        let name = self.text("nmethod");
        let (begin, end) = (block + 0x80, block + 0x80 + code.len() as u64);
        for (at, word) in [
            (0, BLOCK >> 4),
            (8, 1),
            (0x10, name),
            (0x18, 0xf0 | 5 << 32),
            (0x20, 4),
            (0x28, begin),
            (0x30, end),
            (0x38, id),
            (0x40, 0),
        ] {
            self.words.insert(block + at, word);
        }
        let map = MAP + (BLOCK >> 4) * number;
        self.words.extend([(map, 0x0101_0101_0101_0100), (map + 8, 0x0101_0101_0101_0101)]);
        for (index, eight) in code.chunks(8).enumerate() {
            let mut word = [0x90; 8];
            word[..eight.len()].copy_from_slice(eight);
            self.words.insert(begin + 8 * index as u64, u64::from_le_bytes(word));
        }
    }

    /// Makes a block free in the map of segments.
    pub(super) fn free(&mut self, number: u64) {
        let map = MAP + (BLOCK >> 4) * number;
        self.words.extend([(map, u64::MAX), (map + 8, u64::MAX)]);
    }

    pub(super) fn memory(&self) -> Pieces {
        let filled = |start: u64, len: usize| {
            let words = (0..len as u64 / 8).map(|word| {
                self.words.get(&(start + 8 * word)).copied().unwrap_or(0).to_le_bytes()
            });
            (start, words.flatten().collect::<Vec<u8>>())
        };
        let mut text = self.text.clone();
        text.resize(0x2000, 0);
        let heap = filled(HEAP, (HEAP_END - HEAP) as usize);
        Pieces(vec![filled(DATA, 0xc000), (TEXT, text), filled(OBJECTS, 0x2000), heap])
    }

    fn symbols(&self) -> Symbols {
        Symbols(self.symbols.iter().map(|(name, at)| ((*name).to_owned(), *at)).collect())
    }
}

/// One heap with one method.
pub(super) fn machinery() -> Machinery {
    let mut made = Machinery::default();
    made.fields(&[
        ("Other", "_field", "int", false, 4),
        ("CodeCache", "_heap", "CodeHeap*", true, OBJECTS),
        ("CodeHeap", "_memory", "VirtualSpace", false, 8),
        ("CodeHeap", "_segmap", "VirtualSpace", false, 0x40),
        ("CodeHeap", "_log2_segment_size", "int", false, 0x28),
        ("VirtualSpace", "_low_boundary", "char*", false, 0),
        ("VirtualSpace", "_high_boundary", "char*", false, 8),
        ("VirtualSpace", "_low", "char*", false, 16),
        ("VirtualSpace", "_high", "char*", false, 24),
        ("HeapBlock::Header", "_length", "size_t", false, 0),
        ("HeapBlock::Header", "_used", "bool", false, 8),
        ("CodeBlob", "_name", "const char*", false, 0),
        ("CodeBlob", "_size", "int", false, 8),
        ("CodeBlob", "_frame_complete_offset", "int", false, 12),
        ("CodeBlob", "_frame_size", "int", false, 16),
        ("CodeBlob", "_code_begin", "address", false, 24),
        ("CodeBlob", "_code_end", "address", false, 32),
        ("nmethod", "_compile_id", "int", false, 40),
        ("nmethod", "_osr_entry_point", "address", false, 48),
    ]);
    made.types(&[("HeapBlock", 16), ("CodeBlob", 0x40)]);
    let heap = OBJECTS + 0x100;
    for (at, word) in [
        (OBJECTS, heap),
        (heap + 8, HEAP),
        (heap + 16, HEAP_END),
        (heap + 24, HEAP),
        (heap + 32, HEAP_END),
        (heap + 0x28, 4),
        (heap + 0x50, MAP),
    ] {
        made.words.insert(at, word);
    }
    made.words.extend((0..0x40).map(|word| (MAP + 8 * word, u64::MAX)));
    made.block(0, 1, METHOD);
    made
}

pub(super) fn machine(made: &Machinery, memory: &dyn Memory) -> Option<Machine> {
    Machine::of(memory, &made.symbols(), Vec::new())
}

fn layout(made: &Machinery, memory: &dyn Memory) -> Option<Layout> {
    let symbols = made.symbols();
    Layout::read(&Reader::new(memory), &|name| symbols.0.get(name).copied())
}

#[test]
fn fields_are_read_as_they_are_described() {
    let made = machinery();
    let memory = made.memory();
    let layout = layout(&made, &memory).unwrap();
    assert_eq!(layout.field("Other::_field"), None, "it is not needed");
    assert_eq!(layout.size("HeapBlock"), Some(16));
    let field: Field = layout.field("CodeBlob::_frame_size").unwrap();
    assert_eq!(field.at, 16);
    let bytes: Vec<u8> = [0_u8; 16].into_iter().chain([0xff; 4]).collect();
    assert_eq!(field.of(&bytes), Some(-1));
    assert_eq!(field.of(&bytes[..19]), None);
}

#[test]
fn a_method_becomes_rows_and_is_found_again() {
    let mut made = machinery();
    let memory = made.memory();
    let machine = machine(&made, &memory).unwrap();
    let mut reading = Reading::default();
    let read = reading.again(&machine, &memory, true).unwrap();
    let code = HEAP + 0x80;
    let found = |read: &super::reading::Read, at| {
        let rule = read.table.look_up(at).unwrap();
        match rule.cfa {
            Cfa::Register { offset, .. } => Some((offset, rule.fp)),
            cfa => {
                assert_eq!(cfa, Cfa::NotYet);
                None
            }
        }
    };
    assert_eq!(found(&read, code), Some((8, Restore::Same)));
    assert_eq!(found(&read, code + 5), Some((32, Restore::AtCfa(-16))));
    assert_eq!([found(&read, code - 1), found(&read, code + 12)], [None; 2]);
    assert_eq!(read.index.at(code + 11).map(|entry| entry.block), Some(HEAP));
    assert_eq!((read.index.at(code + 12), read.index.holds(HEAP_END - 1)), (None, true));
    assert!(read.news && read.replaced.is_empty());
    // Nothing is new. Then another method appears behind the first; then one in the place of the first.
    assert!(!reading.again(&machine, &memory, true).unwrap().news);
    made.block(1, 2, METHOD);
    let read = reading.again(&machine, &made.memory(), true).unwrap();
    assert!(read.news && read.replaced.is_empty());
    assert_eq!(found(&read, code + BLOCK), Some((8, Restore::Same)));
    let before = read.index.at(code).unwrap().mark;
    made.block(0, 3, b"\x90\xc3");
    let memory = made.memory();
    let reader = Reader::new(&memory);
    let mut names = Names::new(&reader);
    let now = heaps::mark(&machine.cache, &mut names, (HEAP, HEAP + BLOCK), None);
    assert!(now.unwrap().is_some_and(|now| now != before), "who looks sees it");
    let read = reading.again(&machine, &memory, false).unwrap();
    let was = Vec::from_iter(Some(code..code + METHOD.len() as u64));
    assert_eq!((read.news, read.replaced), (true, was));
    assert_eq!(read.table.look_up(code + 12), None, "no step by frame pointer was asked for");
}

#[test]
fn versions_that_lack_a_field_and_heaps_that_make_no_sense_are_refused() {
    let made = machinery();
    for lacking in ["_frame_size", "_heap", "_low", "_compile_id"] {
        let mut made = machinery();
        let at = made.text.windows(lacking.len()).position(|part| part == lacking.as_bytes());
        made.text[at.unwrap()] = b'x';
        assert!(machine(&made, &made.memory()).is_none(), "{lacking}");
    }
    let heap = OBJECTS + 0x100;
    for (at, word) in [
        (OBJECTS, 0),
        (heap + 16, HEAP),
        (heap + 16, u64::MAX),
        (heap + 32, HEAP_END + 8),
        (heap + 0x28, 60),
    ] {
        let mut spoilt = machinery();
        spoilt.words.insert(at, word);
        let memory = spoilt.memory();
        let machine = machine(&made, &memory).unwrap();
        assert!(Reading::default().again(&machine, &memory, true).is_none(), "{at:x} {word:x}");
    }
}

#[test]
fn hostile_words_end_every_walk() {
    let made = machinery();
    let mut random = fastrand::Rng::with_seed(7);
    let places: Vec<u64> = {
        let mut places: Vec<u64> = made.words.keys().copied().collect();
        places.sort_unstable();
        places
    };
    let mut read = 0;
    for _ in 0..300 {
        let mut spoilt = machinery();
        for _ in 0..1 + random.u64(..) % 3 {
            let at = places[random.u64(..) as usize % places.len()];
            let word = [0, 1, u64::MAX, HEAP, 1 << 63, random.u64(..) >> (random.u64(..) % 64)]
                [random.u64(..) as usize % 6];
            spoilt.words.insert(at, word);
        }
        let memory = spoilt.memory();
        let Some(machine) = machine(&spoilt, &memory) else { continue };
        read += u32::from(Reading::default().again(&machine, &memory, true).is_some());
    }
    assert!(read > 30, "little was tried: {read}");
}

#[test]
fn the_fields_of_newer_versions() {
    let mut made = machinery();
    let at = made.text.windows(6).position(|part| part == b"_heap\0").unwrap();
    made.text[at] = b'x';
    let memory = made.memory();
    let layout = layout(&made, &memory).unwrap();
    assert!(Cache::of(&layout).is_none(), "neither one heap nor a list of them");
}
