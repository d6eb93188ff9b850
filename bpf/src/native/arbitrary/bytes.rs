//! Bytes as numbers, addresses and rules.

/// The address of the code, which has two pages of rows.
pub(super) const CODE: u64 = 0x40_0000;
pub(super) const CODE_END: u64 = CODE + 0x2_0000;
/// The address of the stack.
pub(super) const STACK: u64 = 0x7ffc_0000_0000;
/// The length of the longest stack, in words.
pub(super) const LONGEST: usize = 4096;

/// Bytes that are taken one after the other. After the last one there are zeros.
#[derive(Debug)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl Bytes<'_> {
    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(super) fn number<const SIZE: usize>(&mut self) -> u64 {
        (0..SIZE).fold(0, |number, _| number << 8 | u64::from(self.byte()))
    }

    /// True one time in eight.
    pub(super) fn seldom(&mut self) -> bool {
        self.byte() % 8 == 7
    }

    /// A random number. All lengths are equally likely.
    pub(super) fn any_size(&mut self) -> u32 {
        (self.number::<4>() as u32) >> (self.byte() % 32)
    }

    /// A word of a stack, mostly an address of code.
    pub(super) fn word(&mut self) -> u64 {
        let (kind, low) = (self.byte(), self.number::<2>());
        match kind % 64 {
            0 => low >> 8,
            1 => low << (low & 63),
            2..=6 => STACK + low % LONGEST as u64 * 8,
            _ => CODE + low + u64::from(kind >> 7) * 0x1_0000,
        }
    }

    /// A register, mostly with an address of the usual kind.
    pub(super) fn register(&mut self, usual: u64) -> u64 {
        let kind = self.byte();
        if kind.is_multiple_of(16) { self.word() } else { usual + self.number::<1>() * 8 }
    }

    /// A rule: mostly one that compilers make, seldom arbitrary bits.
    pub(super) fn rule(&mut self) -> u64 {
        let (kind, how, offset) = (self.byte(), self.byte(), self.byte());
        if kind >> 4 == 0 {
            return self.number::<8>();
        }
        let place = |byte: u8| u64::from((byte as i8 / 16) as u8);
        let any = offset % 8 == 7;
        let offset = if any { i32::from(offset as i8) } else { i32::from(offset >> 3) + 1 };
        [1, 1, 1, 1, 1, 2, 3, u64::from(kind >> 5)][usize::from(kind & 7)]
            | u64::from(kind & 8)
            | u64::from(how >> 6) << 4
            | [0, 0, 0, 0, 0, 0, 2, u64::from(how >> 6)][usize::from(how >> 3 & 7)] << 6
            | [7, 7, 7, 7, 7, 6, 3, 10][usize::from(how & 7)] << 8
            | u64::from(kind >> 6) << 14
            | place(self.byte()) << 16
            | place(self.byte()) << 24
            | u64::from((offset * 8) as u32) << 32
    }
}
