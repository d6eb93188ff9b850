//! Threads that work beside the recording.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Threads that take jobs from one queue. They end when the queue closes.
#[derive(Debug)]
pub(super) struct Workers<Job, Done> {
    jobs: Sender<Job>,
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
        let (jobs, queue) = channel::<Job>();
        let (results, done) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..count.max(1) {
            let (queue, results, run) = (queue.clone(), results.clone(), run.clone());
            thread::Builder::new().name(name.to_owned()).spawn(move || {
                while let Some(job) = next(&queue) {
                    if results.send(run(job)).is_err() {
                        return;
                    }
                }
            })?;
        }
        Ok(Self { jobs, done, waiting: 0 })
    }

    /// The number of jobs that are queued or being done.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Queues a job.
    pub(super) fn give(&mut self, job: Job) {
        if self.jobs.send(job).is_ok() {
            self.waiting += 1;
        }
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

fn next<Job>(queue: &Mutex<Receiver<Job>>) -> Option<Job> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_is_done_once() {
        let mut workers = Workers::start("tested", 3, |number: u32| number * 2).unwrap();
        for number in 0..100 {
            workers.give(number);
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
        let mut workers = Workers::start("tested", 1, move |()| next(&ended)).unwrap();
        workers.give(());
        assert!(workers.done(Duration::ZERO).is_empty());
        assert!(workers.done(Duration::from_millis(10)).is_empty());
        assert_eq!(workers.waiting(), 1);
        end.send(()).unwrap();
        assert_eq!(workers.done(Duration::MAX), [Some(())]);
    }
}
