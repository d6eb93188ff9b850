//! Looks at the address spaces of processes, which their owners can lock. A process reads a page of a file system that does not answer, and the
//! kernel holds the lock of the space meanwhile; a second one waits to change the space, and everybody else waits behind. Such a wait ends with
//! the waiting process, and with no other signal. So a thread looks. It can be left behind, and ends with this process.

use crate::reason::Reason;
use std::collections::HashSet;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The time for one look.
const ONE: Duration = Duration::from_secs(1);
/// The time for all that are late. Then the time for one look is [`LEAST`].
const ALL: Duration = Duration::from_secs(4);
/// The shortest time for one look, and the time after which one is late.
const LEAST: Duration = Duration::from_millis(50);
/// The longest time for a look of a thread that gets no CPU, or has much to read.
const BUSY: Duration = Duration::from_secs(10);
/// The most threads that are left behind.
const MOST: usize = 256;
/// The bytes of a thread's stack.
const STACK: usize = 128 << 10;

/// A process: its id, and its start as `/proc` tells it.
pub type Who = (u32, u64);

/// Who looks. Clones share one thread.
#[derive(Clone, Debug, Default)]
pub struct Patience(Arc<Mutex<Looks>>);

#[derive(Debug, Default)]
struct Looks {
    thread: Option<Sender<Work>>,
    /// The threads that were left behind and still wait.
    left: Arc<AtomicUsize>,
    /// The time that was spent waiting for looks that were late.
    spent: Duration,
    /// The processes whose space was locked.
    locked: HashSet<Who>,
}

struct Work(Box<dyn FnOnce() + Send>);

impl Patience {
    /// The result of a look at a process's address space.
    ///
    /// # Errors
    /// [`Reason::Locked`]: it took too long, or an earlier look at this process did. [`Reason::Limit`]: there are too many such looks.
    pub fn look<T: Send + 'static>(
        &self,
        who: Who,
        look: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Reason> {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if looks.locked.contains(&who) {
            return Err(Reason::Locked);
        }
        let begun = Instant::now();
        let (give, take) = sync_channel(1);
        let thread = Arc::new(AtomicI32::new(0));
        let looking = Arc::clone(&thread);
        looks.give(Work(Box::new(move || answer(look, &looking, &give))))?;
        let time = looks.time();
        let mut result = take.recv_timeout(time);
        // On a busy machine, the thread may not have had a CPU.
        while matches!(result, Err(RecvTimeoutError::Timeout))
            && !sleeps(&thread)
            && begun.elapsed() < BUSY
        {
            result = take.recv_timeout(LEAST);
        }
        let took = begun.elapsed();
        looks.spent += if took > LEAST { took } else { Duration::ZERO };
        result.map_err(|error| looks.leave_behind(who, error, take))
    }
}

/// Looks, and tells what was seen. After the time is over, nobody listens.
fn answer<T>(look: impl FnOnce() -> T, thread: &AtomicI32, give: &SyncSender<T>) {
    thread.store(rustix::thread::gettid().as_raw_nonzero().get(), Ordering::Relaxed);
    give.send(look()).ok();
}

/// Whether a thread waits in its look. It has no number before it looks.
fn sleeps(thread: &AtomicI32) -> bool {
    let thread = thread.load(Ordering::Relaxed);
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat"));
    let stat = stat.unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, fields)| fields.starts_with(['D', 'S']))
}

impl Looks {
    /// The time for the next look.
    fn time(&self) -> Duration {
        ONE.min(ALL.saturating_sub(self.spent)).max(LEAST)
    }

    /// Hands over to the thread, which is started if there is none.
    fn give(&mut self, work: Work) -> Result<(), Reason> {
        let work = match &self.thread {
            Some(thread) => match thread.send(work) {
                Ok(()) => return Ok(()),
                Err(back) => back.0,
            },
            None => work,
        };
        if self.left.load(Ordering::Relaxed) >= MOST {
            return Err(Reason::Limit);
        }
        let (give, take) = channel();
        give.send(work).map_err(|_| Reason::Limit)?;
        let named = thread::Builder::new().name(String::from("look")).stack_size(STACK);
        named.spawn(move || live(&take)).map_err(|_| Reason::Limit)?;
        self.thread = Some(give);
        Ok(())
    }

    /// Gives up a look. The thread lives until its look ends.
    fn leave_behind<T: Send + 'static>(
        &mut self,
        who: Who,
        error: RecvTimeoutError,
        late: Receiver<T>,
    ) -> Reason {
        let Some(thread) = self.thread.take() else { return Reason::Locked };
        if error == RecvTimeoutError::Timeout {
            self.locked.insert(who);
            self.left.fetch_add(1, Ordering::Relaxed);
            let left = Arc::clone(&self.left);
            // The work after the late one: the last that this thread does.
            let last = move || {
                drop(late);
                left.fetch_sub(1, Ordering::Relaxed);
            };
            thread.send(Work(Box::new(last))).ok();
        }
        Reason::Locked
    }
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Work")
    }
}

/// The life of a thread.
fn live(works: &Receiver<Work>) {
    while let Ok(Work(work)) = works.recv() {
        work();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_takes_too_long_is_left_behind() {
        let patience = Patience::default();
        assert_eq!(patience.look((1, 1), || 7), Ok(7));
        let (end, wait) = channel::<()>();
        let begun = Instant::now();
        let late = patience.look((2, 1), move || wait.recv().is_ok());
        assert_eq!(late, Err(Reason::Locked));
        assert!(begun.elapsed() >= ONE);
        // It is not looked at again; another process with its id is, and others are.
        assert_eq!(patience.look((2, 1), || 7), Err(Reason::Locked));
        assert_eq!(patience.look((2, 2), || 7), Ok(7));
        let left = Arc::clone(&patience.0.lock().unwrap().left);
        assert_eq!(left.load(Ordering::Relaxed), 1);
        end.send(()).unwrap();
        while left.load(Ordering::Relaxed) > 0 {
            thread::yield_now();
        }
    }

    #[test]
    fn the_time_for_all_looks_is_bounded() {
        let patience = Patience::default();
        let mut ends = Vec::new();
        assert_eq!(patience.0.lock().unwrap().time(), ONE);
        for process in 0..16 {
            let (end, wait) = channel::<()>();
            ends.push(end);
            let late = patience.look((process, 1), move || wait.recv().is_ok());
            assert_eq!(late, Err(Reason::Locked));
        }
        assert_eq!(patience.0.lock().unwrap().time(), LEAST);
        assert_eq!(patience.look((99, 1), || 7), Ok(7));
    }
}
