use super::super::finding::Level;
use super::super::way::Figures;
use super::*;

#[test]
fn this_process_is_walked_by_rules_and_its_c_library_by_synthesised_ones_too() {
    let pid = std::process::id();
    let mut table = ProcessTable::new();
    table.read(pid);
    let section = section(&table, pid).unwrap();
    let rows = section.table.unwrap();
    let row = |name: &str| rows.iter().find(|row| row[0].contains(name)).unwrap();
    assert!(row("libc.so")[4].starts_with("rules"), "{rows:?}");
    assert!(row("[vdso]")[4].starts_with("rules"), "{rows:?}");
    let own = std::env::current_exe().unwrap();
    let own = row(own.file_name().unwrap().to_str().unwrap());
    assert!(own[2].contains(','), "thousands of rows: {own:?}");
    assert!(section.findings.iter().all(|finding| finding.level == Level::Good));
}

#[test]
fn a_process_of_which_nothing_is_known_has_no_such_section() {
    assert_eq!(section(&ProcessTable::without_proc(), 1), None);
}

fn row(what: &str, way: Way) -> Row {
    Row { what: String::from(what), mappings: 2, bytes: 4097, way }
}

#[test]
fn every_way_is_told_with_its_reason() {
    let figures = Figures {
        rows: 1234,
        memory: 5000,
        synthesised: 4321,
        framed: 9876,
        uncovered: 16,
        go: false,
    };
    let cells = row("x", Way::Rules(figures)).cells();
    let expected = [
        "x",
        "5 KiB in 2",
        "1,234",
        "5 KiB",
        "rules, derived from disassembly for 4,321 bytes, frame pointers for 9,876 bytes, none for 16 bytes (callers are guessed there, unless it is padding)",
    ];
    assert_eq!(cells, expected);
    let go = Figures { go: true, ..Figures::default() };
    assert_eq!(Way::Rules(go).phrase(), "Go's rules");
    assert!(row("x", Way::NoRules).cells()[4].contains("no rules"));
    assert!(Way::RunTime.phrase().contains("run time"));
    assert_eq!(
        Way::Unknown(String::from("file gone")).phrase(),
        "frame pointers, and marked as unknown code: file gone"
    );
}

#[test]
fn what_has_no_rules_or_is_not_known_is_a_warning() {
    let rules = || row("ok", Way::Rules(Figures::default()));
    assert_eq!(findings(&[rules(), row("jit", Way::RunTime)]).len(), 1);
    let found = findings(&[
        rules(),
        row("/bin/bare", Way::NoRules),
        row("/bin/gone", Way::Unknown(String::from("file gone"))),
    ]);
    assert_eq!(found.len(), 3);
    assert!(found[1].level == Level::Warning && found[1].fact.contains("/bin/bare"));
    assert!(found[2].level == Level::Warning && found[2].fact.contains("/bin/gone"));
}
