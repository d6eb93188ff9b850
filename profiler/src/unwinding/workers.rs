//! Building tables beside the recording.

use super::build::{self, Built, Depth};
use super::stamp::Stamp;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use symbolizer::FileId;

/// Whose table it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// A file that is mapped.
    File(FileId),
    /// One that will be.
    Stamp(Stamp),
}

/// A file whose table is to be built.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) key: Key,
    pub(super) file: File,
    pub(super) code: Vec<Range<u64>>,
    pub(super) depth: Depth,
}

/// Threads that build tables; they end with the queue.
#[derive(Debug)]
pub(super) struct Workers {
    jobs: Sender<Job>,
    done: Receiver<(Key, Built)>,
    waiting: usize,
}

impl Workers {
    /// So many threads.
    pub(super) fn start(count: usize) -> io::Result<Self> {
        let (jobs, queue) = channel::<Job>();
        let (results, done) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..count.max(1) {
            let (queue, results) = (queue.clone(), results.clone());
            thread::Builder::new().name(String::from("tables")).spawn(move || {
                while let Some(job) = next(&queue) {
                    let built = build::table(&job.file, &job.code, job.depth);
                    if results.send((job.key, built)).is_err() {
                        return;
                    }
                }
            })?;
        }
        Ok(Self { jobs, done, waiting: 0 })
    }

    /// How many files are queued or being built.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Queues a file.
    pub(super) fn build(&mut self, job: Job) {
        if self.jobs.send(job).is_ok() {
            self.waiting += 1;
        }
    }

    /// What was built since the last call; waits for all that is queued where `wait` says so.
    pub(super) fn built(&mut self, wait: bool) -> Vec<(Key, Built)> {
        let mut all = Vec::new();
        while self.waiting > 0 {
            let next = if wait { self.done.recv().ok() } else { self.done.try_recv().ok() };
            let Some(next) = next else { break };
            self.waiting -= 1;
            all.push(next);
        }
        all
    }
}

fn next(queue: &Mutex<Receiver<Job>>) -> Option<Job> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}
