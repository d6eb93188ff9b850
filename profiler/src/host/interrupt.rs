//! Work after the recording, which the user can interrupt. Naming may take seconds; an upload may take as long as its
//! time limit; the reader of a pipe may block for ever.

use crate::host::console::Console;
use crate::host::exit::{Failure, Kind};
use crate::host::signals::Signals;
use crate::host::stop::Stop;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// A signal within this time after the end of the recording counts as the one that ended it, because `timeout` and sudo
/// pass the same signal on twice.
const SAME: Duration = Duration::from_millis(300);
/// The interval of looking for signals.
const LOOK: Duration = Duration::from_millis(50);
/// The stack size of a main thread.
const STACK: usize = 8 << 20;

/// Does the work in a thread of its own, and abandons it at the second signal. The signal that ended the recording counts as the
/// first (`signalled`). A signal during an upload ends the upload, and the undelivered profile is saved.
///
/// # Errors
/// [`Kind::Interrupted`] at the second signal, and an error when no thread can be started. The process must end then.
pub(crate) fn unless_interrupted<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
    signals: &mut Signals,
    mut signalled: bool,
    stop: &Stop,
    console: Console,
) -> Result<T, Failure> {
    let (send, done) = channel();
    let builder = thread::Builder::new().stack_size(STACK);
    // After the work is abandoned, nobody receives its result.
    let worker = builder.spawn(move || drop(send.send(work())))?;
    let mut pause = SAME;
    loop {
        match done.recv_timeout(pause) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Disconnected) => {
                let Err(panic) = worker.join() else { unreachable!("the work was done") };
                std::panic::resume_unwind(panic);
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        let signal = signals.take().filter(|_| pause != SAME || !signalled);
        pause = LOOK;
        if signal.is_some() && stop.give_up() {
            signalled = true;
            console.note("upload cancelled");
            continue;
        }
        match signal {
            Some(signal) if signalled => return Err(interrupted(signal)),
            Some(_) => {
                signalled = true;
                console.note("writing the profile; press Ctrl-C again to quit without it");
            }
            None => {}
        }
    }
}

fn interrupted(signal: i32) -> Failure {
    let message = "interrupted before everything was written; incomplete files were removed";
    Failure::new(Kind::Interrupted(signal), message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::signals::alone;
    use signal_hook::consts::SIGTERM;
    use std::sync::mpsc::Sender;

    /// Work that waits until the other side is dropped.
    fn held_up() -> (Sender<()>, impl FnOnce() + Send + 'static) {
        let (hold, held) = channel::<()>();
        (hold, move || held.recv().unwrap_or_default())
    }

    #[test]
    fn work_that_is_held_up_is_left_at_a_second_signal() {
        let (_alone, console) = (alone(), Console::new(true, false));
        for signalled in [true, false] {
            let mut signals = Signals::install().unwrap();
            let (hold, work) = held_up();
            let (stop, stopped) = channel::<()>();
            let signal = signals.pretender();
            let impatient = thread::spawn(move || {
                while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                    signal(SIGTERM as usize);
                }
            });
            let failure =
                unless_interrupted(work, &mut signals, signalled, &Stop::default(), console)
                    .unwrap_err();
            drop((stop, hold));
            impatient.join().unwrap();
            assert_eq!(failure.kind, Kind::Interrupted(SIGTERM));
            assert_eq!(failure.kind.code(), 143);
        }
    }

    #[test]
    fn the_signal_that_ended_the_recording_is_no_second_one() {
        let _alone = alone();
        let mut signals = Signals::install().unwrap();
        signals.pretender()(SIGTERM as usize);
        let (hold, work) = held_up();
        let release = thread::spawn(move || {
            thread::sleep(SAME + 4 * LOOK);
            drop(hold);
        });
        let done = unless_interrupted(
            work,
            &mut signals,
            true,
            &Stop::default(),
            Console::new(true, false),
        );
        release.join().unwrap();
        assert_eq!(done, Ok(()));
    }

    #[test]
    fn work_that_ends_is_done() {
        let mut signals = Signals::install().unwrap();
        let console = Console::new(true, false);
        assert_eq!(unless_interrupted(|| 7, &mut signals, true, &Stop::default(), console), Ok(7));
    }

    #[test]
    #[should_panic(expected = "spoilt")]
    fn a_panic_is_not_lost() {
        let mut signals = Signals::install().unwrap();
        let work = || panic!("spoilt");
        let _: Result<(), Failure> = unless_interrupted(
            work,
            &mut signals,
            true,
            &Stop::default(),
            Console::new(true, false),
        );
    }
}
