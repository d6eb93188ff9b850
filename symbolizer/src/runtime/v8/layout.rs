//! Where V8's objects have their fields: by V8's version, checked against the constants that its binary exports for
//! debuggers (`v8dbg_…`). The numbers of types are taken from these constants.

use super::super::loaded::Loaded;
use super::super::reader::Running;
use super::sizes::{self, Sizes};
use super::translation::{self, Opcodes};

/// The layout of one version of V8.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// The major and minor number of the version.
    pub(super) version: (u32, u32),
    /// The numbers of types.
    pub(super) types: Types,
    /// The offset in a function of the information that all closures share.
    pub(super) closure: u64,
    /// Offsets in the information that all closures of a function share.
    pub(super) shared: Shared,
    /// The offset in a script of the name that its source gives it (`sourceURL`).
    pub(super) script_url: u64,
    /// How the description of a scope is laid out.
    pub(super) scope: Scope,
    /// Offsets in compiled code.
    pub(super) code: Code,
    /// How the exits of Maglev's code are laid out, where it keeps no positions.
    pub(super) exits: Option<Exits>,
    /// The offset of the table of positions in a bytecode array.
    pub(super) bytecode_positions: u64,
    /// The offset of the first bytecode in its array.
    pub(super) bytecodes: u64,
    /// The sizes of bytecodes.
    pub(super) sizes: Sizes,
    /// The low bits of an offset in a table of positions that are no offset.
    pub(super) offset_shift: u32,
}

/// Numbers of types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Types {
    pub(super) shared: u16,
    pub(super) script: u16,
    pub(super) scope: u16,
    pub(super) bytecode: u16,
    pub(super) code: u16,
    /// The object that has the instructions: the code itself in older versions.
    pub(super) instructions: u16,
    pub(super) fixed_array: u16,
    /// Data of a function without bytecode, of four kinds.
    pub(super) uncompiled: [u16; 4],
}

/// Offsets in shared information.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shared {
    /// Its bytecode, its baseline code, or the data of a function without either.
    pub(super) data: u64,
    pub(super) name: u64,
    pub(super) script: u64,
    pub(super) literal: u64,
}

/// The description of a scope.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    /// Whether the source positions come first, and flags are a plain number.
    pub(super) positions_first: bool,
    /// The number of a module's scope.
    pub(super) module: u32,
}

/// Offsets in code and in its data for deoptimization.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code {
    /// From the head of the object with the instructions to the first one.
    pub(super) head: u64,
    /// Whether that object is another one than the code.
    pub(super) apart: bool,
    pub(super) data: u64,
    pub(super) positions: u64,
    pub(super) start: u64,
    pub(super) flags: u64,
    pub(super) size: u64,
    /// The kind of baseline code. The two that optimize follow.
    pub(super) baseline: u32,
    /// Elements of the data for deoptimization.
    pub(super) literals: u64,
    pub(super) outermost: u64,
    pub(super) inlined: u64,
    /// Whether the outermost function is behind another object.
    pub(super) wrapped: bool,
}

/// How the exits of Maglev's code are laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exits {
    /// The first element of the data for deoptimization that is one of an exit.
    pub(super) first: u64,
    /// Where the head of the table of safepoints has the number of entries.
    pub(super) safepoints: usize,
    /// The opcodes of the translation.
    pub(super) opcodes: Opcodes,
}

/// Facts that stay the same in all known versions.
pub(super) mod fixed {
    /// The offset of a map's type.
    pub(in super::super) const MAP_TYPE: u64 = 12;
    /// The offsets in scripts.
    pub(in super::super) const SCRIPT_SOURCE: u64 = 8;
    pub(in super::super) const SCRIPT_NAME: u64 = 16;
    pub(in super::super) const SCRIPT_FIRST_LINE: u64 = 24;
    pub(in super::super) const SCRIPT_LINE_ENDS: u64 = 56;
    pub(in super::super) const SCRIPT_ID: u64 = 64;
    /// The offset of the length of arrays, and of their first element.
    pub(in super::super) const LENGTH: u64 = 8;
    pub(in super::super) const ELEMENTS: u64 = 16;
    /// The offsets in the data of a function without bytecode.
    pub(in super::super) const UNCOMPILED_NAME: u64 = 8;
    pub(in super::super) const UNCOMPILED_START: u64 = 16;
}

/// The versions of V8 that are known, by major and minor number: those of Node.js 18, 20, 22, 24, 25 and 26.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    V10_1,
    V10_2,
    V11,
    V12,
    V13,
    V14_1,
    V14_6,
}

impl Version {
    fn of(major: u32, minor: u32) -> Option<Self> {
        match (major, minor) {
            (10, 1) => Some(Self::V10_1),
            (10, 2) => Some(Self::V10_2),
            (11, 3) => Some(Self::V11),
            (12, 4) => Some(Self::V12),
            (13, 6) => Some(Self::V13),
            (14, 1) => Some(Self::V14_1),
            (14, 6) => Some(Self::V14_6),
            _ => None,
        }
    }

    /// Constants and their values. A build in which one of them differs is not known.
    fn constants(self) -> [(&'static str, u32); 12] {
        let two = |older: u32, newer: u32| if self >= Self::V13 { newer } else { older };
        [
            ("TaggedSize", 8),
            ("SmiShiftSize", 31),
            ("off_fp_bytecode_offset", -40_i32 as u32),
            ("class_Map__instance_type__uint16_t", 12),
            ("class_JSFunction__shared__SharedFunctionInfo", self.closure()),
            ("class_SharedFunctionInfo__flags__int", two(48, 56)),
            ("class_Script__source__Object", 8),
            ("class_Script__name__Object", 16),
            ("class_Script__line_ends__Object", 56),
            ("class_FixedArray__data__uintptr_t", 16),
            ("scopeinfo_idx_first_vars", two(3, 5)),
            ("CodeKindBaseline", self.baseline()),
        ]
    }

    fn layout(self, version: (u32, u32), types: Types) -> Layout {
        let newer = self >= Self::V13;
        let step = if newer { 8 } else { 0 };
        Layout {
            version,
            types,
            closure: self.closure().into(),
            shared: Shared { data: 8, name: 16 + step, script: 32 + step, literal: 52 + step },
            script_url: if self >= Self::V11 { 112 } else { 104 },
            scope: Scope { positions_first: newer, module: if newer { 5 } else { 3 } },
            code: self.code(),
            exits: self.exits(),
            bytecode_positions: if self >= Self::V12 { 24 } else { 32 },
            bytecodes: match self {
                Self::V10_1 | Self::V11 => 54,
                Self::V10_2 => 56,
                _ => 64,
            },
            sizes: self.sizes(),
            offset_shift: u32::from(self >= Self::V14_1),
        }
    }

    fn code(self) -> Code {
        let (literals, outermost, inlined) = if self >= Self::V13 { (3, 7, 8) } else { (2, 6, 7) };
        let (head, data, positions, start, flags, size) = match self {
            Self::V10_1 | Self::V10_2 => (128, 16, 24, 128, 48, 40),
            Self::V11 => (16, 16, 24, 40, 48, 56),
            Self::V12 => (32, 8, 16, 40, 48, 52),
            Self::V13 | Self::V14_1 | Self::V14_6 => (32, 8, 16, 40, 52, 56),
        };
        Code {
            head,
            apart: self > Self::V10_2,
            data,
            positions,
            start,
            flags,
            size,
            baseline: self.baseline(),
            literals,
            outermost,
            inlined,
            wrapped: self >= Self::V13,
        }
    }

    /// Before 12.4, Maglev was not in use. From 14.1 on, its code keeps positions, and in later builds of 13.6.
    fn exits(self) -> Option<Exits> {
        match self {
            Self::V12 => Some(Exits { first: 11, safepoints: 0, opcodes: translation::V12 }),
            Self::V13 => Some(Exits { first: 12, safepoints: 4, opcodes: translation::V13 }),
            _ => None,
        }
    }

    /// The offset in a function of what all closures share.
    fn closure(self) -> u32 {
        if self >= Self::V12 { 32 } else { 24 }
    }

    /// The kind of baseline code.
    fn baseline(self) -> u32 {
        if matches!(self, Self::V12 | Self::V13 | Self::V14_1) { 10 } else { 11 }
    }

    /// The sizes of bytecodes.
    fn sizes(self) -> Sizes {
        match self {
            Self::V10_1 | Self::V10_2 => sizes::V10,
            Self::V11 => sizes::V11,
            Self::V12 => sizes::V12,
            Self::V13 => sizes::V13,
            Self::V14_1 => sizes::V14_1,
            Self::V14_6 => sizes::V14_6,
        }
    }
}

impl Layout {
    /// The layout of a process's V8. `None`: its version or its build is not known.
    pub(super) fn of(process: &Running<'_>) -> Option<Self> {
        let loaded = Loaded::of(process)?;
        let number = |name: &str| {
            let symbol = loaded.symbol(process, name.as_bytes())?;
            let mut bytes = [0; 4];
            process.memory.fill(symbol.address, &mut bytes).then(|| u32::from_le_bytes(bytes))
        };
        let constant = |name: &str| number(&format!("v8dbg_{name}"));
        let [major, minor] =
            ["major", "minor"].map(|part| number(&format!("_ZN2v88internal7Version6{part}_E")));
        let numbers = (major?, minor?);
        let version = Version::of(numbers.0, numbers.1)?;
        let same = |&(name, value): &(&str, u32)| constant(name) == Some(value);
        if !version.constants().iter().all(same) {
            return None;
        }
        let of = |name: &str| u16::try_from(constant(&format!("type_{name}"))?).ok();
        let code = of("Code__CODE_TYPE")?;
        let apart = of("InstructionStream__INSTRUCTION_STREAM_TYPE");
        let first = of("UncompiledDataWithPreparseData__UNCOMPILED_DATA_WITH_PREPARSE_DATA_TYPE")?;
        let types = Types {
            shared: of("SharedFunctionInfo__SHARED_FUNCTION_INFO_TYPE")?,
            script: of("Script__SCRIPT_TYPE")?,
            scope: of("ScopeInfo__SCOPE_INFO_TYPE")?,
            bytecode: of("BytecodeArray__BYTECODE_ARRAY_TYPE")?,
            code,
            instructions: if version <= Version::V10_2 { code } else { apart? },
            fixed_array: of("FixedArray__FIXED_ARRAY_TYPE")?,
            // Their numbers follow each other.
            uncompiled: [0, 1, 2, 3].map(|next: u16| first.saturating_add(next)),
        };
        Some(version.layout(numbers, types))
    }
}
