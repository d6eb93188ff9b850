//! The interpreter in a file: the ranges of its loop, and the facts that its walker needs.

use super::loaded::Loaded;
use bpf::unwind::FrameSections;
use bpf::unwind::parts;
use bpf::unwind::synth::Memory as _;
use bpf::{PythonLayout, PythonWay, RuntimeFacts, V8Layout};
use elf::{Bytes, Image};
use std::ops::Range;
use symbolizer::Runtime;
use symbolizer::runtime::python::layout::Layout;
use symbolizer::runtime::v8::Offsets;
use symbolizer::runtime::{Memory, Running};

/// The largest section of unwind rules that is read for the parts of the loop, in bytes.
const LARGEST: u64 = 32 << 20;

/// An interpreter in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interpreter {
    runtime: Runtime,
    /// The virtual addresses of its loop, sorted.
    pub(crate) loops: Vec<Range<u64>>,
    walker: Walker,
}

/// What its walker needs.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Walker {
    Python {
        /// The virtual address of the pointer to the first interpreter.
        interpreters: u64,
        layout: PythonLayout,
    },
    V8(V8Layout),
}

impl Interpreter {
    /// The interpreter in a file, if there is one whose frames can be walked.
    pub(super) fn of(image: &Image<'_>, loaded: &Loaded<'_>) -> Option<Self> {
        let first = loaded.first()?;
        let layout = Layout::of(&Running { memory: loaded, image: first })?;
        let start = layout.evaluation.address;
        let whole = start..start.checked_add(layout.evaluation.size)?;
        let mut loops = elsewhere(image, loaded, &whole).unwrap_or_default();
        loops.push(whole);
        loops.sort_by_key(|range| range.start);
        let interpreters = layout.interpreters;
        let layout = facts(&layout);
        let walker = Walker::Python { interpreters, layout };
        Some(Self { runtime: Runtime::PYTHON, loops, walker })
    }

    /// V8 in a file, if there is one whose frames can be walked. `frames` finds the code that runs with the frame of a
    /// JavaScript function.
    pub(super) fn v8(loaded: &Loaded<'_>, frames: impl Fn() -> Vec<Range<u64>>) -> Option<Self> {
        let first = loaded.first()?;
        let Offsets { shared, script, literal, script_id, .. } =
            Offsets::of(&Running { memory: loaded, image: first })?;
        let walker = Walker::V8(V8Layout { shared, script, literal, script_id });
        let loops = Some(frames()).filter(|frames| !frames.is_empty())?;
        Some(Self { runtime: Runtime::NODE, loops, walker })
    }

    /// The number of its runtime.
    pub(crate) fn number(&self) -> u8 {
        self.runtime.number()
    }

    /// Whether it is V8.
    pub(super) fn is_v8(&self) -> bool {
        self.runtime == Runtime::NODE
    }

    /// What its walker needs, for a file that is loaded with this bias.
    pub(crate) fn facts(&self, bias: u64) -> Option<RuntimeFacts> {
        match &self.walker {
            Walker::Python { interpreters, layout } => {
                RuntimeFacts::python(interpreters.wrapping_add(bias), layout)
            }
            Walker::V8(layout) => RuntimeFacts::v8(layout),
        }
    }
}

/// The version of the interpreter in a file, if its functions are read.
pub(crate) fn version_read(file: &std::fs::File) -> Option<(u32, u32)> {
    let image = Image::parse(Bytes::File(file)).ok()?;
    let loaded = Loaded::of(&image)?;
    let process = Running { memory: &loaded, image: loaded.first()? };
    let python = Layout::of(&process).map(|layout| layout.version);
    python
        .map(|(major, minor)| (major.into(), minor.into()))
        .or_else(|| Some(Offsets::of(&process)?.version))
}

/// The parts of a function that the compiler has put elsewhere.
fn elsewhere(
    image: &Image<'_>,
    loaded: &Loaded<'_>,
    whole: &Range<u64>,
) -> Option<Vec<Range<u64>>> {
    let section = |name| {
        let section = image.section(name)?;
        Some((image.data(section, LARGEST)?, section.address))
    };
    let (frame, header) = (section(".eh_frame")?, section(".eh_frame_hdr").unwrap_or_default());
    let frames = FrameSections::new((&frame.0, frame.1), (&header.0, header.1), 0);
    Some(parts::elsewhere(whole, loaded, &frames))
}

fn facts(layout: &Layout) -> PythonLayout {
    let (frames, code) = (&layout.frames, &layout.code);
    PythonLayout {
        way: match layout.version {
            (3, ..=10) => PythonWay::ByLoop,
            (3, 11) => PythonWay::ByEntry,
            _ => PythonWay::ByShim,
        },
        next_interpreter: frames.next_interpreter,
        first_thread: frames.first_thread,
        next_thread: frames.next_thread,
        thread_id: frames.thread_id,
        thread_frame: frames.thread_frame,
        run: frames.run,
        previous: frames.previous,
        code: frames.executable,
        position: frames.position,
        kind: frames.kind,
        instructions: code.instructions,
        line: code.line,
        name: code.name,
        table: code.table,
        shown: code.qualified.unwrap_or(code.name),
        file: code.file,
    }
}

impl Memory for Loaded<'_> {
    fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
        let found = self.read(address, bytes.len());
        let whole = found.len() == bytes.len();
        if whole {
            bytes.copy_from_slice(&found);
        }
        whole
    }
}
