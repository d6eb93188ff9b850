//! Compiled code without rules, in a file that has some. There is too much of it to follow by disassembly, but each function sets up
//! a frame pointer. Browsers are built like this.
//!
//! A function is recognised by the padding before it, up to an address divisible by 16, and by its first two instructions.

use super::synth::is_padding;
use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, Register};

/// `push rbp; mov rbp, rsp`, and the optional `endbr64` before it.
const PROLOGUE: [u8; 4] = [0x55, 0x48, 0x89, 0xe5];
const LANDING: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];
const RETURN: u8 = 0xc3;
const INT3: u8 = 0xcc;
const ALIGNMENT: usize = 16;
/// With fewer functions than this, nothing can be said about the rest.
const FEWEST: usize = 64;

/// Whether functions that begin in these pieces set up a frame pointer, all but one in eight. A piece begins at an address
/// that 16 divides.
pub fn mostly_framed(pieces: impl IntoIterator<Item = Vec<u8>>) -> bool {
    let (mut all, mut framed) = (0, 0);
    for piece in pieces {
        for place in places(&piece) {
            let sets_up = sets_up(&piece[place..]);
            framed += usize::from(sets_up);
            all += usize::from(sets_up || ends_a_function(&piece[..place]));
        }
    }
    all >= FEWEST && framed >= all - all / 8
}

/// Whether the instruction at an index runs while the frame pointer is its own function's. The code begins at an address
/// that 16 divides and before the function, and holds four bytes behind the index.
pub fn has_frame(code: &[u8], at: usize) -> bool {
    let Some((before, here)) = code.split_at_checked(at) else { return false };
    let Some(begin) = places(before).filter(|&place| sets_up(&before[place..])).last() else {
        return false;
    };
    let mut decoder = Decoder::new(64, &before[begin..], DecoderOptions::NONE);
    let (mut follower, mut next) = (Follower::default(), Instruction::default());
    while decoder.can_decode() {
        follower.come_to(begin + decoder.position());
        decoder.decode_out(&mut next);
        if next.is_invalid() {
            return false;
        }
        follower.run(&next);
    }
    follower.come_to(at);
    // The next function may begin without padding.
    follower.framed && !here.starts_with(&PROLOGUE) && !here.starts_with(&LANDING)
}

/// Whether code begins as a function that sets up a frame pointer.
fn sets_up(code: &[u8]) -> bool {
    code.strip_prefix(&LANDING).unwrap_or(code).starts_with(&PROLOGUE)
}

/// The places where functions may begin.
fn places(piece: &[u8]) -> impl Iterator<Item = usize> {
    let whole = piece.len().saturating_sub(PROLOGUE.len() - 1);
    (ALIGNMENT..whole).step_by(ALIGNMENT).filter(|&at| piece[at] != INT3)
}

/// Whether these bytes end with `int3`, or with a return and padding.
fn ends_a_function(before: &[u8]) -> bool {
    let behind_a_return = |padding: usize| {
        let (code, padding) = before.split_at(before.len().saturating_sub(padding));
        code.last() == Some(&RETURN) && is_padding(padding)
    };
    before.last() == Some(&INT3) || (0..ALIGNMENT).any(behind_a_return)
}

/// The state of the frame while stepping through functions, instruction by instruction.
#[derive(Debug, Default)]
struct Follower {
    /// The frame pointer is the function's.
    framed: bool,
    /// The function has set it up somewhere before.
    sets_up: bool,
    /// The last instruction was `push rbp`.
    pushed: bool,
    /// No way leads on from the last instruction that is no padding.
    ended: bool,
}

impl Follower {
    /// Called before the instruction at a place. After an instruction without a way on, another function begins if the place is aligned;
    /// otherwise it is a block of the same function, with its frame set up.
    fn come_to(&mut self, place: usize) {
        if self.ended && place.is_multiple_of(ALIGNMENT) {
            *self = Self::default();
        } else if self.ended {
            self.framed = self.sets_up;
        }
    }

    fn run(&mut self, instruction: &Instruction) {
        let mnemonic = instruction.mnemonic();
        // Zeros decode as the last of these.
        let padding = mnemonic == Mnemonic::Nop || instruction.code() == Code::Add_rm8_r8;
        if self.ended && padding {
            return;
        }
        let of_rbp = instruction.op0_register() == Register::RBP;
        let of_rsp = instruction.op1_register() == Register::RSP;
        let set = self.pushed && mnemonic == Mnemonic::Mov && of_rbp && of_rsp;
        self.pushed = mnemonic == Mnemonic::Push && of_rbp;
        let given_up = mnemonic == Mnemonic::Leave
            || of_rbp && matches!(mnemonic, Mnemonic::Pop | Mnemonic::Mov | Mnemonic::Lea);
        self.framed = set || self.framed && !given_up && !self.pushed;
        self.sets_up |= set;
        self.ended = matches!(
            instruction.flow_control(),
            FlowControl::Return
                | FlowControl::UnconditionalBranch
                | FlowControl::IndirectBranch
                | FlowControl::Exception
        ) || mnemonic == Mnemonic::Int3;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Padding, then a function: `push rbp; mov rbp, rsp; sub rsp, 16; nop; add rsp, 16; pop rbp; ret`.
    fn function() -> Vec<u8> {
        let mut code = vec![INT3; ALIGNMENT];
        code.extend(PROLOGUE);
        code.extend([0x48, 0x83, 0xec, 0x10, 0x90, 0x48, 0x83, 0xc4, 0x10, 0x5d, 0xc3]);
        code
    }

    #[test]
    fn a_frame_stands_between_prologue_and_epilogue() {
        let code = function();
        let framed: Vec<usize> =
            (0..code.len()).filter(|&at| has_frame(&code, at)).map(|at| at - 16).collect();
        // Not within an instruction either.
        assert_eq!(framed, [4, 8, 9, 13]);
    }

    #[test]
    fn the_next_function_may_begin_without_padding() {
        let code = [function(), vec![0x90], function()[16..].to_vec()].concat();
        let framed: Vec<usize> =
            (0..code.len()).filter(|&at| has_frame(&code, at)).map(|at| at - 16).collect();
        // Behind the return, at an address that 16 does not divide, a block of the same function may stand.
        assert_eq!(framed[4..], [15, 16 + 4, 16 + 8, 16 + 9, 16 + 13]);
    }

    #[test]
    fn another_function_may_begin_where_none_goes_on() {
        let bare = [0x48, 0x89, 0xf8, 0x48, 0x89, 0xf8, 0xc3, 0x90];
        // A return up to the border; zeros; a call that never returns before `int3`.
        let ends = [&[0x90, 0xc3][..], &[0xc3, 0x00, 0x00], &[0xe8, 0, 0, 0, 0, INT3, INT3]];
        for end in ends {
            let mut code = function()[..16 + 4].to_vec();
            code.resize(48 - end.len(), 0x90);
            code.extend(end);
            let begin = code.len();
            code.extend(bare);
            assert!(has_frame(&code, 30));
            assert!(!has_frame(&code, begin) && !has_frame(&code, begin + 3), "{end:x?}");
        }
    }

    #[test]
    fn a_frame_pointer_is_set_by_the_stack_pointer_alone() {
        let mut code = function();
        // `push rbp; mov rbp, rdi` within the function.
        code.splice(24..25, [0x55, 0x48, 0x89, 0xfd, 0x90]);
        assert!(has_frame(&code, 24));
        assert!(!has_frame(&code, 28) && !has_frame(&code, 29));
    }

    #[test]
    fn a_caller_s_frame_pointer_is_no_frame() {
        // `mov rbp, [rbp]; nop`, and `lea rbp, [rdi]; nop`.
        for gives_up in [&[0x48, 0x8b, 0x6d, 0x00, 0x90][..], &[0x48, 0x8d, 0x2f, 0x90]] {
            let code = [&function()[..24], gives_up, &[0x90; 8]].concat();
            assert!(has_frame(&code, 24));
            assert!(!has_frame(&code, 24 + gives_up.len() - 1));
        }
    }

    #[test]
    fn functions_may_begin_with_a_landing_place() {
        let mut code = function();
        code.splice(16..16, LANDING);
        assert!(!has_frame(&code, 16) && !has_frame(&code, 20) && !has_frame(&code, 21));
        assert!(has_frame(&code, 24));
    }

    #[test]
    fn a_function_without_a_frame_is_told_by_the_padding_before_it() {
        let mut code = function();
        code.extend([0x0f, 0x1f, 0x80, 0, 0, 0, 0]);
        code.resize(code.len().next_multiple_of(ALIGNMENT), 0x90);
        let begin = code.len();
        code.extend([0x48, 0x89, 0xf8, 0xc3, 0x90, 0x90, 0x90, 0x90]);
        assert!(!has_frame(&code, begin));
        assert!(!has_frame(&code, begin + 3));
        // That before it is not touched by this.
        assert!(has_frame(&code, 29));
    }

    #[test]
    fn what_sets_up_none_has_none() {
        let mut code = function();
        code.resize(code.len().next_multiple_of(ALIGNMENT), INT3);
        code.extend([INT3; ALIGNMENT]);
        code.extend([0x48, 0x89, 0xf8, 0x90, 0x90, 0xc3]);
        assert!(!has_frame(&code, code.len() - 1), "of another function");
        assert!(!has_frame(&[], 0));
        assert!(!has_frame(&code, code.len() + 1));
        assert!(!has_frame(&PROLOGUE, 4), "nothing says that it begins there");
        assert!(!has_frame(&[&function()[..20], &[0x06, 0x90]].concat(), 22), "no instruction");
    }

    #[test]
    fn most_functions_decide() {
        let framed = || {
            let mut code = function();
            code.resize(code.len().next_multiple_of(ALIGNMENT), INT3);
            code
        };
        let bare = || [&[INT3; ALIGNMENT][..], &[0x48; ALIGNMENT]].concat();
        let of = |framed_ones: usize, bare_ones: usize| {
            let pieces = std::iter::repeat_with(framed).take(framed_ones);
            mostly_framed(pieces.chain(std::iter::repeat_with(bare).take(bare_ones)))
        };
        assert!(of(FEWEST, 0));
        assert!(of(70, 10));
        assert!(!of(69, 11));
        assert!(!of(FEWEST - 1, 0), "too few to tell");
        assert!(!mostly_framed([]));
    }
}
