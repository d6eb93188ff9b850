use super::*;
use crate::model::profile::{FrameKind, Trust};
use crate::testing::{frame, profile, stack};

fn table(options: &Table, profile: &Profile) -> String {
    let mut bytes = Vec::new();
    options.encode(profile, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Cells of the row of a function.
fn row(table: &str, name: &str) -> Vec<String> {
    let line = table.lines().find(|line| line.split_whitespace().nth(4) == Some(name));
    line.unwrap_or_else(|| panic!("no {name} in {table}"))
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

#[test]
fn recursion_counts_once_for_the_total() {
    let profile = profile(&[stack(&["main", "f", "f", "f"], 30), stack(&["main", "g"], 10)]);
    let text = table(&Table { column: Some(0), ..Table::default() }, &profile);
    assert_eq!(row(&text, "f"), ["30", "75.00%", "30", "75.00%", "f", "src/prog.c"]);
    assert_eq!(row(&text, "main"), ["0", "0.00%", "40", "100.00%", "main", "src/prog.c"]);
    assert!(text.contains("Total     40\n"), "{text}");
}

#[test]
fn an_inlined_leaf_has_the_self_value() {
    let mut inlined = stack(&["main"], 5);
    inlined.frames.push(frame("inner", FrameKind::User, Trust::Sure).inlined("outer"));
    let text = table(&Table { column: Some(0), ..Table::default() }, &profile(&[inlined]));
    assert_eq!(row(&text, "inner")[0], "5");
    assert_eq!(row(&text, "outer")[..3], ["0", "0.00%", "5"]);
}

#[test]
fn sorting_and_cutting() {
    let profile = profile(&[stack(&["a", "b"], 3), stack(&["a", "c"], 2)]);
    let first = |text: &str| {
        let line = text.lines().skip_while(|line| !line.contains("FUNCTION")).nth(1);
        line.unwrap().split_whitespace().nth(4).unwrap().to_owned()
    };
    assert_eq!(first(&table(&Table::default(), &profile)), "b");
    assert_eq!(first(&table(&Table { sort: Sort::Total, ..Table::default() }, &profile)), "a");
    let cut = table(&Table { rows: 1, ..Table::default() }, &profile);
    assert!(cut.ends_with("… and 2 more functions\n"), "{cut}");
    assert!(!table(&Table { rows: 0, ..Table::default() }, &profile).contains("more functions"));
}

#[test]
fn the_default_column_is_shown_in_a_readable_unit() {
    let text = table(&Table::default(), &profile(&[stack(&["a"], 150)]));
    assert!(text.contains("Shown     cpu (nanoseconds)\nTotal     1.50s\n"), "{text}");
    assert!(text.contains("Facts     23 samples, none lost\n          samples: 23\n"), "{text}");
}

#[test]
fn names_break_no_line_and_nothing_is_a_header() {
    let text = table(&Table::default(), &profile(&[stack(&["a\nb\u{1b}[2J"], 1)]));
    assert!(text.contains("a b\u{fffd}[2J"), "{text}");
    assert!(table(&Table::default(), &profile(&[])).contains("Total     0\n"));
}

#[test]
fn groups_have_totals_and_functions_a_row_for_each() {
    let mut other = stack(&["main", "f"], 30);
    other.tid = 2;
    let profile = profile(&[stack(&["main", "f"], 60), other, stack(&["main"], 10)]);
    let group = Some(String::from("tid"));
    let options = Table { column: Some(0), group, ..Table::default() };
    let text = table(&options, &profile);
    let rows: Vec<Vec<&str>> =
        text.lines().skip(6).map(|line| line.split_whitespace().collect()).collect();
    let expected: [&[&str]; 9] = [
        &[],
        &["TOTAL", "TOTAL%", "TID"],
        &["70", "70.00%", "1"],
        &["30", "30.00%", "2"],
        &[],
        &["SELF", "SELF%", "TOTAL", "TOTAL%", "TID", "FUNCTION", "FILE"],
        &["60", "60.00%", "60", "60.00%", "1", "f", "src/prog.c"],
        &["30", "30.00%", "30", "30.00%", "2", "f", "src/prog.c"],
        &["10", "10.00%", "70", "70.00%", "1", "main", "src/prog.c"],
    ];
    assert_eq!(rows[..9], expected, "{text}");
    let cut = table(&Table { rows: 1, ..options }, &profile);
    assert!(cut.contains("… and 1 more value\n"), "{cut}");
    assert!(cut.contains("… and 3 more functions\n"), "{cut}");
    let none = Table { group: Some(String::from("no")), ..Table::default() };
    assert!(table(&none, &profile).contains("100.00%  [none]\n"));
}
