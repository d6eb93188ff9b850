use super::*;
use crate::rule::{Cfa, Restore, RuleTrust, Unsupported};

/// A rule that differs for each number.
fn rule(number: i32) -> Rule {
    Rule::of(Cfa::Register { register: 7, offset: 8 * number })
}

fn code(end: u64) -> Code {
    Code::new(Some(0x1000..end)).unwrap()
}

fn source(code: &Code, ranges: &[(Range<u64>, i32)]) -> Source {
    let mut source = Source::new(code);
    ranges.iter().for_each(|(range, number)| source.push(range.clone(), &rule(*number)));
    source
}

#[test]
fn a_rule_holds_from_its_first_address_to_its_last() {
    let code = code(0x9000);
    let ranges =
        [(0x1000..0x1001, 1), (0x1001..0x1010, 2), (0x1020..0x1030, 3), (0x8fff..0x9000, 4)];
    let table = Table::build(&code, &[&source(&code, &ranges)]);
    for (range, number) in ranges {
        assert_eq!(table.look_up(range.start), Some(rule(number)));
        assert_eq!(table.look_up(range.end - 1), Some(rule(number)));
    }
    for none in [0, 0xfff, 0x1010, 0x101f, 0x1030, 0x8ffe, 0x9000, 0x9001, 0x1_1000, u64::MAX] {
        assert_eq!(table.look_up(none), None, "{none:#x}");
    }
    assert_eq!(table.rows().len(), 7);
    assert_eq!(table.rules().len(), 5);
    assert_eq!(table.tally().covered, 1 + 15 + 16 + 1);
}

#[test]
fn equal_neighbours_are_one_row() {
    let code = code(0x9000);
    let ranges =
        [(0x2000..0x3000, 1), (0x1000..0x2000, 1), (0x3000..0x4000, 2), (0x4000..0x5000, 2)];
    let table = Table::build(&code, &[&source(&code, &ranges)]);
    assert_eq!(table.rows().len(), 3);
    assert_eq!(table.look_up(0x2fff), Some(rule(1)));
    assert_eq!(table.look_up(0x4fff), Some(rule(2)));
}

#[test]
fn pages_begin_with_the_rule_that_holds() {
    let code = code(0x6_0000);
    let ranges = [(0xfff0..0x3_0000, 1), (0x3_0000..0x3_0001, 2), (0x5_ffff..0x6_0000, 3)];
    let table = Table::build(&code, &[&source(&code, &ranges)]);
    for (address, number) in
        [(0xfff0, 1), (0x1_0000, 1), (0x2_ffff, 1), (0x3_0000, 2), (0x5_ffff, 3)]
    {
        assert_eq!(table.look_up(address), Some(rule(number)), "{address:#x}");
    }
    for none in [0xffef, 0x3_0001, 0x3_ffff, 0x4_0000, 0x5_fffe, 0x6_0000] {
        assert_eq!(table.look_up(none), None, "{none:#x}");
    }
    // The page without code has no row.
    assert_eq!(table.directory(), [0, 1, 2, 3, 5, 5, 6]);
}

#[test]
fn a_piece_longer_than_a_page_keeps_all_its_rows() {
    let code = code(0x20_0000);
    let mut source = Source::new(&code);
    source.begin();
    for start in (0x1000..0x20_0000).step_by(0x700) {
        let compact = Compact::of(&rule((start / 0x700) as i32));
        source.row(start..(start + 0x700).min(0x20_0000), compact);
    }
    source.end();
    let table = Table::build(&code, &[&source]);
    for start in (0x1000..0x20_0000).step_by(0x700) {
        let expected = Some(rule((start / 0x700) as i32));
        assert_eq!(table.look_up(start), expected);
        assert_eq!(table.look_up((start + 0x6ff).min(0x1f_ffff)), expected);
    }
}

#[test]
fn earlier_sources_have_their_way_and_later_ones_fill_gaps() {
    let code = code(0x9000);
    let first = source(&code, &[(0x2000..0x3000, 1), (0x4000..0x5000, 2)]);
    let second = source(&code, &[(0x1000..0x8000, 3)]);
    let third = source(&code, &[(0x1800..0x9000, 4)]);
    let table = Table::build(&code, &[&first, &second, &third]);
    let expected =
        [(0x1000, 3), (0x1fff, 3), (0x2000, 1), (0x3000, 3), (0x4000, 2), (0x5000, 3), (0x8000, 4)];
    for (address, number) in expected {
        assert_eq!(table.look_up(address), Some(rule(number)), "{address:#x}");
    }
    let table = Table::build(&code, &[&third, &first]);
    assert_eq!(table.look_up(0x17ff), None);
    assert_eq!(table.look_up(0x2000), Some(rule(4)));
    // A source of other code does not belong.
    let other = source(&self::code(0xa000), &[(0x1000..0x9000, 5)]);
    assert_eq!(Table::build(&code, &[&other]).look_up(0x2000), None);
}

#[test]
fn trust_is_part_of_a_rule() {
    let code = code(0x9000);
    let mut source = Source::new(&code);
    let synthesised = Rule { trust: RuleTrust::Synthesised, fp: Restore::Unknown, ..rule(1) };
    source.push(0x2000..0x3000, &synthesised);
    source.push(0x3000..0x4000, &Rule { trust: RuleTrust::Rule, ..synthesised });
    let table = Table::build(&code, &[&source]);
    assert_eq!(table.look_up(0x2fff), Some(synthesised));
    assert_eq!(table.look_up(0x3000).unwrap().trust, RuleTrust::Rule);
}

#[test]
fn more_rules_than_a_row_can_number_are_counted() {
    let code = code(0x10_0000);
    let mut source = Source::new(&code);
    for number in 0..70_000 {
        let start = 0x1000 + number * 4;
        source.push(start..start + 4, &rule(number as i32));
    }
    let table = Table::build(&code, &[&source]);
    let left = table.tally().unsupported(Unsupported::TooManyRules);
    assert_eq!(left, 4 * (70_000 - (65_536 - 2)));
    assert_eq!(table.look_up(0x1000), Some(rule(0)));
    assert_eq!(
        table.look_up(0x1000 + 4 * 69_999),
        Some(Rule::unsupported(Unsupported::TooManyRules))
    );
}

/// A function of a random program: its start, and rules with how many bytes they hold for.
type Made = (u64, Vec<(u64, i32)>);

/// Sources of random functions give what going through the functions one by one gives.
#[test]
fn look_up_agrees_with_a_search_through_all_functions() {
    let code = Code::new([0x1_2345..0x3_0000, 0x3_8000..0x7_0000]).unwrap();
    let mut seed = 1_u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for round in 0..120 {
        let mut all: Vec<Vec<Made>> = Vec::new();
        for _ in 0..random(3) + 1 {
            let mut next = 0x1_0000;
            let functions = (0..random(30)).map(|_| {
                // Every other time they follow one another, as in a real program; else they lie in one another, and are
                // shorter than what is kept in one piece.
                let follow = round % 2 == 0;
                let start = if follow { next } else { 0x1_0000 + random(0x7_0000) };
                let longest = [0x10, 0x1000, if follow { 0x2_0000 } else { 0x2000 }];
                let longest = longest[random(3) as usize];
                let rows: Vec<_> =
                    (0..random(6)).map(|_| (random(longest) + 1, random(3) as i32)).collect();
                next = start + rows.iter().map(|row| row.0).sum::<u64>() + random(3);
                (start, rows)
            });
            all.push(functions.collect());
        }
        let sources: Vec<Source> = all.iter().map(|made| made_source(&code, made)).collect();
        let table = Table::build(&code, &sources.iter().collect::<Vec<_>>());
        let bounds = all
            .iter()
            .flatten()
            .flat_map(|made| ranges(made).flat_map(|(range, _)| [range.start, range.end]));
        let pages = (0x1_0000..0x8_0000).step_by(0x1_0000);
        for address in bounds.chain(pages).flat_map(|bound| [bound - 1, bound]) {
            assert_eq!(
                table.look_up(address),
                expected(&code, &all, address),
                "{address:#x} {all:x?}"
            );
        }
    }
}

fn ranges((start, rows): &Made) -> impl Iterator<Item = (Range<u64>, i32)> {
    rows.iter().scan(*start, |at, (len, number)| {
        let from = *at;
        *at += len;
        Some((from..*at, *number))
    })
}

/// The parts of a function that are code.
fn parts<'a>(code: &'a Code, made: &Made) -> impl Iterator<Item = Range<u64>> + 'a {
    let end = ranges(made).last().map_or(made.0, |(range, _)| range.end);
    code.within(made.0..end)
}

fn made_source(code: &Code, functions: &[Made]) -> Source {
    let mut source = Source::new(code);
    for made in functions {
        for part in parts(code, made) {
            source.begin();
            for (range, number) in ranges(made) {
                let range = range.start.max(part.start)..range.end.min(part.end);
                if range.start < range.end {
                    source.row(range, Compact::of(&rule(number)));
                }
            }
            source.end();
        }
    }
    source
}

/// The rule of the first source that has one: of its functions that begin at or before the address, the last to begin.
fn expected(code: &Code, all: &[Vec<Made>], address: u64) -> Option<Rule> {
    all.iter().find_map(|functions| {
        let parts =
            functions.iter().flat_map(|made| parts(code, made).map(move |part| (part, made)));
        let before = parts.filter(|(part, _)| part.start <= address);
        // Of those that begin at the same address the first was added first.
        let (part, made) = before.reduce(|a, b| if b.0.start > a.0.start { b } else { a })?;
        let (_, number) = ranges(made).find(|(range, _)| range.contains(&address))?;
        part.contains(&address).then(|| rule(number))
    })
}
