//! Processes that make code and free it so fast that no reading sees all of it.

use std::time::{Duration, Instant};

/// The time for which a process may do so again, after a reading has shown it.
const LIKELY: Duration = Duration::from_secs(10);
/// The readings until one can show it: code that the first one has seen may be old.
const FIRST: u32 = 3;

/// Whether code may come and go between two readings. Then code that is new does not tell what was in its place a moment before.
#[derive(Debug, Default)]
pub(super) struct Haste {
    readings: u32,
    seen: Option<Instant>,
    moved: Option<Instant>,
}

impl Haste {
    /// Notes a reading: whether code came or went, and whether code was gone that only the reading before had seen.
    pub(super) fn read(&mut self, moved: bool, gone: bool) {
        self.readings = self.readings.saturating_add(1);
        self.moved = if moved { Some(Instant::now()) } else { self.moved };
        self.seen = if gone { Some(Instant::now()) } else { self.seen };
    }

    /// Whether code comes or goes. Then the rules of code that was read may be those of code that is gone: a virtual machine that has made new code
    /// for seconds frees a thousand pieces of it at once.
    pub(super) fn moves(&self) -> bool {
        self.readings < FIRST || self.moved.is_some_and(|moved| moved.elapsed() < LIKELY)
    }

    /// Whether a reading has shown that code comes and goes, not long ago.
    pub(super) fn is_shown(&self) -> bool {
        self.seen.is_some_and(|seen| seen.elapsed() < LIKELY)
    }

    /// Whether code may come and go between two readings.
    pub(super) fn is_likely(&self) -> bool {
        self.readings < FIRST || self.is_shown()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_calm_once_readings_have_shown_it() {
        let mut haste = Haste::default();
        for _ in 0..FIRST {
            assert!(haste.is_likely());
            assert!(haste.moves());
            haste.read(false, false);
        }
        assert!(!haste.is_likely() && !haste.moves());
        haste.read(true, true);
        haste.read(false, false);
        assert!(haste.is_likely() && haste.moves(), "it may do so again");
        haste.seen = Instant::now().checked_sub(LIKELY);
        assert!(!haste.is_likely() && haste.moves());
        haste.moved = Instant::now().checked_sub(LIKELY);
        assert!(!haste.moves());
    }
}
