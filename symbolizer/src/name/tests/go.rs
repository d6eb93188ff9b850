//! Go programs without symbols and DWARF.

use super::{Fixture, chain, flipped, installed, name};
use crate::serve::gopclntab::GoTable;
use elf::{Bytes, Image};

const GO: &str = r#"package main

import "os"

type thing struct{ n int }

var seed = os.Getpid()

func leaf(i int) int {
	return i*i + seed
}

//go:noinline
func (t *thing) spin() int {
	s := 0
	for i := 0; i < t.n; i++ {
		s += leaf(i)
	}
	return s
}

func main() {
	t := thing{len(os.Args)}
	os.Exit(t.spin() & 1)
}
"#;

fn built(flags: &[&str]) -> (Fixture, u64) {
    let fixture = Fixture::new("main.go", GO);
    std::fs::write(fixture.path("go.mod"), "module a\ngo 1.20\n").unwrap();
    fixture.run("go", &[&["build", "-o", "full"], flags, &["."]].concat());
    let spin = fixture.address("full", "main.(*thing).spin");
    fixture.run("strip", &["-o", "a", "full"]);
    (fixture, spin)
}

#[test]
fn names_lines_and_inlined_calls_of_stripped_programs() {
    if !installed("go") {
        return;
    }
    for flags in [&[][..], &["-buildmode=pie"]] {
        let (fixture, spin) = built(flags);
        let file = fixture.mapped("a");
        let first = name(&file, spin);
        assert_eq!(chain(&first), "main.(*thing).spin", "{flags:?}");
        assert!((14..=16).contains(&first.lines[0].line), "{first:?}");
        assert!(first.lines[0].file.ends_with("/main.go"));
        let inlined = (spin..spin + 96)
            .map(|address| name(&file, address))
            .find(|named| chain(named) == "main.leaf < main.(*thing).spin")
            .unwrap();
        let lines: Vec<(u32, bool)> =
            inlined.lines.iter().map(|line| (line.line, line.inlined)).collect();
        assert_eq!(lines, [(10, true), (17, false)]);
    }
}

#[test]
fn a_malformed_table_gives_no_panic() {
    if !installed("go") {
        return;
    }
    let (fixture, spin) = built(&[]);
    let file = fixture.mapped("a");
    let image = Image::parse(Bytes::File(file.handle.as_ref().unwrap())).unwrap();
    let table = image.data(image.section(".gopclntab").unwrap(), 1 << 30).unwrap();
    let text = image.section(".text").unwrap();
    let data = |_: u64, _: u64| Some(vec![0xff; 16]);
    let check = |bytes: &[u8]| {
        if let Some(table) = GoTable::parse(bytes, text.address) {
            for address in (text.address..text.end()).step_by(4096).chain([spin]) {
                table.frames(address, Some(&data));
            }
        }
    };
    assert!(!GoTable::parse(&table, text.address).unwrap().frames(spin, None).is_empty());
    for len in (0..80).chain((80..table.len()).step_by(4999)) {
        check(&table[..len]);
    }
    for at in 0..72 {
        let mut bytes = table.clone();
        bytes[at] ^= 0xff;
        check(&bytes);
    }
    flipped(&table, 60).for_each(|bytes| check(&bytes));
}
