//! Machines made of arbitrary bytes, and the checks that a walk passes on every one of them.

mod bytes;
mod facts;

use super::{Registers, Snapshot, Step, Walker, held};
use crate::sampler::{SpaceName, Unwind};
use crate::skeleton::sampler::types::{limits, mapping_kind, runtime_number, space, unwind_limits};
use crate::{Frame, FrameKind, Trust};
use bytes::{Bytes, CODE, CODE_END, LONGEST, STACK};
use std::io;

/// The places in the arena: the list of mappings at its start, then the directory, then the rows.
const DIRECTORY: u32 = 0x100;
const ROWS: u32 = 0x200;
const RUNTIMES: u32 = 0xf00;
/// The kind of a mapping that is CPython's loop.
const PYTHON: u32 = mapping_kind::MAPPING_INTERPRETERS.0 + runtime_number::RUNTIME_PYTHON.0;
/// The thread's pointer, which is also a place on the stack.
const THREAD: u64 = STACK + 0x40;
const PROCESS: SpaceName = SpaceName { pid: 77, start: 5 };
/// The most reads of user memory in a step, because guessed words are read twice; and the most steps.
const READS_A_STEP: u64 = 32;
const STEPS: u64 = 1100;

/// Tables of arbitrary bytes, as the programs see them.
#[derive(Debug, Default)]
struct Wild {
    mappings: Vec<[u64; 4]>,
    count: u32,
    directory: Vec<u32>,
    rows: Vec<u32>,
    rules: Vec<u64>,
    /// The facts about CPython; empty: there is none.
    facts: Vec<u32>,
    /// The facts about Java's virtual machine; empty: there is none.
    java: Vec<u32>,
}

impl Wild {
    fn take(bytes: &mut Bytes<'_>) -> Self {
        let rules: Vec<u64> = (0..=bytes.byte() % [2, 4, 8, 24][usize::from(bytes.byte() % 4)])
            .map(|_| bytes.rule())
            .collect();
        let any = bytes.seldom();
        let rows = (0..bytes.byte() % 64).map(|_| bytes.number::<3>() as u32);
        let rule = |number: u32| if any { number << 8 } else { number % rules.len() as u32 };
        let row = |row: u32| row & 0xffff | rule(row >> 16) << 16;
        // There is a row at the start of each page.
        let mut rows: Vec<u32> = [0, 0x1_0000].into_iter().chain(rows).map(row).collect();
        let half = rows.len() as u32 / 2;
        let mut directory = vec![ROWS, half, ROWS + half, rows.len() as u32 - half];
        rows.swap(1, half as usize);
        if !bytes.seldom() {
            rows[..half as usize].sort_unstable_by_key(|row| row & 0xffff);
            rows[half as usize..].sort_unstable_by_key(|row| row & 0xffff);
        }
        if bytes.seldom() {
            directory = (0..4).map(|_| bytes.any_size()).collect();
        }
        let mut mappings = vec![[CODE, CODE_END, CODE, u64::from(DIRECTORY) | 2 << 32]];
        if bytes.seldom() {
            mappings[0][3] = u64::from(bytes.any_size()) | u64::from(bytes.any_size() >> 4) << 32;
            mappings[0][2] = CODE.wrapping_sub(u64::from(bytes.any_size()) << 4);
        }
        for _ in 0..bytes.byte() % 4 {
            let (start, length) = (bytes.number::<4>() << 4, bytes.number::<2>() << 4);
            mappings.push([start, start + length, bytes.word(), bytes.number::<8>()]);
        }
        if !bytes.seldom() {
            mappings.sort_unstable();
        }
        let seldom = bytes.seldom();
        let count = if seldom { bytes.any_size() } else { mappings.len() as u32 };
        // In some processes, the code is the loop of an interpreter whose structures are words of the stack.
        let facts: Vec<u32> = if bytes.seldom() {
            mappings[0][3] |= u64::from(PYTHON) << 60;
            facts::python(bytes)
        } else {
            Vec::new()
        };
        let java = if bytes.seldom() { facts::java(bytes) } else { Vec::new() };
        Self { mappings, count, directory, rows, rules, facts, java }
    }
}

/// A walker with tables of arbitrary bytes.
#[derive(Debug)]
pub struct Arbitrary {
    walker: Walker,
}

impl Arbitrary {
    /// Waits until no other walker exists.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn new() -> io::Result<Self> {
        let mut walker = Walker::new()?;
        // This makes a chunk. The bookkeeping of user space does not matter from here on.
        walker.tables.set_space(PROCESS, &[], &[])?;
        Ok(Self { walker })
    }

    /// Walks on a machine made of these bytes, and checks the result. Returns the number of frames, and whether they
    /// were found by rules.
    ///
    /// # Panics
    /// When a check fails.
    pub fn check(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut bytes = Bytes(bytes);
        let how = bytes.byte();
        self.fill(&Wild::take(&mut bytes));
        let snapshot = snapshot(how, &mut bytes);
        let walked = self.walker.sample(&snapshot);
        assert!(walked.frames.len() <= limits::USER_WORDS.0 as usize);
        let registers = snapshot.registers;
        let Some((leaf, callers)) = walked.frames.split_first() else {
            assert_eq!((registers.ip, registers.sp), (0, 0), "the kernel's own thread");
            return (0, false);
        };
        assert_eq!((leaf.address, leaf.trust), (registers.ip & ((1 << 57) - 1), Trust::Context));
        for frame in callers {
            let runs = matches!(frame.kind, FrameKind::Interpreted { .. });
            assert!((runs || frame.address != 0) && frame.address < 1 << 57, "{frame:x?}");
        }
        assert!(walked.reads <= READS_A_STEP * STEPS, "{} reads", walked.reads);
        let by_rules = snapshot.unwind != Unwind::FramePointers;
        let runs = |frame: &Frame| matches!(frame.kind, FrameKind::Interpreted { .. });
        // Those of more than one word are no single steps.
        if by_rules && !walked.frames.iter().any(runs) && walked.checks.is_empty() {
            let (steps, flags) = self.walker.steps(&snapshot);
            self.stack_pointers_grow(&snapshot, &steps);
            if snapshot.returns.is_empty() {
                let found: Vec<u64> = callers.iter().map(|f| f.address).collect();
                assert_eq!(found, steps.iter().map(|step| step.ip).collect::<Vec<_>>());
                assert_eq!(walked.flags, flags);
            }
        }
        (walked.frames.len(), by_rules)
    }

    /// A caller's frame is above its callee's. There are two exceptions: a signal may have interrupted code on another
    /// stack, and a rule may switch to one.
    fn stack_pointers_grow(&mut self, snapshot: &Snapshot, steps: &[Step]) {
        let Registers { ip, sp, .. } = snapshot.registers;
        let mut before = Step { ip, sp, interrupted: true };
        for step in steps {
            if !step.interrupted && step.sp <= before.sp {
                let called = u64::from(!before.interrupted);
                let at = (before.ip & ((1 << 57) - 1)).wrapping_sub(called);
                let rule = self.walker.rules(snapshot, &[at])[0];
                assert!(rule.may_switch_stacks(), "{step:x?} above {before:x?} by {rule:x?}");
            }
            before = *step;
        }
    }

    fn fill(&mut self, wild: &Wild) {
        self.walker.clear();
        let maps = &mut self.walker.maps;
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let list: Vec<u8> = wild.mappings.iter().flatten().flat_map(|w| w.to_ne_bytes()).collect();
        let mut runtimes = vec![0; 8];
        if !wild.facts.is_empty() {
            runtimes[runtime_number::RUNTIME_PYTHON.0 as usize] = RUNTIMES + 8;
        }
        runtimes.extend(&wild.facts);
        if !wild.java.is_empty() {
            runtimes[runtime_number::RUNTIME_HOTSPOT.0 as usize] = RUNTIMES + runtimes.len() as u32;
            runtimes.extend(&wild.java);
        }
        let pieces: [(u32, Vec<u8>); 4] = [
            (0, list),
            (DIRECTORY, words(&wild.directory)),
            (ROWS, words(&wild.rows)),
            (RUNTIMES, words(&runtimes)),
        ];
        for (at, bytes) in &pieces {
            held(&maps.chunks)[0].write(*at as usize * 4, bytes);
        }
        let rules: Vec<u8> = wild.rules.iter().flat_map(|rule| rule.to_ne_bytes()).collect();
        maps.rules.write(0, &rules);
        let slot = PROCESS.pid.wrapping_mul(0x9e37_79b1) >> 8 & (unwind_limits::SPACES.0 - 1);
        let mut named = 1_u64.to_ne_bytes().to_vec();
        named.extend::<Vec<u8>>(words(&[PROCESS.pid, PROCESS.start, 0, wild.count]));
        let none = wild.facts.is_empty() && wild.java.is_empty();
        let runtimes = if none { 0 } else { RUNTIMES };
        named.extend::<Vec<u8>>(words(&[runtimes, 0]));
        maps.spaces.write(slot as usize * size_of::<space>(), &named);
    }
}

/// Registers, a stack and code.
fn snapshot(how: u8, bytes: &mut Bytes<'_>) -> Snapshot {
    let ip = bytes.register(CODE);
    let sp = bytes.register(STACK + 0x400);
    let [fp, spare, realign] = std::array::from_fn(|_| bytes.register(STACK + 0x800));
    let returns = (0..how >> 6).map(|_| (bytes.word(), bytes.word())).collect();
    let len = LONGEST >> (bytes.byte() % 4);
    let gap = u64::from(bytes.byte() % 4) * 8;
    let mut words: Vec<u64> = Vec::new();
    while !bytes.0.is_empty() && words.len() < len {
        words.push(bytes.word());
    }
    // The same words repeat, so that few bytes make a deep stack.
    let stack: Vec<u8> =
        words.iter().cycle().take(len).flat_map(|word| word.to_ne_bytes()).collect();
    let (lower, upper) = stack.split_at(stack.len() / 16 * 8);
    let code = [0xe8, 0, 0, 0, 0, 0x90, 0xff, 0xd0];
    Snapshot {
        process: PROCESS,
        parent: None,
        registers: Registers { ip, sp, fp, spare, realign },
        thread_pointer: THREAD,
        memory: vec![
            (CODE, code.repeat((CODE_END - CODE) as usize / code.len())),
            (STACK, lower.to_vec()),
            (STACK + lower.len() as u64 + gap, upper.to_vec()),
        ],
        returns,
        unwind: [Unwind::Auto, Unwind::Rules, Unwind::Auto, Unwind::FramePointers]
            [usize::from(how & 3)],
        guess: how & 32 == 0,
    }
}
