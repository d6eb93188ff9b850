//! The sampling program compiled for this machine, on recorded machines, for tests, debuggers and fuzzing.
//!
//! It is the same C as in the kernel. `native/native.c` and `native/include/` replace the helpers that it calls. A
//! [`Walker`] has maps with walls around them, filled by the same [`Tables`]. A [`Snapshot`] has the registers and the
//! memory.

pub mod arbitrary;
pub mod golden;
mod machine;
mod snapshot;
mod walls;

use crate::sampler::{Records, Tables};
use crate::skeleton::sampler::types::{
    cache, chunk, limits, rules, slot, spaces, unwind_limits, walk,
};
use crate::unwind::rule::Compact;
use crate::{Flags, Frame, KeptObject, Sample, StackId};
use machine::{Array, LOG_WORDS, Lists, Machine};
pub use snapshot::{Registers, Snapshot};
use std::io;
use std::mem::offset_of;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use walls::Walled;

/// The most chunks of a walker's tables.
const CHUNKS: u32 = 16;
/// A lock: the settings and maps of the programs exist once in a process.
static ONLY: Mutex<()> = Mutex::new(());

/// A walked stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walked {
    /// The frames, leaf first.
    pub frames: Vec<Frame>,
    /// The checks of some, as in [`Stack::checks`](crate::Stack::checks).
    pub checks: Vec<(u64, u32)>,
    /// The flags: how the walk ended, and other facts.
    pub flags: Flags,
    /// The stack's id.
    pub id: StackId,
    /// The number of reads of user memory.
    pub reads: u64,
    /// The objects that were kept.
    pub kept: Vec<KeptObject>,
}

/// The state of a walk after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The instruction pointer of the frame that was found.
    pub ip: u64,
    /// The stack pointer of that frame.
    pub sp: u64,
    /// Whether a signal interrupted that frame.
    pub interrupted: bool,
}

/// The programs' maps.
#[derive(Debug)]
struct Maps {
    logs: Walled,
    slots: Walled,
    rules: Walled,
    spaces: Walled,
    caches: Walled,
    chunks: Arc<Mutex<Vec<Walled>>>,
}

impl Maps {
    fn new() -> io::Result<Self> {
        let log = 8 * (1 + LOG_WORDS as usize + limits::LOG_HEADROOM.0 as usize);
        Ok(Self {
            logs: Walled::new(2 * log)?,
            slots: Walled::new(size_of::<slot>())?,
            rules: Walled::new(size_of::<rules>())?,
            spaces: Walled::new(size_of::<spaces>())?,
            caches: Walled::new(size_of::<cache>())?,
            chunks: Arc::default(),
        })
    }

    /// Tables in these maps.
    fn tables(&self) -> io::Result<Tables> {
        let chunks = Arc::clone(&self.chunks);
        let make = move |_| {
            let chunk = Walled::new(size_of::<chunk>())?;
            let shared = chunk.shared();
            held(&chunks).push(chunk);
            shared
        };
        Ok(Tables::new(CHUNKS, make, self.rules.shared()?, self.spaces.shared()?))
    }

    fn tell(&self, machine: &mut Machine) {
        machine.logs = Array::of(&self.logs, 2);
        machine.slots = Array::of(&self.slots, 1);
        machine.rules = Array::of(&self.rules, 1);
        machine.spaces = Array::of(&self.spaces, 1);
        machine.caches = Array::of(&self.caches, 1);
        for (place, chunk) in machine.chunks.iter_mut().zip(held(&self.chunks).iter()) {
            *place = Array::of(chunk, 1);
        }
    }

    /// A field of the walk in the slot.
    fn walk(&self, field: usize) -> u64 {
        self.slots.word(offset_of!(slot, walk) + field)
    }
}

fn held<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The sampling program with maps of its own. Only one exists at a time.
#[derive(Debug)]
pub struct Walker {
    tables: Tables,
    maps: Maps,
    machine: Box<Machine>,
    _only: MutexGuard<'static, ()>,
}

impl Walker {
    /// Makes a walker with empty tables. Waits until no other walker exists.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn new() -> io::Result<Self> {
        let only = held(&ONLY);
        let maps = Maps::new()?;
        let tables = maps.tables()?;
        Ok(Self { tables, maps, machine: Box::new(Machine::new()), _only: only })
    }

    /// The tables, for user space to fill.
    pub fn tables(&mut self) -> &mut Tables {
        &mut self.tables
    }

    /// Sets whether the loops of interpreter 1 are walked. This interpreter exists only in tests.
    pub fn set_test_runtime(&mut self, has: bool) {
        self.machine.set_test_runtime(has);
    }

    /// Samples a process.
    pub fn sample(&mut self, of: &Snapshot) -> Walked {
        let lists = Lists::of(of);
        self.prepare(&lists);
        // SAFETY: everything that the machine points to lives until here, and its arrays have the sizes that the
        // programs expect.
        unsafe { machine::native_sample() };
        let used = (self.maps.logs.word(0) as usize).min(LOG_WORDS as usize);
        let words: Vec<u64> = (1..=used).map(|at| self.maps.logs.word(8 * at)).collect();
        let record = Records::new(&words).next().expect("a sample leaves a record");
        let stack = record.user.map(|stack| (stack.frames, stack.checks));
        let (frames, checks) = stack.unwrap_or_default();
        let Sample { flags, user: id, .. } = record.sample;
        Walked { frames, checks, flags, id, reads: self.machine.reads, kept: record.kept }
    }

    /// Walks by rules, one frame at a time. Returns the steps and the flags of the walk.
    pub fn steps(&mut self, of: &Snapshot) -> (Vec<Step>, Flags) {
        let lists = Lists::of(of);
        self.prepare(&lists);
        // SAFETY: as for a sample.
        let mut flags = Flags(unsafe { machine::native_first_step() });
        let mut steps = Vec::new();
        let frames = |maps: &Maps| maps.walk(offset_of!(walk, at)) as usize;
        while frames(&self.maps) == steps.len() + 2 {
            steps.push(Step {
                ip: self.maps.walk(offset_of!(walk, ip)),
                sp: self.maps.walk(offset_of!(walk, sp)),
                interrupted: self.maps.walk(offset_of!(walk, known)) >> 32 == 0,
            });
            if steps.len() + 1 >= limits::USER_WORDS.0 as usize {
                break;
            }
            // SAFETY: as for a sample.
            flags = Flags(unsafe { machine::native_next_step() });
        }
        (steps, flags)
    }

    /// The rule that the programs find at each address of a process; [`NO_MAPPING`] if there is no code.
    pub fn rules(&mut self, of: &Snapshot, addresses: &[u64]) -> Vec<Compact> {
        let lists = Lists::of(of);
        self.prepare(&lists);
        // SAFETY: as for a sample.
        addresses.iter().map(|at| Compact(unsafe { machine::native_rule(*at) })).collect()
    }

    /// Empties all maps, whatever user space knows about them.
    fn clear(&mut self) {
        self.maps.rules.clear();
        self.maps.spaces.clear();
        held(&self.maps.chunks).iter_mut().for_each(Walled::clear);
    }

    fn prepare(&mut self, lists: &Lists<'_>) {
        for map in [&mut self.maps.logs, &mut self.maps.slots, &mut self.maps.caches] {
            map.clear();
        }
        self.maps.tell(&mut self.machine);
        self.machine.set(lists);
        // SAFETY: nothing is read before the next call, and this call precedes each one.
        unsafe { machine::native_use(&raw mut *self.machine) };
    }
}

/// The result of [`Walker::rules`] for an address outside all mappings.
pub const NO_MAPPING: Compact = Compact(7);

/// Whether a call can end before an address. `word` is the eight bytes before it, as the programs read them.
pub fn is_call_before(word: u64) -> bool {
    machine::native_is_call_before(word)
}

const _: () = assert!(CHUNKS <= unwind_limits::MOST_CHUNKS.0);

#[cfg(test)]
mod tests;
