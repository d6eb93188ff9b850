//! The code that signal handlers return to, found by its bytes: some libraries (musl) have no unwind entries for it.

use std::ops::Range;

use crate::rule::Rule;
use crate::table::{Code, Source};

/// The system call that returns from a signal, as x86-64 assemblers write it: its number, 15, into eax or rax, and the call.
const CODE: [&[u8]; 2] =
    [&[0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05], &[0xb8, 15, 0, 0, 0, 0x0f, 0x05]];
/// The system call alone, by which the search goes.
const CALL: [u8; 2] = [0x0f, 0x05];
/// More of them are not believed.
const MOST: usize = 8;

/// Rules for the places in executable segments that signal handlers return to. A segment is its bytes and its virtual address. As a
/// source, it comes after the file's own tables. The search takes up to one millisecond per megabyte. Use it for C libraries and
/// static programs whose own tables have no such place.
pub fn rules(segments: &[(&[u8], u64)], code: &Code) -> Source {
    let mut source = Source::new(code);
    let found = segments.iter().flat_map(|(bytes, address)| places(bytes, *address));
    // The return address is the first one, and is looked up less one.
    found.take(MOST).for_each(|place| {
        source.push(place.start.saturating_sub(1)..place.end, &Rule::SIGNAL_FRAME);
    });
    source
}

fn places(bytes: &[u8], address: u64) -> impl Iterator<Item = Range<u64>> {
    let calls = bytes.windows(2).enumerate().filter(|(_, pair)| *pair == CALL);
    calls.filter_map(move |(at, _)| {
        let end = at + CALL.len();
        let code = CODE.iter().find(|code| bytes[..end].ends_with(code))?;
        let end = address.checked_add(end as u64)?;
        Some(end - code.len() as u64..end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Table;

    fn table(segments: &[(&[u8], u64)]) -> Table {
        let code = Code::new(Some(0x1000..0x9000)).unwrap();
        Table::build(&code, &[&rules(segments, &code)])
    }

    #[test]
    fn both_forms_from_the_byte_before() {
        let mut bytes = vec![0xcc; 0x100];
        bytes[0x20..0x29].copy_from_slice(CODE[0]);
        bytes[0x80..0x87].copy_from_slice(CODE[1]);
        let table = table(&[(&bytes, 0x2000)]);
        for (first, last) in [(0x201f, 0x2028), (0x207f, 0x2086)] {
            assert_eq!(table.look_up(first - 1), None);
            assert_eq!(table.look_up(first), Some(Rule::SIGNAL_FRAME));
            assert_eq!(table.look_up(last), Some(Rule::SIGNAL_FRAME));
            assert_eq!(table.look_up(last + 1), None);
        }
    }

    #[test]
    fn other_system_calls_are_not_it() {
        let other = [0xb8, 14, 0, 0, 0, 0x0f, 0x05, 0x0f, 0x05];
        assert_eq!(
            table(&[(&other, 0x2000), (&other[..1], 0x3000), (&[], 0x4000)]).rows().len(),
            0
        );
    }

    /// The C library that this test runs with has it, with unwind entries that agree.
    #[test]
    fn the_place_of_this_machines_library() {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let path = maps.lines().find_map(|line| {
            line.find("/").filter(|_| line.contains("libc")).map(|at| &line[at..])
        });
        let bytes = std::fs::read(path.unwrap()).unwrap();
        let code = Code::new(Some(0..bytes.len() as u64)).unwrap();
        assert_eq!(rules(&[(&bytes, 0)], &code).covered().count(), 1);
    }
}
