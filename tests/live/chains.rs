//! Hot functions and exactly known call chains.

use crate::folded::has_chain;
use crate::recording::Recording;
use crate::{Skip, lab, tests};

tests!(
    c_chains_and_their_shares,
    cpp_templates_and_inlined_functions,
    rust_v0_names,
    rust_legacy_names,
    go_names,
    stripped_functions_are_one_frame_each,
    code_that_lost_its_rules_is_walked_by_frame_pointer,
    each_way_walks_what_it_can,
    a_caller_is_guessed_and_that_is_told,
    frameless_leaves_are_marked,
    a_recursion_has_its_depth,
    a_stack_deeper_than_the_limit_is_marked,
);

/// Records a program of `testdata/programs/` for two seconds, at a high rate.
fn record(name: &str, arguments: &[&str]) -> Result<Recording, Skip> {
    record_with("", name, arguments)
}

/// The same with more options.
fn record_with(options: &str, name: &str, arguments: &[&str]) -> Result<Recording, Skip> {
    lab::need_root()?;
    let program = lab::program(name)?;
    let mut command = vec![program.to_str().expect("a plain path"), "2"];
    command.extend(arguments);
    Ok(Recording::make(&format!("-F 997 {options}"), &command))
}

/// Whether the stack's user part ends with these frames. Kernel frames on top are an interrupt's.
fn chain_then_kernel(stack: &[String], chain: &[&str]) -> bool {
    let Some(leaf) = stack.iter().rposition(|frame| Some(&frame.as_str()) == chain.last()) else {
        return false;
    };
    has_chain(&stack[..=leaf], chain) && stack[..=leaf].ends_with(&owned(chain))
}

fn owned(chain: &[&str]) -> Vec<String> {
    chain.iter().map(|&frame| String::from(frame)).collect()
}

fn c_chains_and_their_shares() -> Result<(), Skip> {
    let recording = record("chain", &[])?;
    let omega = recording
        .folded
        .share(|s| chain_then_kernel(s, &["main", "alpha", "beta", "omega", "spin"]));
    let delta =
        recording.folded.share(|s| chain_then_kernel(s, &["main", "alpha", "delta", "spin"]));
    assert!(omega + delta > 0.97, "{omega} + {delta} of {:?}", recording.folded);
    assert!((0.68..0.82).contains(&(omega / (omega + delta))), "three of four: {omega}, {delta}");
    let chain = ["main", "alpha", "beta", "omega"];
    let in_pprof = recording.pprof.count(|s| has_chain(&s.stack, &chain));
    let in_folded = recording.folded.count(|s| has_chain(s, &chain));
    assert_eq!(in_pprof, in_folded as i64, "both forms agree");
    assert!(recording.svg.contains("<title>omega"), "the graph has the hot function");
    Ok(())
}

fn cpp_templates_and_inlined_functions() -> Result<(), Skip> {
    let recording = record("chain-cpp", &[])?;
    let chain = [
        "main",
        "shapes::draw()",
        "shapes::Canvas<shapes::Pixel>::fill(int)",
        "shapes::blend(shapes::Pixel const&)",
        "shapes::weigh(long)",
    ];
    let share = recording.folded.share(|s| chain_then_kernel(s, &chain));
    assert!(share > 0.9, "{share} of {:?}", recording.folded);
    Ok(())
}

fn rust_chain(recording: &Recording, sprinkle: &str) {
    let chain = ["chain::main", "chain::garden::water", sprinkle, "chain::garden::drop"];
    let share = recording.folded.share_of_chain(&chain);
    assert!(share > 0.9, "{share} of {:?}", recording.folded);
    let inlined = recording.folded.share_of_chain(&["chain::garden::drop", "chain::garden::fall"]);
    assert!(inlined > 0.5, "{inlined} inlined, of {:?}", recording.folded);
}

fn rust_v0_names() -> Result<(), Skip> {
    rust_chain(&record("chain-rust", &[])?, "<chain::garden::Bed<chain::garden::Rose>>::sprinkle");
    Ok(())
}

fn rust_legacy_names() -> Result<(), Skip> {
    rust_chain(&record("chain-rust-legacy", &[])?, "chain::garden::Bed<T>::sprinkle");
    Ok(())
}

fn go_names() -> Result<(), Skip> {
    let recording = record("chain-go", &[])?;
    let chain = ["runtime.main", "main.main", "main.bake", "main.(*oven).heat", "main.glow"];
    let share = recording.folded.share_of_chain(&chain);
    assert!(share > 0.8, "{share} of {:?}", recording.folded);
    Ok(())
}

fn stripped_functions_are_one_frame_each() -> Result<(), Skip> {
    let recording = record("stripped", &[])?;
    let ours = |frame: &&String| frame.starts_with("stripped+0x");
    let mut names: Vec<&String> = Vec::new();
    for (stack, _) in &recording.folded.stacks {
        names.extend(stack.iter().filter(ours));
    }
    names.sort_unstable();
    names.dedup();
    // What runs once, or for an instruction (_init, a PLT stub), may be met by a sample or two.
    names.retain(|name| recording.folded.share(|s| s.contains(name)) > 0.05);
    let rare = recording.folded.share(|s| s.iter().filter(ours).any(|name| !names.contains(&name)));
    assert!(rare < 0.02, "{rare} have another function than {names:?}");
    // main, alpha, beta, omega, delta, and _start.
    assert!((5..=6).contains(&names.len()), "{names:?} of {:?}", recording.folded);
    let four_deep = recording.folded.share(|s| s.iter().filter(ours).count() >= 4);
    assert!(four_deep > 0.6, "{four_deep} of {:?}", recording.folded);
    Ok(())
}

/// Most of the file has no rules, but frame pointers: its leaves are judged by their instructions.
fn code_that_lost_its_rules_is_walked_by_frame_pointer() -> Result<(), Skip> {
    let _ = lab::need("clang")?;
    let recording = record("ruleless", &[])?;
    let (chain, other) = (["main", "alpha", "beta", "omega"], ["main", "alpha", "delta"]);
    let share = recording.folded.share(|s| has_chain(s, &chain) || has_chain(s, &other));
    assert!(share > 0.97, "{share} of {:?}", recording.folded);
    let [complete, ..] = recording.whole();
    assert!(complete > 95.0, "{}", recording.ended.err);
    Ok(())
}

/// The share of stacks that reach `main`, and those complete without and with a guess, in percent.
fn walked(name: &str, options: &str) -> Result<(f64, [f64; 2]), Skip> {
    let recording = record_with(options, name, &[])?;
    Ok((recording.folded.share(|s| s.iter().any(|frame| frame == "main")), recording.whole()))
}

/// Rules lead through code without frame pointers, frame pointers through code without rules, and `auto` through both.
fn each_way_walks_what_it_can() -> Result<(), Skip> {
    let _ = lab::need("clang")?;
    for (program, way, whole) in [
        ("bare", "auto", true),
        ("bare", "dwarf", true),
        ("bare", "fp", false),
        ("ruleless", "auto", true),
        ("ruleless", "dwarf", false),
        ("ruleless", "fp", true),
    ] {
        let (share, complete) = walked(program, &format!("--unwind {way}"))?;
        let found = if whole { share > 0.97 } else { complete[0] + complete[1] < 5.0 };
        assert!(found, "{program} by {way}: {share} reach main, {complete:?} % are complete");
    }
    Ok(())
}

fn a_caller_is_guessed_and_that_is_told() -> Result<(), Skip> {
    let (share, [sure, guessed]) = walked("lost", "")?;
    assert!(share > 0.97 && guessed > 90.0 && sure < 10.0, "{share}, {sure} %, {guessed} %");
    for options in ["--no-guess", "--unwind dwarf"] {
        let (share, [_, guessed]) = walked("lost", options)?;
        assert!(share < 0.1 && guessed == 0.0, "{options}: {share}, {guessed} %");
    }
    Ok(())
}

/// By frame pointers; rules would find the caller.
fn frameless_leaves_are_marked() -> Result<(), Skip> {
    let recording = record_with("--unwind fp", "frameless", &[])?;
    let skipped = recording.folded.share_of_chain(&["alpha", "omega"]);
    let whole = recording.folded.share_of_chain(&["alpha", "beta", "omega"]);
    assert!(skipped + whole > 0.6, "{:?}", recording.folded);
    if skipped > 0.01 {
        let marks = recording.pprof.comments.join("\n");
        assert!(marks.contains("caller may be missing"), "it says so: {marks}");
        assert!(recording.svg.contains("caller may be missing"), "and in the graph");
    }
    Ok(())
}

fn descents(stack: &[String]) -> usize {
    stack.iter().filter(|frame| *frame == "descend").count()
}

fn a_recursion_has_its_depth() -> Result<(), Skip> {
    let recording = record("recurse", &["34"])?;
    let share = recording
        .folded
        .share(|s| descents(s) == 32 && chain_then_kernel(s, &["descend", "bottom", "spin"]));
    assert!(share > 0.97, "{share} of {:?}", recording.folded);
    Ok(())
}

fn a_stack_deeper_than_the_limit_is_marked() -> Result<(), Skip> {
    let recording = record("recurse", &["3000"])?;
    let cut = recording.folded.share(|s| descents(s) >= 1000 && !s.iter().any(|f| f == "main"));
    assert!(cut > 0.97, "{cut} are cut");
    assert!(recording.svg.contains("truncated"), "the graph says so");
    assert!(
        recording.pprof.comments.join("\n").contains("truncated"),
        "{:?}",
        recording.pprof.comments
    );
    Ok(())
}
