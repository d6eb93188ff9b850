//! Threads that work beside the recording.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Jobs by process. The processes take turns, so that one with many jobs does not hold up the others. Of each, the last job comes first.
#[derive(Debug)]
struct Jobs<Job> {
    turns: VecDeque<u32>,
    of: HashMap<u32, VecDeque<Job>>,
    closed: bool,
}

impl<Job> Jobs<Job> {
    fn push(&mut self, pid: u32, job: Job) {
        let own = self.of.entry(pid).or_default();
        if own.is_empty() {
            self.turns.push_back(pid);
        }
        own.push_front(job);
    }

    fn pop(&mut self) -> Option<Job> {
        let pid = self.turns.pop_front()?;
        let own = self.of.get_mut(&pid)?;
        let job = own.pop_front();
        if own.is_empty() {
            self.of.remove(&pid);
        } else {
            self.turns.push_back(pid);
        }
        job
    }
}

/// The queue, and the signal that it has changed.
#[derive(Debug)]
struct Queue<Job> {
    jobs: Mutex<Jobs<Job>>,
    changed: Condvar,
}

impl<Job> Queue<Job> {
    fn lock(&self) -> MutexGuard<'_, Jobs<Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a job; `None` if the queue is closed.
    fn next(&self) -> Option<Job> {
        let mut jobs = self.lock();
        while !jobs.closed {
            if let Some(job) = jobs.pop() {
                return Some(job);
            }
            jobs = self.changed.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }
}

/// Threads that take jobs from one queue. They end when the queue closes.
#[derive(Debug)]
pub(super) struct Workers<Job, Done> {
    queue: Arc<Queue<Job>>,
    done: Receiver<Done>,
    waiting: usize,
}

impl<Job: Send + 'static, Done: Send + 'static> Workers<Job, Done> {
    /// Starts this many threads of this name, each of which runs this for a job.
    pub(super) fn start(
        name: &str,
        count: usize,
        run: impl Fn(Job) -> Done + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let jobs = Jobs { turns: VecDeque::new(), of: HashMap::new(), closed: false };
        let queue = Arc::new(Queue { jobs: Mutex::new(jobs), changed: Condvar::new() });
        let (results, done) = channel();
        let workers = Self { queue, done, waiting: 0 };
        for _ in 0..count.max(1) {
            let (queue, results, run) = (workers.queue.clone(), results.clone(), run.clone());
            thread::Builder::new().name(name.to_owned()).spawn(move || {
                while let Some(job) = queue.next() {
                    if results.send(run(job)).is_err() {
                        return;
                    }
                }
            })?;
        }
        Ok(workers)
    }

    /// The number of jobs that are queued or being done.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Queues a job of a process.
    pub(super) fn give(&mut self, pid: u32, job: Job) {
        self.queue.lock().push(pid, job);
        self.queue.changed.notify_one();
        self.waiting += 1;
    }

    /// The results since the last call. Waits for all that are queued, for at most `patience`.
    pub(super) fn done(&mut self, patience: Duration) -> Vec<Done> {
        let mut all = Vec::new();
        let end = Instant::now().checked_add(patience);
        while self.waiting > 0 {
            let next = match end {
                Some(end) => {
                    self.done.recv_timeout(end.saturating_duration_since(Instant::now())).ok()
                }
                None => self.done.recv().ok(),
            };
            let Some(next) = next else { break };
            self.waiting -= 1;
            all.push(next);
        }
        all
    }
}

impl<Job, Done> Drop for Workers<Job, Done> {
    fn drop(&mut self) {
        self.queue.lock().closed = true;
        self.queue.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_is_done_once() {
        let mut workers = Workers::start("tested", 3, |number: u32| number * 2).unwrap();
        for number in 0..100 {
            workers.give(number % 7, number);
        }
        let mut all = workers.done(Duration::MAX);
        all.sort_unstable();
        assert_eq!(all, (0..200).step_by(2).collect::<Vec<u32>>());
        assert_eq!(workers.waiting(), 0);
    }

    #[test]
    fn the_wait_for_a_job_that_does_not_end_has_an_end() {
        let (end, ended) = channel::<()>();
        let ended = Arc::new(Mutex::new(ended));
        let run = move |()| ended.lock().unwrap().recv().ok();
        let mut workers = Workers::start("tested", 1, run).unwrap();
        workers.give(1, ());
        assert!(workers.done(Duration::ZERO).is_empty());
        assert!(workers.done(Duration::from_millis(10)).is_empty());
        assert_eq!(workers.waiting(), 1);
        end.send(()).unwrap();
        assert_eq!(workers.done(Duration::MAX), [Some(())]);
    }

    #[test]
    fn processes_take_turns() {
        let mut jobs = Jobs { turns: VecDeque::new(), of: HashMap::new(), closed: false };
        (0..1_000).for_each(|number| jobs.push(1, (1, number)));
        jobs.push(2, (2, 0));
        jobs.push(2, (2, 1));
        let first: Vec<_> = std::iter::from_fn(|| jobs.pop()).take(5).collect();
        assert_eq!(first, [(1, 999), (2, 1), (1, 998), (2, 0), (1, 997)]);
        assert_eq!(std::iter::from_fn(|| jobs.pop()).count(), 997);
        assert!(jobs.of.is_empty() && jobs.turns.is_empty());
    }
}
