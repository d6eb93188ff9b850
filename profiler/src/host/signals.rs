//! Ctrl-C and other signals: a descriptor to poll, and the number of the signal.

use crate::host::proc;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The signals that end a recording, from now until the end of the process.
#[derive(Debug)]
pub(crate) struct Signals {
    wakes: UnixStream,
    last: Arc<AtomicUsize>,
}

impl Signals {
    /// Takes over SIGINT, SIGTERM and SIGHUP. An ignored SIGHUP stays ignored, as under `nohup`.
    pub(crate) fn install() -> io::Result<Self> {
        let (wakes, write) = UnixStream::pair()?;
        wakes.set_nonblocking(true)?;
        let last = Arc::new(AtomicUsize::new(0));
        let hangup = Some(SIGHUP).filter(|_| !is_ignored(SIGHUP));
        for signal in [SIGINT, SIGTERM].into_iter().chain(hangup) {
            let number = usize::try_from(signal).map_err(io::Error::other)?;
            // The number is stored first, because the woken thread reads it.
            signal_hook::flag::register_usize(signal, Arc::clone(&last), number)?;
            signal_hook::low_level::pipe::register(signal, write.try_clone()?)?;
        }
        Ok(Self { wakes, last })
    }

    /// Simulates a signal. A real one would reach all tests of the process.
    #[cfg(test)]
    pub(crate) fn pretender(&self) -> impl Fn(usize) + Send + 'static {
        let last = Arc::clone(&self.last);
        move |signal| last.store(signal, Ordering::SeqCst)
    }

    /// Readable after a signal.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.wakes.as_fd()
    }

    /// The last signal since the previous call.
    pub(crate) fn take(&mut self) -> Option<i32> {
        let mut bytes = [0; 64];
        while matches!(self.wakes.read(&mut bytes), Ok(n) if n > 0) {}
        match self.last.swap(0, Ordering::SeqCst) {
            0 => None,
            signal => i32::try_from(signal).ok(),
        }
    }
}

/// A lock for tests. Real signals reach the whole process, so tests that raise signals or suffer from them hold it.
#[cfg(test)]
pub(crate) fn alone() -> impl Drop {
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Whether this process ignores a signal.
fn is_ignored(signal: i32) -> bool {
    let status = proc::text("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_known() {
        // Rust programs begin with SIGPIPE ignored.
        assert!(is_ignored(signal_hook::consts::SIGPIPE));
        assert!(!is_ignored(signal_hook::consts::SIGUSR2));
    }

    #[test]
    fn a_signal_is_taken_once() {
        let _alone = alone();
        let mut signals = Signals::install().unwrap();
        assert_eq!(signals.take(), None);
        // SIGHUP is not raised: it stays ignored if the tests run under nohup.
        signal_hook::low_level::raise(SIGTERM).unwrap();
        assert_eq!(signals.take(), Some(SIGTERM));
        assert_eq!(signals.take(), None);
    }
}
