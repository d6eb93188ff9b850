//! The account of a delivery, and its progress.

use crate::Part;
use std::time::Duration;

/// A part that was not delivered, or not all of it.
#[derive(Debug)]
pub struct Failed {
    /// The part.
    pub part: Part,
    /// The cause, in one sentence without secrets.
    pub cause: String,
}

/// The result of a delivery.
#[derive(Debug, Default)]
pub struct Account {
    /// Delivered parts.
    pub delivered: usize,
    /// The undelivered parts, in their order.
    pub failed: Vec<Failed>,
    /// The delivered parts that may have arrived twice, a sentence each.
    pub doubts: Vec<String>,
    /// The backend's remarks on accepted parts, in its own words, each once.
    pub advice: Vec<String>,
    /// The number of requests, failed ones included.
    pub attempts: usize,
    /// Bytes of bodies that were sent, after compression, failed requests included.
    pub bytes: u64,
}

/// The progress of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Parts done, of how many.
    Part {
        /// Done.
        done: usize,
        /// The number of parts.
        of: usize,
    },
    /// An attempt failed, and the next one follows after a wait.
    Waiting {
        /// The cause.
        cause: String,
        /// The time to wait.
        wait: Duration,
    },
}
