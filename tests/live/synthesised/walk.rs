//! A walk by the table's rules, beside the shadow.

use super::file::Loaded;
use super::report::{Frame, Report};
use bpf::unwind::rule::{Cfa, Restore, ReturnAddress, Rule, RuleTrust, registers};
use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;

const INSTRUCTION: usize = 16;
/// Places that are named at most.
const MOST_PLACES: usize = 10_000;

/// A stopped process's memory.
pub(crate) struct Memory<'a>(pub(crate) &'a File);

impl Memory<'_> {
    fn word(&self, address: u64) -> Option<u64> {
        let mut word = [0; 8];
        self.0.read_exact_at(&mut word, address).ok()?;
        Some(u64::from_le_bytes(word))
    }
}

/// What became of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Frame address, return address and saved registers are as the shadow says.
    Right,
    /// One is not.
    Wrong,
    /// There is no rule.
    NoRule,
    /// The rule builds on a register that is not known.
    Unknown,
}

/// What became of a stack.
#[derive(Debug)]
pub(crate) struct Walked {
    /// Of frames in uncovered code: where, and what.
    pub(crate) uncovered: Vec<(u64, Step)>,
    /// Where the leaf was.
    pub(crate) leaf: u64,
    /// The first frame that was not right; `None` where all were, up to the function that was followed.
    pub(crate) lost: Option<(u64, Step)>,
}

/// Walks a stack up to the last frame of its shadow, or to where it leaves the file.
pub(crate) fn walk(report: &Report, file: &Loaded, memory: &Memory<'_>) -> Walked {
    let mut known = report.registers.map(Some);
    let mut address = report.registers[INSTRUCTION];
    let leaf = address.wrapping_sub(file.bias);
    let mut walked = Walked { uncovered: Vec::new(), leaf, lost: None };
    for frame in &report.frames {
        let place = address.wrapping_sub(file.bias);
        let rule = file.table.look_up(place);
        let uncovered = file.gaps.iter().any(|gap| gap.contains(&place));
        if rule.is_none() && !uncovered {
            return walked;
        }
        let step = rule.map_or(Step::NoRule, |rule| step(&rule, &mut known, frame, memory));
        if rule.map_or(uncovered, |rule| rule.trust == RuleTrust::Synthesised) {
            walked.uncovered.push((place, step));
        }
        if step != Step::Right {
            walked.lost = Some((place, step));
            return walked;
        }
        address = frame.returns_to - 1;
    }
    walked
}

/// A step to the caller. Afterwards only what rules restore is known.
fn step(rule: &Rule, known: &mut [Option<u64>; 17], frame: &Frame, memory: &Memory<'_>) -> Step {
    let register = |number: u8| known[usize::from(number)];
    let plus = |base: u64, offset: i32| base.wrapping_add_signed(i64::from(offset));
    let cfa = match rule.cfa {
        Cfa::Register { register: number, offset } => {
            register(number).map(|base| plus(base, offset))
        }
        Cfa::Deref { register: number, offset, add } => register(number)
            .and_then(|base| memory.word(plus(base, offset)))
            .map(|word| plus(word, add)),
        Cfa::Guessed => return guessed(rule, register(registers::FRAME_POINTER), frame),
        Cfa::Plt { .. } | Cfa::SignalFrame | Cfa::FramePointer | Cfa::NotYet => None,
    };
    let Some(cfa) = cfa else { return Step::Unknown };
    let restored = |restore: Restore, number: u8| match restore {
        Restore::Same => register(number),
        Restore::AtCfa(offset) => memory.word(plus(cfa, offset)),
        Restore::AtFramePointer(offset) => {
            register(registers::FRAME_POINTER).and_then(|base| memory.word(plus(base, offset)))
        }
        Restore::Unknown => None,
    };
    let rbp = restored(rule.fp, registers::FRAME_POINTER);
    let rbx = restored(rule.spare, registers::SPARE);
    // A synthesised rule says so of all registers that its callers need.
    let keeps = rule.trust == RuleTrust::Synthesised && rule.spare == Restore::Same;
    let right = cfa == frame.slot + 8
        && rule.ra == ReturnAddress::AtCfa(-8)
        && memory.word(frame.slot) == Some(frame.returns_to)
        && rbp.is_none_or(|rbp| rbp == frame.rbp)
        && rbx.is_none_or(|rbx| rbx == frame.rbx);
    if !keeps {
        *known = [None; 17];
    }
    known[usize::from(registers::STACK_POINTER)] = Some(cfa);
    known[usize::from(registers::FRAME_POINTER)] = rbp;
    known[usize::from(registers::SPARE)] = rbx;
    if right { Step::Right } else { Step::Wrong }
}

/// Where the frame is guessed, what is said of the frame pointer is to be right all the same.
fn guessed(rule: &Rule, rbp: Option<u64>, frame: &Frame) -> Step {
    let right = rule.fp == Restore::Same && rbp.is_none_or(|rbp| rbp == frame.rbp);
    if right { Step::NoRule } else { Step::Wrong }
}

/// How often which.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Functions that were followed to their return.
    pub(crate) functions: u64,
    /// Frames in uncovered code.
    pub(crate) right: u64,
    pub(crate) wrong: u64,
    pub(crate) no_rule: u64,
    pub(crate) unknown: u64,
    /// Stacks, and those of them that were whole up to the function that was followed.
    pub(crate) stacks: u64,
    pub(crate) whole: u64,
    /// Where their leaves were.
    pub(crate) instructions: BTreeSet<u64>,
    /// Where the others were lost.
    pub(crate) lost: Vec<(u64, Step)>,
    /// Where frames were not right.
    pub(crate) places: Vec<(u64, Step)>,
}

impl Figures {
    /// Adds the stacks of a function that was followed.
    pub(crate) fn add(&mut self, stacks: &[Walked]) {
        self.functions += 1;
        for walked in stacks {
            self.stacks += 1;
            self.instructions.insert(walked.leaf);
            self.whole += u64::from(walked.lost.is_none());
            self.lost.extend(walked.lost.filter(|_| self.lost.len() < MOST_PLACES));
            for &(place, step) in &walked.uncovered {
                match step {
                    Step::Right => self.right += 1,
                    Step::Wrong => self.wrong += 1,
                    Step::NoRule => self.no_rule += 1,
                    Step::Unknown => self.unknown += 1,
                }
                if step != Step::Right && self.places.len() < MOST_PLACES {
                    self.places.push((place, step));
                }
            }
        }
    }

    /// Frames in uncovered code.
    pub(crate) fn frames(&self) -> u64 {
        self.right + self.wrong + self.no_rule + self.unknown
    }

    /// The share of them that were right.
    pub(crate) fn share(&self) -> f64 {
        self.right as f64 / self.frames().max(1) as f64
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { functions, right, wrong, no_rule, unknown, stacks, whole, .. } = self;
        write!(
            f,
            "{functions} functions, {stacks} stacks, {whole} whole; frames in uncovered code: "
        )?;
        write!(
            f,
            "{right} right, {wrong} wrong, {no_rule} without a rule, {unknown} by an unknown register"
        )?;
        write!(f, " ({:.3} %)", 100.0 * self.share())
    }
}
