//! The value of a register or of a word of the frame.

/// The registers that a callee must keep by the ABI: rbx, rsp, rbp, r12 to r15, one bit each.
pub(super) const KEPT_BY_CALLEES: u16 = 0xf038;

/// The value of a register or of a word of the frame. `Frame` and the addresses contain offsets into the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    /// Anything.
    Unknown,
    /// The canonical frame address plus so many bytes.
    Cfa(i32),
    /// A stack pointer that an instruction changed in a way that only the running program knows, plus an offset in bytes.
    Frame { made_at: u32, offset: i32 },
    /// The value of this register at the entry.
    Entry(u8),
    /// The return address of the function.
    ReturnAddress,
    /// A number.
    Constant(i32),
    /// An address in the file.
    Address(u32),
    /// An address in the file plus a number that only the program knows: a place in a table.
    Within(u32),
    /// One of a numbered set of addresses in uncovered code, or anything else.
    Labels(u32),
    /// An entry of the table of offsets at an address.
    Offset { table: u32, entry: Entry },
    /// Such an entry added to an address: a place in the code.
    Target { table: u32, entry: Entry, base: u32 },
}

/// The type of the entries in a table of offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Entry {
    /// 16 bits, never negative.
    Unsigned16,
    /// 16 bits.
    Signed16,
    /// 32 bits.
    Signed32,
}

impl Entry {
    /// Bytes of one.
    pub(super) fn size(self) -> u8 {
        match self {
            Self::Unsigned16 | Self::Signed16 => 2,
            Self::Signed32 => 4,
        }
    }
}

impl Value {
    /// The value plus a number.
    pub(super) fn plus(self, number: i64) -> Self {
        let add = |value: i32| {
            i64::from(value).checked_add(number).and_then(|sum| i32::try_from(sum).ok())
        };
        let sum = match self {
            Self::Cfa(offset) => add(offset).map(Self::Cfa),
            Self::Frame { made_at, offset } => {
                add(offset).map(|offset| Self::Frame { made_at, offset })
            }
            Self::Constant(value) => add(value).map(Self::Constant),
            Self::Address(address) => add_to_address(address, number).map(Self::Address),
            Self::Within(address) => add_to_address(address, number).map(Self::Within),
            _ => None,
        };
        sum.unwrap_or(Self::Unknown)
    }

    /// Whether it points into the stack.
    pub(super) fn is_stack(self) -> bool {
        matches!(self, Self::Cfa(_) | Self::Frame { .. })
    }

    /// Its distance above another value, in bytes, if both have the same base.
    pub(super) fn above(self, other: Self) -> Option<i64> {
        match (self, other) {
            (Self::Cfa(own), Self::Cfa(other)) => Some(i64::from(own) - i64::from(other)),
            (Self::Frame { made_at, offset }, Self::Frame { made_at: at, offset: other })
                if made_at == at =>
            {
                Some(i64::from(offset) - i64::from(other))
            }
            _ => None,
        }
    }

    /// Whether code keeps it in the frame to find its way back.
    pub(super) fn is_worth_a_slot(self) -> bool {
        match self {
            Self::Entry(register) => KEPT_BY_CALLEES >> register & 1 == 1,
            Self::Cfa(_) | Self::Frame { .. } | Self::ReturnAddress => true,
            Self::Address(_) | Self::Labels(_) => true,
            _ => false,
        }
    }

    pub(super) fn is_made_at(self, instruction: u32) -> bool {
        matches!(self, Self::Frame { made_at, .. } if made_at == instruction)
    }
}

fn add_to_address(address: u32, number: i64) -> Option<u32> {
    i64::from(address).checked_add(number).and_then(|sum| u32::try_from(sum).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_do_not_overflow() {
        assert_eq!(Value::Cfa(i32::MIN).plus(-1), Value::Unknown);
        assert_eq!(Value::Address(3).plus(-4), Value::Unknown);
        assert_eq!(Value::Address(3).plus(i64::MAX), Value::Unknown);
        assert_eq!(Value::Cfa(i32::MIN).plus(i64::MIN), Value::Unknown);
    }
}
