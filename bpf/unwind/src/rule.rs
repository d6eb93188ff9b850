//! A rule to find a caller's frame from the registers at an address.

pub mod bits;
mod compact;

pub use compact::Compact;

/// The numbers that the architecture's ABI gives to its registers in unwind rules.
pub mod registers {
    /// Stack pointer.
    #[cfg(not(target_arch = "aarch64"))]
    pub const STACK_POINTER: u8 = 7;
    /// Frame pointer.
    #[cfg(not(target_arch = "aarch64"))]
    pub const FRAME_POINTER: u8 = 6;
    /// The saved register beside the frame pointer that a few rules build on: rbx, in the stubs of lazy binding.
    #[cfg(not(target_arch = "aarch64"))]
    pub const SPARE: u8 = 3;

    /// Stack pointer.
    #[cfg(target_arch = "aarch64")]
    pub const STACK_POINTER: u8 = 31;
    /// Frame pointer.
    #[cfg(target_arch = "aarch64")]
    pub const FRAME_POINTER: u8 = 29;
    /// The saved register beside the frame pointer that a few rules build on.
    #[cfg(target_arch = "aarch64")]
    pub const SPARE: u8 = 19;
}

/// A rule to find the caller's frame from the registers at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// The canonical frame address: the caller's stack pointer.
    pub cfa: Cfa,
    /// The caller's frame pointer.
    pub fp: Restore,
    /// The caller's [`registers::SPARE`]; [`Restore::Unknown`] in files whose rules do not build on it.
    pub spare: Restore,
    /// The return address.
    pub ra: ReturnAddress,
    /// The source of the rule.
    pub trust: RuleTrust,
}

/// The way to find the canonical frame address. Registers have their DWARF numbers, offsets are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cfa {
    /// `register + offset`. What is neither stack nor frame pointer nor spare is known in the sample's own frame only.
    Register {
        /// DWARF number.
        register: u8,
        /// Bytes.
        offset: i32,
    },
    /// The word at `register + offset`, plus `add`.
    Deref {
        /// DWARF number.
        register: u8,
        /// Bytes.
        offset: i32,
        /// Bytes.
        add: i32,
    },
    /// A stub of lazy binding: the stack pointer plus 8, and 8 more where the last four bits of the instruction
    /// pointer are `threshold` or above.
    Plt {
        /// 0 to 15.
        threshold: u8,
    },
    /// All registers lie in the `ucontext` at the stack pointer, and the address found is no return address.
    SignalFrame,
    /// A step by the frame pointer.
    FramePointer,
    /// It is unknown, and is guessed as if there were no rule. If the return address is found on top of the stack, the rule for the frame
    /// pointer holds.
    Guessed,
    /// A step by the frame pointer because the code's own rules are not there yet; the stack is marked for it.
    NotYet,
}

/// The way to find a register's value in the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Restore {
    /// It is unchanged.
    Same,
    /// It was saved so many bytes from the canonical frame address.
    AtCfa(i32),
    /// It was saved so many bytes from the frame pointer (functions that align their frames).
    AtFramePointer(i32),
    /// It is lost, or cannot be expressed.
    Unknown,
}

/// The way to find the return address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReturnAddress {
    /// This many bytes from the canonical frame address.
    AtCfa(i32),
    /// This many bytes from the frame pointer, which may point to another stack (functions that switch stacks; interpreters, whose callers'
    /// frames may have been extended).
    AtFramePointer(i32),
    /// This many bytes from the stack pointer, for the same reasons.
    AtStackPointer(i32),
    /// There is none: the stack ends here.
    End,
    /// The rules of this address cannot be expressed.
    Unsupported(Unsupported),
}

/// The source of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleTrust {
    /// The file's own tables.
    Rule,
    /// The file's code, disassembled.
    Synthesised,
}

/// Why rules cannot be expressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Unsupported {
    /// The canonical frame address by an expression other than a dereference or a stub's.
    CfaExpression,
    /// An offset that the compact form has no room for.
    Offset,
    /// The return address by another register or an expression.
    ReturnAddress,
    /// The caller's stack pointer is not the canonical frame address.
    StackPointer,
    /// A signal frame in an unknown form.
    SignalFrame,
    /// The table's own bytes are malformed from here on.
    Malformed,
    /// The file has more unique rules than a row can number.
    TooManyRules,
    /// The stack was switched: the caller's is not found by the stack pointer (Go's runtime).
    StackSwitch,
    /// Code of a runtime that keeps its caller where no rule finds it.
    Runtime,
}

impl Unsupported {
    /// All kinds, each at the index of its number.
    pub const ALL: [Self; 9] = [
        Self::CfaExpression,
        Self::Offset,
        Self::ReturnAddress,
        Self::StackPointer,
        Self::SignalFrame,
        Self::Malformed,
        Self::TooManyRules,
        Self::StackSwitch,
        Self::Runtime,
    ];

    /// A few words for a reader.
    pub fn words(self) -> &'static str {
        match self {
            Self::CfaExpression => "unknown expression for the frame address",
            Self::Offset => "an offset out of range",
            Self::ReturnAddress => "return address in a register or by an unknown expression",
            Self::StackPointer => "separate rule for the stack pointer",
            Self::SignalFrame => "unknown form of signal frame",
            Self::Malformed => "malformed rules",
            Self::TooManyRules => "too many unique rules",
            Self::StackSwitch => "switched stack",
            Self::Runtime => "unknown form of run-time code",
        }
    }
}

impl Rule {
    /// The end of the stack.
    pub const END: Self = Self {
        cfa: Cfa::Register { register: registers::STACK_POINTER, offset: 0 },
        fp: Restore::Unknown,
        spare: Restore::Unknown,
        ra: ReturnAddress::End,
        trust: RuleTrust::Rule,
    };

    /// A signal handler's frame.
    pub const SIGNAL_FRAME: Self = Self::of(Cfa::SignalFrame);

    /// A step by the frame pointer.
    pub const FRAME_POINTER: Self = Self { fp: Restore::AtCfa(-16), ..Self::of(Cfa::FramePointer) };

    /// The same where the code's own rules are not there yet.
    pub const NOT_YET: Self = Self { cfa: Cfa::NotYet, ..Self::FRAME_POINTER };

    /// A rule of the file's own tables where the frame pointer is the caller's still and the return address lies below
    /// the canonical frame address.
    pub const fn of(cfa: Cfa) -> Self {
        Self {
            cfa,
            fp: Restore::Same,
            spare: Restore::Unknown,
            ra: ReturnAddress::AtCfa(-8),
            trust: RuleTrust::Rule,
        }
    }

    /// The rule for code whose rules cannot be expressed.
    pub const fn unsupported(kind: Unsupported) -> Self {
        Self { ra: ReturnAddress::Unsupported(kind), ..Self::END }
    }
}
