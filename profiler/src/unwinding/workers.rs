//! Threads that build tables beside the recording.

use super::build::{self, Built, Depth};
use super::stamp::Stamp;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use symbolizer::FileId;

/// The file that a table is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// A file that is mapped.
    File(FileId),
    /// A file that will be mapped.
    Stamp(Stamp),
}

/// An order to build a file's table.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) key: Key,
    pub(super) file: File,
    pub(super) code: Vec<Range<u64>>,
    pub(super) depth: Depth,
}

/// The threads that build tables. They end when the queue closes.
#[derive(Debug)]
pub(super) struct Workers {
    jobs: Sender<Job>,
    done: Receiver<(Key, Built)>,
    waiting: usize,
}

impl Workers {
    /// Starts this many threads.
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

    /// The number of files that are queued or being built.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Queues a file.
    pub(super) fn build(&mut self, job: Job) {
        if self.jobs.send(job).is_ok() {
            self.waiting += 1;
        }
    }

    /// The tables that were built since the last call. With `wait`, waits for all that are queued.
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
