//! The few expressions that unwind rules are written in.

use gimli::{EndianSlice, Format, LittleEndian, Operation};

/// The meaning of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// `register + offset`.
    Register { register: u8, offset: i32 },
    /// The word at `register + offset`, plus `add`.
    Deref { register: u8, offset: i32, add: i32 },
    /// A stub of lazy binding, as linkers write it.
    Plt { threshold: u8 },
    /// Something else.
    Other,
}

/// Operations of the longest expression that is understood.
const MOST: usize = 4;

/// The meaning of an expression's bytes. Malformed and unusual expressions are [`Meaning::Other`].
pub(super) fn meaning(bytes: &[u8]) -> Meaning {
    if let Some(threshold) = stub(bytes) {
        return Meaning::Plt { threshold };
    }
    let encoding = gimli::Encoding { format: Format::Dwarf32, version: 4, address_size: 8 };
    let mut operations =
        gimli::Expression(EndianSlice::new(bytes, LittleEndian)).operations(encoding);
    let mut found = [Operation::Nop; MOST];
    let mut count = 0;
    loop {
        match operations.next() {
            Ok(None) => return sum(&found[..count]).unwrap_or(Meaning::Other),
            Ok(Some(operation)) if count < MOST => found[count] = operation,
            _ => return Meaning::Other,
        }
        count += 1;
    }
}

fn sum(operations: &[Operation<EndianSlice<'_, LittleEndian>>]) -> Option<Meaning> {
    let (&Operation::RegisterOffset { register, offset, .. }, rest) = operations.split_first()?
    else {
        return None;
    };
    let (register, offset) = (u8::try_from(register.0).ok()?, i32::try_from(offset).ok()?);
    let [Operation::Deref { size: 8, space: false, .. }, rest @ ..] = rest else {
        return rest.is_empty().then_some(Meaning::Register { register, offset });
    };
    let add = match *rest {
        [] => 0,
        [Operation::PlusConstant { value }]
        | [Operation::UnsignedConstant { value }, Operation::Plus] => i32::try_from(value).ok()?,
        [Operation::SignedConstant { value }, Operation::Plus] => i32::try_from(value).ok()?,
        _ => return None,
    };
    Some(Meaning::Deref { register, offset, add })
}

/// The threshold of a stub's expression: `rsp + 8 + ((rip & 15) >= threshold) << 3`.
fn stub(bytes: &[u8]) -> Option<u8> {
    match *bytes {
        [0x77, 8, 0x80, 0, 0x3f, 0x1a, literal @ 0x30..=0x3f, 0x2a, 0x33, 0x24, 0x22] => {
            Some(literal - 0x30)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_compilers_linkers_and_assembly_write() {
        let cases: [(&[u8], Meaning); 9] = [
            (&[0x76, 0x78, 0x06], Meaning::Deref { register: 6, offset: -8, add: 0 }),
            (&[0x77, 0xa0, 1, 0x06], Meaning::Deref { register: 7, offset: 160, add: 0 }),
            (&[0x77, 0x40, 0x06, 0x23, 8], Meaning::Deref { register: 7, offset: -64, add: 8 }),
            (&[0x77, 0x08, 0x06, 0x38, 0x22], Meaning::Deref { register: 7, offset: 8, add: 8 }),
            (&[0x76, 0], Meaning::Register { register: 6, offset: 0 }),
            (
                &[0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22],
                Meaning::Plt { threshold: 11 },
            ),
            // Scaled by a register.
            (&[0x77, 8, 0x79, 0, 0x38, 0x1e, 0x22, 0x06, 0x23, 8], Meaning::Other),
            (&[], Meaning::Other),
            (&[0x77], Meaning::Other),
        ];
        for (bytes, expected) in cases {
            assert_eq!(meaning(bytes), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn narrow_reads_are_other() {
        assert_eq!(meaning(&[0x76, 0x78, 0x94, 4]), Meaning::Other);
    }
}
