//! The priority of the thread that drains the samples, and of the one that writes the results. On a busy machine they wait like every other
//! thread, and meanwhile samples are lost, processes end before they were read, and the user waits.

use rustix::process::{getpriority_process, setpriority_process};

/// The nice value: about nine times the usual weight. While samples come, the thread works for some thousandths of the time.
const RAISED: i32 = -10;

/// This thread has a raised priority until this is dropped.
#[derive(Debug)]
pub(crate) struct Raised(bool);

impl Raised {
    /// Raises the priority of this thread, if nobody has chosen one, and this process may.
    pub(crate) fn begin() -> Self {
        let usual = getpriority_process(None).is_ok_and(|nice| nice == 0);
        Self(usual && setpriority_process(None, RAISED).is_ok())
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        if self.0 {
            usual();
        }
    }
}

/// Gives a raised priority up, in a process or thread that has inherited it.
pub(crate) fn usual() {
    if getpriority_process(None).is_ok_and(|nice| nice < 0) {
        // Less is always allowed.
        setpriority_process(None, 0).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_raised_for_a_while_unless_somebody_chose_another() {
        let alone = |test: fn()| std::thread::spawn(test).join().unwrap();
        alone(|| {
            let before = getpriority_process(None).unwrap();
            let raised = Raised::begin();
            let during = getpriority_process(None).unwrap();
            assert_eq!(during, if raised.0 { RAISED } else { before });
            drop(raised);
            assert_eq!(getpriority_process(None).unwrap(), before);
        });
        alone(|| {
            setpriority_process(None, 3).unwrap();
            let _raised = Raised::begin();
            assert_eq!(getpriority_process(None).unwrap(), 3);
        });
    }
}
