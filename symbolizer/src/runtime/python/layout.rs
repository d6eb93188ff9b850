//! The layout of CPython's structures. From 3.13 on, the interpreter describes itself; earlier versions have a table here, which
//! `tests/rig/cpython` compares with their headers.

use crate::runtime::{Loaded, Memory, Running, Symbol};
use elf::word::u64_at;

/// A version of CPython as it is loaded: where its threads are, and how its structures are laid out, in bytes from the begin of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Major and minor version.
    pub version: (u8, u8),
    /// The address of the pointer to the first interpreter.
    pub interpreters: u64,
    /// The interpreter's loop. Parts of it may be elsewhere.
    pub evaluation: Symbol,
    /// The address of the type of code objects.
    pub code_type: u64,
    /// Whether threads run without a global lock.
    pub free_threaded: bool,
    /// Threads and frames.
    pub frames: Frames,
    /// Code objects.
    pub code: Code,
    /// Texts and bytes.
    pub texts: Texts,
}

/// Interpreters, threads and frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frames {
    /// In an interpreter: the next one.
    pub next_interpreter: u64,
    /// In an interpreter: its first thread.
    pub first_thread: u64,
    /// In a thread: the next one.
    pub next_thread: u64,
    /// In a thread: its id, as `pthread_self` gives it.
    pub thread_id: u64,
    /// In a thread: its innermost frame, or a record that leads to it.
    pub thread_frame: u64,
    /// In this record, if there is one: the frame, and the record of the loop that called this one.
    pub run: Option<(u64, u64)>,
    /// In a frame: its caller.
    pub previous: u64,
    /// In a frame: its code object.
    pub executable: u64,
    /// In a frame: its position, an address, or a number of bytes or instructions (up to 3.10).
    pub position: u64,
    /// In a frame: the byte that marks an entry (3.11) or says who owns the frame (later).
    pub kind: u64,
}

/// Code objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The type of any object.
    pub of_type: u64,
    /// The name.
    pub name: u64,
    /// The qualified name; `None` up to 3.10.
    pub qualified: Option<u64>,
    /// The name of the source file.
    pub file: u64,
    /// The first line.
    pub line: u64,
    /// The table of lines.
    pub table: u64,
    /// The instructions; 0 where a position is no address.
    pub instructions: u64,
}

/// Texts and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Texts {
    /// In a text: its number of characters.
    pub length: u64,
    /// In a text: the bits that say how it is stored.
    pub state: u64,
    /// The first of these bits that counts.
    pub shift: u32,
    /// The size of a text of ASCII alone, without its characters.
    pub ascii: u64,
    /// The size of any other text, without its characters.
    pub compact: u64,
    /// In bytes: their number.
    pub bytes_length: u64,
    /// In bytes: the bytes.
    pub bytes: u64,
}

/// The text at the begin of the interpreter's own description.
const COOKIE: &[u8; 8] = b"xdebugpy";
/// The bytes of that description that are read.
const DESCRIBED: usize = 1024;

/// The places in the description that differ between its versions.
struct Described {
    next_thread: usize,
    thread_id: usize,
    frame: usize,
    code: usize,
    object: usize,
    bytes: usize,
    text: usize,
}

const OF_3_13: Described = described([168, 192, 232, 280, 360, 520, 544]);
const OF_3_14: Described = described([192, 216, 256, 320, 408, 600, 624]);
const OF_3_15: Described = described([192, 240, 320, 384, 472, 696, 720]);

/// These places, in the order of the fields.
const fn described(places: [usize; 7]) -> Described {
    let [next_thread, thread_id, frame, code, object, bytes, text] = places;
    Described { next_thread, thread_id, frame, code, object, bytes, text }
}

impl Layout {
    /// The layout of the CPython in a file, in the memory of a process or, by virtual addresses, in the file itself. `None`: it is none, or
    /// of a version that is not known.
    pub fn of(process: &Running<'_>) -> Option<Self> {
        let file = Loaded::of(process)?;
        let runtime = file.symbol(process, b"_PyRuntime")?.address;
        let layout = Self {
            version: version(&file, process)?,
            interpreters: runtime,
            evaluation: file.symbol(process, b"_PyEval_EvalFrameDefault")?,
            code_type: file.symbol(process, b"PyCode_Type")?.address,
            ..Self::UNKNOWN
        };
        match layout.version {
            (3, 13) => layout.described(process.memory, &OF_3_13),
            (3, 14) => layout.described(process.memory, &OF_3_14),
            (3, 15) => layout.described(process.memory, &OF_3_15),
            _ => layout.undescribed(),
        }
    }

    /// The layout of a version that does not describe itself.
    pub(crate) fn undescribed(self) -> Option<Self> {
        match self.version {
            (3, 8 | 9) => Some(self.with(32, FRAMES_3_8, CODE_3_8, TEXTS_3_8)),
            (3, 10) => {
                let frames = Frames { position: 96, kind: 108, ..FRAMES_3_8 };
                Some(self.with(32, frames, CODE_3_8, TEXTS_3_8))
            }
            (3, 11) => Some(self.with(40, FRAMES_3_11, CODE_3_11, TEXTS_3_8)),
            (3, 12) => Some(self.with(40, FRAMES_3_12, CODE_3_12, TEXTS_3_12)),
            _ => None,
        }
    }

    fn with(self, interpreters: u64, frames: Frames, code: Code, texts: Texts) -> Self {
        let interpreters = self.interpreters.wrapping_add(interpreters);
        Self { interpreters, frames, code, texts, ..self }
    }

    /// Reads the interpreter's own description.
    fn described(self, memory: &dyn Memory, at: &Described) -> Option<Self> {
        let mut bytes = [0; DESCRIBED];
        if !memory.fill(self.interpreters, &mut bytes) || !bytes.starts_with(COOKIE) {
            return None;
        }
        let stated = u64_at(&bytes, 8)?;
        if ((stated >> 24) as u8, (stated >> 16) as u8) != self.version {
            return None;
        }
        // Structures of more bytes than a field can be in are none.
        let word = |at: usize| u64_at(&bytes, at).filter(|offset| *offset < 1 << 20);
        let free_threaded = word(16)? != 0;
        let frames = Frames {
            next_interpreter: word(64)?,
            first_thread: word(72)?,
            next_thread: word(at.next_thread)?,
            thread_frame: word(at.next_thread + 16)?,
            thread_id: word(at.thread_id)?,
            run: None,
            previous: word(at.frame)?,
            executable: word(at.frame + 8)?,
            position: word(at.frame + 16)?,
            kind: word(at.frame + 32)?,
        };
        let code = Code {
            of_type: word(at.object)?,
            file: word(at.code)?,
            name: word(at.code + 8)?,
            qualified: Some(word(at.code + 16)?),
            table: word(at.code + 24)?,
            line: word(at.code + 32)?,
            instructions: word(at.code + 64)?,
        };
        let ascii = word(at.text + 16)?;
        let texts = Texts {
            state: word(at.text)?,
            length: word(at.text + 8)?,
            shift: if free_threaded && self.version >= (3, 14) { 8 } else { 0 },
            ascii,
            compact: ascii + 16,
            bytes_length: word(at.bytes)?,
            bytes: word(at.bytes + 8)?,
        };
        Some(Self { free_threaded, ..self.with(word(40)?, frames, code, texts) })
    }

    /// Nothing but zeros, and some version's structures.
    pub(crate) const UNKNOWN: Self = Self {
        version: (0, 0),
        interpreters: 0,
        evaluation: Symbol { address: 0, size: 0 },
        code_type: 0,
        free_threaded: false,
        frames: FRAMES_3_8,
        code: CODE_3_8,
        texts: TEXTS_3_8,
    };
}

/// The version: as the file states it, or before 3.11 by the functions that came with each version.
fn version(file: &Loaded, process: &Running<'_>) -> Option<(u8, u8)> {
    if let Some(stated) = file.symbol(process, b"Py_Version") {
        let stated = process.memory.word(stated.address)?;
        return Some(((stated >> 24) as u8, (stated >> 16) as u8));
    }
    let came: [(&[u8], u8); 3] =
        [(b"Py_NewRef", 10), (b"PyType_FromModuleAndSpec", 9), (b"PyCode_NewWithPosOnlyArgs", 8)];
    let has = |name| file.symbol(process, name).is_some();
    Some((3, came.into_iter().find(|(name, _)| has(name))?.1))
}

const FRAMES_3_8: Frames = Frames {
    next_interpreter: 0,
    first_thread: 8,
    next_thread: 8,
    thread_id: 176,
    thread_frame: 24,
    run: None,
    previous: 24,
    executable: 32,
    position: 104,
    kind: 116,
};

const FRAMES_3_11: Frames = Frames {
    next_interpreter: 0,
    first_thread: 16,
    next_thread: 8,
    thread_id: 152,
    thread_frame: 56,
    run: Some((8, 16)),
    previous: 48,
    executable: 32,
    position: 56,
    kind: 68,
};

const FRAMES_3_12: Frames = Frames {
    next_interpreter: 0,
    first_thread: 72,
    next_thread: 8,
    thread_id: 136,
    thread_frame: 56,
    run: Some((0, 8)),
    previous: 8,
    executable: 0,
    position: 56,
    kind: 70,
};

const CODE_3_8: Code = Code {
    of_type: 8,
    name: 112,
    qualified: None,
    file: 104,
    line: 40,
    table: 120,
    instructions: 0,
};

const CODE_3_11: Code = Code {
    of_type: 8,
    name: 120,
    qualified: Some(128),
    file: 112,
    line: 72,
    table: 136,
    instructions: 184,
};

const CODE_3_12: Code = Code { line: 68, instructions: 192, ..CODE_3_11 };

const TEXTS_3_8: Texts =
    Texts { length: 16, state: 32, shift: 0, ascii: 48, compact: 72, bytes_length: 16, bytes: 32 };

const TEXTS_3_12: Texts = Texts { ascii: 40, compact: 56, ..TEXTS_3_8 };
