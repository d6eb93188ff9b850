//! Empties the logs of both generations: flips, waits, reads and resets.

use super::grace_period::{GracePeriods, Seen};
use super::held::Held;
use super::load::Loaded;
use super::memory::clocks;
use super::record::Records;
use super::tables::Tables;
use crate::skeleton::sampler::types::{figures, slot};
use crate::source::{LOG_FULL, NESTED};
use crate::{Error, Window};
use std::collections::BTreeMap;
use std::io;
use std::mem::offset_of;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The time limit of a wait. A run takes microseconds; one that takes longer has lost its CPU to another task or to
/// another virtual machine.
const PATIENCE: Duration = Duration::from_millis(5);
/// The time limit of the last wait. After it, unread records are lost.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

/// The figures of an event that the programs keep.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) lost: BTreeMap<&'static str, u64>,
    pub(crate) runs: u64,
    pub(crate) idle: u64,
    pub(crate) foreign: u64,
}

/// Reads the logs.
#[derive(Debug)]
pub(crate) struct Logs {
    loaded: Loaded,
    grace: GracePeriods,
    generation: u64,
    held: Held,
    words: Vec<u64>,
    malformed: u64,
    unfinished: u64,
}

impl Logs {
    pub(crate) fn new(loaded: Loaded) -> Result<Self, Error> {
        let grace =
            GracePeriods::new(loaded.sizes.slots(), loaded.runs_are_ordered()).map_err(failed)?;
        Ok(Self {
            loaded,
            grace,
            generation: 0,
            held: Held::default(),
            words: Vec::new(),
            malformed: 0,
            unfinished: 0,
        })
    }

    /// The loaded programs and their maps.
    pub(crate) fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// The tables to install unwind tables in.
    pub(crate) fn tables(&self) -> Option<Arc<Mutex<Tables>>> {
        self.loaded.tables.clone()
    }

    /// Flips the generation and reads the previous one. Samples up to the returned time are in the window; later ones
    /// are held back. A slot whose run is still under way keeps its log, which nobody else writes. The log is read when
    /// the generation has come back to this half and left it again.
    pub(crate) fn drain(&mut self, window: &mut Window) -> Result<u64, Error> {
        let until = clocks().0;
        let old = self.generation;
        self.generation += 1;
        self.loaded.generation().store(self.generation, Ordering::SeqCst);
        let seen = self.grace.wait(&self.loaded, PATIENCE).map_err(failed)?;
        if self.grace.all_ended()
            && let Some(tables) = &self.loaded.tables
        {
            tables.lock().unwrap_or_else(std::sync::PoisonError::into_inner).waited();
        }
        self.read(old, &seen, window);
        self.held.hand_over(window, until);
        Ok(until)
    }

    /// Forgets which stacks were handed over. Each one is handed over again when it next comes.
    pub(crate) fn forget_stacks(&mut self) {
        self.held.forget_stacks();
    }

    /// Reads both generations, after no event runs the programs any more. Runs that still have not ended are lost.
    pub(crate) fn drain_all(&mut self, window: &mut Window) -> Result<(), Error> {
        let seen = self.grace.wait(&self.loaded, LAST_PATIENCE).map_err(failed)?;
        self.unfinished = seen.held();
        self.read(self.generation + 1, &seen, window);
        self.read(self.generation, &seen, window);
        self.held.hand_over(window, u64::MAX);
        Ok(())
    }

    fn read(&mut self, generation: u64, seen: &Seen, window: &mut Window) {
        for slot in (0..self.loaded.sizes.slots()).filter(|slot| seen.free(*slot)) {
            let at = self.loaded.log_at(generation, slot);
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
                window.kept.extend(record.kept);
                let stacks = [record.kernel, record.user].into_iter().flatten();
                self.held.add(record.sample, stacks);
            }
            self.malformed += u64::from(records.malformed());
        }
    }

    /// The figures of an event so far, summed over all slots.
    pub(crate) fn figures(&self, event: usize) -> Figures {
        let of_event = offset_of!(slot, figures) + event * size_of::<figures>();
        let sum = |field: usize| -> u64 {
            let slots = 0..self.loaded.sizes.slots() as usize;
            let at = |slot| slot * size_of::<slot>() + of_event + field;
            slots.map(|slot| self.loaded.slots.word(at(slot)).load(Ordering::Relaxed)).sum()
        };
        let nested = sum(offset_of!(figures, nested));
        let lost = [(NESTED, nested), (LOG_FULL, sum(offset_of!(figures, full)))];
        Figures {
            lost: lost.into_iter().collect(),
            runs: sum(offset_of!(figures, runs)) + nested,
            idle: sum(offset_of!(figures, idle)),
            foreign: sum(offset_of!(figures, foreign)),
        }
    }

    /// The number of records that could not be read.
    pub(crate) fn malformed(&self) -> u64 {
        self.malformed
    }

    /// The number of runs that had not ended at the end of the recording.
    pub(crate) fn unfinished(&self) -> u64 {
        self.unfinished
    }
}

fn failed(source: io::Error) -> Error {
    Error::Failed { step: "waiting for the BPF programs", source }
}
