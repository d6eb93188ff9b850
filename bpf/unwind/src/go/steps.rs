//! The heights of a function's stack, address by address.

use std::ops::Range;

use super::functions::Function;

/// From where to where the stack pointer is so many bytes below the return address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Height {
    pub(super) range: Range<u64>,
    pub(super) bytes: i32,
}

/// Reads a function's heights and subtracts the bytes read from `work`; `false` if the table is malformed or `work` is used up.
pub(super) fn read(
    function: &Function<'_>,
    quantum: u64,
    work: &mut usize,
    heights: &mut Vec<Height>,
) -> bool {
    let mut bytes = function.heights;
    let (mut at, mut value) = (function.range.start, -1_i32);
    while at < function.range.end {
        let before = bytes.len();
        let Some(difference) = varint(&mut bytes) else { return false };
        // A difference of zero ends the table, but for the first value.
        if difference == 0 && at != function.range.start {
            return true;
        }
        let Some(advance) = varint(&mut bytes) else { return false };
        *work = work.saturating_sub(before - bytes.len());
        if *work == 0 || advance == 0 {
            return false;
        }
        let sign = -((difference & 1) as i32);
        value = value.wrapping_add((difference >> 1) as i32 ^ sign);
        let end = at.saturating_add(u64::from(advance) * quantum).min(function.range.end);
        heights.push(Height { range: at..end, bytes: value });
        at = end;
    }
    true
}

fn varint(bytes: &mut &[u8]) -> Option<u32> {
    let mut value = 0_u32;
    for shift in (0..35).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u32::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
