//! The facts about a process's runtimes that the interpreters' walkers read.

mod hotspot;

use crate::skeleton::sampler::types::{
    python, python_way, runtime_limits, runtime_number, runtimes, v8,
};
pub use hotspot::{HotSpotBegin, HotSpotBlock, HotSpotHeap, HotSpotLayout};

/// The facts about one runtime of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeFacts {
    /// The runtime's number, from 1.
    number: u32,
    words: Vec<u32>,
}

/// How the frames of a CPython version are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PythonWay {
    /// Each native frame of the loop runs one frame (up to 3.10).
    ByLoop,
    /// A native frame runs frames up to one that is marked as its entry (3.11).
    ByEntry,
    /// A native frame runs frames up to one on the native stack that runs nothing (3.12 and later).
    ByShim,
}

/// The places of the words in the structures of a CPython version, in bytes from their begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PythonLayout {
    /// How frames are found.
    pub way: PythonWay,
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
    pub code: u64,
    /// In a frame: its position.
    pub position: u64,
    /// In a frame: the byte that marks an entry, or says who owns the frame.
    pub kind: u64,
    /// In a code object: its instructions; 0 where a position is no address.
    pub instructions: u64,
    /// In a code object: the first line, the name, and the table of lines.
    pub line: u64,
    /// See `line`.
    pub name: u64,
    /// See `line`.
    pub table: u64,
    /// In a code object: the text that is shown as its name, and that of its file.
    pub shown: u64,
    /// See `shown`.
    pub file: u64,
}

/// The places of the words in the objects of a V8 version, in bytes from their begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct V8Layout {
    /// In a function: the information that all closures share.
    pub shared: u32,
    /// In this information: the script.
    pub script: u32,
    /// In this information: the function's number in the script.
    pub literal: u32,
    /// In a script: its number.
    pub script_id: u32,
}

const MOST: u64 = runtime_limits::OBJECT_BYTES.0 as u64;

impl RuntimeFacts {
    /// CPython's facts; `interpreters` is the address of the pointer to its first interpreter. `None`: its structures
    /// are larger than the walker reads.
    pub fn python(interpreters: u64, layout: &PythonLayout) -> Option<Self> {
        let field = |at: u64| u16::try_from(at).ok();
        let from = layout.line.min(layout.name).min(layout.table);
        let check_bytes = layout.line.max(layout.name).max(layout.table).checked_sub(from)? + 8;
        let ends = [layout.previous, layout.code, layout.position].map(|at| at.checked_add(8));
        let ends = ends.into_iter().chain([layout.kind.checked_add(1)]);
        let frame_bytes = ends.collect::<Option<Vec<u64>>>()?.into_iter().max()?;
        if frame_bytes > MOST || check_bytes > MOST {
            return None;
        }
        let (run_frame, run_previous) = layout.run.unwrap_or_default();
        let way = match layout.way {
            PythonWay::ByLoop => python_way::PYTHON_BY_LOOP,
            PythonWay::ByEntry => python_way::PYTHON_BY_ENTRY,
            PythonWay::ByShim => python_way::PYTHON_BY_SHIM,
        };
        let facts = python {
            interpreters,
            way: field(way.0.into())?,
            next_interpreter: field(layout.next_interpreter)?,
            first_thread: field(layout.first_thread)?,
            next_thread: field(layout.next_thread)?,
            thread_id: field(layout.thread_id)?,
            thread_frame: field(layout.thread_frame)?,
            run_frame: field(run_frame)?,
            run_previous: field(run_previous)?,
            previous: field(layout.previous)?,
            code: field(layout.code)?,
            position: field(layout.position)?,
            kind: field(layout.kind)?,
            frame_bytes: field(frame_bytes)?,
            instructions: field(layout.instructions)?,
            check_from: field(from)?,
            check_bytes: field(check_bytes)?,
            line: field(layout.line - from)?,
            name: field(layout.name - from)?,
            table: field(layout.table - from)?,
            has_run: layout.run.is_some().into(),
            kept_name: field(layout.shown)?,
            kept_file: field(layout.file)?,
            pad: [0; 2],
        };
        Some(Self { number: runtime_number::RUNTIME_PYTHON.0, words: words(&facts) })
    }
}

impl RuntimeFacts {
    /// The runtime's number, if its walker adds the functions of frames in code that the runtime has made.
    pub fn walks_compiled(&self) -> Option<u8> {
        let walks = self.number == runtime_number::RUNTIME_V8.0;
        u8::try_from(self.number).ok().filter(|_| walks)
    }

    /// V8's facts. `None`: its objects are larger than the walker reads.
    pub fn v8(layout: &V8Layout) -> Option<Self> {
        let &V8Layout { shared, script, literal, script_id } = layout;
        let read = literal.checked_sub(script).filter(|bytes| *bytes >= 8)?.checked_add(4)?;
        let facts = v8 { shared, script, literal, script_id };
        let words = vec![facts.shared, facts.script, facts.literal, facts.script_id];
        let number = runtime_number::RUNTIME_V8.0;
        (u64::from(read) <= MOST).then_some(Self { number, words })
    }
}

/// The words of the facts as the programs read them.
fn words(facts: &python) -> Vec<u32> {
    let halves = [
        facts.way,
        facts.next_interpreter,
        facts.first_thread,
        facts.next_thread,
        facts.thread_id,
        facts.thread_frame,
        facts.run_frame,
        facts.run_previous,
        facts.previous,
        facts.code,
        facts.position,
        facts.kind,
        facts.frame_bytes,
        facts.instructions,
        facts.check_from,
        facts.check_bytes,
        facts.line,
        facts.name,
        facts.table,
        facts.has_run,
        facts.kept_name,
        facts.kept_file,
    ];
    let pairs = halves.chunks(2).map(|pair| u32::from(pair[0]) | u32::from(pair[1]) << 16);
    let first = [facts.interpreters as u32, (facts.interpreters >> 32) as u32];
    let mut words: Vec<u32> = first.into_iter().chain(pairs).collect();
    words.resize(runtime_limits::PYTHON_WORDS.0 as usize, 0);
    words
}

/// The words of all facts, for a place in the arena: the positions by number, then the facts. Empty: there are none.
pub(super) fn all_words(facts: &[RuntimeFacts], at: u32) -> Vec<u32> {
    if facts.is_empty() {
        return Vec::new();
    }
    let mut all = vec![0; size_of::<runtimes>() / 4];
    for one in facts {
        let position = at + all.len() as u32;
        if let Some(place) = all[..runtime_limits::RUNTIMES.0 as usize].get_mut(one.number as usize)
        {
            *place = position;
        }
        all.extend(&one.words);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: PythonLayout = PythonLayout {
        way: PythonWay::ByShim,
        next_interpreter: 1,
        first_thread: 2,
        next_thread: 3,
        thread_id: 4,
        thread_frame: 5,
        run: Some((6, 7)),
        previous: 8,
        code: 9,
        position: 56,
        kind: 70,
        instructions: 10,
        line: 68,
        name: 120,
        table: 136,
        shown: 128,
        file: 112,
    };

    #[test]
    fn the_words_are_those_of_the_structure() {
        let facts = RuntimeFacts::python(0x7f00_1234_5678, &LAYOUT).unwrap();
        assert_eq!(facts.words.len() * 4, size_of::<python>());
        let all = all_words(&[facts], 0x100);
        assert_eq!(all[..8], [0, 0, 0x108, 0, 0, 0, 0, 0]);
        assert_eq!(all[8..10], [0x1234_5678, 0x7f00]);
        let halves: Vec<u16> =
            all[10..].iter().flat_map(|word| [*word as u16, (word >> 16) as u16]).collect();
        let expected =
            [3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 56, 70, 71, 10, 68, 76, 0, 52, 68, 1, 128, 112, 0, 0];
        assert_eq!(halves, expected);
        assert_eq!(all_words(&[], 8), []);
    }

    #[test]
    fn v8_s_words_are_those_of_its_structure() {
        let layout = V8Layout { shared: 32, script: 40, literal: 60, script_id: 64 };
        let facts = RuntimeFacts::v8(&layout).unwrap();
        assert_eq!(facts.words.len() * 4, size_of::<v8>());
        let all = all_words(&[facts], 0x100);
        assert_eq!(all, [0, 0, 0, 0x108, 0, 0, 0, 0, 32, 40, 60, 64]);
        for (script, literal) in [(60, 40), (40, 44), (40, 165), (0, u32::MAX)] {
            assert_eq!(RuntimeFacts::v8(&V8Layout { script, literal, ..layout }), None);
        }
    }

    #[test]
    fn structures_that_the_walker_cannot_read_are_refused() {
        for layout in [
            PythonLayout { position: 121, ..LAYOUT },
            PythonLayout { previous: u64::MAX, ..LAYOUT },
            PythonLayout { table: 68 + 121, ..LAYOUT },
            PythonLayout { next_interpreter: 1 << 16, ..LAYOUT },
        ] {
            assert_eq!(RuntimeFacts::python(8, &layout), None);
        }
    }
}
