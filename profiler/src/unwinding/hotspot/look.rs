//! Looks at pieces of code on a thread of its own, because a process can delay reads of its memory for ever.

use super::heaps::{self, Names};
use super::machine::Machine;
use super::memory::{Memory, Reader};
use super::reading::Entry;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;
use symbolizer::foreign::FarMemory;

/// The time limit of an answer. Pieces without an answer count as not looked at, and nothing more is asked until the
/// answer is there.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether the piece of code in a block is the one that was read, by the block's address.
pub(super) type Same = HashMap<u64, bool>;

/// The pieces to look at.
#[derive(Debug)]
pub(super) struct Question<M> {
    pub(super) machine: Arc<Machine>,
    pub(super) memory: Arc<M>,
    pub(super) pieces: Vec<Entry>,
}

/// The thread that looks. It ends when the channel of questions closes.
#[derive(Debug)]
pub(super) struct Looker<M = FarMemory> {
    questions: Sender<Question<M>>,
    answers: Receiver<Same>,
    /// Whether an answer is still missing.
    open: bool,
}

impl<M: Memory + Send + Sync + 'static> Looker<M> {
    pub(super) fn start() -> io::Result<Self> {
        let (questions, queue) = channel::<Question<M>>();
        let (results, answers) = channel();
        thread::Builder::new().name(String::from("code checks")).spawn(move || {
            while let Ok(Question { machine, memory, pieces }) = queue.recv() {
                memory.prepare();
                if results.send(look(&machine, &*memory, &pieces)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { questions, answers, open: false })
    }

    /// The answers that came in time.
    pub(super) fn look(&mut self, question: Question<M>) -> Same {
        if self.open && self.answers.try_recv().is_err() {
            return Same::new();
        }
        self.open = self.questions.send(question).is_ok();
        let Ok(same) = self.answers.recv_timeout(PATIENCE) else { return Same::new() };
        self.open = false;
        same
    }
}

/// Compares pieces of code with what was read. After the process has ended, nothing can be compared.
pub(super) fn look(machine: &Machine, memory: &dyn Memory, pieces: &[Entry]) -> Same {
    let reader = &Reader::new(memory);
    let mut names = Names::new(reader);
    let mut is_same = |piece: &Entry| {
        let (block, end) = (piece.block, piece.code.end);
        let now = heaps::identity(&machine.fields, reader, &mut names, block, end);
        now.is_none_or(|now| now == Some(piece.identity))
    };
    pieces.iter().map(|piece| (piece.block, is_same(piece))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::reading::Reading;
    use super::super::tests::{machine, machinery};
    use super::*;
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
            pieces: pieces.clone(),
        };
        let mut looker = Looker::start().unwrap();
        let held = lock.lock().unwrap();
        assert!(looker.look(ask()).is_empty());
        assert!(looker.look(ask()).is_empty());
        assert!(looker.open);
        drop(held);
        // The answer to an old question is not used for a new one.
        while looker.look(ask()).is_empty() {}
        assert!(!looker.open);
        assert_eq!(looker.look(ask()), Same::from([(pieces[0].block, true)]));
    }
}
