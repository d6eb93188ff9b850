//! The data of the C side, as declared in `native.h`.

use super::snapshot::Snapshot;
use super::walls::Walled;
use crate::sampler::Unwind;
use crate::skeleton::sampler::types::{unwind_limits, unwind_mode};
use std::ptr::null_mut;

const CHUNKS: usize = unwind_limits::MOST_CHUNKS.0 as usize;
/// The words of a log, a power of two.
pub(super) const LOG_WORDS: u64 = 4096;

/// A map of type array.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct Array {
    values: *mut u8,
    value_bytes: u64,
    entries: u64,
}

impl Array {
    const NONE: Self = Self { values: null_mut(), value_bytes: 0, entries: 0 };

    /// Splits memory into this many entries of equal size.
    pub(super) fn of(memory: &Walled, entries: usize) -> Self {
        Self {
            values: memory.start(),
            value_bytes: (memory.len() / entries) as u64,
            entries: entries as u64,
        }
    }
}

/// User memory.
#[repr(C)]
#[derive(Debug)]
struct Memory {
    start: u64,
    bytes: u64,
    content: *const u8,
}

/// A function that a uprobe watches for its return.
#[repr(C)]
#[derive(Debug)]
struct Return {
    stack: u64,
    original: u64,
}

#[repr(C)]
#[derive(Debug)]
struct Settings {
    log_mask: u64,
    unwind_mode: u32,
    want_guess: u32,
    has_test_runtime: u64,
}

/// The machine as C sees it. Its lists are those of a [`Snapshot`]; they are copies and live as long as [`Lists`].
#[repr(C)]
#[derive(Debug)]
pub(super) struct Machine {
    settings: Settings,
    pub(super) logs: Array,
    pub(super) slots: Array,
    pub(super) rules: Array,
    pub(super) spaces: Array,
    pub(super) caches: Array,
    pub(super) chunks: [Array; CHUNKS],
    memory: *const Memory,
    memory_count: u64,
    returns: *const Return,
    return_count: u64,
    registers: [u64; 5],
    pid: u32,
    parent: u32,
    start: u64,
    thread_pointer: u64,
    pub(super) reads: u64,
}

/// The parts of a snapshot that the machine points to.
#[derive(Debug)]
pub(super) struct Lists<'a> {
    memory: Vec<Memory>,
    returns: Vec<Return>,
    of: &'a Snapshot,
}

impl<'a> Lists<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let piece = |(start, content): &(u64, Vec<u8>)| Memory {
            start: *start,
            bytes: content.len() as u64,
            content: content.as_ptr(),
        };
        let returns = snapshot.returns.iter();
        Self {
            memory: snapshot.memory.iter().map(piece).collect(),
            returns: returns.map(|&(stack, original)| Return { stack, original }).collect(),
            of: snapshot,
        }
    }
}

impl Machine {
    /// A machine without maps.
    pub(super) fn new() -> Self {
        Self {
            settings: Settings {
                log_mask: LOG_WORDS - 1,
                unwind_mode: 0,
                want_guess: 0,
                has_test_runtime: 0,
            },
            logs: Array::NONE,
            slots: Array::NONE,
            rules: Array::NONE,
            spaces: Array::NONE,
            caches: Array::NONE,
            chunks: [Array::NONE; CHUNKS],
            memory: null_mut(),
            memory_count: 0,
            returns: null_mut(),
            return_count: 0,
            registers: [0; 5],
            pid: 0,
            parent: 0,
            start: 0,
            thread_pointer: 0,
            reads: 0,
        }
    }

    /// Sets whether loops of interpreter 1 are walked, by the walker in `walker.h`.
    pub(super) fn set_test_runtime(&mut self, has: bool) {
        self.settings.has_test_runtime = has.into();
    }

    /// Takes over the contents of a snapshot.
    pub(super) fn set(&mut self, lists: &Lists<'_>) {
        let of = lists.of;
        self.settings.unwind_mode = match of.unwind {
            Unwind::FramePointers => unwind_mode::UNWIND_FRAME_POINTERS.0,
            Unwind::Auto => unwind_mode::UNWIND_AUTO.0,
            Unwind::Rules => unwind_mode::UNWIND_RULES.0,
        };
        self.settings.want_guess = u32::from(of.guess);
        self.memory = lists.memory.as_ptr();
        self.memory_count = lists.memory.len() as u64;
        self.returns = lists.returns.as_ptr();
        self.return_count = lists.returns.len() as u64;
        let registers = &of.registers;
        self.registers =
            [registers.ip, registers.sp, registers.fp, registers.spare, registers.realign];
        self.pid = of.process.pid;
        self.start = u64::from(of.process.start) * u64::from(unwind_limits::START_UNIT.0);
        self.parent = of.parent.unwrap_or(0);
        self.thread_pointer = of.thread_pointer;
        self.reads = 0;
    }
}

unsafe extern "C" {
    /// Sets the machine. Its pointers must stay valid until the next call.
    pub(super) fn native_use(machine: *mut Machine);
    pub(super) fn native_sample();
    pub(super) fn native_first_step() -> u32;
    pub(super) fn native_next_step() -> u32;
    pub(super) fn native_rule(address: u64) -> u64;
    pub(super) safe fn native_is_call_before(word: u64) -> bool;
}
