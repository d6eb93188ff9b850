//! The picture, read again by a strict XML parser.

mod tiers;

use super::Svg;
use crate::model::profile::{FrameKind, Profile, Trust};
use crate::testing::random::Dice;
use crate::testing::{frame, profile, small, stack};
use crate::{Drawing, Encode, Error};
use roxmltree::{Document, Node, ParsingOptions};

/// A graph of the samples.
fn samples() -> Svg {
    Svg { column: Some(0), ..Svg::default() }
}

fn drawn(drawing: Drawing) -> Svg {
    Svg { drawing, ..samples() }
}

fn draw(options: &Svg, profile: &Profile) -> String {
    let mut bytes = Vec::new();
    options.encode(profile, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

pub(crate) fn parse(svg: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(svg, options).unwrap_or_else(|error| panic!("{error}"))
}

fn by_id<'a>(document: &'a Document<'_>, id: &str) -> Node<'a, 'a> {
    let found = document.descendants().find(|node| node.attribute("id") == Some(id));
    found.unwrap_or_else(|| panic!("no {id}"))
}

/// Tooltip and colour of every frame.
pub(crate) fn frames(document: &Document<'_>) -> Vec<(String, String)> {
    let frames = by_id(document, "frames").children().filter(Node::is_element);
    frames
        .map(|group| {
            let child =
                |name: &str| group.children().find(|child| child.has_tag_name(name)).unwrap();
            let title = child("title").text().unwrap().to_owned();
            (title, child("rect").attribute("fill").unwrap().to_owned())
        })
        .collect()
}

/// Tooltips that begin with a name.
fn tooltips(svg: &str, name: &str) -> Vec<String> {
    let document = parse(svg);
    let titles = frames(&document).into_iter().map(|(title, _)| title);
    titles.filter(|title| title.split(" (").next() == Some(name)).collect()
}

#[test]
fn tooltips_tell_counts_shares_and_what_a_frame_is() {
    let svg = draw(&Svg { root: Some("comm".into()), ..samples() }, &small());
    assert_eq!(tooltips(&svg, "work"), ["work (17 samples, 73.91%)"]);
    assert_eq!(tooltips(&svg, "vfs_read"), ["vfs_read (2 samples, 8.70%, kernel)"]);
    assert_eq!(tooltips(&svg, "inner"), ["inner (5 samples, 21.74%, inlined)"]);
    assert_eq!(tooltips(&svg, "outer"), ["outer (5 samples, 21.74%)"]);
    assert_eq!(tooltips(&svg, "asm_loop"), ["asm_loop (1 samples, 4.35%, guessed)"]);
    assert_eq!(tooltips(&svg, "strlen"), ["strlen (1 samples, 4.35%, caller may be missing)"]);
    assert_eq!(tooltips(&svg, "JS:~tick"), ["JS:~tick (1 samples, 4.35%, JIT)"]);
    assert_eq!(tooltips(&svg, "prog"), ["prog (23 samples, 100.00%, process)"]);
    assert_eq!(tooltips(&svg, "[truncated]"), ["[truncated] (1 samples, 4.35%)"]);
    assert_eq!(tooltips(&svg, "fib<u64; 3>").len(), 3);
}

#[test]
fn a_box_is_one_whatever_its_frames_were_found_by() {
    let with = |trust: Trust, leaf: &str, value| {
        let mut one = stack(&["main"], value);
        one.frames.push(frame("caller", FrameKind::User, trust));
        one.frames.push(frame(leaf, FrameKind::User, Trust::Sure));
        one
    };
    let drawn = |stacks: &[_]| draw(&samples(), &profile(stacks));
    for (trust, words) in [
        (Trust::Guessed, ["partly guessed", "mostly guessed", "guessed"]),
        (
            Trust::Synthesised,
            [
                "partly by a rule derived from disassembly",
                "mostly by a rule derived from disassembly",
                "by a rule derived from disassembly",
            ],
        ),
    ] {
        for (sure, word) in [3, 1, 0].into_iter().zip(words) {
            let svg = drawn(&[with(trust, "assembly", 1), with(Trust::Sure, "c", sure)]);
            let all = 1 + sure;
            assert_eq!(
                tooltips(&svg, "caller"),
                [format!("caller ({all} samples, 100.00%, {word})")]
            );
        }
    }
    // A guess tells more than a rule that was made.
    let svg = drawn(&[with(Trust::Synthesised, "a", 9), with(Trust::Guessed, "b", 1)]);
    assert_eq!(tooltips(&svg, "caller"), ["caller (10 samples, 100.00%, partly guessed)"]);
    let color = |svg: &str| {
        frames(&parse(svg)).into_iter().find(|(t, _)| t.starts_with("caller")).unwrap().1
    };
    let sure = color(&drawn(&[with(Trust::Sure, "c", 1)]));
    assert_eq!(color(&svg), sure, "a tenth does not paint it");
    assert_eq!(color(&drawn(&[with(Trust::Synthesised, "c", 1)])), sure);
    assert_ne!(color(&drawn(&[with(Trust::Guessed, "a", 1), with(Trust::Sure, "b", 1)])), sure);
}

#[test]
fn the_user_code_s_leaf_is_what_may_lack_its_caller_below_the_kernel_too() {
    let mut one = stack(&["main", "leaf"], 1);
    one.frames.push(frame("page_fault", FrameKind::Kernel, Trust::Sure));
    one.marks.caller_may_be_missing = true;
    let svg = draw(&samples(), &profile(&[one]));
    assert_eq!(tooltips(&svg, "leaf"), ["leaf (1 samples, 100.00%, caller may be missing)"]);
    assert_eq!(tooltips(&svg, "page_fault"), ["page_fault (1 samples, 100.00%, kernel)"]);
}

#[test]
fn another_column_has_its_unit() {
    let svg = draw(&Svg::default(), &small());
    assert_eq!(tooltips(&svg, "work"), ["work (170 ms of cpu, 73.91%)"]);
}

#[test]
fn the_button_for_searching_is_visible() {
    assert!(draw(&samples(), &small()).contains("#search { text-anchor:end; opacity:0.7;"));
}

#[test]
fn what_a_frame_is_shows_in_its_colour_and_the_legend() {
    let svg = draw(&samples(), &small());
    let document = parse(&svg);
    let color = |name: &str| {
        let all = frames(&document);
        let (_, fill) = all.iter().find(|(title, _)| title.starts_with(name)).unwrap();
        let channels: Vec<i32> = fill
            .trim_start_matches("rgb(")
            .trim_end_matches(')')
            .split(',')
            .map(|c| c.parse().unwrap())
            .collect();
        <[i32; 3]>::try_from(channels).unwrap()
    };
    let [red, _, blue] = color("work");
    assert!(red > blue + 60, "user code is warm");
    let [red, _, blue] = color("vfs_read");
    assert!(blue > red + 60, "the kernel is cold");
    let [red, green, blue] = color("JS:~tick");
    assert!(green > red && green > blue);
    let [red, green, _] = color("asm_loop");
    assert!(red > green + 30);
    let text: String =
        document.descendants().filter(|n| n.is_text()).filter_map(|n| n.text()).collect();
    for word in ["user", "kernel", "inlined", "JIT", "guessed, or caller may be missing", "unknown"]
    {
        assert!(text.contains(&format!("\u{a0}{word}")), "{word}");
    }
    assert!(!text.contains("\u{a0}process"));
}

#[test]
fn the_same_profile_gives_the_same_picture() {
    assert_eq!(draw(&samples(), &small()), draw(&samples(), &small()));
    let java = drawn(Drawing { colors: "java".parse().unwrap(), ..Drawing::default() });
    assert_eq!(draw(&java, &small()), draw(&java, &small()));
}

#[test]
fn names_are_whole_with_inferno_s_palettes_too() {
    for name in ["java", "hot", "rust"] {
        let svg =
            draw(&drawn(Drawing { colors: name.parse().unwrap(), ..Drawing::default() }), &small());
        assert_eq!(tooltips(&svg, "vfs_read"), ["vfs_read (2 samples, 8.70%, kernel)"], "{name}");
        assert_eq!(tooltips(&svg, "inner"), ["inner (5 samples, 21.74%, inlined)"], "{name}");
    }
}

#[test]
fn names_that_look_like_ours_stay_what_they_are() {
    let names = ["# a", "b_[k]", "c 12", "d;e", "--", "f (x)", "all"];
    let svg = draw(&samples(), &profile(&[stack(&names, 2)]));
    for name in ["# a", "b_[k]", "c 12", "d;e", "--"] {
        assert_eq!(tooltips(&svg, name), [format!("{name} (2 samples, 100.00%)")]);
    }
    assert!(svg.contains("<title>f (x) (2 samples, 100.00%)</title>"));
    let reverse = draw(
        &drawn(Drawing { reverse: true, ..Drawing::default() }),
        &profile(&[stack(&names, 2)]),
    );
    assert_eq!(tooltips(&reverse, "c 12"), ["c 12 (2 samples, 100.00%)"]);
}

#[test]
fn the_facts_are_in_the_picture() {
    let mut long = small();
    long.summary = "lost <1 & \"more\" ".repeat(30);
    long.comments = vec!["lost: <3>".into(), "cut -- \u{1}off -->".into()];
    let title = "a < b & c".to_owned();
    let svg = draw(&drawn(Drawing { title, ..Drawing::default() }), &long);
    let document = parse(&svg);
    assert_eq!(by_id(&document, "title").text(), Some("a < b & c"));
    let description = document.root_element().first_element_child().unwrap();
    assert!(description.has_tag_name("desc"));
    assert_eq!(description.text(), Some("lost: <3>\ncut -- \u{fffd}off -->"));
    let rows: Vec<_> =
        document.descendants().filter(|n| n.attribute("class") == Some("facts")).collect();
    let first = by_id(&document, "subtitle").children().next_back().unwrap().text().unwrap();
    assert!(first.starts_with("lost <1 & \"more\" lost"), "{first}");
    assert_eq!(rows.len(), 4, "three more lines and the legend");
    assert!(rows.iter().all(|row| row.text().is_none_or(|text| text.chars().count() <= 152)));
}

#[test]
fn nothing_lies_over_anything_else() {
    for inverted in [false, true] {
        let mut long = small();
        long.summary = "many facts ".repeat(40);
        let svg = draw(&drawn(Drawing { inverted, ..Drawing::default() }), &long);
        let document = parse(&svg);
        let number =
            |node: Node<'_, '_>, key: &str| node.attribute(key).unwrap().parse::<f64>().unwrap();
        let height = number(document.root_element(), "height");
        assert_eq!(
            document.root_element().attribute("viewBox").unwrap(),
            format!("0 0 1200 {height}")
        );
        let container = by_id(&document, "frames");
        let shift = number(container, "y");
        let rects = container.descendants().filter(|n| n.has_tag_name("rect"));
        let tops: Vec<f64> = rects.map(|rect| number(rect, "y") + shift).collect();
        let top = tops.iter().copied().fold(f64::INFINITY, f64::min);
        let bottom = tops.iter().copied().fold(0.0, f64::max) + 16.0;
        let facts = document.descendants().filter(|n| n.attribute("class") == Some("facts"));
        let lowest_fact = facts.map(|n| number(n, "y")).fold(0.0, f64::max);
        assert!(lowest_fact > 80.0 && lowest_fact < top, "{lowest_fact} {top}");
        assert!(bottom < height, "{bottom} {height}");
        let matched = number(by_id(&document, "matched"), "y");
        assert!(bottom < matched && matched < height, "{matched}");
        let details = number(by_id(&document, "details"), "y");
        if inverted {
            assert!(lowest_fact < details && details < top, "{details}");
        } else {
            assert!(bottom < details && details < height, "{details}");
        }
    }
}

#[test]
fn nothing_to_draw_is_an_error_and_no_picture() {
    for empty in [profile(&[]), profile(&[stack(&["a"], 0)]), profile(&[stack(&["a"], -1)])] {
        let mut bytes = Vec::new();
        let error = samples().encode(&empty, &mut bytes).unwrap_err();
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        assert_eq!(inner, Some(&Error::Empty));
        assert!(bytes.is_empty());
    }
}

#[test]
fn what_is_too_narrow_is_left_out_and_shares_stay() {
    let rare: Vec<String> = (0..300).map(|at| format!("rare{at}")).collect();
    let mut stacks: Vec<_> = rare.iter().map(|name| stack(&["main", name], 1)).collect();
    stacks.push(stack(&["main", "hot"], 9_700));
    let svg = draw(&drawn(Drawing { min_width: 1.0, ..Drawing::default() }), &profile(&stacks));
    assert!(!svg.contains("rare"));
    assert_eq!(tooltips(&svg, "hot"), ["hot (9,700 samples, 97.00%)"]);
    assert_eq!(tooltips(&svg, "main"), ["main (10,000 samples, 100.00%)"]);
    let alone: Vec<_> = rare.iter().map(|name| stack(&[name], 1)).collect();
    let svg = draw(&drawn(Drawing { min_width: 1.0, ..Drawing::default() }), &profile(&alone));
    assert_eq!(
        tooltips(&svg, "[too narrow to draw]"),
        ["[too narrow to draw] (300 samples, 100.00%)"]
    );
}

#[test]
fn reversed_stacks_merge_from_the_leaf() {
    let profile =
        profile(&[stack(&["main", "a", "malloc"], 2), stack(&["main", "b", "malloc"], 3)]);
    let svg = draw(&drawn(Drawing { reverse: true, ..Drawing::default() }), &profile);
    assert_eq!(tooltips(&svg, "malloc"), ["malloc (5 samples, 100.00%)"]);
    assert_eq!(tooltips(&svg, "main").len(), 2);
}

#[test]
fn deep_stacks_have_a_picture_that_can_be_looked_at() {
    for (depth, frame_height) in [(100, 16), (1_151, 13), (5_000, 8)] {
        let names: Vec<String> = (0..depth).map(|at| format!("f{at}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let svg = draw(&samples(), &profile(&[stack(&names, 1)]));
        let document = parse(&svg);
        let drawn = frames(&document).len();
        assert_eq!(drawn, 1 + depth.min(super::DEEPEST));
        let height: usize = document.root_element().attribute("height").unwrap().parse().unwrap();
        assert!(height < drawn * frame_height + 200, "{height}");
        assert_eq!(svg.contains("[deeper frames not drawn]"), depth > super::DEEPEST);
    }
}

#[test]
fn sums_beyond_64_bits_are_drawn() {
    let profile =
        profile(&[stack(&["a"], i64::MAX), stack(&["b"], i64::MAX), stack(&["c"], i64::MAX)]);
    let svg = draw(&samples(), &profile);
    assert_eq!(tooltips(&svg, "b").len(), 1);
    assert!(tooltips(&svg, "b")[0].contains("33.33%"));
}

/// Anything that can be in a string, what hurts more often than the rest.
fn name(dice: &mut Dice) -> String {
    const BAD: &str = "<>&\"';#-[]_()\\\u{0}\u{1}\u{9}\n\r\u{b}\u{e}\u{f}\u{10}\u{11}\u{16}\u{1b}\u{7f}\u{85}\u{a0}\u{2028}\u{202e}\u{fffd}\u{fffe}\u{ffff}\u{10ffff} 0]1";
    let bad: Vec<char> = BAD.chars().collect();
    let len = dice.below(12);
    (0..len)
        .map(|_| match dice.below(4) {
            0 => char::from_u32(dice.below(0x11_0000) as u32).unwrap_or('?'),
            1 => (b'a' + dice.below(26) as u8) as char,
            _ => bad[dice.below(bad.len() as u64) as usize],
        })
        .collect()
}

#[test]
fn any_names_give_a_well_formed_file() {
    let mut dice = Dice::new(7);
    let kinds = [
        FrameKind::User,
        FrameKind::Kernel,
        FrameKind::Jit,
        FrameKind::Interpreted,
        FrameKind::Unknown,
    ];
    for round in 0..300 {
        let mut stacks = Vec::new();
        for _ in 0..4 {
            let mut one = stack(&[], 1 + dice.below(5) as i64);
            for _ in 0..1 + dice.below(4) {
                let trust = if dice.below(3) == 0 { Trust::Guessed } else { Trust::FramePointer };
                one.frames.push(frame(&name(&mut dice), kinds[dice.below(5) as usize], trust));
            }
            stacks.push(one);
        }
        let mut profile = profile(&stacks);
        profile.summary = name(&mut dice);
        profile.comments = vec![name(&mut dice), name(&mut dice)];
        let drawing = Drawing {
            title: name(&mut dice),
            reverse: round % 2 == 0,
            inverted: round % 3 == 0,
            colors: if round % 5 == 0 { "java".parse().unwrap() } else { Default::default() },
            ..Drawing::default()
        };
        let options = Svg { root: Some("comm".into()), ..drawn(drawing) };
        let svg = draw(&options, &profile);
        let document = parse(&svg);
        assert!(!svg.chars().any(|c| c.is_control() && c != '\n'), "round {round}");
        let total: i64 = stacks.iter().map(|stack| stack.value).sum();
        let all = format!("all ({total} samples, 100%)");
        assert!(frames(&document).iter().any(|(title, _)| *title == all), "round {round}");
    }
}
