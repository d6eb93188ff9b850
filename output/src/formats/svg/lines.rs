//! The input of inferno: a line for each path, with the traits of each frame after its name.

use crate::text::shorten;
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

/// The most bytes of all lines, which are held in memory, and the lengths that names are cut to where they are more.
const MOST: usize = 64 << 20;
const LIMITS: [usize; 4] = [usize::MAX, 1024, 256, 64];

/// Ends every name, so that no part of a name is taken for a mark.
pub(super) const END: char = '\u{0e}';
/// Stands for `;`, which separates frames.
pub(super) const SEMICOLON: char = '\u{0f}';
/// Stands before names that inferno would take for a comment.
const BEGIN: char = '\u{10}';

/// The words in tooltips, and the control character that stands for each.
pub(super) const WORDS: [(char, &str); 20] = [
    KERNEL,
    INTERPRETED[0],
    INTERPRETED[1],
    INTERPRETED[2],
    JIT[0],
    JIT[1],
    JIT[2],
    INLINED[0],
    INLINED[1],
    INLINED[2],
    GUESSED[0],
    GUESSED[1],
    GUESSED[2],
    CALLER_MAY_BE_MISSING[0],
    CALLER_MAY_BE_MISSING[1],
    CALLER_MAY_BE_MISSING[2],
    SYNTHESISED[0],
    SYNTHESISED[1],
    SYNTHESISED[2],
    PROCESS,
];

const KERNEL: (char, &str) = ('\u{11}', "kernel");
// Each has three phrases, for boxes in which all, most or some of the frames are meant.
const JIT: [(char, &str); 3] =
    [('\u{12}', "JIT"), ('\u{80}', "mostly JIT"), ('\u{81}', "partly JIT")];
const INLINED: [(char, &str); 3] =
    [('\u{13}', "inlined"), ('\u{82}', "mostly inlined"), ('\u{83}', "partly inlined")];
const INTERPRETED: [(char, &str); 3] =
    [('\u{1e}', "interpreted"), ('\u{84}', "mostly interpreted"), ('\u{85}', "partly interpreted")];
const GUESSED: [(char, &str); 3] =
    [('\u{14}', "guessed"), ('\u{15}', "mostly guessed"), ('\u{16}', "partly guessed")];
const CALLER_MAY_BE_MISSING: [(char, &str); 3] = [
    ('\u{17}', "caller may be missing"),
    ('\u{18}', "caller may be missing in most"),
    ('\u{19}', "caller may be missing in part"),
];
const SYNTHESISED: [(char, &str); 3] = [
    ('\u{1a}', "by a rule derived from disassembly"),
    ('\u{1b}', "mostly by a rule derived from disassembly"),
    ('\u{1c}', "partly by a rule derived from disassembly"),
];
const PROCESS: (char, &str) = ('\u{1d}', "process");

/// The first of the characters that stand for definitions, which are for private use, and how many there are in one row.
const DEFINITION: u32 = 0xf_0000;
const DEFINITIONS: u32 = 0xfffe;

/// The character that stands for a definition; `None`: there is none, or it is beyond those that are told.
fn definition_mark(definition: u32) -> Option<char> {
    let at = definition.checked_sub(1).filter(|at| *at < DEFINITIONS)?;
    char::from_u32(DEFINITION + at)
}

/// The index of the definition that a character behind a name stands for.
pub(super) fn definition_of(c: char) -> Option<usize> {
    let at = u32::from(c).checked_sub(DEFINITION)?;
    (at < DEFINITIONS).then_some(at as usize)
}

/// Whether a character of the picture is a mark.
pub(super) fn is_mark(c: char) -> bool {
    matches!(c, END..='\u{1e}' | '\u{80}'..='\u{85}')
}

/// The lines of a tree, without frames narrower than `least` percent.
pub(super) fn lines(tree: &Tree, least: f64) -> Lines {
    let least = least.clamp(0.0, 100.0) / 100.0 * tree.total() as f64;
    let longest = tree.longest_name(least, MOST, &LIMITS);
    let shown = |(name, traits)| mark(&shorten(name, longest), traits);
    let names: Vec<String> = tree.frames().map(shown).collect();
    let mut used = vec![false; names.len()];
    let mut text = String::new();
    let mut deepest = 0;
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
    let words = words(traits);
    marked.extend(WORDS.iter().filter(|word| words.contains(&Some(**word))).map(|(mark, _)| mark));
    marked.extend(definition_mark(traits.definition));
    marked.push_str(match traits {
        Traits { kind: Kind::Kernel, .. } => "_[k]",
        Traits { inlined: true, .. } => "_[i]",
        Traits { kind: Kind::Jit, .. } => "_[j]",
        _ => "",
    });
    marked
}

/// The words about a frame, out of [`WORDS`].
fn words(traits: Traits) -> [Option<(char, &'static str)>; 5] {
    let told = |phrases: [_; 3], extent| match extent {
        Extent::Whole => phrases[0],
        Extent::Most => phrases[1],
        Extent::Part => phrases[2],
    };
    let mut words = [None; 5];
    words[0] = match traits.doubt {
        Doubt::None => None,
        Doubt::Guessed => Some(told(GUESSED, traits.extent)),
        Doubt::CallerMayBeMissing => Some(told(CALLER_MAY_BE_MISSING, traits.extent)),
        Doubt::Synthesised => Some(told(SYNTHESISED, traits.extent)),
    };
    if traits.tiers.iter().any(Option::is_some) {
        let tiers = [INTERPRETED, JIT, INLINED].into_iter().zip(traits.tiers);
        let tiers = tiers.map(|(phrases, extent)| extent.map(|extent| told(phrases, extent)));
        words.iter_mut().skip(1).zip(tiers).for_each(|(word, tier)| *word = tier);
        return words;
    }
    words[1] = match traits.kind {
        Kind::Kernel => Some(KERNEL),
        Kind::Jit => Some(JIT[0]),
        Kind::Interpreted => Some(INTERPRETED[0]),
        Kind::Process => Some(PROCESS),
        Kind::User | Kind::Unknown | Kind::Gap => None,
    };
    words[2] = traits.inlined.then_some(INLINED[0]);
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{profile, stack};
    use crate::tree::{Traited, View};

    #[test]
    fn deep_stacks_of_long_names_stay_within_bounds() {
        let names: Vec<String> = (0..1000).map(|n| format!("{n}{}", "x".repeat(4000))).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let of = |count: usize| {
            let stacks: Vec<_> = (1..=count).map(|n| stack(&names[..10 * n], 1)).collect();
            let view = View {
                column: 0,
                root: None,
                reverse: false,
                traits: Traited::No,
                depth: usize::MAX,
                name: str::to_owned,
            };
            let lines = lines(&Tree::new(&profile(&stacks), view), 0.0);
            assert_eq!(lines.text.lines().count(), count);
            lines.text
        };
        let all = of(100);
        assert!(all.len() <= MOST + all.len() / 10 && all.contains('…'), "{}", all.len());
        assert!(of(1).contains(names[9]), "whole where there is room");
    }
}
