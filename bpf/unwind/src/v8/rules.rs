//! The rules of V8's own code.

use crate::rule::{Cfa, Restore, ReturnAddress, Rule, RuleTrust, registers};

/// The frame has a frame pointer.
pub(super) fn framed() -> Rule {
    let cfa = Cfa::Register { register: registers::FRAME_POINTER, offset: 16 };
    Rule { fp: Restore::AtCfa(-16), trust: RuleTrust::Synthesised, ..Rule::of(cfa) }
}

/// There is no frame. The caller's begins so many bytes behind the stack pointer.
pub(super) fn bare(offset: i32) -> Rule {
    let cfa = Cfa::Register { register: registers::STACK_POINTER, offset };
    Rule { fp: Restore::Same, trust: RuleTrust::Synthesised, ..Rule::of(cfa) }
}

/// The return address has been popped, and is still there.
pub(super) fn below() -> Rule {
    Rule { ra: ReturnAddress::AtStackPointer(-8), ..bare(8) }
}

/// The place of the return address is not known, and the frame pointer is the caller's.
pub(super) fn guessed() -> Rule {
    Rule { fp: Restore::Same, trust: RuleTrust::Synthesised, ..Rule::of(Cfa::Guessed) }
}
