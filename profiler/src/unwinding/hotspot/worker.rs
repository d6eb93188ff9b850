//! Code caches are read beside the recording.

use super::layout::Symbols;
use super::reading::{Machine, Read, Reading};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};
use symbolizer::name::elf::{Bytes, Image, Section};

/// The machine whose code is disassembled.
const X86_64: u16 = 62;

/// Who waits for all that is being read waits so long: a process may be slow, or make its memory so.
const PATIENCE: Duration = Duration::from_secs(10);

/// A code cache that is to be read.
#[derive(Debug)]
pub(super) struct Job {
    /// Whose.
    pub(super) number: u64,
    pub(super) memory: Arc<File>,
    pub(super) library: Arc<File>,
    /// Address in memory less virtual address.
    pub(super) bias: u64,
    /// What is known from earlier readings.
    pub(super) machine: Option<Arc<Machine>>,
    pub(super) reading: Reading,
}

/// A code cache that was read.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) number: u64,
    pub(super) machine: Option<Arc<Machine>>,
    pub(super) reading: Reading,
    /// How long it took.
    pub(super) took: Duration,
    /// `None` where it could not be read.
    pub(super) read: Option<Read>,
}

/// A thread that reads; it ends with the queue.
#[derive(Debug)]
pub(super) struct Worker {
    jobs: Sender<Job>,
    done: Receiver<Done>,
    waiting: usize,
}

impl Worker {
    pub(super) fn start(by_fp: bool) -> io::Result<Self> {
        let (jobs, queue) = channel::<Job>();
        let (results, done) = channel();
        thread::Builder::new().name(String::from("run-time code")).spawn(move || {
            while let Ok(job) = queue.recv() {
                if results.send(job.run(by_fp)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { jobs, done, waiting: 0 })
    }

    /// How many are queued or being read.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    pub(super) fn read(&mut self, job: Job) {
        if self.jobs.send(job).is_ok() {
            self.waiting += 1;
        }
    }

    /// What was read since the last call; waits for all of it where `wait` says so, for ten seconds at most.
    pub(super) fn done(&mut self, wait: bool) -> Vec<Done> {
        let mut all = Vec::new();
        let end = Instant::now() + if wait { PATIENCE } else { Duration::ZERO };
        while self.waiting > 0 {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(next) = self.done.recv_timeout(left) else { break };
            self.waiting -= 1;
            all.push(next);
        }
        all
    }
}

impl Job {
    fn run(self, by_fp: bool) -> Done {
        let begin = Instant::now();
        let Self { number, memory, library, bias, machine, mut reading } = self;
        let machine = machine.or_else(|| self::machine(&memory, &library, bias).map(Arc::new));
        let read = machine.as_ref().and_then(|machine| reading.again(machine, &*memory, by_fp));
        Done { number, machine, reading, took: begin.elapsed(), read }
    }
}

/// What the library says of itself.
fn machine(memory: &File, library: &File, bias: u64) -> Option<Machine> {
    let image = Image::parse(Bytes::File(library)).ok()?;
    if !image.wide || image.machine != X86_64 {
        return None;
    }
    let symbols = Symbols::of(&image, bias)?;
    let is_data = |section: &&Section| matches!(section.name.as_str(), ".data" | ".bss");
    let range = |section: &Section| -> Range<u64> {
        section.address.wrapping_add(bias)..section.end().wrapping_add(bias)
    };
    let data = image.sections.iter().filter(is_data).map(range).collect();
    Machine::of(memory, &symbols, data)
}
