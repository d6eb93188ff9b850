//! One pass over code from begin to end. Behind an instruction that does not lead on, what is known comes from a jump
//! there, or is what usually holds.

use super::blob::Blob;
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind};
use std::collections::HashMap;

/// Labels that are remembered at a time.
const MOST_LABELS: usize = 4096;

/// A state machine that follows the code.
pub(super) trait Follow {
    /// The state before an instruction.
    type State: Copy + PartialEq;

    /// The state at an instruction that may be reached by several ways, such as a loop.
    fn at(&self, state: Self::State, _: &Instruction) -> Self::State {
        state
    }

    /// The state after an instruction, if it leads on.
    fn step(&mut self, state: Self::State, instruction: &Instruction) -> Self::State;

    /// The state at an offset to which no instruction before it leads.
    fn usual(&self, offset: usize) -> Self::State;

    /// An offset where this holds whatever is known: an entry.
    fn forced(&self, offset: usize) -> Option<Self::State>;

    /// The state that holds from an offset on.
    fn row(&mut self, offset: usize, state: Self::State);
}

/// The number that is an instruction's second operand.
pub(super) fn number(instruction: &Instruction) -> Option<i64> {
    let number = matches!(
        instruction.op1_kind(),
        OpKind::Immediate8
            | OpKind::Immediate16
            | OpKind::Immediate32
            | OpKind::Immediate64
            | OpKind::Immediate8to16
            | OpKind::Immediate8to32
            | OpKind::Immediate8to64
            | OpKind::Immediate32to64
    );
    number.then(|| instruction.immediate(1) as i64)
}

/// Follows a part of a blob's code.
pub(super) fn sweep<F: Follow>(blob: &Blob<'_>, from: usize, to: usize, follow: &mut F) {
    let Some(code) = blob.code.get(from..to) else { return };
    let base = blob.address.wrapping_add(from as u64);
    let mut decoder = Decoder::with_ip(64, code, base, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    let mut labels: HashMap<u64, F::State> = HashMap::new();
    let mut state = follow.usual(from);
    let mut told = None;
    let mut leads_on = true;
    // Nothing led here: what is known is what usually holds.
    let mut assumed = false;
    while decoder.can_decode() {
        let at = decoder.ip();
        let offset = from + at.wrapping_sub(base) as usize;
        let label = if labels.is_empty() { None } else { labels.remove(&at) };
        if let Some(known) = follow.forced(offset).or(label.filter(|_| assumed || !leads_on)) {
            (state, assumed) = (known, false);
        } else if !leads_on {
            (state, assumed) = (follow.usual(offset), true);
        }
        decoder.decode_out(&mut instruction);
        state = follow.at(state, &instruction);
        if told != Some(state) {
            follow.row(offset, state);
            told = Some(state);
        }
        let flow = instruction.flow_control();
        if flow == FlowControl::Next {
            leads_on = instruction.mnemonic() != Mnemonic::Hlt;
            state = follow.step(state, &instruction);
            continue;
        }
        let branch =
            matches!(flow, FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch);
        if branch && instruction.op0_kind() == OpKind::NearBranch64 {
            let target = instruction.near_branch_target();
            let ahead = target > at && labels.len() < MOST_LABELS;
            if ahead && state != follow.usual(offset) {
                labels.entry(target).or_insert(state);
            }
        }
        leads_on = !matches!(
            flow,
            FlowControl::UnconditionalBranch
                | FlowControl::IndirectBranch
                | FlowControl::Return
                | FlowControl::Interrupt
                | FlowControl::Exception
        );
        state = follow.step(state, &instruction);
    }
}
