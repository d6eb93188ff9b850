//! The logs of both generations: flipping, waiting, reading, resetting.

use super::grace_period::Quiet;
use super::load::Loaded;
use super::memory::clocks;
use super::record::Records;
use super::tables::Tables;
use crate::skeleton::sampler::types::cpu;
use crate::source::{LOG_FULL, NESTED};
use crate::{Error, Sample, Window};
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::mem::offset_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Ids of stacks that were handed on are remembered, up to so many (16 MB); then all over again.
const KNOWN_STACKS: usize = 1 << 20;

/// A program takes microseconds; one that takes longer lost its CPU to another machine's.
const PATIENCE: Duration = Duration::from_millis(5);

/// Figures that the programs keep.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) lost: BTreeMap<&'static str, u64>,
    pub(crate) runs: u64,
    pub(crate) idle: u64,
    pub(crate) foreign: u64,
    pub(crate) malformed: u64,
}

/// Reads the logs.
#[derive(Debug)]
pub(crate) struct Logs {
    loaded: Loaded,
    quiet: Quiet,
    generation: u64,
    known: HashSet<u64>,
    held: Vec<Sample>,
    words: Vec<u64>,
    malformed: u64,
}

impl Logs {
    pub(crate) fn new(loaded: Loaded) -> Result<Self, Error> {
        let quiet = Quiet::new().map_err(failed)?;
        let known = HashSet::new();
        Ok(Self {
            loaded,
            quiet,
            generation: 0,
            known,
            held: Vec::new(),
            words: Vec::new(),
            malformed: 0,
        })
    }

    /// Adds ids to the target.
    pub(crate) fn add_targets(&self, ids: &[u32]) {
        self.loaded.add_targets(ids);
    }

    /// Where unwind tables are installed.
    pub(crate) fn tables(&self) -> Option<Arc<Mutex<Tables>>> {
        self.loaded.tables.clone()
    }

    /// The sampling program.
    pub(crate) fn program(&self) -> BorrowedFd<'_> {
        self.loaded.program.as_fd()
    }

    /// Flips the generation and reads the one before. Samples up to the time that it returns are in the window;
    /// later ones are held back.
    pub(crate) fn drain(&mut self, window: &mut Window) -> Result<u64, Error> {
        let until = clocks().0;
        let old = self.generation;
        self.generation += 1;
        self.loaded.generation().store(self.generation, Ordering::SeqCst);
        self.wait()?;
        if let Some(tables) = &self.loaded.tables {
            tables.lock().unwrap_or_else(std::sync::PoisonError::into_inner).waited();
        }
        self.read(old, window);
        self.hand_over(window, until);
        Ok(until)
    }

    /// Hands over every stack again that comes from now on.
    pub(crate) fn forget_stacks(&mut self) {
        self.known.clear();
    }

    /// Reads both generations, once no event triggers the programs any more.
    pub(crate) fn drain_all(&mut self, window: &mut Window) -> Result<(), Error> {
        self.wait()?;
        self.read(self.generation + 1, window);
        self.read(self.generation, window);
        self.hand_over(window, u64::MAX);
        Ok(())
    }

    /// Returns when every program that ran at the call has ended. A program shows that it runs before it looks which
    /// generation is written, with a barrier in between on x86-64; so who is seen at rest once will see the new one.
    /// Elsewhere, and where one takes long, the kernel is made to wait, which takes ten times longer.
    fn wait(&self) -> Result<(), Error> {
        let at_rest = |cpu: u32| {
            let at = cpu as usize * size_of::<cpu>() + offset_of!(cpu, level);
            self.loaded.cpus.word(at).load(Ordering::SeqCst) as u32 == 0
        };
        let begin = Instant::now();
        let rests_soon = |cpu: u32| loop {
            if at_rest(cpu) {
                return true;
            }
            if begin.elapsed() > PATIENCE {
                return false;
            }
            std::thread::yield_now();
        };
        if cfg!(target_arch = "x86_64") && (0..self.loaded.sizes.cpus).all(rests_soon) {
            return Ok(());
        }
        self.quiet.wait().map_err(failed)
    }

    fn read(&mut self, generation: u64, window: &mut Window) {
        for cpu in 0..self.loaded.sizes.cpus {
            let at = self.loaded.log_at(generation, cpu);
            let used =
                self.loaded.logs.word(at).load(Ordering::Acquire).min(self.loaded.sizes.log_words);
            if used == 0 {
                continue;
            }
            self.words.clear();
            self.loaded.logs.copy_words(at + 8, used as usize, &mut self.words);
            self.loaded.logs.word(at).store(0, Ordering::Release);
            let mut records = Records::new(&self.words);
            for record in records.by_ref() {
                self.held.push(record.sample);
                let stacks = [record.kernel, record.user].into_iter().flatten();
                window.stacks.extend(stacks.filter(|s| self.known.insert(s.id.0)));
            }
            self.malformed += u64::from(records.malformed());
        }
        if self.known.len() > KNOWN_STACKS {
            self.known.clear();
        }
    }

    fn hand_over(&mut self, window: &mut Window, until: u64) {
        self.held.sort_by_key(|s| s.time);
        let ready = self.held.partition_point(|s| s.time <= until);
        window.samples.extend(self.held.drain(..ready));
    }

    /// The figures so far, of all CPUs together.
    pub(crate) fn figures(&self) -> Figures {
        let sum = |field: usize| {
            let of =
                |i| self.loaded.cpus.word(i * size_of::<cpu>() + field).load(Ordering::Relaxed);
            (0..self.loaded.sizes.cpus as usize).map(of).sum()
        };
        let lost = [(NESTED, sum(offset_of!(cpu, nested))), (LOG_FULL, sum(offset_of!(cpu, full)))];
        Figures {
            lost: lost.into_iter().collect(),
            runs: sum(offset_of!(cpu, runs)),
            idle: sum(offset_of!(cpu, idle)),
            foreign: sum(offset_of!(cpu, foreign)),
            malformed: self.malformed,
        }
    }

    /// Runs of the sampling program and their nanoseconds; zero where the kernel does not count them.
    pub(crate) fn program_cost(&self) -> (u64, u64) {
        let mut info = libbpf_rs::libbpf_sys::bpf_prog_info::default();
        let mut len = size_of_val(&info) as u32;
        // SAFETY: the descriptor is a program's, and `info` is as large as said; the kernel fills what fits.
        let answer = unsafe {
            libbpf_rs::libbpf_sys::bpf_prog_get_info_by_fd(
                self.program().as_raw_fd(),
                &raw mut info,
                &raw mut len,
            )
        };
        if answer == 0 { (info.run_cnt, info.run_time_ns) } else { (0, 0) }
    }
}

fn failed(source: io::Error) -> Error {
    Error::Failed { step: "waiting for the BPF programs", source }
}
