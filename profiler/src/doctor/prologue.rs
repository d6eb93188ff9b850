//! Whether a function keeps a frame pointer, judged by its first instructions. Pure.

/// The beginning of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prologue {
    /// It saves the caller's frame pointer and sets its own.
    FramePointer,
    /// It uses the stack without a frame pointer.
    Stack,
    /// It does not touch the stack in the instructions that were read.
    Frameless,
}

/// Instruction sets whose prologues are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// x86-64.
    X86_64,
    /// 64-bit Arm.
    Aarch64,
}

/// Bytes of a function that are looked at.
pub const LOOK: usize = 48;

impl Isa {
    /// From an ELF file's `e_machine`.
    pub fn of_machine(machine: u16) -> Option<Self> {
        match machine {
            elf::X86_64 => Some(Self::X86_64),
            elf::AARCH64 => Some(Self::Aarch64),
            _ => None,
        }
    }

    /// Judges a function by its first bytes, up to [`LOOK`]; they must not reach into the next function.
    pub fn judge(self, code: &[u8]) -> Prologue {
        let code = &code[..code.len().min(LOOK)];
        match self {
            Self::X86_64 => x86_64(code),
            Self::Aarch64 => aarch64(code),
        }
    }
}

/// `mov %rsp,%rbp` in its two encodings.
const SETS_RBP: [[u8; 3]; 2] = [[0x48, 0x89, 0xe5], [0x48, 0x8b, 0xec]];
const PUSH_RBP: u8 = 0x55;
/// Between the two, compilers schedule other instructions.
const BETWEEN: usize = 16;

fn x86_64(code: &[u8]) -> Prologue {
    let sets = |at: usize| SETS_RBP.iter().any(|mov| code[at..].starts_with(mov));
    let framed = (0..code.len())
        .filter(|&push| code[push] == PUSH_RBP)
        .any(|push| (push + 1..code.len().min(push + 1 + BETWEEN)).any(sets));
    if framed {
        return Prologue::FramePointer;
    }
    let body = code.strip_prefix(&[0xf3, 0x0f, 0x1e, 0xfa]).unwrap_or(code);
    let stack = match body {
        [0x50..=0x57, ..] | [0x41, 0x50..=0x57, ..] => true,
        _ => body.windows(3).take(BETWEEN).any(|w| matches!(w, [0x48, 0x83 | 0x81, 0xec])),
    };
    if stack { Prologue::Stack } else { Prologue::Frameless }
}

fn aarch64(code: &[u8]) -> Prologue {
    let words: Vec<u32> =
        code.chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect();
    // stp x29, x30, [sp, #…] with or without write-back; add x29, sp, #… (mov is the same with 0).
    let saves = |w: &u32| matches!(w & 0xffc0_7fff, 0xa980_7bfd | 0xa900_7bfd);
    let sets = |w: &u32| w & 0xffc0_03ff == 0x9100_03fd;
    let framed = words.iter().position(saves).is_some_and(|at| words[at..].iter().any(sets));
    if framed {
        return Prologue::FramePointer;
    }
    // sub sp, sp, #…; stp …, [sp, #…]!; str …, [sp, #…]!
    let stack = |w: &u32| {
        w & 0xff80_03ff == 0xd100_03ff
            || w & 0xffc0_03e0 == 0xa980_03e0
            || w & 0xffe0_0fe0 == 0xf800_0fe0
    };
    if words.iter().take(4).any(stack) { Prologue::Stack } else { Prologue::Frameless }
}

/// The share of functions with a frame pointer among those that use the stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Functions with a frame pointer.
    pub with: usize,
    /// Functions that use the stack, those included.
    pub of: usize,
}

impl Share {
    /// Counts one function.
    pub fn count(&mut self, prologue: Prologue) {
        self.with += usize::from(prologue == Prologue::FramePointer);
        self.of += usize::from(prologue != Prologue::Frameless);
    }

    /// The share in per cent, rounded; `None` if too few functions were read.
    pub fn percent(self) -> Option<usize> {
        (self.of >= 8).then(|| (self.with * 100 + self.of / 2) / self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prologues_of_x86_64() {
        let judge = |code: &[u8]| Isa::X86_64.judge(code);
        let plain = [0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x10];
        assert_eq!(judge(&plain), Prologue::FramePointer);
        let marked = [&[0xf3, 0x0f, 0x1e, 0xfa], &plain[..]].concat();
        assert_eq!(judge(&marked), Prologue::FramePointer);
        let scheduled = [0x55, 0x31, 0xc0, 0x48, 0x8b, 0xec];
        assert_eq!(judge(&scheduled), Prologue::FramePointer);
        // rbp is pushed to be used for something else.
        assert_eq!(judge(&[0x55, 0x53, 0x48, 0x89, 0xfd, 0xc3]), Prologue::Stack);
        assert_eq!(judge(&[0x41, 0x57, 0x41, 0x56]), Prologue::Stack);
        assert_eq!(judge(&[0x31, 0xc0, 0x48, 0x83, 0xec, 0x08]), Prologue::Stack);
        assert_eq!(judge(&[0x8d, 0x04, 0x3f, 0xc3]), Prologue::Frameless);
        assert_eq!(judge(&[]), Prologue::Frameless);
    }

    #[test]
    fn prologues_of_aarch64() {
        let judge = |words: &[u32]| {
            Isa::Aarch64.judge(&words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>())
        };
        // stp x29, x30, [sp, #-32]!; mov x29, sp
        assert_eq!(judge(&[0xa9be_7bfd, 0x9100_03fd]), Prologue::FramePointer);
        // sub sp, sp, #48; stp x29, x30, [sp, #32]; add x29, sp, #32
        assert_eq!(judge(&[0xd100_c3ff, 0xa902_7bfd, 0x9100_83fd]), Prologue::FramePointer);
        // sub sp, sp, #16; str w0, [sp, #12]
        assert_eq!(judge(&[0xd100_43ff, 0xb900_0fe0]), Prologue::Stack);
        // add w0, w0, w0; ret
        assert_eq!(judge(&[0x0b00_0000, 0xd65f_03c0]), Prologue::Frameless);
    }

    #[test]
    fn a_share_of_few_functions_is_none() {
        let mut share = Share::default();
        share.count(Prologue::FramePointer);
        share.count(Prologue::Frameless);
        assert_eq!(share.percent(), None);
        (0..7).for_each(|_| share.count(Prologue::Stack));
        assert_eq!(share, Share { with: 1, of: 8 });
        assert_eq!(share.percent(), Some(13));
    }
}
