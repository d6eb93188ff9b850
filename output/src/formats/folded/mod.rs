//! Folded stacks, as flame graph tools take them. A line is a stack: its frames from the root on, separated by `;`, a blank, and the count.

use crate::Profile;
use crate::encode::{Encode, Format};
use crate::text::shorten;
use crate::tree::{Doubt, Kind, Traited, Traits, Tree, View};
use std::io::{self, Write};

/// Writes folded stacks: `comm;main;work 42`.
///
/// The count is a value column; flame graph tools expect samples. Lines are sorted and merged. Stacks with a value of zero or less are left
/// out. In names, `;` becomes `:`, line breaks become blanks, and other control characters become `U+FFFD`. A blank before a number at the
/// end of a name becomes `_`, so that the number is not taken for the count. A frame without a name is `[unknown]` and the name of its file.
/// `[truncated]` stands for missing frames at the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// Mark frames: `_[k]` kernel, `_[i]` inlined, `_[j]` run-time code (JIT), `_[0]` interpreted, `_[g]` guessed, `_[m]` its caller may be
    /// missing, `_[s]` found by a rule derived from disassembly. A frame has one mark at most. Doubts come before kinds, inlined before
    /// kernel, and `_[s]` last.
    pub annotate: bool,
    /// The label whose value becomes the frame at the root, such as `comm` in profiles of the whole machine.
    pub root: Option<String>,
    /// The value column; by default [`Profile::default_sample_type`].
    pub column: Option<usize>,
}

/// The bytes of all lines above which names are cut, and the lengths that they are cut to.
const MOST: usize = 256 << 20;
const LIMITS: [usize; 3] = [usize::MAX, 1024, 256];

/// Folded stacks.
pub const FORMAT: Format = Format {
    name: "folded",
    extensions: &["folded", "txt"],
    times: false,
    encoder: |settings| {
        Box::new(Folded {
            annotate: settings.annotate,
            root: settings.root.clone(),
            column: settings.column,
        })
    },
};

impl Encode for Folded {
    fn encode(&self, profile: &Profile, to: &mut dyn Write) -> io::Result<()> {
        profile.check()?;
        let column = profile.column(self.column)?;
        let tree = Tree::new(
            profile,
            View {
                column,
                root: self.root.as_deref(),
                reverse: false,
                traits: if self.annotate { Traited::Apart } else { Traited::No },
                depth: usize::MAX,
                name: harmless,
            },
        );
        let longest = tree.longest_name(0.0, MOST, &LIMITS);
        let mut to = io::BufWriter::new(to);
        tree.walk(0.0, |path, own| {
            for (at, frame) in path.iter().enumerate() {
                let (name, traits) = tree.frame(*frame);
                let separator = if at == 0 { "" } else { ";" };
                write!(to, "{separator}{}{}", shorten(name, longest), mark(traits))?;
            }
            writeln!(to, " {}", u128::from(own) * u128::from(tree.scale))
        })?;
        to.flush()
    }
}

fn mark(traits: Traits) -> &'static str {
    match (traits.doubt, traits.inlined, traits.kind) {
        (Doubt::Guessed, ..) => "_[g]",
        (Doubt::CallerMayBeMissing, ..) => "_[m]",
        (_, true, _) => "_[i]",
        (_, _, Kind::Kernel) => "_[k]",
        (_, _, Kind::Jit) => "_[j]",
        (_, _, Kind::Interpreted) => "_[0]",
        (Doubt::Synthesised, ..) => "_[s]",
        _ => "",
    }
}

/// A clean name that can't be taken for a separator, a count or a comment.
fn harmless(name: &str) -> String {
    let mut name = name.replace(';', ":");
    if name.starts_with("# ") {
        name.replace_range(1..2, "_");
    }
    // `foo 12 34` would end in two numbers.
    while let Some(blank) = name.rfind(' ').filter(|blank| is_number(&name[blank + 1..])) {
        name.replace_range(blank..=blank, "_");
    }
    name
}

fn is_number(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit() || c == '.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::profile::{FrameKind, Trust};
    use crate::testing::{frame, profile, stack};

    fn samples() -> Folded {
        Folded { column: Some(0), ..Folded::default() }
    }

    fn folded(options: &Folded, profile: &Profile) -> String {
        let mut bytes = Vec::new();
        options.encode(profile, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn equal_stacks_of_different_threads_are_one_line() {
        let mut other = stack(&["main", "work"], 3);
        other.tid = 2;
        let profile = profile(&[stack(&["main", "work"], 2), other, stack(&["main"], 1)]);
        assert_eq!(folded(&samples(), &profile), "main 1\nmain;work 5\n");
    }

    #[test]
    fn the_process_is_the_root_where_asked_and_truncated_lies_above_it() {
        let mut cut = stack(&["main"], 2);
        cut.marks.truncated = true;
        let profile = profile(&[cut]);
        let options = Folded { root: Some("comm".into()), ..samples() };
        assert_eq!(folded(&options, &profile), "prog;[truncated];main 2\n");
        assert_eq!(folded(&samples(), &profile), "[truncated];main 2\n");
    }

    #[test]
    fn marks_only_where_asked() {
        let mut all = stack(&["main"], 1);
        all.frames.push(frame("inner", FrameKind::User, Trust::Sure).inlined("outer"));
        all.frames.push(frame("guess", FrameKind::User, Trust::Guessed));
        all.frames.push(frame("synth", FrameKind::User, Trust::Synthesised));
        all.frames.push(frame("in", FrameKind::User, Trust::Synthesised).inlined("out"));
        all.frames.push(frame("jit", FrameKind::Jit, Trust::FramePointer));
        all.frames.push(frame("py", FrameKind::Interpreted, Trust::Sure));
        all.frames.push(frame("sys", FrameKind::Kernel, Trust::Sure));
        let profile = profile(&[all]);
        assert_eq!(
            folded(&samples(), &profile),
            "main;outer;inner;guess;synth;out;in;jit;py;sys 1\n"
        );
        let marked = folded(&Folded { annotate: true, ..samples() }, &profile);
        assert_eq!(
            marked,
            "main;outer;inner_[i];guess_[g];synth_[s];out_[s];in_[i];jit_[j];py_[0];sys_[k] 1\n"
        );
    }

    #[test]
    fn a_leaf_whose_caller_may_be_missing_is_marked_and_its_callers_are_not() {
        let mut doubtful = stack(&["main", "leaf"], 1);
        doubtful.marks.caller_may_be_missing = true;
        let profile = profile(&[doubtful]);
        let marked = folded(&Folded { annotate: true, ..samples() }, &profile);
        assert_eq!(marked, "main;leaf_[m] 1\n");
        assert_eq!(folded(&samples(), &profile), "main;leaf 1\n");
    }

    #[test]
    fn names_break_no_line() {
        let names = ["# x", "[u8; 4]", "a\nb 7", "", "n 1 2", "\u{1b}[2J"];
        let line = folded(&samples(), &profile(&[stack(&names, 1)]));
        assert_eq!(line, "#_x;[u8: 4];a b_7;[unknown] prog;n 1_2;\u{fffd}[2J 1\n");
    }

    #[test]
    fn values_of_zero_and_below_leave_no_trace_and_huge_ones_do_not_wrap() {
        let profile = profile(&[
            stack(&["a"], 0),
            stack(&["b"], -5),
            stack(&["c"], i64::MAX),
            stack(&["d"], i64::MAX),
            stack(&["e"], i64::MAX),
        ]);
        let lines = folded(&samples(), &profile);
        assert_eq!(lines.lines().count(), 3);
        for line in lines.lines() {
            let value: f64 = line[2..].parse().unwrap();
            assert!((value / i64::MAX as f64 - 1.0).abs() < 1e-6, "{line}");
        }
    }

    #[test]
    fn nothing_is_no_line_and_a_missing_column_an_error() {
        assert_eq!(folded(&samples(), &profile(&[])), "");
        let error = Folded { column: Some(9), ..samples() }.encode(&profile(&[]), &mut Vec::new());
        assert!(error.is_err());
    }
}
