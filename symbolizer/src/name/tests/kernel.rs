//! The kernel's symbols, the vDSO, and JIT maps.

use std::io::Read;

use crate::name::kallsyms::{Ksym, Ksyms, printed, symbols};
use crate::name::kernel::names as kernel;
use crate::name::{Texts, vdso};
use crate::serve::jitdump;
use crate::serve::perfmap::names_in;
use crate::serve::symtab;

fn kallsyms(text: &str, addresses: &[u64]) -> Ksyms {
    let mut bytes = text.as_bytes();
    symbols(|buffer| bytes.read(buffer), addresses).unwrap()
}

fn names(found: &Ksyms) -> Vec<String> {
    let name = |symbol: &crate::name::kallsyms::Ksym| match &symbol.module {
        Some(module) => format!("{} [{module}]", symbol.name),
        None => symbol.name.clone(),
    };
    found.symbols.iter().map(|symbol| symbol.as_ref().map_or("-".to_owned(), name)).collect()
}

const KALLSYMS: &str = "\
0000000000000000 A fixed_percpu_data
ffffffff81000000 T _text
ffffffff81000000 t startup
ffffffff81000100 T first
ffffffff81000200 T _etext
ffffffff82000000 D some_data
ffffffffc0002000 t in_module\t[ext4]
ffffffffc0001000 t earlier\t[ext4]
ffffffffc0001800 d its_data\t[ext4]
ffffffffc0009000 t bpf_prog_0123456789abcdef_count\t[bpf]
";

#[test]
fn each_address_gets_the_nearest_symbol_below() {
    let addresses = [
        0xffff_ffff_8100_0004,
        0xffff_ffff_8100_0150,
        0xffff_ffff_8100_0300,
        0xffff_ffff_8200_0010,
        0xffff_ffff_c000_1004,
        0xffff_ffff_c000_1808,
        0xffff_ffff_c000_2000,
        0xffff_ffff_c000_9010,
        0xffff_ffff_ffff_fff0,
    ];
    let found = kallsyms(KALLSYMS, &addresses);
    let expected = [
        "_text",
        "first",
        "-",
        "-",
        "earlier [ext4]",
        "-",
        "in_module [ext4]",
        "bpf_prog_0123456789abcdef_count [bpf]",
        "-",
    ];
    assert_eq!(names(&found), expected);
    assert!(!found.hidden);
}

#[test]
fn zeroes_mean_that_addresses_are_hidden() {
    let text = "0000000000000000 T _text\n0000000000000000 t other\n";
    assert!(kallsyms(text, &[0xffff_ffff_8100_0004]).hidden);
}

#[test]
fn what_the_kernel_prints_is_a_symbol_or_a_number() {
    let address = 0xffff_ffff_8100_0154;
    let parsed = |text: &str| {
        printed(text, address)
            .map(|found| (found.start, found.name, found.module.unwrap_or_default()))
    };
    let found =
        |start: u64, name: &str, module: &str| Some((start, name.to_owned(), module.to_owned()));
    assert_eq!(parsed("first+0x54/0x100"), found(0xffff_ffff_8100_0100, "first", ""));
    let module = found(0xffff_ffff_8100_0150, "in_module.isra.0", "ext4");
    assert_eq!(parsed("in_module.isra.0+0x4/0x20 [ext4]"), module);
    assert_eq!(parsed("bpf_prog_0123456789abcdef_f+0x54/0x1c6 [bpf]").unwrap().2, "bpf");
    for other in [
        "0xffffffff81000154",
        "",
        "+0x4/0x8",
        "cut+0x4",
        "far+0xffffffffffffffff/0x1",
        "a+0x4/0x8 [cut",
    ] {
        assert_eq!(parsed(other), None, "{other}");
    }
}

#[test]
fn asking_the_kernel_gives_what_its_list_gives() {
    let text = std::fs::read_to_string("/proc/kallsyms").unwrap();
    let line = text.lines().find(|line| line.ends_with(" schedule")).unwrap();
    let start = u64::from_str_radix(line.split(' ').next().unwrap(), 16).unwrap();
    let address = start.wrapping_add(1);
    let named = kernel::names(
        &[address],
        Some(|asked| Some(vec![format!("asked+0x1/{:#x}", asked.len())])),
        &mut Texts::default(),
    );
    let silent = kernel::names(&[address], Some(|_| None), &mut Texts::default());
    if start == 0 {
        assert_eq!(named[0].reason, Some(crate::Reason::KernelHidden), "hidden names stay hidden");
    } else {
        assert_eq!(&*named[0].lines[0].name, "asked");
        assert_eq!(
            &*silent[0].lines[0].name, "schedule",
            "the list is read where the kernel cannot say"
        );
    }
}

#[test]
fn reading_stops_past_the_last_address_unless_modules_lie_below() {
    let lines = |start: u64, count: u64| -> String {
        (0..count).map(|index| format!("{:016x} t s{index}\n", start + index * 16)).collect()
    };
    let text = lines(0xffff_8000_1000_0000, 50_000) + "ffff800008000000 t below\t[mod]\n";
    let mut bytes = text.as_bytes();
    let found = symbols(|buffer| bytes.read(buffer), &[0xffff_8000_1000_0014]).unwrap();
    assert_eq!(names(&found), ["s1"]);
    assert!(bytes.len() > text.len() / 2, "read {} of {}", text.len() - bytes.len(), text.len());
    let found = kallsyms(&text, &[0xffff_8000_0800_0004, 0xffff_8000_1000_0014]);
    assert_eq!(names(&found), ["below [mod]", "s1"]);
}

#[test]
fn a_scan_by_blocks_finds_what_a_scan_by_lines_finds() {
    let text: String = (0..40_000u64)
        .map(|i| format!("{:016x} t s{i}\n", 0xffff_ffff_8100_0000 + i * 16))
        .collect();
    for address in (0..40_000).step_by(997).map(|i| 0xffff_ffff_8100_0000 + i * 16 + 15) {
        let index = (address - 0xffff_ffff_8100_0000) / 16;
        assert_eq!(names(&kallsyms(&text, &[address])), [format!("s{index}")]);
    }
}

#[test]
fn foreign_text_gives_no_panic() {
    for cut in 0..KALLSYMS.len() {
        kallsyms(&KALLSYMS[..cut], &[0xffff_ffff_8100_0150]);
    }
    let long = format!("{}\n{KALLSYMS}", "f".repeat(200_000));
    assert_eq!(names(&kallsyms(&long, &[0xffff_ffff_8100_0150])), ["first"]);
}

#[test]
fn this_machine_s_vdso_has_names() {
    let vdso = vdso::own_vdso().unwrap();
    let offsets: Vec<u64> = (0..vdso.len() as u64).collect();
    let found = symtab::vdso(&vdso, &offsets, &mut Texts::default());
    assert!(
        found
            .iter()
            .any(|named| matches!(&*super::chain(named), "clock_gettime" | "__vdso_clock_gettime")),
        "{found:?}"
    );
}

fn jit(map: &[u8], addresses: &[u64]) -> Vec<String> {
    let found = names_in(map, addresses).into_iter();
    found.map(|name| name.map_or("-".to_owned(), |name| name.to_string())).collect()
}

#[test]
fn perf_maps_are_read_and_later_entries_win() {
    let map =
        b"1000 100 first\n0x2000 0x10 Lfoo/Bar;::method name\n1080 10 moved\nrubbish\n3000 10 cut";
    let addresses = [0xfff, 0x1000, 0x1080, 0x108f, 0x1090, 0x1100, 0x200f, 0x3000];
    let expected = ["-", "first", "moved", "moved", "first", "-", "Lfoo/Bar;::method name", "-"];
    assert_eq!(jit(map, &addresses), expected);
}

#[test]
fn names_in_perf_maps_lose_control_characters() {
    assert_eq!(jit(b"10 10 a\x1b[31m\xff\n", &[0x10]), ["a\u{fffd}[31m\u{fffd}"]);
}

#[test]
fn malformed_perf_maps_give_no_panic() {
    let map = b"ffffffffffffffff ffffffffffffffff end\n1000 100 first\n11111111111111111 1 wide\n";
    for cut in 0..map.len() {
        jit(&map[..cut], &[0, 0x1000, u64::MAX]);
    }
    for bytes in super::flipped(map, map.len()) {
        jit(&bytes, &[0, 0x1000, u64::MAX]);
    }
}

/// The records of a jitdump, each a kind, what comes before a name, and a name.
fn dump(records: &[(u32, &[u64], &str)]) -> Vec<u8> {
    let mut bytes = [0; 40];
    bytes[..4].copy_from_slice(b"DTiJ");
    bytes[8] = 40;
    let mut bytes = bytes.to_vec();
    for (kind, words, name) in records {
        let size = 24 + 8 * words.len() + name.len() + 1;
        bytes.extend([*kind, size as u32].map(u32::to_le_bytes).concat());
        // Its time, its process and its thread.
        bytes.extend([0; 16]);
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        bytes.extend([name.as_bytes(), b"\0"].concat());
    }
    bytes
}

fn dumped(dump: &[u8], addresses: &[u64]) -> Vec<String> {
    let found = jitdump::names_in(dump, addresses).into_iter();
    found.map(|name| name.map_or("-".to_owned(), |name| name.to_string())).collect()
}

const ADDRESSES: [u64; 6] = [0xfff, 0x1000, 0x1080, 0x1090, 0x2010, 0x3000];

#[test]
fn jitdumps_are_read_and_code_moves() {
    let records: [(u32, &[u64], &str); 6] = [
        (0, &[0, 0x1000, 0x100, 1], "first"),
        (2, &[0x1000, 1, 0x1000, 5], "lines of it"),
        (0, &[0, 0x1080, 0x10, 2], "second"),
        (1, &[0, 0x1000, 0x2000, 0x100, 1], ""),
        (1, &[0, 0x1000, 0x3000, 0x100, 9], ""),
        (3, &[], ""),
    ];
    let expected = ["-", "first", "second", "first", "first", "-"];
    assert_eq!(dumped(&dump(&records), &ADDRESSES), expected);
    // Code without a name has not that of what was there before.
    let nameless: [(u32, &[u64], &str); 2] = [records[0], (0, &[0, 0x1080, 8, 3], "")];
    assert_eq!(dumped(&dump(&nameless), &ADDRESSES), ["-", "first", "-", "first", "-", "-"]);
}

#[test]
fn jitdumps_that_are_cut_off_or_malformed_give_no_panic() {
    let whole = dump(&[(0, &[0, 0x1000, 0x100, 1], "first"), (0, &[0, u64::MAX - 1, 9, 2], "end")]);
    for cut in 0..whole.len() {
        dumped(&whole[..cut], &ADDRESSES);
    }
    assert_eq!(dumped(&whole[..whole.len() - 30], &ADDRESSES)[1], "first");
    for bytes in super::flipped(&whole, whole.len()) {
        dumped(&bytes, &[0, 0x1000, u64::MAX]);
    }
    // A record without a size.
    let mut still = whole;
    still[44] = 0;
    assert_eq!(dumped(&still, &ADDRESSES)[1], "-");
}

#[test]
fn modules_and_bpf_programs_are_told_apart() {
    let symbol = |name: &str, module: Option<&str>| {
        let module = module.map(str::to_owned);
        Some(Ksym { start: 0xffff_ffff_8100_0000, name: name.to_owned(), module })
    };
    let named = |symbol| {
        let named = kernel::name(&symbol, &mut Texts::default());
        let first = named.lines.first().map_or(String::new(), |line| line.name.to_string());
        (named.module, first)
    };
    let pair = |module: &str, name: &str| (module.to_owned(), name.to_owned());
    assert_eq!(named(symbol("vfs_read", None)), pair("[kernel]", "vfs_read"));
    assert_eq!(named(symbol("ext4_sync", Some("ext4"))), pair("[ext4]", "ext4_sync"));
    let program = "bpf_prog_0123456789abcdef_count_all";
    assert_eq!(named(symbol(program, Some("bpf"))), pair("[bpf]", "count_all"));
    let nameless = "bpf_prog_0123456789abcdef";
    assert_eq!(named(symbol(nameless, Some("bpf"))), pair("[bpf]", nameless));
    // A trampoline is not a program.
    assert_eq!(named(symbol("bpf_trampoline_7", Some("bpf"))), pair("[bpf]", "bpf_trampoline_7"));
    assert_eq!(named(None), pair("[kernel]", ""));
}

#[test]
fn this_machine_s_kernel_has_names_or_hides_them() {
    let text = std::fs::read_to_string("/proc/kallsyms").unwrap();
    let line = text.lines().find(|line| line.ends_with(" schedule")).unwrap();
    let start = u64::from_str_radix(line.split(' ').next().unwrap(), 16).unwrap();
    let named = kernel::names(&[start.wrapping_add(1)], None, &mut Texts::default()).remove(0);
    if start == 0 {
        assert_eq!(named.reason, Some(crate::Reason::KernelHidden));
    } else {
        assert_eq!(&*named.lines[0].name, "schedule");
    }
}
