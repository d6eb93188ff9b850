//! Malformed files give warnings and reasons, never a panic.

use std::fs;

use super::{Fixture, flipped, local, mapped};
use crate::serve::ranges::{Loaded, Ranges};
use crate::{Reason, Symbolize};

const C: &str = "#include <stdlib.h>\n\
    static inline int in(int x) { return x * rand(); }\n\
    __attribute__((noinline)) int work(int n) { return in(n) * 7; }\n\
    int main(int n, char **v) { (void)v; return work(n); }";

fn name_all(fixture: &Fixture, bytes: &[u8], addresses: &[u64]) -> usize {
    let path = fixture.path("changed");
    fs::write(&path, bytes).unwrap();
    let mut symbolizer = local();
    let names = symbolizer.file(&mapped(&path), addresses);
    assert_eq!(names.len(), addresses.len());
    symbolizer.warnings().len()
}

fn built() -> (Fixture, Vec<u8>, Vec<u64>) {
    let fixture = Fixture::new("a.c", C);
    fixture.run("gcc", &["-O2", "-g", "-o", "a", "a.c"]);
    let (work, main) = (fixture.address("a", "work"), fixture.address("a", "main"));
    let addresses: Vec<u64> =
        (work..work + 8).chain(main..main + 8).chain([0, 1, u64::MAX]).collect();
    let bytes = fs::read(fixture.path("a")).unwrap();
    (fixture, bytes, addresses)
}

#[test]
fn a_cut_file_gives_no_panic() {
    let (fixture, bytes, addresses) = built();
    for len in (0..128).chain((128..bytes.len()).step_by(331)) {
        name_all(&fixture, &bytes[..len], &addresses);
    }
}

#[test]
fn a_changed_byte_gives_no_panic() {
    let (fixture, bytes, addresses) = built();
    for changed in flipped(&bytes, 400) {
        name_all(&fixture, &changed, &addresses);
    }
    // The header, and every field of the section headers.
    let table = u64::from_le_bytes(bytes[40..48].try_into().unwrap()) as usize;
    for at in (0..64).chain((table..bytes.len()).step_by(5)) {
        let mut changed = bytes.clone();
        changed[at] ^= 0xff;
        name_all(&fixture, &changed, &addresses);
    }
}

#[test]
fn a_spoilt_file_is_one_warning() {
    let (fixture, mut bytes, addresses) = built();
    bytes[4] = 9;
    assert_eq!(name_all(&fixture, &bytes, &addresses), 1);
    let names = local().file(&mapped(&fixture.path("changed")), &addresses);
    assert!(names.iter().all(|named| named.reason == Some(Reason::FileCorrupt)));
}

#[test]
fn a_section_that_says_to_be_huge_when_decompressed_is_refused() {
    let (fixture, _, addresses) = built();
    fixture.run("objcopy", &["--compress-debug-sections=zlib", "a"]);
    let mut bytes = fs::read(fixture.path("a")).unwrap();
    let image = elf::Image::parse(elf::Bytes::Memory(&bytes)).unwrap();
    let at = image.section(".debug_info").unwrap().offset as usize + 8;
    bytes[at..at + 8].copy_from_slice(&(1u64 << 40).to_le_bytes());
    assert_eq!(name_all(&fixture, &bytes, &addresses), 1);
}

#[test]
fn malformed_ranges_give_no_panic() {
    let (_, bytes, addresses) = built();
    let image = elf::Image::parse(elf::Bytes::Memory(&bytes)).unwrap();
    let section = |name: &str| {
        let section = image.section(name).unwrap();
        (section.address, image.data(section, 1 << 20).unwrap())
    };
    let (frame, header) = (section(".eh_frame"), section(".eh_frame_hdr"));
    let check = |frame: &(u64, Vec<u8>), header: &(u64, Vec<u8>)| {
        for header in [None, Some(Loaded { address: header.0, bytes: &header.1 })] {
            let frame = Loaded { address: frame.0, bytes: &frame.1 };
            let mut ranges = Ranges::new(frame, header, 0, true);
            addresses.iter().for_each(|&address| {
                ranges.find(address);
            });
        }
    };
    for changed in flipped(&frame.1, frame.1.len()) {
        check(&(frame.0, changed), &header);
    }
    for changed in flipped(&header.1, header.1.len()) {
        check(&frame, &(header.0, changed));
    }
    for len in 0..frame.1.len() {
        check(&(frame.0, frame.1[..len].to_vec()), &header);
    }
}
