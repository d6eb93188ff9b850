//! The recorded cases and their expected stacks, written by hand from the sources of the program.

use bpf::native::golden::{Golden, Known};
use bpf::{Flags, Trust, Unwind};

/// A way to stop, and to walk from there.
pub(crate) struct Case {
    /// The recording's name.
    pub(crate) name: &'static str,
    /// The program's argument.
    pub(crate) which: &'static str,
    /// At which of its stops, from 1.
    pub(crate) stop: u32,
    /// Functions, leaf first. Behind a slash stands how a frame is found where that is not by a rule: synthesised,
    /// guessed, by frame pointer; behind a star how often.
    pub(crate) frames: &'static str,
    /// The expected flags of the walk.
    pub(crate) flags: &'static [Flags],
    /// The change to the process.
    pub(crate) with: With,
}

/// A change to the process as it was.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum With {
    Nothing,
    /// Rules were not synthesised.
    OwnRulesOnly,
    /// The same, and no guesses.
    NoGuess,
    /// The program's mapping is not known yet.
    NoTablesYet,
    /// Nothing is known of the program's mapping.
    NoMapping,
    /// The same, and rules alone are asked for.
    NoMappingDwarf,
    /// The program has no rules.
    WithoutRules,
    /// Rules alone are asked for.
    Dwarf,
    /// Frame pointers alone.
    FramePointers,
    /// A uprobe waits for the return of the function that called the leaf.
    Uprobe,
    /// It is a fork of the process that has tables.
    Fork,
}

const fn case(
    name: &'static str,
    which: &'static str,
    frames: &'static str,
    flags: &'static [Flags],
    with: With,
) -> Case {
    Case { name, which, stop: 1, frames, flags, with }
}

use With::{
    Dwarf, Fork, FramePointers, NoGuess, NoMapping, NoMappingDwarf, NoTablesYet, Nothing,
    OwnRulesOnly, Uprobe, WithoutRules,
};

pub(crate) const CASES: &[Case] = &[
    case("stack-pointer", "p", "stop plain run _start", &[], Nothing),
    case("large-frames", "c", "stop plain calls_plain run _start", &[], Nothing),
    case("frame-pointer-rule", "v", "stop variable run _start", &[], Nothing),
    case("aligned", "a", "stop aligned run _start", &[], Nothing),
    case("stub-before-push", "t", "stub run _start", &[], Nothing),
    Case { stop: 2, ..case("stub-behind-push", "t", "stub run _start", &[], Nothing) },
    case("signal", "s", "stop handler restorer interrupted signals run _start", &[], Nothing),
    case("synthesised", "b", "stop bare run/s _start", &[], Nothing),
    case("guess-at-once", "g", "guessed_at_once run/g _start", &[Flags::GUESSED], OwnRulesOnly),
    case("guess-further", "G", "guessed_further run/g _start", &[Flags::GUESSED], OwnRulesOnly),
    case("guess-none", "n", "not_guessed", &[Flags::NO_RULE], OwnRulesOnly),
    case("guess-not-wanted", "g", "guessed_at_once", &[Flags::NO_RULE], NoGuess),
    case("guess-not-by-rules", "g", "guessed_at_once", &[Flags::NO_RULE], Dwarf),
    case(
        "lost-register",
        "l",
        "guessed_at_once variable/g",
        &[Flags::GUESSED, Flags::LOST_REGISTER],
        OwnRulesOnly,
    ),
    case(
        "guess-at-frame-pointer",
        "m",
        "guessed_framed variable/g run _start",
        &[Flags::GUESSED],
        OwnRulesOnly,
    ),
    case(
        "guess-at-kept-frame-pointer",
        "h",
        "stop guessed_height variable/g run _start",
        &[Flags::GUESSED],
        Nothing,
    ),
    case(
        "guess-below-saved-frame-pointer",
        "M",
        "guessed_at_once saves_frame_pointer/g variable run _start",
        &[Flags::GUESSED],
        OwnRulesOnly,
    ),
    case("realign-register-lost", "L", "stop by_lost_register", &[Flags::LOST_REGISTER], Nothing),
    case("mapping-missing-by-rules", "f", "framed_third", &[Flags::NO_MAPPING], NoMappingDwarf),
    case("jit-leaf", "J", "[made] made/f run _start", &[], Nothing),
    case("jit-middle", "j", "stop [made] made/f run _start", &[], Nothing),
    case(
        "jit-below-frame-pointer-rule",
        "k",
        "stop [made] made/f made_between variable run _start",
        &[],
        Nothing,
    ),
    case("jit-by-rules", "j", "stop [made]", &[Flags::NO_RULE], Dwarf),
    case("realign-register", "r", "by_realign_register run _start", &[], Nothing),
    case(
        "spare-register",
        "R",
        "stop saves_spare_register by_spare_register run _start",
        &[],
        Nothing,
    ),
    case(
        "spare-register-lost",
        "x",
        "guessed_at_once by_spare_register/g",
        &[Flags::GUESSED, Flags::LOST_REGISTER],
        OwnRulesOnly,
    ),
    case("unsupported", "u", "unsupported", &[Flags::UNSUPPORTED], Nothing),
    case("unreadable", "w", "nowhere", &[Flags::UNREADABLE], Nothing),
    case("cut", "d", "stop deep*1023", &[Flags::TRUNCATED_USER], Nothing),
    case("stack-end-near", "e", "stop through on_a_stack", &[], Nothing),
    case("stack-start-near", "E", "stop through on_a_stack", &[], Nothing),
    case("uprobe", "p", "stop plain run _start", &[], Uprobe),
    case(
        "tables-missing",
        "f",
        "framed_third framed_second/f framed_first/f",
        &[Flags::STALE, Flags::BROKEN],
        NoTablesYet,
    ),
    case("no-rules", "f", "framed_third framed_second/f framed_first/f", &[], WithoutRules),
    case(
        "mapping-missing",
        "f",
        "framed_third framed_second/f framed_first/f",
        &[Flags::STALE, Flags::BROKEN],
        NoMapping,
    ),
    case(
        "frame-pointers",
        "f",
        "framed_third framed_second/f framed_first/f",
        &[Flags::FRAME_POINTERS],
        FramePointers,
    ),
    case("fork", "p", "stop plain run _start", &[], Fork),
];

impl Case {
    /// All flags together.
    pub(crate) fn flags(&self) -> Flags {
        self.flags.iter().fold(Flags(0), |all, one| all.with(*one))
    }

    /// Names and trust of the frames.
    pub(crate) fn frames(&self) -> Vec<(&'static str, Trust)> {
        let frame = |(at, word): (usize, &'static str)| {
            let (word, count) = word.split_once('*').unwrap_or((word, "1"));
            let (name, how) = word.split_once('/').unwrap_or((word, ""));
            let trust = match how {
                _ if at == 0 => Trust::Context,
                "s" => Trust::Synthesised,
                "g" => Trust::Guessed,
                "f" => Trust::FramePointer,
                _ => Trust::Rule,
            };
            std::iter::repeat_n((name, trust), count.parse().unwrap_or(1))
        };
        self.frames.split(' ').enumerate().flat_map(frame).collect()
    }
}

impl With {
    /// Whether rules are synthesised.
    pub(crate) fn synthesises(self) -> bool {
        !matches!(self, OwnRulesOnly | NoGuess | Dwarf)
    }

    /// Makes a process so.
    pub(crate) fn change(self, golden: &mut Golden) {
        let snapshot = &mut golden.snapshot;
        match self {
            Nothing | OwnRulesOnly => {}
            NoGuess => snapshot.guess = false,
            Dwarf => snapshot.unwind = Unwind::Rules,
            FramePointers => snapshot.unwind = Unwind::FramePointers,
            Fork => snapshot.parent = Some(snapshot.process.pid - 1),
            NoTablesYet => golden.mappings.iter_mut().for_each(|m| m.known = Known::Nothing),
            NoMapping => golden.mappings.clear(),
            NoMappingDwarf => {
                golden.mappings.clear();
                golden.snapshot.unwind = Unwind::Rules;
            }
            WithoutRules => golden.mappings.iter_mut().for_each(|m| m.known = Known::NoRules),
            Uprobe => replace_return(golden),
        }
    }
}

/// Puts the address of the uprobes' trampoline where the leaf's return address lies, as the kernel does.
fn replace_return(golden: &mut Golden) {
    const TRAMPOLINE: u64 = 0x7fff_ffff_f000;
    let sp = golden.snapshot.registers.sp;
    let piece = golden.snapshot.memory.iter_mut().find(|(start, bytes)| {
        sp.checked_sub(*start).is_some_and(|at| at + 8 <= bytes.len() as u64)
    });
    let Some((start, bytes)) = piece else { return };
    let at = (sp - *start) as usize;
    let original =
        bytes[at..at + 8].iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    bytes[at..at + 8].copy_from_slice(&TRAMPOLINE.to_le_bytes());
    golden.snapshot.returns.push((sp, original));
}
