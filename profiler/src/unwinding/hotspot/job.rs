//! The reading of one code cache, beside the recording.

use super::machine::Machine;
use super::reading::{Read, Reading};
use super::symbols::Symbols;
use crate::host::clock::thread_cpu;
use elf::{Bytes, Image, Section, X86_64};
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};
use symbolizer::foreign::FarMemory;

/// On a busy machine a reading waits for a CPU longer than it works, and new code should not wait for that. But a process that delays reads of its
/// memory keeps the thread from others: so its wait counts this part.
const WAITING: u32 = 4;

/// An order to read a code cache.
#[derive(Debug)]
pub(super) struct Job {
    /// The number of the process.
    pub(super) number: u64,
    pub(super) memory: Arc<FarMemory>,
    pub(super) library: Arc<File>,
    /// The address in memory minus the virtual address.
    pub(super) bias: u64,
    /// The results of earlier readings.
    pub(super) machine: Option<Arc<Machine>>,
    pub(super) reading: Reading,
}

/// The result of an order.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) number: u64,
    pub(super) machine: Option<Arc<Machine>>,
    pub(super) reading: Reading,
    /// The work of the reading.
    pub(super) took: Duration,
    /// The reading; `None` if the cache could not be read.
    pub(super) read: Option<Read>,
    /// Whether the library has no description of itself, so that its code can never be read.
    pub(super) foreign: bool,
}

impl Job {
    /// Reads the cache. With `by_fp`, code without known rules is walked by frame pointer.
    pub(super) fn run(self, by_fp: bool) -> Done {
        let (begin, cpu) = (Instant::now(), thread_cpu());
        let Self { number, memory, library, bias, machine, mut reading } = self;
        let (mut machine, mut foreign) = (machine, false);
        if machine.is_none() {
            let image = Image::parse(Bytes::File(&library)).ok();
            let symbols = image.as_ref().and_then(|image| symbols(image, bias));
            foreign = symbols.is_none();
            let both = image.zip(symbols);
            machine = both.and_then(|both| self::machine(&memory, &both, bias)).map(Arc::new);
        }
        let read = machine.as_ref().and_then(|machine| reading.again(machine, &*memory, by_fp));
        let cpu = Duration::from_nanos(thread_cpu().saturating_sub(cpu));
        let took = cpu.max(begin.elapsed() / WAITING);
        Done { number, machine, reading, took, read, foreign }
    }
}

/// The places of the library's description of itself; `None` if it has none of a known form.
fn symbols(image: &Image<'_>, bias: u64) -> Option<Symbols> {
    let known = image.wide() && image.machine() == X86_64;
    known.then(|| Symbols::of(image, bias)).flatten()
}

/// Reads the library's description of itself.
fn machine(
    memory: &FarMemory,
    (image, symbols): &(Image<'_>, Symbols),
    bias: u64,
) -> Option<Machine> {
    let is_data = |section: &&Section| matches!(section.name.as_str(), ".data" | ".bss");
    let range = |section: &Section| -> Range<u64> {
        section.address.wrapping_add(bias)..section.end().wrapping_add(bias)
    };
    let data = image.sections.iter().filter(is_data).map(range).collect();
    Machine::of(memory, symbols, data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use symbolizer::ProcessTable;

    #[test]
    fn a_library_that_says_nothing_of_itself_is_another_kind_s() {
        let open = |path: &str| File::open(path).unwrap();
        let [memory, _] = ProcessTable::new().far_memory(std::process::id()).unwrap();
        let memory = Arc::new(memory);
        let of = |library: &str| Job {
            number: 1,
            memory: memory.clone(),
            library: Arc::new(open(library)),
            bias: 0,
            machine: None,
            reading: Reading::default(),
        };
        for library in ["/proc/self/exe", "/dev/null"] {
            let done = of(library).run(true);
            assert!(done.foreign && done.read.is_none(), "{library}");
        }
    }
}
