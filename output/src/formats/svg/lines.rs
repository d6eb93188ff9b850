//! The input of inferno: a line for each path, with the traits of each frame after its name.

use crate::tree::{Doubt, Extent, Kind, Traits, Tree};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The traits of each frame, by its name in the input.
pub(super) type Frames = BTreeMap<String, Traits>;

/// The lines of a tree.
pub(super) struct Lines {
    pub(super) text: String,
    /// All frames in the lines.
    pub(super) frames: Frames,
    /// The number of frames in the longest line.
    pub(super) deepest: usize,
}

/// Ends every name, so that no part of a name is taken for a mark.
pub(super) const END: char = '\u{0e}';
/// Stands for `;`, which separates frames.
pub(super) const SEMICOLON: char = '\u{0f}';
/// Stands before names that inferno would take for a comment.
const BEGIN: char = '\u{10}';

/// The words in tooltips, and the control character that stands for each.
pub(super) const WORDS: [(char, &str); 14] = [
    ('\u{11}', "kernel"),
    ('\u{12}', "JIT"),
    ('\u{13}', "inlined"),
    ('\u{14}', "guessed"),
    ('\u{15}', "mostly guessed"),
    ('\u{16}', "partly guessed"),
    ('\u{17}', "caller may be missing"),
    ('\u{18}', "caller may be missing in most"),
    ('\u{19}', "caller may be missing in part"),
    ('\u{1a}', "by a rule derived from disassembly"),
    ('\u{1b}', "mostly by a rule derived from disassembly"),
    ('\u{1c}', "partly by a rule derived from disassembly"),
    ('\u{1d}', "process"),
    ('\u{1e}', "interpreted"),
];

/// Whether a character of the picture is a mark.
pub(super) fn is_mark(c: char) -> bool {
    matches!(c, END..='\u{1e}')
}

/// The lines of a tree, without frames narrower than `least` percent.
pub(super) fn lines(tree: &Tree, least: f64) -> Lines {
    let names: Vec<String> = tree.frames().map(|(name, traits)| mark(name, traits)).collect();
    let mut used = vec![false; names.len()];
    let mut text = String::new();
    let mut deepest = 0;
    let least = least.clamp(0.0, 100.0) / 100.0 * tree.total() as f64;
    let done = tree.walk(least, |path, own| {
        deepest = deepest.max(path.len());
        for (at, frame) in path.iter().enumerate() {
            used[*frame as usize] = true;
            text.push_str(if at == 0 { "" } else { ";" });
            text.push_str(&names[*frame as usize]);
        }
        writeln!(text, " {own}")
    });
    done.expect("a string grows");
    let frames = names.into_iter().zip(tree.frames()).zip(used);
    let frames =
        frames.filter(|(_, used)| *used).map(|((name, (_, traits)), _)| (name, traits)).collect();
    Lines { text, frames, deepest }
}

/// The name with its marks. `_[k]`, `_[i]` and `_[j]` are for the palettes of inferno that know them; inferno removes them.
fn mark(name: &str, traits: Traits) -> String {
    let mut marked = String::with_capacity(name.len() + 8);
    if name.starts_with("# ") {
        marked.push(BEGIN);
    }
    marked.extend(name.chars().map(|c| if c == ';' { SEMICOLON } else { c }));
    marked.push(END);
    for (mark, word) in WORDS {
        if words(traits).contains(&word) {
            marked.push(mark);
        }
    }
    marked.push_str(match traits {
        Traits { kind: Kind::Kernel, .. } => "_[k]",
        Traits { inlined: true, .. } => "_[i]",
        Traits { kind: Kind::Jit, .. } => "_[j]",
        _ => "",
    });
    marked
}

fn words(traits: Traits) -> [&'static str; 3] {
    let kind = match traits.kind {
        Kind::Kernel => "kernel",
        Kind::Jit => "JIT",
        Kind::Interpreted => "interpreted",
        Kind::Process => "process",
        Kind::User | Kind::Unknown | Kind::Gap => "",
    };
    let doubt = match (traits.doubt, traits.extent) {
        (Doubt::None, _) => "",
        (Doubt::Guessed, Extent::Whole) => "guessed",
        (Doubt::Guessed, Extent::Most) => "mostly guessed",
        (Doubt::Guessed, Extent::Part) => "partly guessed",
        (Doubt::CallerMayBeMissing, Extent::Whole) => "caller may be missing",
        (Doubt::CallerMayBeMissing, Extent::Most) => "caller may be missing in most",
        (Doubt::CallerMayBeMissing, Extent::Part) => "caller may be missing in part",
        (Doubt::Synthesised, Extent::Whole) => "by a rule derived from disassembly",
        (Doubt::Synthesised, Extent::Most) => "mostly by a rule derived from disassembly",
        (Doubt::Synthesised, Extent::Part) => "partly by a rule derived from disassembly",
    };
    [kind, if traits.inlined { "inlined" } else { "" }, doubt]
}
