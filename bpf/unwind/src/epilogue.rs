//! Rules that are stale at a function's end, mended by its code.
//!
//! A function that aligns its frame saves the caller's frame pointer where its own one points. gcc leaves that rule in force
//! up to the return, although the frame pointer is the caller's again once it was taken from the stack: the rule then names a
//! word of the caller's frame, or no memory at all. Between the instruction that takes it and the one that leaves the function,
//! the frame pointer is the caller's own.

use crate::instruction::{RBP, is_memory, written};
use crate::rule::{Cfa, Compact, Restore, Rule, registers};
use crate::synth::Memory;
use crate::table::Source;
use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic,
};
use std::ops::Range;

/// Bytes of code that are looked at, at most: few functions have such rules.
const MOST: usize = 16 << 20;

/// Rules for the ends of functions where those of `source` are stale, from x86-64 code. In a file's table they stand before
/// `source`.
pub fn mended(source: &Source, memory: &dyn Memory) -> Source {
    let mut mended = Source::new(source.code());
    let mut rest = MOST;
    let rows = source.rows_with(|rule| saved_by_frame_pointer(rule).is_some());
    for rows in rows.chunk_by(|(one, _), (next, _)| one.end == next.start) {
        let function = Function::of(rows);
        let len = function.range.end - function.range.start;
        let Some(left) = usize::try_from(len).ok().and_then(|len| rest.checked_sub(len)) else {
            break;
        };
        rest = left;
        for end in function.ends(memory) {
            for (range, rule) in &function.rows {
                let range = range.start.max(end.start)..range.end.min(end.end);
                if range.start < range.end {
                    mended.push(range, &Rule { fp: Restore::Same, ..*rule });
                }
            }
        }
    }
    mended
}

/// A rule by which the frame pointer was saved where the frame pointer points.
fn saved_by_frame_pointer(rule: Compact) -> Option<Rule> {
    rule.rule().filter(|rule| matches!(rule.fp, Restore::AtFramePointer(_)))
}

/// The part of a function that has such rules; one or more rows that follow one another.
struct Function {
    range: Range<u64>,
    rows: Vec<(Range<u64>, Rule)>,
}

impl Function {
    fn of(rows: &[(Range<u64>, Compact)]) -> Self {
        let start = rows.first().map_or(0, |(range, _)| range.start);
        let end = rows.last().map_or(start, |(range, _)| range.end);
        let rule = |(range, rule): &(Range<u64>, Compact)| {
            Some((range.clone(), saved_by_frame_pointer(*rule)?))
        };
        Self { range: start..end, rows: rows.iter().filter_map(rule).collect() }
    }

    /// From behind the instructions that restore the frame pointer up to those that leave the function.
    fn ends(&self, memory: &dyn Memory) -> Vec<Range<u64>> {
        let bytes = memory.read(self.range.start, (self.range.end - self.range.start) as usize);
        let mut reader = Reader { infos: InstructionInfoFactory::new(), restored: None };
        let mut ends = Vec::new();
        for (range, rule) in &self.rows {
            // An instruction begins where a row does.
            let code = bytes.get((range.start - self.range.start) as usize..).unwrap_or(&[]);
            let mut decoder = Decoder::with_ip(64, code, range.start, DecoderOptions::NONE);
            let mut instruction = Instruction::default();
            while decoder.can_decode() && decoder.ip() < range.end {
                decoder.decode_out(&mut instruction);
                let leaves = self.leaves(&instruction, rule);
                ends.extend(reader.restored.filter(|_| leaves).map(|at| at..instruction.next_ip()));
                reader.read(&instruction);
            }
        }
        ends
    }

    /// Whether an instruction leaves the function: it returns, or it jumps elsewhere when nothing of the frame is left.
    fn leaves(&self, instruction: &Instruction, rule: &Rule) -> bool {
        let bare = Cfa::Register { register: registers::STACK_POINTER, offset: 8 };
        match instruction.flow_control() {
            FlowControl::Return => true,
            FlowControl::UnconditionalBranch => {
                rule.cfa == bare && !self.range.contains(&instruction.near_branch_target())
            }
            FlowControl::IndirectBranch => rule.cfa == bare,
            _ => false,
        }
    }
}

/// The instructions that were read on a way through the code.
struct Reader {
    infos: InstructionInfoFactory,
    /// Behind the instruction that took the frame pointer from the stack, where none has written it since.
    restored: Option<u64>,
}

impl Reader {
    fn read(&mut self, instruction: &Instruction) {
        if self.writes_frame_pointer(instruction) {
            let taken = match instruction.mnemonic() {
                Mnemonic::Pop | Mnemonic::Leave => true,
                Mnemonic::Mov => is_memory(instruction, 1),
                _ => false,
            };
            self.restored = taken.then(|| instruction.next_ip());
        }
        let on = matches!(
            instruction.flow_control(),
            FlowControl::Next | FlowControl::ConditionalBranch
        );
        // Code behind a call may be what it never returns to.
        if !on || instruction.is_invalid() {
            self.restored = None;
        }
    }

    fn writes_frame_pointer(&mut self, instruction: &Instruction) -> bool {
        written(self.infos.info(instruction)).any(|register| register == RBP)
    }
}

#[cfg(test)]
mod tests;
