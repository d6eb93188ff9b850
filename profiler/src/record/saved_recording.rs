//! Stores a recording for replays.

use crate::cli::config::Stored;
use crate::host::exit::{Failure, Kind};
use crate::host::privileges::as_the_user;
use crate::record::conceal::Conceal;
use bpf::replay::Recorder;
use bpf::{Event, Losses, Window};
use output::Sink;
use std::io;
use std::path::{Path, PathBuf};

/// A recording that is being stored, or none.
#[derive(Debug, Default)]
pub(crate) struct SavedRecording {
    running: Option<(PathBuf, Recorder<Sink>)>,
    /// `None`: the kernel's addresses are stored as they are.
    conceal: Option<Conceal>,
    failed: Option<Failure>,
}

impl SavedRecording {
    /// Opens the file, owned by `owner`. Without a path, nothing is stored.
    pub(crate) fn open(stored: &Stored, owner: Option<(u32, u32)>) -> Result<Self, Failure> {
        let Some(path) = stored.save.as_deref() else { return Ok(Self::default()) };
        let opened =
            || Sink::private(path).and_then(|sink| sink.owner(owner)).and_then(Recorder::new);
        let recorder = as_the_user(opened);
        let recorder = recorder.map_err(|error| unwritten(path, &error))?;
        let conceal = (!stored.kernel_addresses).then(Conceal::default);
        Ok(Self { running: Some((path.to_owned(), recorder)), conceal, failed: None })
    }

    /// Stores the list of events.
    pub(crate) fn events(&mut self, events: &[Event]) {
        self.store(|recorder| recorder.events(events));
    }

    /// Stores a window, as a rule without the kernel's addresses.
    pub(crate) fn window(&mut self, window: &Window) {
        if self.running.is_some() {
            let concealed = self.conceal.as_ref().map(|conceal| conceal.window(window));
            self.store(|recorder| recorder.window(concealed.as_ref().unwrap_or(window)));
        }
    }

    /// Stores something. The first error ends the storing; [`SavedRecording::finish`] returns it.
    fn store(&mut self, what: impl FnOnce(&mut Recorder<Sink>) -> io::Result<()>) {
        let Some((path, recorder)) = &mut self.running else { return };
        if let Err(error) = what(recorder) {
            self.failed = Some(unwritten(path, &error));
            self.running = None;
        }
    }

    /// Stores the losses and makes the file visible.
    pub(crate) fn finish(self, losses: &Losses) -> Result<(), Failure> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let Some((path, recorder)) = self.running else { return Ok(()) };
        let committed = as_the_user(|| recorder.finish(losses).and_then(Sink::commit));
        committed.map_err(|error| unwritten(&path, &error))?;
        Ok(())
    }
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Kind::Failed, format!("writing {} failed: {error}", path.display()))
}
