//! Looks at pieces of code on a thread of its own, because a process can delay reads of its memory for ever.

use super::heaps::{self, KnownNames, Names};
use super::machine::Machine;
use super::memory::{Memory, Reader};
use super::reading::Entry;
use std::collections::HashMap;
use std::io;
use std::mem;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;
use symbolizer::foreign::FarMemory;
use symbolizer::runtime::hotspot::cache::Cache;
use symbolizer::{Check, Reason};

/// The time limit of an answer. Pieces without an answer count as not looked at, and nothing more is asked until the
/// answer is there.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is in the code cache now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Now {
    /// Whether the piece of code in a block is the one that was read, by the block's address.
    pub(super) same: HashMap<u64, bool>,
    /// The code at addresses that were not read yet, and its number.
    pub(super) new: HashMap<u64, (Check, u32)>,
}

/// What to look at.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) pieces: Vec<Entry>,
    /// Addresses at which no code was read yet.
    pub(super) new: Vec<u64>,
}

/// What to look at in a process.
#[derive(Debug)]
pub(super) struct Question<M> {
    pub(super) machine: Arc<Machine>,
    pub(super) memory: Arc<M>,
    pub(super) wanted: Wanted,
}

/// The thread that looks. It ends when the channel of questions closes.
#[derive(Debug)]
pub(super) struct Looker<M = FarMemory> {
    questions: Sender<Question<M>>,
    answers: Receiver<Now>,
    /// Whether an answer is still missing.
    open: bool,
}

impl<M: Memory + Send + Sync + 'static> Looker<M> {
    pub(super) fn start() -> io::Result<Self> {
        let (questions, queue) = channel::<Question<M>>();
        let (results, answers) = channel();
        thread::Builder::new().name(String::from("code checks")).spawn(move || {
            let mut names = KnownNames::new();
            while let Ok(Question { machine, memory, wanted }) = queue.recv() {
                if results.send(look(&machine, &*memory, &wanted, &mut names)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { questions, answers, open: false })
    }

    /// The answers that came in time.
    pub(super) fn look(&mut self, question: Question<M>) -> Now {
        if self.open && self.answers.try_recv().is_err() {
            return Now::default();
        }
        self.open = self.questions.send(question).is_ok();
        let Ok(now) = self.answers.recv_timeout(PATIENCE) else { return Now::default() };
        self.open = false;
        now
    }
}

/// Compares pieces of code with what was read, and looks for code that was not. `known` keeps names for the next look. After the process has ended, nothing can be compared.
pub(super) fn look(
    machine: &Machine,
    memory: &dyn Memory,
    wanted: &Wanted,
    known: &mut KnownNames,
) -> Now {
    let reader = &Reader::new(memory);
    let mut names = Names::knowing(reader, mem::take(known));
    let blocks: Vec<u64> = wanted.pieces.iter().map(|piece| piece.block).collect();
    let heads = reader.pieces(&blocks, Cache::HEAD);
    names.learn(&machine.cache, &heads);
    let mut is_same = |piece: &Entry, head: Option<Vec<u8>>| {
        let now = heaps::mark(&machine.cache, &mut names, (piece.block, piece.code.end), head);
        now.is_none_or(|now| now == Some(piece.mark))
    };
    let pieces = wanted.pieces.iter().zip(heads);
    let same = pieces.map(|(piece, head)| (piece.block, is_same(piece, head))).collect();
    let heaps = (!wanted.new.is_empty()).then(|| machine.cache.heaps(reader)).flatten();
    let mut code = |address: u64| {
        let Some(heaps) = &heaps else { return (Check::Lost(Reason::ProcessGone), 0) };
        let blob = heaps::blob_at(&machine.cache, reader, &mut names, heaps, address);
        let gone = (Check::Lost(Reason::ObjectGone), 0);
        blob.map_or(gone, |blob| (Check::of_mark(blob.mark), blob.number))
    };
    let new = wanted.new.iter().map(|address| (*address, code(*address))).collect();
    *known = names.known();
    Now { same, new }
}

#[cfg(test)]
mod tests {
    use super::super::memory::tests::Pieces;
    use super::super::reading::Reading;
    use super::super::tests::{machine, machinery};
    use super::*;
    use std::cell::Cell;
    use std::sync::Mutex;

    /// Memory that can be read while the lock is free.
    #[derive(Debug)]
    struct Late(Arc<Mutex<()>>);

    impl Memory for Late {
        fn fill(&self, _: u64, _: &mut [u8]) -> bool {
            drop(self.0.lock());
            false
        }
    }

    #[test]
    fn memory_that_comes_late_is_not_waited_for() {
        let made = machinery();
        let memory = made.memory();
        let machine = Arc::new(machine(&made, &memory).unwrap());
        let index = Reading::default().again(&machine, &memory, true).unwrap().index;
        let pieces = vec![index.at(super::super::tests::HEAP + 0x80).unwrap().clone()];
        let lock = Arc::new(Mutex::new(()));
        let memory = Arc::new(Late(lock.clone()));
        let ask = || Question {
            machine: machine.clone(),
            memory: memory.clone(),
            wanted: Wanted { pieces: pieces.clone(), new: Vec::new() },
        };
        let mut looker = Looker::start().unwrap();
        let held = lock.lock().unwrap();
        assert_eq!(looker.look(ask()), Now::default());
        assert_eq!(looker.look(ask()), Now::default());
        assert!(looker.open);
        drop(held);
        // The answer to an old question is not used for a new one.
        while looker.look(ask()) == Now::default() {}
        assert!(!looker.open);
        assert_eq!(looker.look(ask()).same, HashMap::from([(pieces[0].block, true)]));
    }

    /// Memory that counts its reads.
    #[derive(Debug)]
    struct Counted(Pieces, Cell<usize>);

    impl Memory for Counted {
        fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
            self.1.set(self.1.get() + 1);
            self.0.fill(address, bytes)
        }
    }

    #[test]
    fn names_are_read_at_the_first_look_only() {
        let made = machinery();
        let memory = made.memory();
        let machine = machine(&made, &memory).unwrap();
        let index = Reading::default().again(&machine, &memory, true).unwrap().index;
        let pieces = vec![index.at(super::super::tests::HEAP + 0x80).unwrap().clone()];
        let wanted = Wanted { pieces: pieces.clone(), new: Vec::new() };
        let (memory, mut known) = (Counted(memory, Cell::new(0)), KnownNames::new());
        for reads in [2, 3] {
            let now = look(&machine, &memory, &wanted, &mut known);
            assert_eq!(now.same, HashMap::from([(pieces[0].block, true)]));
            assert_eq!(memory.1.get(), reads, "the head, and at first the name");
        }
    }
}
