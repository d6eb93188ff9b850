//! Checks that the crate `unwind` and the kernel programs use the same numbers; otherwise this does not compile. The crate knows nothing
//! of the skeleton, so the numbers are defined there and in `unwind.h`.

use crate::skeleton::sampler::types::{rule_bits, rule_kind, unwind_limits};
use crate::unwind::rule::bits;
use crate::unwind::table::PAGE_BITS;

macro_rules! same {
    ($of:ident: $($name:ident)*) => {
        $(const _: () = assert!(bits::$name == $of::$name.0 as u64, stringify!($name));)*
    };
}

same!(rule_kind: RULE_NONE RULE_REGISTER RULE_DEREF RULE_PLT RULE_SIGNAL_FRAME RULE_FRAME_POINTER RULE_UNSUPPORTED);
same!(rule_bits: RULE_SYNTHESISED RULE_STALE);
same!(rule_bits: RULE_FP_SHIFT RULE_RA_SHIFT RULE_NUMBER_SHIFT RULE_NUMBER_MASK RULE_SPARE_SHIFT RULE_FP_AT_SHIFT);
same!(rule_bits: RULE_OTHER_AT_SHIFT RULE_OFFSET_SHIFT RULE_ADD_SHIFT);
same!(rule_bits: RULE_FP_SAME RULE_FP_AT_CFA RULE_FP_AT_FP RULE_FP_UNKNOWN);
same!(rule_bits: RULE_RA_USUAL RULE_RA_END RULE_RA_AT_CFA RULE_RA_AT_REGISTER);
same!(rule_bits: RULE_SPARE_SAME RULE_SPARE_AT_CFA);

const NUMBERS: u64 = bits::RULE_NUMBER_MASK << bits::RULE_NUMBER_SHIFT;
const _: () = assert!(rule_bits::RULE_INTERPRETS.0 as u64 & NUMBERS == 0, "tables leave it free");
const _: () = assert!(PAGE_BITS == unwind_limits::PAGE_BITS.0);
