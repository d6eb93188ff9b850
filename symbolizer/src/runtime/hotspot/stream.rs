//! HotSpot's compressed numbers: one byte for small ones, up to five.

/// The number of bits by which each further byte counts more.
const SHIFT: u32 = 6;
const MOST_BYTES: u32 = 5;

/// The form of compressed numbers. It is in no table of the library, but follows from the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Up to JDK 19.
    AnyByte,
    /// From JDK 20 on: no byte is zero.
    NoZero,
}

impl Form {
    /// The form of a version; `None`: it is not known.
    pub(super) fn of_version(version: i64) -> Option<Self> {
        match version {
            8..=17 => Some(Self::AnyByte),
            21 | 22 | 25 => Some(Self::NoZero),
            _ => None,
        }
    }
}

/// A stream of compressed numbers.
#[derive(Debug)]
pub(super) struct Stream<'a> {
    bytes: &'a [u8],
    form: Form,
}

impl<'a> Stream<'a> {
    pub(super) fn new(bytes: &'a [u8], form: Form) -> Self {
        Self { bytes, form }
    }

    /// The next byte as it is.
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    /// The next number. A byte below the limit is its last one.
    pub(super) fn number(&mut self) -> Option<u32> {
        let (excluded, limit) = match self.form {
            Form::AnyByte => (0, 192),
            Form::NoZero => (1, 191),
        };
        let mut sum = 0_u32;
        for index in 0..MOST_BYTES {
            let byte = self.byte()?.checked_sub(excluded)?;
            sum = sum.wrapping_add(u32::from(byte).wrapping_shl(SHIFT * index));
            if byte < limit {
                break;
            }
        }
        Some(sum)
    }

    /// The next number, which may be negative: its sign is the lowest bit.
    pub(super) fn signed(&mut self) -> Option<i32> {
        let number = self.number()?;
        Some((number >> 1) as i32 ^ -((number & 1) as i32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(form: Form, bytes: &[u8]) -> Vec<u32> {
        let mut stream = Stream::new(bytes, form);
        std::iter::from_fn(|| stream.number()).collect()
    }

    #[test]
    fn numbers_have_one_to_five_bytes() {
        let bytes = [0, 191, 192, 0, 193, 1, 255, 255, 255, 255, 255];
        let last = [255_u32, 255 << 6, 255 << 12, 255 << 18, 255 << 24]
            .into_iter()
            .fold(0, u32::wrapping_add);
        assert_eq!(numbers(Form::AnyByte, &bytes), [0, 191, 192, 257, last]);
        // 191 is the first number of two bytes.
        assert_eq!(numbers(Form::NoZero, &[1, 191, 192, 1, 192, 2]), [0, 190, 191, 255]);
        assert_eq!(numbers(Form::NoZero, &[2, 0, 2]), [1], "a zero is no number");
        assert_eq!(numbers(Form::AnyByte, &[200]), [0; 0], "a number without an end");
    }

    #[test]
    fn the_lowest_bit_is_the_sign() {
        let mut stream = Stream::new(&[0, 1, 2, 3, 8], Form::AnyByte);
        let numbers: Vec<i32> = std::iter::from_fn(|| stream.signed()).collect();
        assert_eq!(numbers, [0, -1, 1, -2, 4]);
    }
}
