//! Files that the tools of this machine make, and spoilt copies of them.

use crate::{Binding, Bytes, Error, Header, Image, SymbolKind, note};
use std::path::Path;
use std::process::Command;

const SOURCE: &str = ".globl _start, exported\n.type exported, @function\n_start: nop\n\
    exported: ret\n.size exported, . - exported\nlocal: ret\n.data\n.quad 1\n";
const ID: [u8; 4] = [0xde, 0xad, 0xbe, 0xef];

/// A program of one class, by the assembler and the linker.
fn built(class: u32) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("a.s"), SOURCE).unwrap();
    let emulation = if class == 64 { "elf_x86_64" } else { "elf_i386" };
    run(directory.path(), "as", &[&format!("--{class}"), "-o", "a.o", "a.s"]);
    let id = "--build-id=0xdeadbeef";
    run(directory.path(), "ld", &["-m", emulation, "-pie", "-E", id, "-o", "a", "a.o"]);
    std::fs::read(directory.path().join("a")).unwrap()
}

fn run(directory: &Path, program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).current_dir(directory).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}");
}

/// Everything that is read of a file.
fn read_all(bytes: &[u8]) -> Option<()> {
    let header = Header::read(Bytes::Memory(bytes)).ok()?;
    let segments = header.segments(Bytes::Memory(bytes)).unwrap_or_default();
    let _ = header.build_id(Bytes::Memory(bytes), &segments);
    let image = Image::parse(Bytes::Memory(bytes)).ok()?;
    let _ = image.build_id();
    for section in &image.sections {
        let _ = image.data(section, 1 << 20);
        let _ = image.memory(section.address.wrapping_add(1), 16);
        for symbol in image.symbols(section, 1 << 20).take(64) {
            let _ = image.symbol_name(section, &symbol);
        }
    }
    Some(())
}

#[test]
fn both_classes_have_the_same_parts() {
    for class in [64, 32] {
        let bytes = built(class);
        let image = Image::parse(Bytes::Memory(&bytes)).unwrap();
        assert_eq!((image.wide(), image.kind()), (class == 64, 3));
        assert_eq!(image.machine(), if class == 64 { crate::X86_64 } else { 3 });
        let text = image.section(".text").unwrap();
        assert!(text.is_code() && text.size == 3, "{text:?}");
        assert_eq!(image.data(text, 3).as_deref(), Some(&[0x90, 0xc3, 0xc3][..]));
        assert_eq!(image.data(text, 2), None, "the bound holds");
        assert_eq!(image.memory(text.address + 1, 9).as_deref(), Some(&[0xc3, 0xc3][..]));
        let code: Vec<_> =
            image.segments().unwrap().into_iter().filter(|segment| segment.is_code()).collect();
        assert_eq!(code.len(), 1);
        let (segment, end) = (code[0], code[0].address + code[0].memory_size);
        assert!((segment.address..end).contains(&text.address));
        assert_eq!(segment.file_size, segment.memory_size);
        assert_eq!(text.offset - segment.offset, text.address - segment.address);
    }
}

#[test]
fn symbols_have_kind_binding_and_place() {
    for class in [64, 32] {
        let bytes = built(class);
        let image = Image::parse(Bytes::Memory(&bytes)).unwrap();
        let table = image.section(".symtab").unwrap();
        let named = |wanted: &[u8]| {
            let mut all = image.symbols(table, u64::MAX);
            all.find(|symbol| image.symbol_name(table, symbol).as_deref() == Some(wanted))
        };
        let text = image.section(".text").unwrap().address;
        let exported = named(b"exported").unwrap();
        assert_eq!((exported.kind, exported.binding), (SymbolKind::Function, Binding::Global));
        assert_eq!((exported.address, exported.size), (text + 1, 1));
        assert!(exported.is_defined());
        let local = named(b"local").unwrap();
        assert_eq!((local.kind, local.binding), (SymbolKind::None, Binding::Local));
        assert_eq!((local.address, local.size), (text + 2, 0));
        assert_eq!(named(b"exporte"), None);
        let third = image.symbols(table, u64::MAX).nth(2);
        assert_eq!((image.symbol(table, 2), third.is_some()), (third, true));
        let bound = if class == 64 { 48 } else { 32 };
        assert_eq!(image.symbols(table, bound).count(), 2, "the bound holds");
    }
}

#[test]
fn the_build_id_stands_in_sections_and_segments() {
    for class in [64, 32] {
        let mut bytes = built(class);
        let header = Header::read(Bytes::Memory(&bytes)).unwrap();
        let segments = header.segments(Bytes::Memory(&bytes)).unwrap();
        assert_eq!(header.build_id(Bytes::Memory(&bytes), &segments).as_deref(), Some(&ID[..]));
        assert_eq!(header.build_id(Bytes::Memory(&bytes), &[]).as_deref(), Some(&ID[..]));
        // Without a section table.
        let count = if class == 64 { 60 } else { 48 };
        bytes[count..count + 2].fill(0);
        let image = Image::parse(Bytes::Memory(&bytes)).unwrap();
        assert!(image.sections.is_empty());
        assert_eq!(image.build_id().as_deref(), Some(&ID[..]));
    }
}

#[test]
fn of_several_notes_the_build_id_is_found() {
    let note = |name: &[u8], kind: u32, content: &[u8]| {
        let mut note: Vec<u8> = [name.len() as u32, content.len() as u32, kind]
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        for part in [name, content] {
            note.extend_from_slice(part);
            note.resize(note.len().next_multiple_of(4), 0);
        }
        note
    };
    let others = [note(b"GNU\0", 1, &[7; 16]), note(b"stapsdt\0", 3, &[1, 2, 3])].concat();
    let id = note(b"GNU\0", 3, &[1, 2, 3, 4, 5]);
    let both = [others.clone(), id].concat();
    assert_eq!(note::build_id(&both), Some(vec![1, 2, 3, 4, 5]));
    assert_eq!(note::build_id(&others), None);
    assert_eq!(note::build_id(&note(b"GNU\0", 3, &[])), None);
    assert_eq!(note::build_id(&note(b"GNU\0", 3, &[0; 65])), None);
    for end in 0..both.len() - 3 {
        assert_eq!(note::build_id(&both[..end]), None);
    }
}

#[test]
fn what_is_no_file_of_the_kind_has_its_error() {
    let of = |bytes: &[u8]| Header::read(Bytes::Memory(bytes)).unwrap_err();
    let good = built(64);
    assert_eq!(of(b""), Error::NotElf);
    assert_eq!(of(b"#!/bin/sh\n"), Error::NotElf);
    assert_eq!(of(b"\x7fELF"), Error::Unsupported);
    assert_eq!(of(b"\x7fELF\x02\x02 big endian"), Error::Unsupported);
    assert_eq!(of(&good[..63]), Error::CutOff);
    let image = |at: usize, value: &[u8]| {
        let mut bytes = good.clone();
        bytes[at..at + value.len()].copy_from_slice(value);
        let image = Image::parse(Bytes::Memory(&bytes));
        image.and_then(|image| image.segments()).unwrap_err()
    };
    assert_eq!(image(58, &[65]), Error::SectionTable);
    assert_eq!(image(40, &[0xff; 8]), Error::SectionTable);
    assert_eq!(image(54, &[57]), Error::SegmentTable);
    assert_eq!(image(32, &[0xff; 8]), Error::SegmentTable);
    assert_eq!(image(56, &[0xff; 2]), Error::SegmentTable);
    assert_eq!(Error::NotElf.to_string(), "it is not an ELF file");
}

#[test]
fn a_file_is_read_as_its_bytes_are() {
    let file = std::fs::File::open("/proc/self/exe").unwrap();
    let bytes = std::fs::read("/proc/self/exe").unwrap();
    let (on_disk, in_memory) = (Bytes::File(&file), Bytes::Memory(&bytes));
    assert_eq!(on_disk.len(), in_memory.len());
    let [disk, memory] = [on_disk, in_memory].map(|bytes| Image::parse(bytes).unwrap());
    assert_eq!(disk.sections, memory.sections);
    assert_eq!(disk.segments(), memory.segments());
    assert_eq!(disk.build_id(), memory.build_id());
    assert_eq!(disk.build_id().map(|id| id.len()), Some(20));
    let own = b"what_is_no_file_of_the_kind_has_its_error";
    let table = disk.section(".symtab").unwrap();
    let named = disk.symbols(table, u64::MAX).filter(|symbol| symbol.is_defined());
    let names = named.filter_map(|symbol| disk.symbol_name(table, &symbol));
    let found = names.filter(|name| name.windows(own.len()).any(|part| part == own)).count();
    assert!(found > 0, "a table of many pieces is read to its end");
}

#[test]
fn spoilt_files_have_less_in_them_and_give_no_panic() {
    for class in [64, 32] {
        let whole = built(class);
        let headers = 0..1 << 10;
        for end in headers.clone().chain((headers.end..whole.len()).step_by(97)) {
            let _ = read_all(&whole[..end]);
        }
        let table = Header::read(Bytes::Memory(&whole)).unwrap().sections.offset as usize;
        for at in headers.chain(table..whole.len()) {
            for flip in [0xff, 0x80, 0x01] {
                let mut bytes = whole.clone();
                bytes[at] ^= flip;
                let _ = read_all(&bytes);
            }
        }
    }
}
