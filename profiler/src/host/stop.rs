//! The user's wish to end an upload.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const IDLE: u8 = 0;
const SENDING: u8 = 1;
const GIVEN_UP: u8 = 2;

/// The state that the sending thread and the thread that waits for Ctrl-C share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicU8>);

impl Stop {
    /// Notes that the sending begins.
    pub(crate) fn begin(&self) {
        self.change(IDLE, SENDING);
    }

    /// Notes that the sending is over.
    pub(crate) fn end(&self) {
        self.change(SENDING, IDLE);
    }

    /// Gives up the present upload and all later ones. Returns false, and changes nothing, if nothing is being sent.
    pub(crate) fn give_up(&self) -> bool {
        self.change(SENDING, GIVEN_UP)
    }

    /// Whether the upload was given up.
    pub(crate) fn given_up(&self) -> bool {
        self.0.load(Ordering::SeqCst) == GIVEN_UP
    }

    fn change(&self, from: u8, to: u8) -> bool {
        self.0.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_being_sent_is_given_up() {
        let stop = Stop::default();
        assert!(!stop.give_up() && !stop.given_up());
        stop.begin();
        stop.end();
        assert!(!stop.give_up());
        stop.begin();
        assert!(stop.clone().give_up());
        assert!(stop.given_up());
        stop.end();
        assert!(stop.given_up(), "for good");
    }
}
