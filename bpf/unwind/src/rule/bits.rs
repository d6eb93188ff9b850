//! The bits of a rule's eight bytes.
//!
//! The names are those of the kernel programs, which read the same bytes; `bpf` does not compile where a number differs.

/// In the lowest three bits: no rule. With [`RULE_SYNTHESISED`]: no rule, but the part for the frame pointer holds.
pub const RULE_NONE: u64 = 0;
/// In the lowest three bits: the frame address is `register + offset`.
pub const RULE_REGISTER: u64 = 1;
/// In the lowest three bits: the frame address is the word at `register + offset`, plus a constant.
pub const RULE_DEREF: u64 = 2;
/// In the lowest three bits: a stub of lazy binding.
pub const RULE_PLT: u64 = 3;
/// In the lowest three bits: a signal handler's frame.
pub const RULE_SIGNAL_FRAME: u64 = 4;
/// In the lowest three bits: a step by the frame pointer.
pub const RULE_FRAME_POINTER: u64 = 5;
/// In the lowest three bits: the rules cannot be expressed; the number says why.
pub const RULE_UNSUPPORTED: u64 = 6;

/// The rule was made from the code.
pub const RULE_SYNTHESISED: u64 = 1 << 3;
/// A step by the frame pointer, because the code's own rules are not ready yet.
pub const RULE_STALE: u64 = 1 << 3;

/// Two bits: how the frame pointer is restored.
pub const RULE_FP_SHIFT: u64 = 4;
/// Two bits: where the return address lies.
pub const RULE_RA_SHIFT: u64 = 6;
/// Five bits: a register, a stub's threshold, or why the rules cannot be expressed. The bit above is always 0: the programs use it.
pub const RULE_NUMBER_SHIFT: u64 = 8;
/// The five bits.
pub const RULE_NUMBER_MASK: u64 = 31;
/// Two bits: how the spare register is restored.
pub const RULE_SPARE_SHIFT: u64 = 14;
/// Eight bits: the frame pointer's place in words, signed.
pub const RULE_FP_AT_SHIFT: u64 = 16;
/// Eight bits, signed: the spare register's place in words, or the return address's; by a register in half words.
pub const RULE_OTHER_AT_SHIFT: u64 = 24;
/// 32 bits, or 16 of a dereference: an offset in bytes, signed.
pub const RULE_OFFSET_SHIFT: u64 = 32;
/// 16 bits: what a dereference adds, in bytes, signed.
pub const RULE_ADD_SHIFT: u64 = 48;

/// The frame pointer is unchanged.
pub const RULE_FP_SAME: u64 = 0;
/// The frame pointer was saved by the frame address.
pub const RULE_FP_AT_CFA: u64 = 1;
/// The frame pointer was saved by the frame pointer.
pub const RULE_FP_AT_FP: u64 = 2;
/// The frame pointer is lost.
pub const RULE_FP_UNKNOWN: u64 = 3;

/// The return address lies right below the frame address.
pub const RULE_RA_USUAL: u64 = 0;
/// There is no return address: the stack ends.
pub const RULE_RA_END: u64 = 1;
/// The return address lies elsewhere by the frame address.
pub const RULE_RA_AT_CFA: u64 = 2;
/// The return address is relative to a register; the lowest bit of its place says which.
pub const RULE_RA_AT_REGISTER: u64 = 3;

/// The spare register is unchanged; 0: it is lost.
pub const RULE_SPARE_SAME: u64 = 1;
/// The spare register was saved by the frame address.
pub const RULE_SPARE_AT_CFA: u64 = 2;
