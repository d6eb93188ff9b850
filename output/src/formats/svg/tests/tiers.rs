//! Functions that a runtime runs: interpreted, compiled, inlined.

use super::{draw, frames, parse, samples, tooltips};
use crate::model::profile::{FrameKind, FunctionId, Line, Location, LocationId, Profile, Trust};
use crate::testing::{frame, profile, stack};

/// A profile in which `main` calls a function that is interpreted, compiled and inlined, in this many samples each.
fn of_tiers(samples: [i64; 3], name: &str) -> Profile {
    let mut interpreted = stack(&["main"], samples[0]);
    interpreted.frames.push(frame("outer", FrameKind::Interpreted, Trust::Sure));
    interpreted.frames.push(frame(name, FrameKind::Interpreted, Trust::Sure));
    let mut profile = profile(&[interpreted]);
    let function = |name: &str| {
        FunctionId(profile.functions.iter().position(|f| f.name == name).unwrap() as u32)
    };
    let [inner, outer] = [name, "outer"].map(|name| Line { function: function(name), line: 1 });
    for (lines, value) in [(vec![inner], samples[1]), (vec![inner, outer], samples[2])] {
        let inlined = lines.len() > 1;
        let location =
            Location { mapping: None, address: lines.len() as u64, lines, kind: FrameKind::Jit };
        let mut sample = profile.samples[0].clone();
        sample.frames[0].location = LocationId(profile.locations.len() as u32);
        if inlined {
            sample.frames.remove(1);
        }
        sample.values = vec![value; 2];
        profile.locations.push(location);
        profile.samples.push(sample);
    }
    profile
}

/// The colours by the name of the frame.
fn fills(svg: &str, name: &str) -> Vec<String> {
    let document = parse(svg);
    let all = frames(&document).into_iter();
    all.filter(|(title, _)| title.starts_with(name)).map(|(_, fill)| fill).collect()
}

#[test]
fn interpreted_frames_have_a_colour_and_a_word_of_their_own() {
    let mut mixed = stack(&["main"], 1);
    mixed.frames.push(frame("tick", FrameKind::Interpreted, Trust::Sure));
    let svg = draw(&samples(), &profile(&[mixed]));
    assert_eq!(tooltips(&svg, "tick"), ["tick (1 samples, 100.00%, interpreted, src/prog.c:7)"]);
    assert_ne!(fills(&svg, "tick"), fills(&svg, "main"));
    let document = parse(&svg);
    let text: String = document.descendants().filter_map(|node| node.text()).collect();
    assert!(text.contains("\u{a0}interpreted"), "{text}");
}

#[test]
fn a_function_is_one_box_however_it_is_run() {
    let mut colors = Vec::new();
    for (amounts, tick, outer) in [
        ([3, 1, 0], "mostly interpreted, partly JIT", "interpreted"),
        ([1, 3, 0], "partly interpreted, mostly JIT", "interpreted"),
        (
            [1, 1, 3],
            "partly interpreted, partly JIT, mostly inlined",
            "partly interpreted, mostly JIT",
        ),
        ([1, 0, 0], "interpreted", "interpreted"),
        ([0, 0, 1], "inlined", "JIT"),
    ] {
        let svg = draw(&samples(), &of_tiers(amounts, "tick"));
        let count: i64 = amounts.iter().sum();
        let title =
            |name, tiers| format!("{name} ({count} samples, 100.00%, {tiers}, src/prog.c:7)");
        assert_eq!(tooltips(&svg, "tick"), [title("tick", tick)]);
        assert_eq!(tooltips(&svg, "outer"), [title("outer", outer)]);
        assert_eq!(tooltips(&svg, "main").len(), 1);
        colors.extend(fills(&svg, "tick"));
    }
    assert_eq!(colors[0], colors[3], "mostly interpreted");
    assert_eq!(colors[2], colors[4], "mostly inlined");
    assert!(colors[0] != colors[1] && colors[1] != colors[2] && colors[0] != colors[2]);
}

#[test]
fn functions_of_one_name_are_apart_if_they_begin_elsewhere() {
    let mut two = of_tiers([1, 1, 0], "__init__");
    let mut other = two.functions.iter().find(|f| f.name == "__init__").unwrap().clone();
    other.file = String::from("a (b)/<c>.py");
    let line = Line { function: FunctionId(two.functions.len() as u32), line: 1 };
    two.functions.push(other);
    two.locations.iter_mut().filter(|l| l.address == 1).for_each(|l| l.lines = vec![line]);
    let svg = draw(&samples(), &two);
    let expected = [
        "__init__ (1 samples, 50.00%, JIT, a [b]/<c>.py:7)",
        "__init__ (1 samples, 50.00%, interpreted, src/prog.c:7)",
    ];
    let mut found = tooltips(&svg, "__init__");
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn characters_for_private_use_in_a_name_are_no_definition() {
    let name = "tick\u{f0000}\u{f0001}";
    let svg = draw(&samples(), &of_tiers([1, 0, 0], name));
    let expected = format!("{name} (1 samples, 100.00%, interpreted, src/prog.c:7)");
    assert_eq!(tooltips(&svg, name), [expected]);
}
