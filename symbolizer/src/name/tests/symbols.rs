//! C programs: symbols, their sizes, ranges of `.eh_frame`, stubs.

use std::time::Duration;

use super::{Fixture, chain, local, name};
use crate::name::ask::files::NoFiles;
use crate::serve::Server;
use crate::serve::file::work::{Work, base_name};
use crate::{LocalSymbolizer, NameOptions, Reason};
use elf::{Bytes, Image};

const C: &str = r#"
#include <stdio.h>
#include <stdlib.h>
static int square(int x) { return x * x; }
static inline __attribute__((always_inline)) int twice(int x) { return square(x) + rand(); }
__attribute__((noinline)) int work(int n) { int s = 0; for (int i = 0; i < n; i++) s += twice(i); return s; }
__attribute__((noinline)) int other(int n) { puts("other"); return work(n) + 1; }
__asm__(".text\n.p2align 4\nbare_start: nop\n nop\n nop\n nop\n ret\n.p2align 4\n"
        "sized: nop\n nop\n ret\n.type sized,@function\n.size sized, 3\n"
        ".skip 64, 0x90\n"
        ".globl labelled\n labelled: nop\n nop\n ret\n.p2align 4\n");
int main(int argc, char **argv) { (void)argv; return other(argc); }
"#;

fn built(flags: &[&str]) -> Fixture {
    let fixture = Fixture::new("a.c", C);
    fixture.run("gcc", &[&["-O2", "-fno-ipa-icf", "-o", "a", "a.c"], flags].concat());
    fixture
}

#[test]
fn inlined_functions_come_innermost_first_with_their_lines() {
    let fixture = built(&["-g"]);
    inlined_functions_are_found(&fixture);
    // A file that anybody may write is read through a copy.
    fixture.run("chmod", &["a+w", "a"]);
    inlined_functions_are_found(&fixture);
}

fn inlined_functions_are_found(fixture: &Fixture) {
    let file = fixture.mapped("a");
    let start = fixture.address("a", "work");
    let addresses: Vec<u64> = (start..start + 64).collect();
    let names = local().file(&file, &addresses);
    let inlined = names.iter().find(|named| chain(named) == "square < twice < work").unwrap();
    let lines: Vec<u32> = inlined.lines.iter().map(|line| line.line).collect();
    assert_eq!(lines, [4, 5, 6]);
    let flags: Vec<bool> = inlined.lines.iter().map(|line| line.inlined).collect();
    assert_eq!(flags, [true, true, false]);
    assert!(inlined.lines[0].file.ends_with("/a.c"), "{:?}", inlined.lines[0]);

    let options = NameOptions { no_inline: true, ..NameOptions::default() };
    let plain = LocalSymbolizer::new(options, Server::default()).file(&file, &addresses);
    assert!(plain.iter().all(|named| named.lines.len() == 1));
    assert!(plain.iter().any(|named| chain(named) == "work" && named.lines[0].line > 0));
}

#[test]
fn without_time_for_dwarf_there_are_still_symbols() {
    let fixture = built(&["-g"]);
    let (file, work) = (fixture.mapped("a"), fixture.address("a", "work"));
    let image = Image::parse(Bytes::File(file.handle.as_ref().unwrap())).unwrap();
    let mut texts = crate::name::Texts::default();
    let mut steps = Work::new(&file, &image, std::slice::from_ref(&work), false, &mut texts);
    let named = steps.run(&mut NoFiles, Duration::ZERO).remove(0);
    assert_eq!((chain(&named).as_str(), named.lines[0].line), ("work", 0));
}

#[test]
fn names_come_in_the_order_of_the_addresses() {
    let fixture = built(&[]);
    let at = |symbol| fixture.address("a", symbol);
    let addresses = [at("work"), at("main"), at("other"), at("work") + 1, at("main")];
    let names = local().file(&fixture.mapped("a"), &addresses);
    let names: Vec<String> = names.iter().map(chain).collect();
    assert_eq!(names, ["work", "main", "other", "work", "main"]);
}

#[test]
fn a_symbol_does_not_cover_what_lies_beyond_its_size() {
    let fixture = built(&[]);
    let file = fixture.mapped("a");
    let sized = fixture.address("a", "sized");
    assert_eq!(chain(&name(&file, sized + 2)), "sized");
    let beyond = name(&file, sized + 3);
    assert_ne!(chain(&beyond), "sized");
    assert_eq!(beyond.reason, Some(Reason::NoSymbol));
    // Sizeless code reaches to the next symbol, and no further.
    let bare = fixture.address("a", "bare_start");
    assert_eq!(chain(&name(&file, bare + 4)), "bare_start");
    assert_eq!(chain(&name(&file, sized)), "sized");
    assert_eq!(chain(&name(&file, fixture.address("a", "labelled") + 2)), "labelled");
}

#[test]
fn a_stripped_function_is_one_frame() {
    let fixture = built(&[]);
    let (work, main) = (fixture.address("a", "work"), fixture.address("a", "main"));
    fixture.run("strip", &["a"]);
    let file = fixture.mapped("a");
    for address in [work, work + 1, work + 20] {
        let named = name(&file, address);
        assert_eq!(chain(&named), format!("a+{work:#x}"));
        assert_eq!(named.reason, Some(Reason::Stripped));
    }
    assert_eq!(chain(&name(&file, main + 1)), format!("a+{main:#x}"));
}

#[test]
fn code_between_ranges_is_one_frame() {
    let fixture = built(&[]);
    let bare = fixture.address("a", "bare_start");
    fixture.run("strip", &["a"]);
    let file = fixture.mapped("a");
    let first = chain(&name(&file, bare));
    assert!(first.starts_with("a+0x"), "{first}");
    assert_eq!(chain(&name(&file, bare + 18)), first);
}

#[test]
fn without_a_search_table_ranges_come_from_the_entries() {
    let fixture = built(&[]);
    let work = fixture.address("a", "work");
    fixture.run("strip", &["a"]);
    fixture.run("objcopy", &["--rename-section", ".eh_frame_hdr=.gone", "a"]);
    assert_eq!(chain(&name(&fixture.mapped("a"), work + 9)), format!("a+{work:#x}"));
}

#[test]
fn stubs_carry_the_name_behind_them() {
    for flags in [&["-fcf-protection=none"][..], &["-fcf-protection=full", "-Wl,-z,lazy"]] {
        let fixture = built(flags);
        fixture.run("strip", &["a"]);
        let file = fixture.mapped("a");
        let image = Image::parse(Bytes::File(file.handle.as_ref().unwrap())).unwrap();
        let section = image.section(".plt.sec").or(image.section(".plt")).unwrap();
        let stubs: Vec<String> = (section.address..section.end())
            .step_by(16)
            .map(|address| chain(&name(&file, address + 4)))
            .collect();
        assert!(stubs.contains(&"puts@plt".to_owned()), "{stubs:?}");
        assert!(stubs.contains(&"rand@plt".to_owned()), "{stubs:?}");
    }
}

#[test]
fn a_plain_name_is_preferred_among_aliases() {
    let source = "int plain(void) { return 1; }\n\
        int __plain(void) __attribute__((alias(\"plain\")));\n\
        static int local(void) __attribute__((alias(\"plain\"), used));\n\
        int main(void) { return plain(); }";
    let fixture = Fixture::new("a.c", source);
    fixture.run("gcc", &["-o", "a", "a.c"]);
    assert_eq!(chain(&name(&fixture.mapped("a"), fixture.address("a", "plain"))), "plain");
}

#[test]
fn names_of_files_have_no_directories() {
    assert_eq!(base_name(b"/usr/lib/libc.so.6"), "libc.so.6");
    assert_eq!(base_name(b"a\nb"), "a\u{fffd}b");
}
